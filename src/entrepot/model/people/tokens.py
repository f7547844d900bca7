"""Access tokens."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TokenKind(StrEnum):
    """The purpose of a token."""

    PERSONAL = "personal"
    REFRESH = "refresh"
    WELCOME = "welcome"
    ORGANIZATION = "organisation"


class TokenScope(StrEnum):
    """The most that a token allows; each includes the ones before it."""

    READ = "repo:read"
    WRITE = "repo:write"
    ADMIN = "repo:admin"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is stored: never the secret, only its SHA-256 and its first characters."""

    id: int
    account_id: int
    kind: TokenKind
    parent_id: int | None
    label: str
    hint: str
    scope: TokenScope
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    namespace_id: int | None = None
    """The organization that it acts for; `None`: for the account."""
    repositories: tuple[str, ...] | None = None
    """Names and `prefix/*` that it is limited to; `None`: every one."""
    last_used_from: str = ""

    def is_live(self, now: datetime) -> bool:
        """Say whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
