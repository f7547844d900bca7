"""Access tokens, one's own and an organization's; a new one's secret is told once."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Final

from msgspec import Meta, Struct
from msgspec.structs import asdict

from entrepot.api.fields import Asked, CoveredText, Label, Moment, Secret
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.api.requests import ApiRequest, proof, route, shown
from entrepot.errors import TokenUnknown
from entrepot.http.authorize import AccessRule
from entrepot.hub.people.actors import Actor, Identity
from entrepot.hub.permissions import check_own
from entrepot.model.people.accounts import Account, NamespaceKind
from entrepot.model.people.tokens import Token as StoredToken
from entrepot.model.people.tokens import TokenScope


class Token(Struct, frozen=True, kw_only=True):
    """A token; `hint` is the beginning of its secret, `repositories` are those it is limited to."""

    id: int
    label: str
    hint: str
    scope: TokenScope
    repositories: list[str] | None
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None
    last_used_from: str
    revoked_at: Moment | None


class TokenOfAccount(Token, frozen=True, kw_only=True):
    """A personal token, and the account that it belongs to."""

    account: str


class MadeToken(Struct, frozen=True, kw_only=True):
    """A new token and its secret, which is shown only once."""

    token: Token
    secret: str


class NewToken(Asked, frozen=True, kw_only=True):
    """The token to create; its lifetime is `days` and `hours`, without limit by default.

    A token that another token creates ends with that one, unless the account's `password` is given.
    """

    label: Label
    scope: TokenScope
    days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    hours: Annotated[int, Meta(ge=1, le=87_600)] | None = None
    repositories: Annotated[list[CoveredText], Meta(min_length=1, max_length=50)] | None = None
    password: Secret | None = None

    @property
    def lifetime(self) -> timedelta | None:
        """How long it works."""
        if self.days is None and self.hours is None:
            return None
        return timedelta(days=self.days or 0, hours=self.hours or 0)


async def list_tokens(request: ApiRequest, query: PageQuery) -> Page[Token]:
    """List the account's tokens, the newest first."""
    found = await request.app.tokens.list_of(request.unlimited_account)
    return cut(found, query, lambda each: shown(Token, each))


async def create_token(request: ApiRequest, body: NewToken) -> MadeToken:
    """Create a token of the account."""
    made = await request.app.tokens.add_personal(
        request.account,
        body.label,
        body.scope,
        body.lifetime,
        body.repositories,
        await _proven(request, body.password),
    )
    return _made(made)


async def revoke_token(request: ApiRequest) -> None:
    """Revoke a token of the account."""
    await _revoke(request, await request.app.tokens.list_of(request.unlimited_account))


async def list_namespace_tokens(request: ApiRequest, query: PageQuery) -> Page[Token]:
    """List the tokens of an organization or of the caller's own account, the newest first."""
    return cut(await _tokens_of(request), query, lambda each: shown(Token, each))


async def create_namespace_token(request: ApiRequest, body: NewToken) -> MadeToken:
    """Create a token of an organization, which does not belong to its creator, or of the account.

    Nobody creates a token for another account, administrators included: 403.
    """
    account, tokens = await _own_account(request), request.app.tokens
    by = await _proven(request, body.password)
    values = (body.label, body.scope, body.lifetime, body.repositories, by)
    if account is not None:
        return _made(await tokens.add_personal(account, *values))
    return _made(await tokens.add_organization(request.namespace.name, *values))


async def revoke_namespace_token(request: ApiRequest) -> None:
    """Revoke a token of an organization or of the caller's own account."""
    await _revoke(request, await _tokens_of(request))


async def list_all_tokens(request: ApiRequest, query: PageQuery) -> Page[TokenOfAccount]:
    """List the personal tokens of all accounts, the oldest first."""
    found = await request.app.tokens.list_personal()
    return cut(found, query, _of_account)


async def revoke_any_token(request: ApiRequest) -> None:
    """Revoke a token of any account or organization, such as one that leaked."""
    await request.app.tokens.revoke(request.number, request.actor)


async def _own_account(request: ApiRequest) -> Account | None:
    """The account that the address names, for itself and the operator; `None`: an organization."""
    if request.namespace.kind is not NamespaceKind.ACCOUNT:
        return None
    account = await request.app.accounts.get(request.namespace.name)
    if not request.identity.is_operator:
        check_own(account, request.actor)
    return account


async def _tokens_of(request: ApiRequest) -> list[StoredToken]:
    account = await _own_account(request)
    if account is not None:
        return await request.app.tokens.list_of(account)
    return await request.app.tokens.list_of_organization(request.namespace.name, request.actor)


def _of_account(found: tuple[StoredToken, str]) -> TokenOfAccount:
    token, account = found
    return TokenOfAccount(**asdict(shown(Token, token)), account=account)


async def _proven(request: ApiRequest, password: str | None) -> Actor:
    """Who asks: by their token, or, where they give their password, as themselves."""
    if password is None:
        return request.actor
    account = request.unlimited_account
    with proof():
        await request.app.accounts.check_password(account, password, request.actor)
    return replace(request.actor, identity=Identity(account))


async def _revoke(request: ApiRequest, among: list[StoredToken]) -> None:
    if request.number not in {each.id for each in among}:
        raise TokenUnknown
    await request.app.tokens.revoke(request.number, request.actor)


def _made(made: tuple[StoredToken, str]) -> MadeToken:
    return MadeToken(token=shown(Token, made[0]), secret=made[1])


_N: Final = "/namespaces/{namespace}/tokens"

ROUTES: Final = (
    route("GET", "/me/tokens", AccessRule.SIGNED_IN, list_tokens),
    route("POST", "/me/tokens", AccessRule.SIGNED_IN, create_token, status=201),
    route("DELETE", "/me/tokens/{id}", AccessRule.SIGNED_IN, revoke_token),
    route("GET", _N, AccessRule.NAMESPACE_OWNER, list_namespace_tokens),
    route("POST", _N, AccessRule.NAMESPACE_OWNER, create_namespace_token, status=201),
    route("DELETE", f"{_N}/{{id}}", AccessRule.NAMESPACE_OWNER, revoke_namespace_token),
    route("GET", "/admin/tokens", AccessRule.HUB_ADMIN, list_all_tokens),
    route("DELETE", "/admin/tokens/{id}", AccessRule.HUB_ADMIN, revoke_any_token),
)
