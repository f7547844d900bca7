"""Personal tokens, refresh tokens, and registry tokens got with either or with a password."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from entrepot.errors import (
    Conflict,
    InvalidAccount,
    NamespaceUnknown,
    OutOfSpace,
    TokenUnknown,
    Unavailable,
)
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.identity.authentication import Identity, password_mark
from entrepot.hub.identity.registry_tokens import (
    CATALOG,
    HUB,
    LIFETIME,
    RegistryTokenClaims,
    RegistryTokens,
)
from entrepot.hub.identity.secrets import HINT_LENGTH, hash_secret, new_secret
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import ALL_ACTIONS, Action, Actions, Permissions, check_own
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.people import tokens
from entrepot.metadata.people.accounts import find_namespace_by_id, list_owner_ids
from entrepot.model.people.accounts import Account, Namespace, NamespaceKind
from entrepot.model.people.tokens import Token, TokenKind, TokenScope
from entrepot.oci.names import RepositoryName

REFRESH_LIFETIME: Final = timedelta(days=90)
DEFAULT_LIFETIME: Final = timedelta(days=90)
"""The lifetime of new tokens by default."""
_LISTED: Final = (TokenKind.PERSONAL, TokenKind.ORGANIZATION)
MAX_LABEL: Final = 100
_TOUCH_EVERY: Final = timedelta(minutes=1)
_REMEMBERED: Final = 10_000
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
MOST_LIVE: Final = 500
"""Tokens of one kind that one account has made and that work."""
MOST_REFRESH: Final = 100
"""Refresh tokens of one account; the one not used for longest goes for another."""
MAX_REPOSITORIES: Final = 50


@dataclass(frozen=True, slots=True)
class AskedAccess:
    """One scope that a client asks for: on a repository, or (`name` is `None`) the catalog."""

    name: RepositoryName | None
    actions: Actions


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A registry token, and when it stops working."""

    text: str
    lifetime: timedelta
    grants: dict[str, Actions]


