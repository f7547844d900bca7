"""Integrity checks and the damage they found."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Pass:
    """One look at every blob, up to the digest `last`; `ended_at` is `None` while it goes on."""

    last: str
    blobs: int
    size: int
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Damage:
    """A damaged blob, and when the damage was found."""

    digest: str
    problem: str
    found_at: datetime
