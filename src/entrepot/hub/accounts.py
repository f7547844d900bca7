"""Accounts and organisations: made, listed, disabled."""

import re
from datetime import datetime
from typing import Final

from entrepot.errors import AccountUnknown, InvalidAccount, NamespaceUnknown, NameTaken
from entrepot.hub.passwords import Passwords
from entrepot.metadata import accounts
from entrepot.metadata.accounts import Account, Namespace, NamespaceKind, Role, Visibility
from entrepot.metadata.engine import Clock, Metadata, Transaction
from entrepot.metadata.sessions import delete_other_sessions
from entrepot.metadata.tokens import revoke_refresh_tokens

_NAME: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
MAX_NAME: Final = 64


class Accounts:
    """Everybody who may sign in, and the organisations they belong to."""

    def __init__(
        self,
        metadata: Metadata,
        passwords: Passwords,
        *,
        default_visibility: Visibility,
        now: Clock,
    ) -> None:
        self._metadata = metadata
        self._passwords = passwords
        self._default_visibility = default_visibility
        self._now = now

    async def add(self, name: str, password: str, *, is_admin: bool = False) -> Account:
        """Make an account with a namespace of its name; raise `NameTaken` where there is one."""
        check_name(name)
        password_hash = await self._passwords.hash(password)
        now = self._now()
        async with self._metadata.begin() as tx:
            namespace_id = await self._claim(tx, name, NamespaceKind.ACCOUNT, now)
            account = Account(namespace_id, name, password_hash, is_admin, None, now)
            await accounts.insert_account(tx, account)
        return account

    async def get(self, name: str) -> Account:
        """The account of that name."""
        found = await accounts.find_account(self._metadata.reader, name)
        if found is None:
            raise AccountUnknown(f"no account is called {name}")
        return found

    async def list_all(self) -> list[Account]:
        """Every account, by name."""
        return await accounts.list_accounts(self._metadata.reader)

    async def set_password(self, name: str, password: str) -> None:
        """Replace the password; clients and browsers that were signed in must sign in again."""
        account = await self.get(name)
        password_hash = await self._passwords.hash(password)
        async with self._metadata.begin() as tx:
            await accounts.set_password(tx, account.id, password_hash)
            await self._sign_out(tx, account)

    async def disable(self, name: str) -> None:
        """Let the account do nothing from now on; its repositories stay."""
        account = await self.get(name)
        async with self._metadata.begin() as tx:
            await accounts.set_disabled(tx, account.id, self._now())
            await self._sign_out(tx, account)

    async def enable(self, name: str) -> None:
        """Undo `disable`."""
        account = await self.get(name)
        async with self._metadata.begin() as tx:
            await accounts.set_disabled(tx, account.id, None)

    async def add_organisation(self, name: str, owner: str) -> None:
        """Make an organisation that `owner` owns."""
        check_name(name)
        account = await self.get(owner)
        async with self._metadata.begin() as tx:
            namespace_id = await self._claim(tx, name, NamespaceKind.ORGANISATION, self._now())
            await accounts.set_role(tx, namespace_id, account.id, Role.OWNER)

    async def list_organisations(self) -> list[tuple[Namespace, list[tuple[str, Role]]]]:
        """Every organisation with its members, by name."""
        reader = self._metadata.reader
        found = await accounts.list_namespaces(reader, NamespaceKind.ORGANISATION)
        return [(each, await accounts.list_members(reader, each.id)) for each in found]

    async def set_member(self, organisation: str, member: str, role: Role | None) -> None:
        """Give the account a role in the organisation, or none any more.

        Raises `InvalidAccount` where the organisation would be left without an owner.
        """
        account = await self.get(member)
        async with self._metadata.begin() as tx:
            namespace = await accounts.find_namespace(tx, organisation)
            if namespace is None or namespace.kind is not NamespaceKind.ORGANISATION:
                raise NamespaceUnknown(f"no organisation is called {organisation}")
            if role is None:
                await accounts.remove_member(tx, namespace.id, account.id)
            else:
                await accounts.set_role(tx, namespace.id, account.id, role)
            members = await accounts.list_members(tx, namespace.id)
            if Role.OWNER not in {held for _, held in members}:
                raise InvalidAccount("an organisation needs an owner")

    async def _sign_out(self, tx: Transaction, account: Account) -> None:
        await revoke_refresh_tokens(tx, account.id, self._now())
        await delete_other_sessions(tx, account.id, 0)

    async def _claim(self, tx: Transaction, name: str, kind: NamespaceKind, now: datetime) -> int:
        claimed = await accounts.insert_namespace(tx, name, kind, self._default_visibility, now)
        if claimed is None:
            raise NameTaken(f"{name} is taken")
        return claimed


def check_name(name: str) -> None:
    """Raise `InvalidAccount` unless the name can be the first component of a repository's."""
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise InvalidAccount(
            f"a name has 1 to {MAX_NAME} lower-case letters and digits, "
            "with single dots, dashes or underscores between them"
        )
