"""One-time links to a page that sets a new password for one account."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from entrepot.errors import TokenUnknown
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.identity.passwords import Passwords, check_length
from entrepot.hub.identity.secrets import HINT_LENGTH, hash_secret, new_secret
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import check_administrator
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.people import accounts, tokens
from entrepot.metadata.people.sessions import delete_other_sessions
from entrepot.model.people.accounts import Account
from entrepot.model.people.tokens import Token, TokenKind, TokenScope

LIFETIME: Final = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class _Found:
    """A link that is good, and whose it is."""

    token: Token
    account: Account


class PasswordLinks:
    """Makes one-time links, for a first start and for forgotten passwords, and redeems them."""

    def __init__(self, metadata: Metadata, passwords: Passwords, now: Clock) -> None:
        self._metadata = metadata
        self._passwords = passwords
        self._now = now

    async def begin(self, account: Account, by: Actor = OPERATOR) -> str:
        """The secret of a new link (`/welcome/SECRET`); for administrators."""
        check_administrator(by.identity)
        secret, now = new_secret(TokenKind.WELCOME), self._now()
        token = Token(
            id=0,
            account_id=account.id,
            kind=TokenKind.WELCOME,
            parent_id=None,
            label="one-time link",
            hint=secret[:HINT_LENGTH],
            scope=TokenScope.ADMIN,
            created_at=now,
            expires_at=now + LIFETIME,
            last_used_at=None,
            revoked_at=None,
        )
        async with self._metadata.begin() as tx:
            await tokens.insert_token(tx, token, hash_secret(secret))
            details = {"kind": "one-time link"}
            entry = Entry(account.id, by, Audited.TOKEN_CREATE, account.name, details)
            await record(tx, entry, now)
        return secret

    async def get(self, secret: str) -> Account:
        """Whose link this is, while it is good; else `TokenUnknown`. Looking uses nothing up."""
        return (await self._find(secret)).account

    async def finish(self, secret: str, password: str, by: Actor) -> Account:
        """Give the account this password and sign it out everywhere; the link works once."""
        found = await self._find(secret)
        check_length(password)
        password_hash = await self._passwords.hash(password)
        account, now = found.account, self._now()
        async with self._metadata.begin() as tx:
            if not await tokens.revoke_token(tx, found.token.id, now):
                raise TokenUnknown("this link was already used")
            await accounts.set_password(tx, account.id, password_hash)
            await tokens.revoke_refresh_tokens(tx, account.id, now)
            await delete_other_sessions(tx, account.id, 0)
            details = {"with": "one-time link"}
            entry = Entry(account.id, by, Audited.ACCOUNT_PASSWORD, account.name, details)
            await record(tx, entry, now)
        return account

    async def _find(self, secret: str) -> _Found:
        reader = self._metadata.reader
        token = await tokens.find_token(reader, hash_secret(secret))
        if token is None or token.kind is not TokenKind.WELCOME or not token.is_live(self._now()):
            raise TokenUnknown("this link is invalid or has expired")
        account = await accounts.find_account_by_id(reader, token.account_id)
        if account is None or account.disabled_at is not None:
            raise TokenUnknown("this link is invalid or has expired")
        return _Found(token, account)
