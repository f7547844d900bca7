"""Deletes accounts and organizations, with all that is theirs, for good."""

from dataclasses import dataclass
from typing import Final

from entrepot.errors import Conflict, Denied, NamespaceUnknown
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import Permissions, check_administrator
from entrepot.hub.repositories import Repositories
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.people import accounts, closing
from entrepot.model.people.accounts import Namespace, NamespaceKind, Role
from entrepot.oci.names import RepositoryName

_DELETIONS: Final = {
    NamespaceKind.ACCOUNT: Audited.ACCOUNT_DELETE,
    NamespaceKind.ORGANIZATION: Audited.ORG_DELETE,
    NamespaceKind.MIRROR: Audited.MIRROR_DELETE,
}
_CALLED: Final = {NamespaceKind.ORGANIZATION: "organization"}


@dataclass(frozen=True, slots=True)
class Belongings:
    """The belongings that are deleted with an account or an organization."""

    name: str
    repositories: list[str]
    members: int


class Closing:
    """Accounts are deleted by administrators, organizations by their owners too."""

    def __init__(
        self,
        metadata: Metadata,
        permissions: Permissions,
        repositories: Repositories,
        now: Clock,
    ) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._repositories = repositories
        self._now = now

    async def preview(self, name: str, kind: NamespaceKind) -> Belongings:
        """Return the belongings that `delete` would destroy; raise `NamespaceUnknown` if absent."""
        namespace = await self._get(name, kind)
        reader = self._metadata.reader
        names = await closing.list_names_in(reader, namespace.id)
        return Belongings(name, names, len(await accounts.list_members(reader, namespace.id)))

    async def delete(self, name: str, kind: NamespaceKind, by: Actor = OPERATOR) -> Belongings:
        """Delete it with its repositories; return what went. Repeating an interrupted one goes on.

        Raises `NamespaceUnknown`, `Denied` for who may not and for oneself, and `Conflict` for the
        only owner of an organization.
        """
        found = await self.preview(name, kind)
        namespace = await self._get(name, kind)
        if kind is NamespaceKind.ACCOUNT:
            check_administrator(by.identity)
            await self._check_account(namespace, by)
        else:
            await self._permissions.namespace_to_administer(by.identity, name)
        for repository in found.repositories:
            await self._repositories.delete(RepositoryName(repository), by)
        is_account = kind is NamespaceKind.ACCOUNT
        action = _DELETIONS[kind]
        remove = closing.delete_account if is_account else closing.close_namespace
        async with self._metadata.begin() as tx:
            await remove(tx, namespace.id)
            details = {"repositories": len(found.repositories)}
            await record(tx, Entry(namespace.id, by, action, name, details), self._now())
        return found

    async def _check_account(self, account: Namespace, by: Actor) -> None:
        if by.account is not None and by.account.id == account.id:
            raise Denied("you cannot delete your own account: ask another administrator")
        reader = self._metadata.reader
        for organization, role in await accounts.list_organizations_of(reader, account.id):
            owners = await accounts.list_owner_ids(reader, organization.id)
            if role is Role.OWNER and owners == [account.id]:
                raise Conflict(
                    f"{account.name} is the only owner of {organization.name}:"
                    " give it another owner, or delete it first"
                )

    async def _get(self, name: str, kind: NamespaceKind) -> Namespace:
        found = await accounts.find_namespace(self._metadata.reader, name)
        if found is None or found.kind is not kind:
            raise NamespaceUnknown(f"no such {_CALLED.get(kind, kind)}: {name}")
        return found
