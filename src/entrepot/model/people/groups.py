"""Groups of a sign-in provider, and what they give in organizations."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from entrepot.model.people.accounts import Role


class GroupSource(StrEnum):
    """The kind of provider that says which groups a person is in."""

    OIDC = "oidc"
    LDAP = "ldap"


class DirectoryKind(StrEnum):
    """The kind of a directory, which names its attributes."""

    LDAP = "ldap"
    ACTIVE_DIRECTORY = "active-directory"


@dataclass(frozen=True, slots=True)
class GroupMapping:
    """An organization's rule: members of a group have a role there, and are in a team.

    `organization` and `team` are names, for those who read; `team` is empty without one.
    """

    id: int
    namespace_id: int
    organization: str
    source: GroupSource
    group: str
    role: Role
    team_id: int | None
    team: str
    created_at: datetime
    created_by: str
    holders: int = 0
    """Accounts that were in the group when they signed in last."""


@dataclass(frozen=True, slots=True)
class Membership:
    """An account's role in an organization, and whether groups gave it."""

    role: Role
    is_from_groups: bool
