"""Who is asking: accounts and organizations by password, token, refresh or registry token."""

from dataclasses import replace
from typing import Final

from entrepot.errors import BadCredentials, BadToken, SecondFactorMissing
from entrepot.hub.directory.directory import KEPT_FOR
from entrepot.hub.directory.people import DirectoryPeople
from entrepot.hub.identity.login_throttle import PASSWORD, LoginThrottle
from entrepot.hub.identity.passwords import Passwords
from entrepot.hub.identity.registry_tokens import RegistryTokenClaims, RegistryTokens
from entrepot.hub.identity.secrets import hash_secret, is_of_grant, looks_like_secret
from entrepot.hub.names import find_account, fold_name
from entrepot.hub.people.actors import ACTIONS_OF_SCOPE, ANONYMOUS, Identity
from entrepot.hub.workloads.id_tokens import looks_like_id_token
from entrepot.hub.workloads.workloads import Workloads
from entrepot.metadata.engines.engine import Clock, Reader
from entrepot.metadata.people.accounts import find_account_by_id, find_namespace_by_id
from entrepot.metadata.people.tokens import find_token, find_token_by_id
from entrepot.model.people.accounts import Account
from entrepot.model.people.tokens import Token, TokenKind

__all__ = ["ANONYMOUS", "Authentication", "Identity", "password_mark"]


_PRESENTED: Final = (TokenKind.PERSONAL, TokenKind.ORGANIZATION)
"""Tokens that clients present in place of a password."""


