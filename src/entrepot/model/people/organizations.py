"""Invitations, teams and their rights."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from entrepot.model.people.accounts import Role


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation; without a namespace it is to the hub and into nothing.

    `organization`, `team` and `inviter` are names, for those who read.
    """

    id: int
    namespace_id: int | None
    role: Role
    team_id: int | None
    note: str
    invited_by: int
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    organization: str = ""
    team: str = ""
    inviter: str = ""

    def is_live(self, now: datetime) -> bool:
        """Say whether it can still be accepted."""
        return self.accepted_at is None and now < self.expires_at


class Permission(StrEnum):
    """A team's permission on a repository; each includes the ones before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Team:
    """A group of an organization's members."""

    id: int
    namespace_id: int
    name: str
    description: str
    created_at: datetime
    member_count: int


@dataclass(frozen=True, slots=True)
class TeamRight:
    """A team's permission on the repositories that match a pattern."""

    pattern: str
    permission: Permission
