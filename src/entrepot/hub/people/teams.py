"""Teams: members of an organization, and what they may do with which of its repositories."""

import re
from typing import Final

from entrepot.errors import (
    AccountUnknown,
    Conflict,
    InvalidAccount,
    NamespaceUnknown,
    NameTaken,
    TeamUnknown,
)
from entrepot.hub.events.audit import Audited, Details, Entry, record
from entrepot.hub.names import check_name, find_account
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import Permissions
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.people import accounts, teams
from entrepot.model.people.accounts import Namespace, NamespaceKind
from entrepot.model.people.organizations import Permission, Team, TeamRight

MAX_DESCRIPTION: Final = 500
MOST_TEAMS: Final = 200
"""Teams of one organization."""
MOST_RIGHTS: Final = 100
"""Patterns that one team has rights for."""
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATTERN: Final = re.compile(rf"\*|{_COMPONENT}(?:/{_COMPONENT})*(?:/\*)?")
_MAX_PATTERN: Final = 255


class Teams:
    """Every team; seen by members of the organization, changed by its owners."""

    def __init__(self, metadata: Metadata, permissions: Permissions, now: Clock) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._now = now

    async def list_of(self, organization: str, by: Actor) -> list[Team]:
        """The organization's teams, by name."""
        namespace = await self._visible(organization, by)
        return await teams.list_teams(self._metadata.reader, namespace.id)

    async def get(self, organization: str, name: str, by: Actor) -> Team:
        """The team of that name; else `TeamUnknown`."""
        return await self._find(await self._visible(organization, by), name)

    async def list_members(self, organization: str, name: str, by: Actor) -> list[str]:
        """The names of the team's members."""
        team = await self.get(organization, name, by)
        return await teams.list_team_members(self._metadata.reader, team.id)

    async def list_rights(self, organization: str, name: str, by: Actor) -> list[TeamRight]:
        """List the team's permissions by pattern."""
        team = await self.get(organization, name, by)
        return await teams.list_rights(self._metadata.reader, team.id)

    async def add(
        self, organization: str, name: str, description: str = "", by: Actor = OPERATOR
    ) -> None:
        """Create a team without members and permissions.

        Raises `NameTaken` where there is one, and `Conflict` where there are `MOST_TEAMS`.
        """
        namespace = await self._owned(organization, by)
        _check(name, description)
        now = self._now()
        async with self._metadata.begin() as tx:
            if len(await teams.list_teams(tx, namespace.id)) >= MOST_TEAMS:
                raise Conflict(f"{organization} has reached the limit of {MOST_TEAMS} teams")
            if await teams.insert_team(tx, namespace.id, name, description, now) is None:
                raise NameTaken(f"{organization} already has a team {name}")
            await self._record(tx, namespace, by, Audited.TEAM_CREATE, name, {})

    async def edit(
        self, organization: str, name: str, new_name: str, description: str, by: Actor = OPERATOR
    ) -> None:
        """Rename and describe a team; its members and rights stay."""
        namespace = await self._owned(organization, by)
        team = await self._find(namespace, name)
        _check(new_name, description)
        async with self._metadata.begin() as tx:
            other = await teams.find_team(tx, namespace.id, new_name)
            if other is not None and other.id != team.id:
                raise NameTaken(f"{organization} already has a team {new_name}")
            await teams.update_team(tx, team.id, new_name, description)
            await self._record(tx, namespace, by, Audited.TEAM_EDIT, name, {"name": new_name})

    async def delete(self, organization: str, name: str, by: Actor = OPERATOR) -> None:
        """Forget the team; its members stay in the organization."""
        namespace = await self._owned(organization, by)
        team = await self._find(namespace, name)
        async with self._metadata.begin() as tx:
            await teams.delete_team(tx, team.id)
            await self._record(tx, namespace, by, Audited.TEAM_DELETE, name, {})

    async def add_member(
        self, organization: str, name: str, account_name: str, by: Actor = OPERATOR
    ) -> None:
        """Put a member of the organization into the team; `InvalidAccount` for strangers."""
        namespace = await self._owned(organization, by)
        team = await self._find(namespace, name)
        account_id = await self._account_id(account_name)
        async with self._metadata.begin() as tx:
            if await accounts.find_role(tx, namespace.id, account_id) is None:
                raise InvalidAccount(f"{account_name} is not a member of {organization}")
            if await teams.add_team_member(tx, team.id, account_id):
                details = {"member": account_name}
                await self._record(tx, namespace, by, Audited.TEAM_MEMBER_ADD, name, details)

    async def remove_member(
        self, organization: str, name: str, account_name: str, by: Actor = OPERATOR
    ) -> None:
        """Take an account out of the team; it stays in the organization."""
        namespace = await self._owned(organization, by)
        team = await self._find(namespace, name)
        account_id = await self._account_id(account_name)
        async with self._metadata.begin() as tx:
            if await teams.remove_team_member(tx, team.id, account_id):
                details = {"member": account_name}
                await self._record(tx, namespace, by, Audited.TEAM_MEMBER_REMOVE, name, details)

    async def set_right(
        self,
        organization: str,
        name: str,
        pattern: str,
        permission: Permission | None,
        by: Actor = OPERATOR,
    ) -> None:
        """Let the team do this with what the pattern covers, or (`None`) nothing any more.

        A pattern is a repository's name without the organization's, `prefix/*`, or `*`.
        """
        namespace = await self._owned(organization, by)
        team = await self._find(namespace, name)
        if len(pattern) > _MAX_PATTERN or not _PATTERN.fullmatch(pattern):
            raise InvalidAccount("invalid pattern: use a repository's name, prefix/* or *")
        async with self._metadata.begin() as tx:
            if permission is None:
                await teams.remove_right(tx, team.id, pattern)
            else:
                await teams.set_right(tx, team.id, TeamRight(pattern, permission))
                if len(await teams.list_rights(tx, team.id)) > MOST_RIGHTS:
                    raise Conflict(
                        f"a team can have permissions for at most {MOST_RIGHTS} patterns"
                    )
            details = {"pattern": pattern, "permission": permission}
            await self._record(tx, namespace, by, Audited.TEAM_RIGHT, name, details)

    async def _visible(self, organization: str, by: Actor) -> Namespace:
        rights = await self._permissions.namespace_rights(by.identity, organization)
        if not rights.may_see_members:
            raise NamespaceUnknown(f"no such organization: {organization}")
        return _organization(rights.namespace, organization)

    async def _owned(self, organization: str, by: Actor) -> Namespace:
        found = await self._permissions.namespace_to_administer(by.identity, organization)
        return _organization(found, organization)

    async def _find(self, namespace: Namespace, name: str) -> Team:
        found = await teams.find_team(self._metadata.reader, namespace.id, name)
        if found is None:
            raise TeamUnknown(f"no such team in {namespace.name}: {name}")
        return found

    async def _account_id(self, name: str) -> int:
        found = await find_account(self._metadata.reader, name)
        if found is None:
            raise AccountUnknown(f"no such user: {name}")
        return found.id

    async def _record(
        self,
        tx: Transaction,
        namespace: Namespace,
        by: Actor,
        action: Audited,
        team: str,
        details: Details,
    ) -> None:
        entry = Entry(namespace.id, by, action, f"{namespace.name}/{team}", details)
        await record(tx, entry, self._now())


def _organization(namespace: Namespace | None, name: str) -> Namespace:
    if namespace is None or namespace.kind is not NamespaceKind.ORGANIZATION:
        raise NamespaceUnknown(f"no such organization: {name}")
    return namespace


def _check(name: str, description: str) -> None:
    check_name(name)
    if len(description) > MAX_DESCRIPTION:
        raise InvalidAccount(f"invalid description: at most {MAX_DESCRIPTION} characters")
