"""Personal tokens, refresh tokens, and registry tokens got with either or with a password."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from entrepot.errors import TokenUnknown
from entrepot.hub.identities import Identity, password_mark
from entrepot.hub.permissions import EVERYTHING, Action, Actions, Permissions
from entrepot.hub.registry_tokens import CATALOG, LIFETIME, Claims, RegistryTokens
from entrepot.hub.secrets import HINT_LENGTH, hash_secret, new_secret
from entrepot.metadata import tokens
from entrepot.metadata.accounts import Account
from entrepot.metadata.engine import Clock, Metadata
from entrepot.metadata.tokens import Scope, Token, TokenKind
from entrepot.oci.names import RepositoryName

REFRESH_LIFETIME: Final = timedelta(days=90)


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

    async def add_personal(
        self, account: Account, label: str, scope: Scope, lifetime: timedelta | None
    ) -> tuple[Token, str]:
        """Make a personal token; its secret is returned here and never again."""
        expires_at = None if lifetime is None else self._now() + lifetime
        return await self._add(account.id, TokenKind.PERSONAL, label, scope, expires_at, None)

    async def add_refresh(self, identity: Identity, client: str) -> str:
        """The secret of a new refresh token for somebody who presented credentials."""
        account_id = identity.account_id
        if account_id is None:
            raise TokenUnknown
        scope = next(
            scope
            for scope, actions in reversed(_SCOPES)
            if actions <= identity.ceiling  # the widest that does not exceed what was presented
        )
        latest = self._now() + REFRESH_LIFETIME
        expires_at = min(latest, identity.expires_at or latest)
        label = client.replace("\0", "")[:64] or "client"
        made = await self._add(
            account_id, TokenKind.REFRESH, label, scope, expires_at, identity.token_id
        )
        return made[1]

    async def issue(self, identity: Identity, asked: Iterable[AskedAccess]) -> IssuedToken:
        """A registry token for what is both asked for and allowed; less than asked is no error."""
        now = self._now()
        grants: dict[str, Actions] = {}
        for access in asked:
            if access.name is None:
                grants[CATALOG] = frozenset({Action.PULL})
                continue
            rights = await self._permissions.rights(identity, access.name)
            granted = rights.actions & access.actions
            if granted:
                held = grants.get(access.name.text, frozenset())
                grants[access.name.text] = held | granted
        expires_at = min(now + LIFETIME, identity.expires_at or now + LIFETIME)
        claims = Claims(
            account_id=identity.account_id,
            token_id=identity.token_id,
            password_mark=password_mark(identity.account) if identity.account else "",
            grants=grants,
            expires_at=expires_at,
        )
        text = await self._registry_tokens.issue(claims, now)
        return IssuedToken(text, expires_at - now, grants)

    async def list_personal(self) -> list[tuple[Token, str]]:
        """Every personal token with its account's name, oldest first."""
        return await tokens.list_personal(self._metadata.reader)

    async def revoke(self, token_id: int) -> None:
        """Make the token, and all that was got with it, stop working now."""
        async with self._metadata.begin() as tx:
            if not await tokens.revoke_token(tx, token_id, self._now()):
                raise TokenUnknown(f"no live token has the id {token_id}")

    async def touch(self, token_id: int) -> None:
        """Record that a token was used; at most once a minute is enough."""
        async with self._metadata.begin() as tx:
            await tokens.touch_token(tx, token_id, self._now())

    async def _add(
        self,
        account_id: int,
        kind: TokenKind,
        label: str,
        scope: Scope,
        expires_at: datetime | None,
        parent_id: int | None,
    ) -> tuple[Token, str]:
        secret = new_secret(kind)
        token = Token(
            id=0,
            account_id=account_id,
            kind=kind,
            parent_id=parent_id,
            label=label,
            hint=secret[:HINT_LENGTH],
            scope=scope,
            created_at=self._now(),
            expires_at=expires_at,
            last_used_at=None,
            revoked_at=None,
        )
        async with self._metadata.begin() as tx:
            token_id = await tokens.insert_token(tx, token, hash_secret(secret))
        return replace(token, id=token_id), secret


_SCOPES: Final = (
    (Scope.READ, frozenset({Action.PULL})),
    (Scope.WRITE, frozenset({Action.PULL, Action.PUSH})),
    (Scope.ADMIN, EVERYTHING),
)
