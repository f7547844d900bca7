"""Repositories, their facts and their changes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from entrepot.oci.manifests import Manifest
from entrepot.oci.names import RepositoryName


class Visibility(StrEnum):
    """The visibility of a repository to people outside its namespace."""

    PRIVATE = "private"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository that exists; `namespace_id` is `None` where it belongs to the hub itself."""

    id: int
    name: RepositoryName
    namespace_id: int | None
    visibility: Visibility
    created_at: datetime
    pulls: int
    description: str = ""
    archived_at: datetime | None = None
    pushed_at: datetime | None = None
    stars: int = 0
    kind: str = ""
    size: int = 0
    tag_count: int = 0
    is_mirrored: bool = False
    """Whether its content comes from the registry that its namespace mirrors."""

    @property
    def is_archived(self) -> bool:
        """Whether it can only be read."""
        return self.archived_at is not None


class ChangeType(StrEnum):
    """A change of a repository or its content."""

    CREATED = "created"
    PUSHED = "pushed"
    UNTAGGED = "untagged"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class RepositoryChange:
    """Something that happens to a repository, with the manifest and the tags it is about."""

    event: ChangeType
    repository: Repository
    digest: str = ""
    tags: tuple[str, ...] = ()
    previous: tuple[str, ...] = ()
    """Where each tag pointed before, empty for a new one."""
    manifest: Manifest | None = None
    """The pushed manifest."""
    is_restored: bool = False
    untagged: tuple[str, ...] = ()
    """Tags that went with a manifest."""
    promoted_from: str = ""
    """The artifact that the tags were promoted from, such as `dev/app:1.4`."""


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """A repository as its page shows it; `size` is the bytes of all blobs it holds."""

    name: str
    visibility: Visibility
    description: str
    kind: str
    size: int
    tag_count: int
    pulls: int
    stars: int
    created_at: datetime
    pushed_at: datetime | None
    pulled_at: datetime | None
    archived_at: datetime | None
