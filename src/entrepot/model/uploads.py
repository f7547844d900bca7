"""Uploads in progress."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload; it belongs to one repository and one creator (`None` is anonymous).

    `hash_so_far` is the hash by `algorithm` of the first `size` bytes, `None` where the worker that
    took the last of them did not know the hash of those before.
    """

    id: str
    repository_id: int
    account_id: int | None
    size: int
    algorithm: str
    hash_so_far: str | None
    limited_namespace_id: int | None = None
    """The repository's namespace, where its room is limited."""
