"""Who may do what. One function decides, and every door asks it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from entrepot.metadata.accounts import (
    Account,
    Role,
    Visibility,
    find_namespace,
    find_role,
    list_memberships,
)
from entrepot.metadata.blobs import Holder
from entrepot.metadata.engine import Reader
from entrepot.metadata.repositories import Repository, Target, find_repository
from entrepot.metadata.tokens import Scope
from entrepot.oci.names import RepositoryName


class Action(StrEnum):
    """What can be done to a repository's content (the token scope's words)."""

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"


Actions = frozenset[Action]

NOTHING: Final[Actions] = frozenset()
PULL: Final[Actions] = frozenset({Action.PULL})
WRITE: Final[Actions] = frozenset({Action.PULL, Action.PUSH})
EVERYTHING: Final[Actions] = frozenset(Action)

ACTIONS_OF_SCOPE: Final = {Scope.READ: PULL, Scope.WRITE: WRITE, Scope.ADMIN: EVERYTHING}
ACTIONS_OF_ROLE: Final = {Role.MEMBER: PULL, Role.EDITOR: EVERYTHING, Role.OWNER: EVERYTHING}


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody may do with a name; `target` is `None` where nothing is or could be there."""

    actions: Actions
    target: Target | None

    @property
    def repository(self) -> Repository | None:
        """The repository of that name, for those who may know of it."""
        return self.target.found if self.target and self.actions else None


def decide(
    account: Account | None,
    role: Role | None,
    visibility: Visibility | None,
    *,
    is_open: bool,
) -> Actions:
    """What an account (`None`: nobody) may do with a repository (`None`: one to be created).

    `role` is the account's in the name's namespace, `OWNER` in its own.
    """
    if is_open or (account is not None and account.is_admin):
        return EVERYTHING
    if role is not None:
        return ACTIONS_OF_ROLE[role]
    return PULL if visibility is Visibility.PUBLIC else NOTHING


class Permissions:
    """Answers what somebody may do, from the database as it is now."""

    def __init__(
        self, reader: Reader, *, is_open: bool, hub_visibility: Visibility = Visibility.PRIVATE
    ) -> None:
        self._reader = reader
        self._hub_visibility = hub_visibility
        self.is_open = is_open

    async def rights(
        self, account: Account | None, ceiling: Actions, name: RepositoryName
    ) -> Rights:
        """What the account may do with the name, at most `ceiling`."""
        repository = await find_repository(self._reader, name)
        if repository is None:
            return await self._rights_to_create(account, ceiling, name)
        role = await self._role(account, repository.namespace_id)
        actions = decide(account, role, repository.visibility, is_open=self.is_open) & ceiling
        target = Target(name, repository.namespace_id, repository.visibility, repository)
        return Rights(actions, target)

    async def may_pull_from_holder(
        self, account: Account | None, ceiling: Actions, holder: Holder
    ) -> bool:
        """Say whether the account may pull from a repository that holds a blob."""
        role = await self._role(account, holder.namespace_id)
        actions = decide(account, role, Visibility(holder.visibility), is_open=self.is_open)
        return Action.PULL in actions & ceiling

    async def visible_namespaces(self, account: Account | None) -> list[int] | None:
        """The namespaces whose private repositories the account sees; `None` is every one."""
        if self.is_open or (account is not None and account.is_admin):
            return None
        if account is None:
            return []
        return [account.id, *await list_memberships(self._reader, account.id)]

    async def _rights_to_create(
        self, account: Account | None, ceiling: Actions, name: RepositoryName
    ) -> Rights:
        if name.namespace is None:
            target = Target(name, None, self._hub_visibility, None)
            return Rights(decide(account, None, None, is_open=self.is_open) & ceiling, target)
        namespace = await find_namespace(self._reader, name.namespace)
        if namespace is None:
            return self._rights_without_namespace(account, ceiling, name)
        role = await self._role(account, namespace.id)
        actions = decide(account, role, None, is_open=self.is_open) & ceiling
        return Rights(actions, Target(name, namespace.id, namespace.default_visibility, None))

    def _rights_without_namespace(
        self, account: Account | None, ceiling: Actions, name: RepositoryName
    ) -> Rights:
        """An open hub and its administrators may use any name; it then belongs to the hub."""
        actions = decide(account, None, None, is_open=self.is_open) & ceiling
        return Rights(actions, Target(name, None, self._hub_visibility, None))

    async def _role(self, account: Account | None, namespace_id: int | None) -> Role | None:
        if account is None or namespace_id is None:
            return None
        if account.id == namespace_id:
            return Role.OWNER
        return await find_role(self._reader, namespace_id, account.id)
