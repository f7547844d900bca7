"""People of a directory as accounts of the hub: at their sign-ins, and when they are gone."""

import logging
import secrets
from contextlib import suppress
from dataclasses import replace
from typing import Final

from entrepot.errors import (
    AccountUnknown,
    BadCredentials,
    Conflict,
    Denied,
    NameTaken,
    TooMany,
    Unavailable,
)
from entrepot.hub.directory.directory import ISSUER, Directory, is_text
from entrepot.hub.directory.entries import Entry
from entrepot.hub.events.audit import Audited, record
from entrepot.hub.events.audit import Entry as AuditEntry
from entrepot.hub.identity.passwords import MAX_LENGTH, Passwords
from entrepot.hub.identity.single_sign_on import email_from, name_from, one_line
from entrepot.hub.people.accounts import MAX_FULL_NAME, Accounts
from entrepot.hub.people.actors import OPERATOR, Actor, Identity
from entrepot.hub.people.groups import SOURCE_NAMES, Groups
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.people import accounts as rows
from entrepot.metadata.people import external_identities
from entrepot.metadata.people.sessions import delete_other_sessions
from entrepot.metadata.people.tokens import revoke_refresh_tokens
from entrepot.model.people.accounts import Account
from entrepot.model.people.groups import GroupSource

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 100
_NOT_LINKED: Final = (
    "{name} is an account of this hub that is not linked to the directory: use its own password, "
    "or ask an administrator to link it"
)


