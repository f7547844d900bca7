"""Access tokens, one's own and an organisation's; a new one's secret is told once."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Final

from msgspec import Meta, Struct

from entrepot.api.calls import Call, proof, route, shown
from entrepot.api.fields import Asked, CoveredText, Label, Moment, Secret
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.errors import TokenUnknown
from entrepot.http.routing import Policy
from entrepot.hub.actors import Actor, Identity
from entrepot.metadata.tokens import Scope
from entrepot.metadata.tokens import Token as StoredToken


class Token(Struct, frozen=True, kw_only=True):
    """A token; `hint` is how its secret begins, `repositories` what it is limited to."""

    id: int
    label: str
    hint: str
    scope: Scope
    repositories: list[str] | None
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None
    last_used_from: str
    revoked_at: Moment | None


class MadeToken(Struct, frozen=True, kw_only=True):
    """A new token with its secret, which is never told again."""

    token: Token
    secret: str


class NewToken(Asked, frozen=True, kw_only=True):
    """A token to be made; without `days` it does not expire.

    One that is asked for with another token ends with that one, unless `password` is one's own.
    """

    label: Label
    scope: Scope
    days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    repositories: Annotated[list[CoveredText], Meta(min_length=1, max_length=50)] | None = None
    password: Secret | None = None

    @property
    def lifetime(self) -> timedelta | None:
        """How long it works."""
        return None if self.days is None else timedelta(days=self.days)


async def list_tokens(call: Call, query: PageQuery) -> Page[Token]:
    """One's own tokens, the newest first."""
    found = await call.desk.tokens.list_of(call.unlimited_account)
    return cut(found, query, lambda each: shown(Token, each))


async def create_token(call: Call, body: NewToken) -> MadeToken:
    """Make a token of one's own."""
    made = await call.desk.tokens.add_personal(
        call.account,
        body.label,
        body.scope,
        body.lifetime,
        body.repositories,
        await _proven(call, body.password),
    )
    return _made(made)


async def revoke_token(call: Call) -> None:
    """Make one of one's own tokens stop working now."""
    await _revoke(call, await call.desk.tokens.list_of(call.unlimited_account))


async def list_organisation_tokens(call: Call, query: PageQuery) -> Page[Token]:
    """Tokens that act for the organisation, the newest first."""
    found = await call.desk.tokens.list_of_organisation(call.namespace.name, call.actor)
    return cut(found, query, lambda each: shown(Token, each))


async def create_organisation_token(call: Call, body: NewToken) -> MadeToken:
    """Make a token that acts for the organisation, whoever leaves it."""
    made = await call.desk.tokens.add_organisation(
        call.namespace.name,
        body.label,
        body.scope,
        body.lifetime,
        body.repositories,
        await _proven(call, body.password),
    )
    return _made(made)


async def revoke_organisation_token(call: Call) -> None:
    """Make one of the organisation's tokens stop working now."""
    name = call.namespace.name
    await _revoke(call, await call.desk.tokens.list_of_organisation(name, call.actor))


async def _proven(call: Call, password: str | None) -> Actor:
    """Who asks: by their token, or, where they give their password, as themselves."""
    if password is None:
        return call.actor
    account = call.unlimited_account
    with proof():
        await call.desk.accounts.check_password(account, password, call.actor)
    return replace(call.actor, identity=Identity(account))


async def _revoke(call: Call, among: list[StoredToken]) -> None:
    if call.number not in {each.id for each in among}:
        raise TokenUnknown
    await call.desk.tokens.revoke(call.number, call.actor)


def _made(made: tuple[StoredToken, str]) -> MadeToken:
    return MadeToken(token=shown(Token, made[0]), secret=made[1])


_N: Final = "/namespaces/{namespace}/tokens"

ROUTES: Final = (
    route("GET", "/me/tokens", Policy.SIGNED_IN, list_tokens),
    route("POST", "/me/tokens", Policy.SIGNED_IN, create_token, status=201),
    route("DELETE", "/me/tokens/{id}", Policy.SIGNED_IN, revoke_token),
    route("GET", _N, Policy.OWN, list_organisation_tokens),
    route("POST", _N, Policy.OWN, create_organisation_token, status=201),
    route("DELETE", f"{_N}/{{id}}", Policy.OWN, revoke_organisation_token),
)
