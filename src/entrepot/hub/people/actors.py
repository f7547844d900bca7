"""Identities and actors: a person, an organization's token, the operator, an anonymous client."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from entrepot.model.people.accounts import Account, Role
from entrepot.model.people.organizations import Permission
from entrepot.model.people.tokens import TokenScope
from entrepot.model.tags import Author
from entrepot.oci.tag_patterns import TagPatterns


class Action(StrEnum):
    """An action on a repository's content (the token scope's words)."""

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"


Actions = frozenset[Action]

NO_ACTIONS: Final[Actions] = frozenset()
PULL: Final[Actions] = frozenset({Action.PULL})
WRITE: Final[Actions] = frozenset({Action.PULL, Action.PUSH})
ALL_ACTIONS: Final[Actions] = frozenset(Action)

ACTIONS_OF_SCOPE: Final = {
    TokenScope.READ: PULL,
    TokenScope.WRITE: WRITE,
    TokenScope.ADMIN: ALL_ACTIONS,
}
ACTIONS_OF_ROLE: Final = {Role.MEMBER: PULL, Role.EDITOR: ALL_ACTIONS, Role.OWNER: ALL_ACTIONS}
ACTIONS_OF_PERMISSION: Final = {
    Permission.READ: PULL,
    Permission.WRITE: WRITE,
    Permission.ADMIN: ALL_ACTIONS,
}

Grants = Mapping[str, Actions]
"""The grants of a registry token: actions by repository name or its mark; the catalog."""

_MARK_LENGTH: Final = 8


def mark_of(name: str) -> str:
    """Return a name's mark for tokens of many repositories: `#` and a part of its hash.

    `#` cannot be part of a name. A name with the same mark would open nothing that the account
    behind the token may not open: what a token lists only narrows that.
    """
    return "#" + hashlib.sha256(name.encode()).digest()[:_MARK_LENGTH].hex()


@dataclass(frozen=True, slots=True)
class JobRights:
    """The rights of a job by one trust: in one namespace, to some repositories and tags.

    `repositories` are whole names and `prefix/*`; `tags` are patterns, empty for every tag.
    """

    namespace_id: int
    repositories: tuple[str, ...]
    tags: tuple[str, ...]
    actions: Actions

    def covers(self, name: str) -> bool:
        """Say whether these are rights to the repository."""
        return any(matches(pattern, name) for pattern in self.repositories)


@dataclass(frozen=True, slots=True)
class JobGrant:
    """The grant of a job that signed in with an ID token: the union of its trusts' rights."""

    id: int
    rights: tuple[JobRights, ...]

    def actions_on(self, name: str) -> Actions:
        """Return the most that the job may do with the repository."""
        return NO_ACTIONS.union(*(each.actions for each in self.rights if each.covers(name)))

    def covers_namespace(self, namespace_id: int | None) -> bool:
        """Say whether some of the rights are in the namespace."""
        return any(each.namespace_id == namespace_id for each in self.rights)

    def may_write(self, name: str, tag: str | None) -> bool:
        """Say whether the job may write the tag, or (`None`) what every tag may depend on."""
        return any(
            not each.tags or (tag is not None and TagPatterns(each.tags).find(tag) is not None)
            for each in self.rights
            if each.covers(name) and Action.PUSH in each.actions
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """An account, or an anonymous client (`account` is `None`), and the most it may do this way.

    An organization's token has no account: it acts as an editor of `namespace_id`. `patterns` are
    the repositories that a token is limited to. `grants` is what a registry token lists; `None`
    for credentials, which list nothing. `expires_at` is when the identity must be looked at again.
    `job` is what a job holds that signed in with an ID token; it has no account either.
    """

    account: Account | None = None
    ceiling: Actions = ALL_ACTIONS
    token_id: int | None = None
    grants: Grants | None = None
    expires_at: datetime | None = None
    namespace_id: int | None = None
    patterns: tuple[str, ...] | None = None
    is_operator: bool = False
    label: str = ""
    job: JobGrant | None = None
    checked_until: datetime | None = None
    """When a password must be verified again that only the directory knows."""

    @property
    def account_id(self) -> int | None:
        """The account's id; `None` for an anonymous client."""
        return self.account.id if self.account else None

    @property
    def name(self) -> str:
        """The account's name, or what an organization's token or the operator is called."""
        return self.account.name if self.account else self.label

    @property
    def author(self) -> Author:
        """Who is recorded as the author of a change: an account's id, or a name without one."""
        return self.account.id if self.account else self.label or None

    @property
    def is_authenticated(self) -> bool:
        """Whether there is anybody to be asked about it later."""
        return (
            self.account is not None
            or self.namespace_id is not None
            or self.is_operator
            or self.job is not None
        )

    @property
    def is_unlimited(self) -> bool:
        """Whether no token stands between the account and what it may do."""
        return self.ceiling == ALL_ACTIONS and self.patterns is None

    @property
    def is_superuser(self) -> bool:
        """Whether no rule of the hub stands in the way: administrators and the operator."""
        return self.is_operator or (self.account is not None and self.account.is_admin)


ANONYMOUS: Final = Identity()


@dataclass(frozen=True, slots=True)
class Actor:
    """The author of a change and the address it came from, as the audit log records them."""

    identity: Identity = field(default=ANONYMOUS)
    address: str = ""
    request: str = ""

    @property
    def account(self) -> Account | None:
        """The account; `None` for the operator, an organization's token and an anonymous client."""
        return self.identity.account

    @property
    def name(self) -> str:
        """The actor's name in the audit log."""
        return self.identity.name or "anonymous"


OPERATOR: Final = Actor(Identity(is_operator=True, label="operator"))
"""The operator, who runs commands where the hub's data is."""


def actor_of(account: Account, address: str = "", request: str = "") -> Actor:
    """The account itself, signed in with nothing that limits it."""
    return Actor(Identity(account), address, request)


def matches(pattern: str, name: str) -> bool:
    """Say whether a pattern (a name, `prefix/*`, or `*`) covers the name."""
    if pattern == "*":
        return True
    if pattern.endswith("/*"):
        return name.startswith(pattern[:-1])
    return name == pattern
