"""Accounts, namespaces and roles."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from entrepot.model.repositories import Visibility


class NamespaceKind(StrEnum):
    """Whose names these are."""

    ACCOUNT = "account"
    ORGANIZATION = "organisation"
    MIRROR = "mirror"


class Role(StrEnum):
    """The role of a member of an organization."""

    OWNER = "owner"
    EDITOR = "editor"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Namespace:
    """The first component of names, and what repositories pushed there begin as."""

    id: int
    name: str
    kind: NamespaceKind
    default_visibility: Visibility
    created_at: datetime
    description: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """An account that may sign in; `id` is also the id of the account's own namespace."""

    id: int
    name: str
    password_hash: str = field(repr=False)
    is_admin: bool
    disabled_at: datetime | None
    created_at: datetime
    full_name: str = ""
    email: str = ""
    totp_since: datetime | None = None
    """Since when a second factor is asked for."""

    @property
    def has_second_factor(self) -> bool:
        """Whether the password alone is not enough."""
        return self.totp_since is not None


class SignUpMode(StrEnum):
    """Who may make an account for themselves."""

    OPEN = "open"
    INVITATION = "invitation"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """An authenticator; `since` is `None` until its first code has been seen."""

    secret: str
    since: datetime | None
    last_step: int


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that signed in; `is_pending` while its second factor is still to come."""

    id: int
    account_id: int
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str
    client: str
    is_pending: bool
