"""Entries of the audit log, and filters over them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the log as it is stored; `details` is a JSON object."""

    id: int
    at: datetime
    namespace_id: int | None
    actor_id: int | None
    actor: str
    action: str
    target: str
    details: str
    address: str
    request: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which rows to list: everything that is not given does not matter.

    `action` is one action or the beginning of several (`repo.tag`).
    """

    namespace_id: int | None = None
    actor: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before_id: int | None = None