class Tokens:
    """Makes, lists and revokes what stands for an account."""

    def __init__(
        self,
        metadata: Metadata,
        permissions: Permissions,
        registry_tokens: RegistryTokens,
        now: Clock,
    ) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._registry_tokens = registry_tokens
        self._now = now
        self._touched: dict[int, datetime] = {}

    async def add_personal(
        self,
        account: Account,
        label: str,
        scope: TokenScope,
        lifetime: timedelta | None = DEFAULT_LIFETIME,
        repositories: Sequence[str] | None = None,
        by: Actor = OPERATOR,
    ) -> tuple[Token, str]:
        """Make a personal token; its secret is returned here and never again.

        It may be limited to some repositories: names, and `prefix/*`. Accounts cannot make one for
        another account. One that is made with a token, and not with the password, ends with it.
        """
        if not by.identity.is_operator:
            check_own(account, by)
        token = Token(
            id=0,
            account_id=account.id,
            kind=TokenKind.PERSONAL,
            parent_id=by.identity.token_id,
            label=label,
            hint="",
            scope=scope,
            created_at=self._now(),
            expires_at=self._end_of(lifetime, by),
            last_used_at=None,
            revoked_at=None,
            repositories=_checked(repositories),
        )
        return await self._make(token, account.id, account.name, by)

    async def add_organization(
        self,
        organization: str,
        label: str,
        scope: TokenScope,
        lifetime: timedelta | None = DEFAULT_LIFETIME,
        repositories: Sequence[str] | None = None,
        by: Actor = OPERATOR,
    ) -> tuple[Token, str]:
        """Create a token that acts for the organization, also when its creator leaves; for owners.

        It is presented with the organization's name in place of an account's. One that is made
        with a token, and not with a password, ends with it.
        """
        namespace = await self._owned(organization, by)
        owners = await list_owner_ids(self._metadata.reader, namespace.id)
        token = Token(
            id=0,
            account_id=by.account.id if by.account else owners[0],
            kind=TokenKind.ORGANIZATION,
            parent_id=by.identity.token_id,
            label=label,
            hint="",
            scope=scope,
            created_at=self._now(),
            expires_at=self._end_of(lifetime, by),
            last_used_at=None,
            revoked_at=None,
            namespace_id=namespace.id,
            repositories=_checked(repositories),
        )
        return await self._make(token, namespace.id, organization, by)

    async def add_refresh(self, identity: Identity, client: str) -> str:
        """The secret of a new refresh token for an account that presented credentials."""
        if not identity.is_authenticated:
            raise TokenUnknown
        scope = next(
            scope
            for scope, actions in reversed(_SCOPES)
            if actions <= identity.ceiling  # the widest that does not exceed what was presented
        )
        latest = self._now() + REFRESH_LIFETIME
        expires_at = min(latest, identity.expires_at or latest)
        token = Token(
            id=0,
            account_id=await self._holder_id(identity),
            kind=TokenKind.REFRESH,
            parent_id=identity.token_id,
            label=client.replace("\0", "")[:64] or "client",
            hint="",
            scope=scope,
            created_at=self._now(),
            expires_at=expires_at,
            last_used_at=None,
            revoked_at=None,
            namespace_id=identity.namespace_id,
            repositories=identity.patterns,
        )
        async with self._metadata.begin() as tx:
            secret = (await self._insert(tx, token))[1]
            await tokens.keep_newest_refresh_tokens(tx, token.account_id, MOST_REFRESH)
        return secret

    async def issue(self, identity: Identity, asked: Iterable[AskedAccess]) -> IssuedToken:
        """A registry token for what is both asked for and allowed; less than asked is no error.

        Except `NoSuchNamespace` where all that is asked for is to push to where nothing can be.
        """
        now = self._now()
        grants = await self._grants(identity, asked)
        expires_at = min(now + LIFETIME, identity.expires_at or now + LIFETIME)
        claims = RegistryTokenClaims(
            account_id=identity.account_id,
            token_id=identity.token_id,
            password_mark=password_mark(identity.account) if identity.account else "",
            grants=grants,
            expires_at=expires_at,
            grant_id=identity.job.id if identity.job else None,
        )
        text = await self._registry_tokens.issue(claims, now)
        return IssuedToken(text, expires_at - now, grants)

    async def issue_for_hub(
        self, identity: Identity, lifetime: timedelta, more: Mapping[str, object]
    ) -> str:
        """A token of Docker Hub's API for all that the identity may do; `more` are further claims.

        It ends with the password or the token that it was got with.
        """
        now = self._now()
        claims = RegistryTokenClaims(
            account_id=identity.account_id,
            token_id=identity.token_id,
            password_mark=password_mark(identity.account) if identity.account else "",
            grants={HUB: frozenset({Action.PULL})},
            expires_at=min(now + lifetime, identity.expires_at or now + lifetime),
        )
        return await self._registry_tokens.issue(claims, now, more)

    async def _grants(self, identity: Identity, asked: Iterable[AskedAccess]) -> dict[str, Actions]:
        grants: dict[str, Actions] = {}
        refused: RepositoryName | None = None
        for access in asked:
            if access.name is None:
                grants[CATALOG] = frozenset({Action.PULL})
                continue
            rights = await self._permissions.rights(identity, access.name)
            granted = rights.actions & access.actions
            if granted:
                held = grants.get(access.name.text, frozenset())
                grants[access.name.text] = held | granted
            elif Action.PUSH in access.actions:
                refused = refused or access.name
        if refused is not None and not grants:
            await self._permissions.check_namespace(identity, refused)
        return grants

    async def list_personal(self) -> list[tuple[Token, str]]:
        """Every personal token with its account's name, oldest first."""
        return await tokens.list_personal(self._metadata.reader)

    async def list_of(self, account: Account) -> list[Token]:
        """The account's personal tokens, newest first."""
        return await tokens.list_of_account(self._metadata.reader, account.id)

    async def list_of_organization(self, organization: str, by: Actor) -> list[Token]:
        """The organization's tokens, newest first; for its owners."""
        namespace = await self._owned(organization, by)
        found = await tokens.list_of_namespace(self._metadata.reader, namespace.id)
        return [each for each in found if each.kind is TokenKind.ORGANIZATION]

    async def revoke(self, token_id: int, by: Actor = OPERATOR) -> None:
        """Make the token, and all that was got with it, stop working now.

        For its creator, owners of the organization and administrators; else raise `TokenUnknown`.
        """
        token = await tokens.find_token_by_id(self._metadata.reader, token_id)
        # Sign-ins and one-time links have ids too, but are in no list of tokens.
        is_listed = token is not None and token.kind in _LISTED
        if token is None or not is_listed or not await self._may_revoke(token, by):
            raise TokenUnknown(f"no active token has the id {token_id}")
        now = self._now()
        async with self._metadata.begin() as tx:
            if not await tokens.revoke_token(tx, token_id, now):
                raise TokenUnknown(f"no active token has the id {token_id}")
            namespace_id = token.namespace_id or token.account_id
            entry = Entry(namespace_id, by, Audited.TOKEN_REVOKE, token.label)
            await record(tx, entry, now)

    async def touch(self, token_id: int, address: str = "") -> None:
        """Record that a token was used, and from where; at most once a minute."""
        now = self._now()
        # Remembered here too: a transaction for nothing is one that others wait for.
        if now - self._touched.get(token_id, _NEVER) < _TOUCH_EVERY:
            return
        if len(self._touched) >= _REMEMBERED:
            self._touched.clear()
        self._touched[token_id] = now
        # A pull that only this note stands in the way of goes on: the disk is full, or the facts
        # are on their way to another database.
        with suppress(OutOfSpace, Unavailable):
            async with self._metadata.begin() as tx:
                await tokens.touch_token(tx, token_id, now, address)

    def _end_of(self, lifetime: timedelta | None, by: Actor) -> datetime | None:
        """When a new token ends: never after the one that it is made with."""
        ends = [by.identity.expires_at] if by.identity.expires_at is not None else []
        ends += [self._now() + lifetime] if lifetime is not None else []
        return min(ends, default=None)

    async def _make(
        self, token: Token, namespace_id: int, whose: str, by: Actor
    ) -> tuple[Token, str]:
        if not 0 < len(token.label) <= MAX_LABEL or not token.label.isprintable():
            raise InvalidAccount(f"invalid token name: use 1 to {MAX_LABEL} characters on one line")
        now = self._now()
        async with self._metadata.begin() as tx:
            if await tokens.count_live(tx, token.account_id, token.kind, now) >= MOST_LIVE:
                raise Conflict(
                    f"the limit of {MOST_LIVE} active tokens is reached: revoke one first"
                )
            made = await self._insert(tx, token)
            details = {"label": token.label, "scope": str(token.scope)}
            entry = Entry(namespace_id, by, Audited.TOKEN_CREATE, whose, details)
            await record(tx, entry, now)
        return made

    async def _insert(self, tx: Transaction, token: Token) -> tuple[Token, str]:
        secret = new_secret(token.kind)
        token = replace(token, hint=secret[:HINT_LENGTH])
        token_id = await tokens.insert_token(tx, token, hash_secret(secret))
        return replace(token, id=token_id), secret

    async def _owned(self, organization: str, by: Actor) -> Namespace:
        found = await self._permissions.namespace_to_administer(by.identity, organization)
        if found.kind is not NamespaceKind.ORGANIZATION:
            raise NamespaceUnknown(f"no such organization: {organization}")
        return found

    async def _may_revoke(self, token: Token, by: Actor) -> bool:
        if not by.identity.is_authenticated or not by.identity.is_unlimited:
            return False
        if by.identity.is_superuser:
            return True
        if token.namespace_id is None:
            return by.identity.account_id == token.account_id
        namespace = await find_namespace_by_id(self._metadata.reader, token.namespace_id)
        if namespace is None:
            return False
        rights = await self._permissions.rights_in_namespace(by.identity, namespace)
        return rights.may_administer

    async def _holder_id(self, identity: Identity) -> int:
        """The account that a refresh token is written down for: of an organization's, its maker."""
        if identity.account_id is not None:
            return identity.account_id
        reader = self._metadata.reader
        found = await tokens.find_token_by_id(reader, identity.token_id or 0)
        if found is None:
            raise TokenUnknown
        return found.account_id


def _checked(repositories: Sequence[str] | None) -> tuple[str, ...] | None:
    if repositories is None:
        return None
    patterns = tuple(dict.fromkeys(repositories))
    if not 0 < len(patterns) <= MAX_REPOSITORIES:
        raise InvalidAccount(f"a token can be limited to 1 to {MAX_REPOSITORIES} repositories")
    for each in patterns:
        RepositoryName(each.removesuffix("/*"))  # raises InvalidName
    return patterns


_SCOPES: Final = (
    (TokenScope.READ, frozenset({Action.PULL})),
    (TokenScope.WRITE, frozenset({Action.PULL, Action.PUSH})),
    (TokenScope.ADMIN, ALL_ACTIONS),
)