class DirectoryPeople:
    """Signs people of the directory in, and notices those who are there no more."""

    def __init__(
        self,
        metadata: Metadata,
        directory: Directory,
        accounts: Accounts,
        passwords: Passwords,
        groups: Groups,
        now: Clock,
    ) -> None:
        self._metadata = metadata
        self._directory = directory
        self._accounts = accounts
        self._passwords = passwords
        self._groups = groups
        self._now = now

    async def has(self, account: Account) -> bool:
        """Say whether the account belongs to an entry of the directory."""
        return await self._directory.find_subject(account) is not None

    async def sign_in(
        self, name: str, password: str, address: str, account: Account | None = None
    ) -> Account:
        """The account of the person with that login name, or of the entry that `account` is of.

        Raises `BadCredentials`, `Denied` for who has no account and gets none, `Unavailable`.
        """
        subject = await self._directory.find_subject(account) if account is not None else None
        verified = await self._directory.verify(name, password, address, subject)
        reader = self._metadata.reader
        if verified.entry is None:
            known = await external_identities.find_linked_account(reader, ISSUER, verified.subject)
            found = None if known is None else await rows.find_account_by_id(reader, known)
            if found is None or found.disabled_at is not None:
                raise BadCredentials
            return found
        signed_in = await self._account_of(verified.entry, _actor(address))
        signed_in = await self._groups.apply(
            signed_in, GroupSource.LDAP, verified.entry.groups, address
        )
        self._directory.remember(verified)
        return signed_in

    async def check_name(self, name: str, password: str) -> None:
        """Tell who has the directory's password that the hub's account of that name is another's.

        Says nothing to anybody else, and nothing while the directory does not answer.
        """
        if len(password) > MAX_LENGTH or not is_text(name + password):
            return
        # Counted already, as a guess at the hub's account.
        with suppress(Denied, TooMany, Unavailable):
            if await self._directory.client.verify(name, None, password) is None:
                return
            raise BadCredentials(_NOT_LINKED.format(name=name))

    async def link(self, name: str, login: str, by: Actor = OPERATOR) -> Entry:
        """Link an account of the hub to the person with that login name, whose password counts now.

        For operators. Raises `AccountUnknown`, and `Conflict` where either is linked already.
        """
        account = await self._accounts.get(name)
        entry = await self._directory.client.find(login)
        if entry is None:
            raise AccountUnknown(f"no such person in the directory: {login}")
        if await self._directory.find_subject(account) is not None:
            raise Conflict(f"{account.name} is linked to the directory already")
        now = self._now()
        async with self._metadata.begin() as tx:
            if not await external_identities.link_account(
                tx, ISSUER, entry.subject, account.id, now
            ):
                raise Conflict(f"{login} of the directory is linked to another account")
            await record(tx, _link_entry(account, by, ISSUER), now)
        return entry

    async def unlink(self, name: str, by: Actor = OPERATOR) -> None:
        """Make the account one of the hub's own again; for operators, who set its password."""
        account = await self._accounts.get(name)
        async with self._metadata.begin() as tx:
            if not await external_identities.unlink_account(tx, ISSUER, account.id):
                raise Conflict(f"{account.name} is not linked to the directory")
            await record(tx, _link_entry(account, by, None), self._now())
        await self._groups.end(account, GroupSource.LDAP)

    async def check_all(self) -> tuple[int, int]:
        """Suspend the accounts of people who are gone or disabled, and follow groups of the others.

        Returns how many accounts were compared, and how many of them were suspended. Nobody is
        suspended where nobody at all is found: then it is a setting that is wrong. Raises
        `Unavailable`.
        """
        compared = suspended = after = 0
        has_found = False
        while linked := await external_identities.list_linked(
            self._metadata.reader, ISSUER, after, _AT_ONCE
        ):
            after = linked[-1].account_id
            found = await self._directory.client.find_all([each.subject for each in linked])
            has_found = has_found or bool(found)
            if not has_found and len(linked) > 1:
                raise Unavailable("the directory has none of the people with accounts")
            for each in linked:
                compared += 1
                suspended += await self._check_one(each.account_id, found.get(each.subject))
        return compared, suspended

    async def _check_one(self, account_id: int, entry: Entry | None) -> bool:
        """Follow one entry; say whether the account was suspended."""
        account = await rows.find_account_by_id(self._metadata.reader, account_id)
        if account is None:
            return False
        if entry is None or entry.is_disabled:
            if account.disabled_at is not None:
                return False
            await self._groups.end(account, GroupSource.LDAP)
            await self._suspend(account)
            return True
        is_suspended = await external_identities.is_suspended(
            self._metadata.reader, ISSUER, account.id
        )
        if not entry.has_all_groups or (account.disabled_at is not None and not is_suspended):
            return False
        try:
            self._groups.check_sign_in(GroupSource.LDAP, entry.groups)
        except Denied:
            await self._groups.end(account, GroupSource.LDAP)
            if not is_suspended:
                await self._suspend(account)
            return not is_suspended
        if is_suspended:
            account = await self._resume(account, _actor())
        await self._groups.apply(account, GroupSource.LDAP, entry.groups)
        return False

    async def _suspend(self, account: Account) -> None:
        now = self._now()
        async with self._metadata.begin() as tx:
            await rows.set_disabled(tx, account.id, now)
            await external_identities.set_suspended(tx, ISSUER, account.id, now)
            await revoke_refresh_tokens(tx, account.id, now)
            await delete_other_sessions(tx, account.id, 0)
            entry = AuditEntry(account.id, _actor(), Audited.ACCOUNT_DISABLE, account.name)
            await record(tx, entry, now)
        _log.info("account suspended", extra={"account": account.name})

    async def _account_of(self, entry: Entry, by: Actor) -> Account:
        reader = self._metadata.reader
        found = await external_identities.find_linked_account(reader, ISSUER, entry.subject)
        if found is None:
            return await self._sign_up(entry, by)
        account = await rows.find_account_by_id(reader, found)
        if account is None:
            raise BadCredentials
        if account.disabled_at is not None:
            account = await self._resume(account, by)
        return await self._described(account, entry)

    async def _resume(self, account: Account, by: Actor) -> Account:
        """Enable an account that was suspended; one that somebody disabled stays so."""
        async with self._metadata.begin() as tx:
            if not await external_identities.is_suspended(tx, ISSUER, account.id):
                raise BadCredentials
            await rows.set_disabled(tx, account.id, None)
            await external_identities.set_suspended(tx, ISSUER, account.id, None)
            entry = AuditEntry(account.id, by, Audited.ACCOUNT_ENABLE, account.name)
            await record(tx, entry, self._now())
        return replace(account, disabled_at=None)

    async def _sign_up(self, entry: Entry, by: Actor) -> Account:
        self._groups.check_sign_in(GroupSource.LDAP, entry.groups)
        if not self._directory.may_sign_up:
            raise Denied("no account of this hub is linked to the directory's account")
        name = name_from(entry.name)
        # A random password, which nobody has: the directory's counts.
        password_hash = await self._passwords.hash(secrets.token_urlsafe())
        try:
            async with self._metadata.begin() as tx:
                account = await self._accounts.insert(tx, name, password_hash, by=by)
                await external_identities.link_account(
                    tx, ISSUER, entry.subject, account.id, self._now()
                )
        except NameTaken as error:
            return await self._found_meanwhile(entry, name, error)
        return await self._described(account, entry)

    async def _found_meanwhile(self, entry: Entry, name: str, error: NameTaken) -> Account:
        """The account that another sign-in of the same person has just made; else `Denied`."""
        reader = self._metadata.reader
        found = await external_identities.find_linked_account(reader, ISSUER, entry.subject)
        account = None if found is None else await rows.find_account_by_id(reader, found)
        if account is None:
            raise Denied(_NOT_LINKED.format(name=name)) from error
        return account

    async def _described(self, account: Account, entry: Entry) -> Account:
        """The account with the directory's full name and address."""
        full_name = one_line(entry.full_name, MAX_FULL_NAME) or account.full_name
        email = email_from(entry.email) or account.email
        if (full_name, email) == (account.full_name, account.email):
            return account
        async with self._metadata.begin() as tx:
            await rows.set_profile(tx, account.id, full_name, email)
        return replace(account, full_name=full_name, email=email)


def open_people(
    metadata: Metadata,
    directory: Directory | None,
    accounts: Accounts,
    passwords: Passwords,
    groups: Groups,
    now: Clock,
) -> DirectoryPeople | None:
    """The people of the directory; `None` without one."""
    if directory is None:
        return None
    return DirectoryPeople(metadata, directory, accounts, passwords, groups, now)


def _actor(address: str = "") -> Actor:
    return Actor(Identity(label=SOURCE_NAMES[GroupSource.LDAP]), address)


def _link_entry(account: Account, by: Actor, issuer: str | None) -> AuditEntry:
    return AuditEntry(account.id, by, Audited.ACCOUNT_LINK, account.name, {"issuer": issuer})
