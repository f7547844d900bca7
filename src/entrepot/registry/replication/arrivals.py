"""Tags that arrive from another hub: the later author wins, wherever a tag is set.

Hubs that replicate to one another send a tag with the moment at which a person set it, however
many hubs it has passed. Each keeps the later of two, or of two at the same moment the one with the
larger digest: all end with the same tag, and nothing goes round.
"""

from datetime import datetime
from typing import Final, NamedTuple

from entrepot.errors import Invalid, PreconditionFailed
from entrepot.metadata.engines.engine import Reader, Transaction
from entrepot.metadata.registry import history
from entrepot.metadata.replication import replicated_tags
from entrepot.metadata.replication.replicated_tags import ReplicatedTag
from entrepot.model.tags import TagAction

HEADER: Final = "entrepot-tagged-at"
"""The moment at which a tag was set, or deleted, by its author."""
_NEWEST: Final = 2**62


class Authored(NamedTuple):
    """When a tag was set, and where it has pointed since; an empty digest: it was deleted."""

    at: datetime
    digest: str


def parse_moment(text: str | None) -> datetime | None:
    """The moment in the header; `None` without one. Raises `Invalid`."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Invalid(f"invalid {HEADER}: {text[:64]}: write 2026-03-04T05:06:07.89+00:00")
    return moment


async def find_authored(reader: Reader, repository_id: int, tag: str) -> Authored | None:
    """When the tag was set or deleted by its author, here or at another hub; `None`: never."""
    moved = await replicated_tags.find_moved(reader, repository_id, tag)
    if moved is not None:
        found = Authored(moved.moved_at, moved.digest)
    else:
        events = await history.list_events(reader, repository_id, tag, _NEWEST, 1)
        if not events or events[0].action is not TagAction.DELETED:
            return None
        found = Authored(events[0].at, "")
    said = await replicated_tags.find_replicated(reader, repository_id, tag)
    # What was said counts until somebody here changes the tag.
    if said is not None and said.digest == found.digest and said.noted_at >= found.at:
        return Authored(said.authored_at, found.digest)
    return found


async def check_arrival(
    reader: Reader, repository_id: int, tag: str, digest: str, authored_at: datetime
) -> None:
    """Raise `PreconditionFailed` where the tag was set or deleted here after that."""
    ours = await find_authored(reader, repository_id, tag)
    if ours is not None and ours.digest != digest and ours > Authored(authored_at, digest):
        raise PreconditionFailed(
            f"the tag {tag} was changed here at {ours.at.isoformat()}, after it was set there",
            {"tag": tag},
        )


async def note_arrival(
    tx: Transaction, repository_id: int, tag: str, digest: str, authored_at: datetime, now: datetime
) -> None:
    """Record when a tag that has arrived was set by its author; never in the future."""
    said = ReplicatedTag(digest, min(authored_at, now), now)
    await replicated_tags.note_replicated(tx, repository_id, tag, said)
