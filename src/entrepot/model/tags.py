"""Tags as lists show them, and their history."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from entrepot.model.artifacts import Artifact

Author = int | str | None
"""The author of a change: an account's id, or the name of somebody without an account."""


def account_of(author: Author) -> int | None:
    """The id of the account that made a change; `None` where it has none."""
    return author if isinstance(author, int) else None


def name_of(author: Author) -> str | None:
    """The name of an author without an account; `None` where an account is the author."""
    return author if isinstance(author, str) else None


class TagAction(StrEnum):
    """An event of a tag."""

    PUSHED = "pushed"
    MOVED = "moved"
    DELETED = "deleted"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class TagEvent:
    """One thing that became of a tag; `previous` is the digest it pointed at before."""

    id: int
    tag: str
    action: TagAction
    digest: str
    previous: str | None
    at: datetime
    by: str | None
    promoted_from: str = ""
    """The artifact that it was promoted from; empty where it was pushed."""


class TagOrder(StrEnum):
    """How tags are sorted: versions from the newest, time from the latest, names from A, size."""

    VERSION = "version"
    NEWEST = "newest"
    NAME = "name"
    SIZE = "size"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which tags are wanted; what is empty does not narrow."""

    text: str = ""
    kind: str = ""
    platform: str = ""
    digest: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether every tag is wanted."""
        return not (self.text or self.kind or self.platform or self.digest)


@dataclass(frozen=True, slots=True)
class TagRow:
    """A tag, the manifest it points at, and what is known of that one."""

    tag: str
    manifest_id: int
    digest: str
    media_type: str
    manifest_size: int
    moved_at: datetime
    moved_by: str | None
    pulls: int
    pulled_at: datetime | None
    artifact: Artifact | None


@dataclass(frozen=True, slots=True)
class TagGroup:
    """A manifest by its first tag in the order asked for, with its other tags.

    `row` is the first tag that the filters let through; `others` are at most `MOST_LISTED - 1`
    more, whether the filters let them through or not; `count` is how many tags there are in all.
    """

    row: TagRow
    others: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class TagFacts:
    """A tag that people gave, where it points, since when, and when that was last pulled."""

    tag: str
    digest: str
    moved_at: datetime
    pulled_at: datetime | None
    subject: str = ""
    """The digest that what it points at is attached to, there or not."""


@dataclass(frozen=True, slots=True)
class TagLine:
    """A tag's row and other tags of the same manifest; `more` of them are not in `aliases`."""

    row: TagRow
    aliases: tuple[str, ...]
    more: int = 0
