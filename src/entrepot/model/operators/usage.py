"""How much of a hub is used, by whom, and since when."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from entrepot.model.people.accounts import Account


class UsageOrder(StrEnum):
    """How administrators' lists are sorted: names from A, else the greatest or newest first."""

    NAME = "name"
    SIZE = "size"
    CREATED = "created"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class KindUsage:
    """The repositories of one namespace and kind: how many, and their bytes."""

    namespace: str
    kind: str
    size: int
    repositories: int


@dataclass(frozen=True, slots=True)
class RepositoryUsage:
    """A repository as administrators list it."""

    name: str
    kind: str
    visibility: str
    size: int
    tag_count: int
    pulls: int
    created_at: datetime
    pushed_at: datetime | None


@dataclass(frozen=True, slots=True)
class NamespaceUsage:
    """A namespace with what its repositories hold; `quota` is `None` without a limit."""

    name: str
    kind: str
    created_at: datetime
    repositories: int
    size: int
    members: int
    quota: int | None
    pushed_at: datetime | None


@dataclass(frozen=True, slots=True)
class AccountUsage:
    """An account, when a browser of it was last seen, and the bytes of its own repositories."""

    account: Account
    seen_at: datetime | None
    size: int


@dataclass(frozen=True, slots=True)
class Lease:
    """A periodic task that a worker has taken; it runs again after `until`."""

    name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class DailyNumbers:
    """A number for each day from `first` on."""

    first: date
    counts: tuple[int, ...]