class Authentication:
    """Turns what a client presents into who it is, by the database as it is now."""

    def __init__(
        self,
        reader: Reader,
        passwords: Passwords,
        tokens: RegistryTokens,
        login_throttle: LoginThrottle,
        workloads: Workloads,
        now: Clock,
        people: DirectoryPeople | None = None,
    ) -> None:
        self._reader = reader
        self._passwords = passwords
        self._tokens = tokens
        self._login_throttle = login_throttle
        self._workloads = workloads
        self._people = people
        self._now = now

    async def by_credentials(self, name: str, secret: str, address: str = "") -> Identity:
        """Return the identity of this name and password or token; else raise `BadCredentials`.

        Where there is a second factor the password alone is not enough (`SecondFactorMissing`):
        clients cannot ask for a code, so they need a personal token. Whoever guesses from
        `address` is soon told to wait (`TooMany`). An ID token is no guess at the account.
        """
        if looks_like_secret(secret) and "\0" not in name:
            return await self._by_token(name, secret)
        if looks_like_id_token(secret):
            return await self._workloads.sign_in(name, secret, address)
        account = await self.by_password(name, secret, address)
        if account.has_second_factor:
            raise SecondFactorMissing(
                "this account has a second factor: use a personal access token as the password"
            )
        if self._people is None or not await self._people.has(account):
            return Identity(account)
        return Identity(account, checked_until=self._now() + KEPT_FOR)

    async def find_account(self, name: str) -> Account | None:
        """The account of that name, disabled ones included."""
        return None if "\0" in name else await find_account(self._reader, name)

    async def by_password(self, name: str, password: str, address: str = "") -> Account:
        """The account that has this name and this password; else `BadCredentials`.

        Wrong guesses are counted by account and network, and by network (`TooMany`). A password
        that this worker knows to be right passes whatever others have guessed, and one that it
        knows to be wrong is no further guess.
        """
        # However the name is written, the guesses are at one account.
        login, name = name, fold_name(name)
        account = await self.find_account(name)
        if self._people is not None and (account is None or await self._people.has(account)):
            return await self._people.sign_in(login, password, address, account)
        if self._passwords.has_refuted(account.password_hash if account else name, password):
            raise BadCredentials
        if account is None or not self._passwords.remembers(account.password_hash, password):
            async with self._login_throttle.attempt(PASSWORD, name, address):
                account = await self._check_password(account, name, password)
        # A client that knows the password of a disabled account does not guess.
        if account.disabled_at is not None:
            raise BadCredentials
        return account

    async def _check_password(self, account: Account | None, name: str, password: str) -> Account:
        if "\0" in name or "\0" in password:  # which PostgreSQL cannot even be asked about
            raise BadCredentials
        if account is None:
            await self._passwords.verify_nobody(password, name)
            raise BadCredentials
        if not await self._passwords.verify(account.password_hash, password):
            if self._people is not None:
                await self._people.check_name(name, password)
            raise BadCredentials
        return account

    async def by_refresh_token(self, secret: str) -> Identity:
        """Return the identity that a refresh token was given to; else raise `BadCredentials`."""
        if is_of_grant(secret):
            job = await self._workloads.find_by_secret(secret)
            if job is None:
                raise BadCredentials
            return job
        token = await find_token(self._reader, hash_secret(secret))
        if token is None or token.kind is not TokenKind.REFRESH or not token.is_live(self._now()):
            raise BadCredentials
        identity = await self._identity_of(token)
        if identity is None:
            raise BadCredentials
        return identity

    async def by_registry_token(self, text: str) -> Identity:
        """Return the identity of a registry token while its account and secret are valid.

        Raises `BadToken`.
        """
        claims = await self._tokens.read(text, self._now())
        if claims.token_id is not None:
            return await self._by_claimed_token(claims, claims.token_id)
        if claims.grant_id is not None:
            job = await self._workloads.find_by_grant(claims.grant_id)
            if job is None:
                raise BadToken
            expires_at = min(claims.expires_at, job.expires_at or claims.expires_at)
            return replace(job, grants=claims.grants, expires_at=expires_at)
        if claims.account_id is None:
            return Identity(grants=claims.grants, expires_at=claims.expires_at)
        account = await find_account_by_id(self._reader, claims.account_id)
        if account is None or account.disabled_at is not None:
            raise BadToken
        if claims.password_mark != password_mark(account):
            raise BadToken
        return Identity(account, grants=claims.grants, expires_at=claims.expires_at)

    async def _by_claimed_token(self, claims: RegistryTokenClaims, token_id: int) -> Identity:
        token = await find_token_by_id(self._reader, token_id)
        if token is None or not token.is_live(self._now()):
            raise BadToken
        identity = await self._identity_of(token)
        if identity is None or identity.account_id != claims.account_id:
            raise BadToken
        expires_at = min(claims.expires_at, token.expires_at or claims.expires_at)
        return replace(identity, grants=claims.grants, expires_at=expires_at)

    async def by_access_token(self, secret: str) -> Identity:
        """Return the identity of a personal or an organization's token; else raise `BadToken`."""
        identity = await self._find_by_token(secret)
        if identity is None:
            raise BadToken
        return identity

    async def _by_token(self, name: str, secret: str) -> Identity:
        identity = await self._find_by_token(secret)
        if identity is None:
            raise BadCredentials
        if identity.job is None and fold_name(name) != identity.name.partition(":")[0]:
            raise BadCredentials
        return identity

    async def _find_by_token(self, secret: str) -> Identity | None:
        if is_of_grant(secret):
            return await self._workloads.find_by_secret(secret)
        token = await find_token(self._reader, hash_secret(secret))
        if token is None or token.kind not in _PRESENTED or not token.is_live(self._now()):
            return None
        return await self._identity_of(token)

    async def _identity_of(self, token: Token) -> Identity | None:
        """Whom a live token stands for; `None` where they may do nothing any more."""
        ceiling = ACTIONS_OF_SCOPE[token.scope]
        made = Identity(
            None, ceiling, token.id, expires_at=token.expires_at, patterns=token.repositories
        )
        if token.namespace_id is not None:
            namespace = await find_namespace_by_id(self._reader, token.namespace_id)
            if namespace is None:
                return None
            label = f"{namespace.name}:{token.label}"
            return replace(made, namespace_id=namespace.id, label=label)
        account = await find_account_by_id(self._reader, token.account_id)
        if account is None or account.disabled_at is not None:
            return None
        return replace(made, account=account)


def password_mark(account: Account) -> str:
    """A few characters that change with the password, so that a token can be tied to it."""
    return hash_secret(account.password_hash)[:16]
