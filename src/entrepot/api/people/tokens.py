"""Access tokens, one's own and an organization's; a new one's secret is told once."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Final

from msgspec import Meta, Struct

from entrepot.api.fields import Asked, CoveredText, Label, Moment, Secret
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.api.requests import ApiRequest, proof, route, shown
from entrepot.errors import TokenUnknown
from entrepot.http.authorize import AccessRule
from entrepot.hub.people.actors import Actor, Identity
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


class MadeToken(Struct, frozen=True, kw_only=True):
    """A new token and its secret, which is shown only once."""

    token: Token
    secret: str


class NewToken(Asked, frozen=True, kw_only=True):
    """The token to create; without `days` it does not expire.

    A token that another token creates ends with that one, unless the account's `password` is given.
    """

    label: Label
    scope: TokenScope
    days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    repositories: Annotated[list[CoveredText], Meta(min_length=1, max_length=50)] | None = None
    password: Secret | None = None

    @property
    def lifetime(self) -> timedelta | None:
        """How long it works."""
        return None if self.days is None else timedelta(days=self.days)


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


async def list_organisation_tokens(request: ApiRequest, query: PageQuery) -> Page[Token]:
    """List the organization's tokens, the newest first."""
    found = await request.app.tokens.list_of_organization(request.namespace.name, request.actor)
    return cut(found, query, lambda each: shown(Token, each))


async def create_organisation_token(request: ApiRequest, body: NewToken) -> MadeToken:
    """Create a token that belongs to the organization, not to its creator."""
    made = await request.app.tokens.add_organization(
        request.namespace.name,
        body.label,
        body.scope,
        body.lifetime,
        body.repositories,
        await _proven(request, body.password),
    )
    return _made(made)


async def revoke_organisation_token(request: ApiRequest) -> None:
    """Revoke a token of the organization."""
    name = request.namespace.name
    await _revoke(request, await request.app.tokens.list_of_organization(name, request.actor))


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
    route("GET", _N, AccessRule.NAMESPACE_OWNER, list_organisation_tokens),
    route("POST", _N, AccessRule.NAMESPACE_OWNER, create_organisation_token, status=201),
    route("DELETE", f"{_N}/{{id}}", AccessRule.NAMESPACE_OWNER, revoke_organisation_token),
)
