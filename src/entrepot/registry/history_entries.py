"""The history of a repository's tags as people read it: an entry for each action."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from entrepot.metadata.engines.engine import Reader
from entrepot.metadata.registry import history
from entrepot.model.tags import TagAction, TagEvent


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """Events of one action, newest first: tags that were deleted together, or a single event."""

    events: tuple[TagEvent, ...]
    can_undo: bool
    """Whether undoing would change a tag, and the manifests for that are still there."""

    @property
    def event(self) -> TagEvent:
        """The one that stands for all: they share the moment, the account and what was done."""
        return self.events[0]


async def list_entries(
    reader: Reader, repository_id: int, events: Sequence[TagEvent]
) -> list[HistoryEntry]:
    """The entries of some events, in their order."""
    pointed_at = await history.list_pointed_at(reader, repository_id, [e.tag for e in events])
    wanted = {event.previous for event in events if event.previous}
    restorable = await history.list_restorable(reader, repository_id, wanted)

    def can_undo(event: TagEvent) -> bool:
        target = event.previous
        return target in restorable and pointed_at.get(event.tag) != target

    return [
        HistoryEntry(tuple(group), any(map(can_undo, group)))
        for group in (list(found) for _, found in groupby(events, key=_action_of))
    ]


def _action_of(event: TagEvent) -> object:
    if event.action is not TagAction.DELETED:
        return event.id
    return (event.at, event.by)
