"""Organizations: made, described, and who belongs to them."""

from typing import Final

from entrepot.errors import AccountUnknown, Conflict, Denied, InvalidAccount, NamespaceUnknown
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.names import (
    check_chosen_name,
    check_free_name,
    check_namespace_name,
    claim,
    find_account,
    fold_name,
)
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import Permissions, check_unlimited
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.people import accounts
from entrepot.metadata.people.teams import leave_teams
from entrepot.model.people.accounts import Account, Namespace, NamespaceKind, Role
from entrepot.model.repositories import Visibility

MAX_DESCRIPTION: Final = 1000

Members = list[tuple[str, Role]]
"""Names of accounts with their roles, by name."""


MOST_OWNED: Final = 100
"""Organizations that one account may own when it makes another."""


class Organizations:
    """Namespaces that several accounts share. Rules take who acts; by default the operator."""

    def __init__(
        self,
        metadata: Metadata,
        permissions: Permissions,
        *,
        default_visibility: Visibility,
        now: Clock,
    ) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._default_visibility = default_visibility
        self._now = now

    async def add(self, name: str, owner: str, by: Actor = OPERATOR) -> int:
        """Make an organization that `owner` owns, and return its id; everybody may, for themselves.

        Raises `NameTaken`, and `Conflict` for owners of `MOST_OWNED` who are not administrators.
        """
        if by.identity.is_operator:
            check_namespace_name(name)
        else:
            (check_free_name if by.identity.is_superuser else check_chosen_name)(name)
        check_unlimited(by.identity)
        account = await self._account(owner)
        own = by.account is not None and by.account.id == account.id
        if not own and not by.identity.is_superuser:
            raise Denied("an organization needs an owner")
        now, kind = self._now(), NamespaceKind.ORGANIZATION
        async with self._metadata.begin() as tx:
            if not by.identity.is_superuser:
                found = await accounts.list_organizations_of(tx, account.id)
                if sum(role is Role.OWNER for _, role in found) >= MOST_OWNED:
                    raise Conflict(f"{owner} has reached the limit of {MOST_OWNED} organizations")
            namespace_id = await claim(tx, name, kind, self._default_visibility, now)
            await accounts.set_role(tx, namespace_id, account.id, Role.OWNER)
            entry = Entry(namespace_id, by, Audited.ORG_CREATE, name, {"owner": owner})
            await record(tx, entry, now)
        return namespace_id

    async def list_for(self, by: Actor) -> list[Namespace]:
        """The organizations that somebody belongs to, by name; superusers get every one."""
        check_unlimited(by.identity)
        reader = self._metadata.reader
        if by.identity.is_superuser:
            return await accounts.list_namespaces(reader, NamespaceKind.ORGANIZATION)
        mine = [] if by.account is None else await self.list_of(by.account)
        return [each for each, _ in mine if each.kind is NamespaceKind.ORGANIZATION]

    async def list_of(self, account: Account) -> list[tuple[Namespace, Role]]:
        """The organizations that the account belongs to, with what it is there, by name."""
        return await accounts.list_organizations_of(self._metadata.reader, account.id)

    async def list_members(self, name: str, by: Actor) -> Members:
        """The organization's members; raise `NamespaceUnknown` for strangers."""
        rights = await self._permissions.namespace_rights(by.identity, name)
        if rights.namespace is None or not rights.may_see_members:
            raise NamespaceUnknown(f"no such organization: {name}")
        return await accounts.list_members(self._metadata.reader, rights.namespace.id)

    async def edit(
        self, name: str, description: str, default_visibility: Visibility, by: Actor = OPERATOR
    ) -> None:
        """Describe a namespace, and say what is pushed there begins as; for its owners."""
        namespace = await self._permissions.namespace_to_administer(by.identity, name)
        if len(description) > MAX_DESCRIPTION:
            raise InvalidAccount(f"invalid description: at most {MAX_DESCRIPTION} characters")
        async with self._metadata.begin() as tx:
            await accounts.edit_namespace(tx, namespace.id, description, default_visibility)
            details = {"default_visibility": str(default_visibility)}
            entry = Entry(namespace.id, by, Audited.ORG_EDIT, namespace.name, details)
            await record(tx, entry, self._now())

    async def set_member(
        self, name: str, member: str, role: Role | None, by: Actor = OPERATOR
    ) -> None:
        """Give the account a role in the organization, or none any more; for owners.

        Every member may leave. Raises `Conflict` where the organization would be left
        without an owner.
        """
        namespace = await self._namespace_to_change(name, member, role, by)
        account = await self._account(member)
        if namespace.kind is NamespaceKind.ACCOUNT:
            raise NamespaceUnknown(f"no such organization: {name}")
        async with self._metadata.begin() as tx:
            before = await accounts.find_role(tx, namespace.id, account.id)
            await self._set_role(tx, namespace.id, account.id, role)
            members = await accounts.list_members(tx, namespace.id)
            is_organization = namespace.kind is NamespaceKind.ORGANIZATION
            if is_organization and Role.OWNER not in {held for _, held in members}:
                raise Conflict("an organization needs an owner")
            whose = f"{namespace.name}/{account.name}"
            if before is not role:
                entry = Entry(namespace.id, by, _action(before, role), whose, {"role": role})
                await record(tx, entry, self._now())

    async def _namespace_to_change(
        self, name: str, member: str, role: Role | None, by: Actor
    ) -> Namespace:
        if role is None and by.account is not None and by.account.name == fold_name(member):
            rights = await self._permissions.namespace_rights(by.identity, name)
            check_unlimited(by.identity)
            if rights.namespace is not None and rights.role is not None:
                return rights.namespace
        return await self._permissions.namespace_to_administer(by.identity, name)

    async def _set_role(
        self, tx: Transaction, namespace_id: int, account_id: int, role: Role | None
    ) -> None:
        if role is not None:
            await accounts.set_role(tx, namespace_id, account_id, role)
            return
        await accounts.remove_member(tx, namespace_id, account_id)
        await leave_teams(tx, namespace_id, account_id)

    async def _account(self, name: str) -> Account:
        found = await find_account(self._metadata.reader, name)
        if found is None:
            raise AccountUnknown(f"no such user: {name}")
        return found


def _action(before: Role | None, after: Role | None) -> Audited:
    if after is None:
        return Audited.MEMBER_REMOVE
    return Audited.MEMBER_ADD if before is None else Audited.MEMBER_ROLE
