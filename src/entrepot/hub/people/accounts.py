"""Accounts: made, listed, described, disabled."""

from typing import Final

from entrepot.errors import AccountUnknown, BadCredentials, Conflict, Denied, InvalidAccount
from entrepot.hub.directory.directory import Directory
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.identity.login_throttle import PASSWORD, LoginThrottle
from entrepot.hub.identity.passwords import Passwords, check_length
from entrepot.hub.names import check_free_name, check_namespace_name, claim, find_account
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import check_administrator, check_own
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.people import accounts
from entrepot.metadata.people.external_identities import end_suspensions
from entrepot.metadata.people.sessions import delete_other_sessions
from entrepot.metadata.people.tokens import revoke_refresh_tokens
from entrepot.model.people.accounts import Account, NamespaceKind
from entrepot.model.repositories import Visibility

SELF: Final = Actor()
MAX_FULL_NAME: Final = 100
MAX_EMAIL: Final = 254


class Accounts:
    """Everybody who may sign in. Rules take who acts; by default it is the operator."""

    def __init__(
        self,
        metadata: Metadata,
        passwords: Passwords,
        *,
        default_visibility: Visibility,
        now: Clock,
        directory: Directory | None = None,
    ) -> None:
        self._directory = directory
        self._metadata = metadata
        self._passwords = passwords
        self._default_visibility = default_visibility
        self._login_throttle = LoginThrottle(metadata, now)
        self._now = now

    async def add(
        self, name: str, password: str, *, is_admin: bool = False, by: Actor = OPERATOR
    ) -> Account:
        """Make an account with a namespace of its name; raise `NameTaken` where there is one.

        For administrators; others sign up (`entrepot.hub.identity.sign_up`).
        """
        check_administrator(by.identity)
        (check_namespace_name if by.identity.is_operator else check_free_name)(name)
        password_hash = await self._passwords.hash(password)
        async with self._metadata.begin() as tx:
            return await self.insert(tx, name, password_hash, is_admin=is_admin, by=by)

    async def insert(
        self,
        tx: Transaction,
        name: str,
        password_hash: str,
        *,
        by: Actor = SELF,
        is_admin: bool = False,
    ) -> Account:
        """Make an account in another rule's transaction; by default they make it themselves."""
        now = self._now()
        kind = NamespaceKind.ACCOUNT
        namespace_id = await claim(tx, name, kind, self._default_visibility, now)
        account = Account(namespace_id, name, password_hash, is_admin, None, now)
        await accounts.insert_account(tx, account)
        details = {"admin": is_admin}
        await record(tx, Entry(account.id, by, Audited.ACCOUNT_CREATE, name, details), now)
        return account

    async def get(self, name: str) -> Account:
        """The account of that name."""
        found = await find_account(self._metadata.reader, name)
        if found is None:
            raise AccountUnknown(f"no such user: {name}")
        return found

    async def has_any(self) -> bool:
        """Say whether there is any account; raise `Unavailable` without an answer."""
        return await accounts.has_accounts(self._metadata.reader)

    async def list_all(self) -> list[Account]:
        """Every account, by name."""
        return await accounts.list_accounts(self._metadata.reader)

    async def list_page(self, limit: int, offset: int, text: str = "") -> list[Account]:
        """At most `limit` accounts from `offset` on, by name, that have the text in one of theirs.

        It is looked for in names, full names and e-mail addresses, in any case.
        """
        return await accounts.list_accounts_page(self._metadata.reader, limit, offset, text)

    async def count(self, text: str = "") -> int:
        """How many accounts `list_page` lists in all."""
        return await accounts.count_accounts(self._metadata.reader, text)

    async def set_password(self, name: str, password: str, by: Actor = OPERATOR) -> None:
        """Replace the password; clients and browsers that were signed in must sign in again.

        For administrators; others give their old one too (`change_password`).
        """
        check_administrator(by.identity)
        await self._replace_password(await self.get(name), password, by)

    async def change_password(self, account: Account, old: str, new: str, by: Actor) -> None:
        """Replace one's own password; `BadCredentials` where `old` is not what it was."""
        check_own(account, by)
        check_length(new)
        await self.check_password(account, old, by)
        await self._replace_password(account, new, by)

    async def check_password(self, account: Account, password: str, by: Actor = SELF) -> None:
        """Raise `BadCredentials` unless this is the account's password, `TooMany` for guessing.

        That of an account of the directory is the directory's.
        """
        subject = await self._find_subject(account)
        if self._directory is not None and subject is not None:
            await self._directory.verify(account.name, password, by.address, subject)
            return
        if self._passwords.remembers(account.password_hash, password):
            return
        if self._passwords.has_refuted(account.password_hash, password):
            raise BadCredentials("the password is wrong")
        async with self._login_throttle.attempt(PASSWORD, account.name, by.address):
            if not await self._passwords.verify(account.password_hash, password):
                raise BadCredentials("the password is wrong")

    async def set_profile(self, account: Account, full_name: str, email: str, by: Actor) -> None:
        """Say who the account is of: one's own, or as an administrator anybody's."""
        if by.identity.is_superuser:
            check_administrator(by.identity)
        else:
            check_own(account, by)
        if len(full_name) > MAX_FULL_NAME or not full_name.isprintable():
            raise InvalidAccount(f"invalid name: at most {MAX_FULL_NAME} characters on one line")
        if email and ("@" not in email or len(email) > MAX_EMAIL or not email.isprintable()):
            raise InvalidAccount("not an e-mail address")
        async with self._metadata.begin() as tx:
            await accounts.set_profile(tx, account.id, full_name, email)
            entry = Entry(account.id, by, Audited.ACCOUNT_EDIT, account.name)
            await record(tx, entry, self._now())

    async def disable(self, name: str, by: Actor = OPERATOR) -> None:
        """Let the account do nothing from now on; its repositories stay."""
        check_administrator(by.identity)
        account = await self.get(name)
        if by.account is not None and by.account.id == account.id:
            raise Denied("you cannot disable your own account: ask another administrator")
        now = self._now()
        async with self._metadata.begin() as tx:
            await accounts.set_disabled(tx, account.id, now)
            await end_suspensions(tx, account.id)
            await self._sign_out(tx, account)
            await record(tx, Entry(account.id, by, Audited.ACCOUNT_DISABLE, name), now)

    async def enable(self, name: str, by: Actor = OPERATOR) -> None:
        """Undo `disable`."""
        check_administrator(by.identity)
        account = await self.get(name)
        async with self._metadata.begin() as tx:
            await accounts.set_disabled(tx, account.id, None)
            await end_suspensions(tx, account.id)
            entry = Entry(account.id, by, Audited.ACCOUNT_ENABLE, name)
            await record(tx, entry, self._now())

    async def set_admin(self, name: str, is_admin: bool, by: Actor = OPERATOR) -> None:
        """Let the account do everything, or no longer; administrators cannot demote themselves."""
        check_administrator(by.identity)
        account = await self.get(name)
        if by.account is not None and by.account.id == account.id:
            raise Denied("you cannot change this for your own account: ask another administrator")
        async with self._metadata.begin() as tx:
            await accounts.set_admin(tx, account.id, is_admin)
            details = {"admin": is_admin}
            entry = Entry(account.id, by, Audited.ACCOUNT_EDIT, name, details)
            await record(tx, entry, self._now())

    async def _replace_password(self, account: Account, password: str, by: Actor) -> None:
        if await self._find_subject(account) is not None:
            raise Conflict(f"{account.name} has the directory's password: change it there")
        password_hash = await self._passwords.hash(password)
        async with self._metadata.begin() as tx:
            await accounts.set_password(tx, account.id, password_hash)
            await self._sign_out(tx, account)
            entry = Entry(account.id, by, Audited.ACCOUNT_PASSWORD, account.name)
            await record(tx, entry, self._now())

    async def _find_subject(self, account: Account) -> str | None:
        return await self._directory.find_subject(account) if self._directory else None

    async def _sign_out(self, tx: Transaction, account: Account) -> None:
        await revoke_refresh_tokens(tx, account.id, self._now())
        await delete_other_sessions(tx, account.id, 0)
