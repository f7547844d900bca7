"""Background jobs and the lanes that share workers fairly."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple


class Lane(NamedTuple):
    """The namespace and repository of a job; 0 for the hub's own and those of older versions."""

    namespace_id: int
    repository_id: int


NOBODYS: Final = Lane(0, 0)


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work: `kind` says what to do, `subject` with what, `lane` for whom."""

    id: int
    kind: str
    subject: str
    attempts: int
    lane: Lane = NOBODYS


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A failed job and its error."""

    id: int
    kind: str
    subject: str
    attempts: int
    error: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class JobCount:
    """How many jobs of a kind are `queued` or `failed`."""

    kind: str
    state: str
    count: int
