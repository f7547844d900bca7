"""Stored blobs and the repositories that hold them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob's size in bytes, and where the storage keeps it."""

    digest: str
    size: int
    key: str


@dataclass(frozen=True, slots=True)
class Holder:
    """A repository that holds a blob, with its visibility."""

    repository_id: int
    namespace_id: int | None
    visibility: str
    name: str
