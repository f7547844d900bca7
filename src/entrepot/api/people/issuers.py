"""Issuers of ID tokens, for the hub's administrators."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from entrepot.api.fields import Asked, Moment, NameText
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.api.requests import ApiRequest, route
from entrepot.http.authorize import AccessRule
from entrepot.hub.workloads.issuers import MAX_KEYS
from entrepot.model.people.workloads import Issuer as StoredIssuer
from entrepot.model.people.workloads import IssuerKind

_Url = Annotated[
    str,
    Meta(
        max_length=500,
        description="The claim `iss` of its tokens; empty: that of a known issuer by its name.",
        examples=["https://token.actions.githubusercontent.com"],
    ),
]
_Kind = Literal["github", "gitlab", "kubernetes", "other"]
_Audiences = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[!-~]+$")], ...],
    Meta(max_length=20, description="Audiences that are taken beside the hub's URL."),
]
_Keys = Annotated[
    str,
    Meta(
        max_length=MAX_KEYS,
        description="A JSON Web Key Set, for an issuer that the hub cannot ask for its keys.",
    ),
]


class Issuer(Struct, frozen=True):
    """An issuer of ID tokens."""

    name: str
    kind: _Kind
    url: str
    audiences: tuple[str, ...]
    has_keys: bool
    """Whether its keys were uploaded; else it is asked for them."""
    allows_private: bool
    created_at: Moment


class NewIssuer(Asked, frozen=True, kw_only=True):
    """The issuer to register."""

    name: NameText
    url: _Url = ""
    kind: _Kind | None = None
    audiences: _Audiences = ()
    keys: _Keys = ""
    allows_private: bool = False


class IssuerChange(Asked, frozen=True, kw_only=True):
    """The fields to change; omitted fields stay as they are."""

    audiences: _Audiences | UnsetType = UNSET
    keys: _Keys | UnsetType = UNSET
    allows_private: bool | UnsetType = UNSET


class IssuerKeys(Struct, frozen=True):
    """How many keys an issuer has now."""

    keys: int


async def list_issuers(request: ApiRequest, query: PageQuery) -> Page[Issuer]:
    """List the issuers of ID tokens by name."""
    return cut(await request.app.issuers.list_all(), query, _shown)


async def create_issuer(request: ApiRequest, body: NewIssuer) -> Issuer:
    """Register an issuer of ID tokens. It is not asked before the first token."""
    made = await request.app.issuers.add(
        body.name,
        body.url,
        None if body.kind is None else IssuerKind(body.kind),
        audiences=body.audiences,
        keys=body.keys,
        allows_private=body.allows_private,
        by=request.actor,
    )
    request.created(f"/issuers/{made.name}")
    return _shown(made)


async def get_issuer(request: ApiRequest) -> Issuer:
    """Return an issuer."""
    return _shown(await request.app.issuers.get(request.values["issuer"]))


async def change_issuer(request: ApiRequest, body: IssuerChange) -> Issuer:
    """Change an issuer's audiences or keys."""
    changed = await request.app.issuers.edit(
        request.values["issuer"],
        audiences=None if body.audiences is UNSET else body.audiences,
        keys=None if body.keys is UNSET else body.keys,
        allows_private=None if body.allows_private is UNSET else body.allows_private,
        by=request.actor,
    )
    return _shown(changed)


async def delete_issuer(request: ApiRequest) -> None:
    """Delete an issuer and all trusts in it; the grants by these end."""
    await request.app.issuers.remove(request.values["issuer"], request.actor)


async def test_issuer(request: ApiRequest) -> IssuerKeys:
    """Ask an issuer for its keys; 503 where it does not answer."""
    return IssuerKeys(await request.app.issuers.test(request.values["issuer"]))


def _shown(issuer: StoredIssuer) -> Issuer:
    return Issuer(
        issuer.name,
        issuer.kind.value,
        issuer.url,
        issuer.audiences,
        bool(issuer.keys),
        issuer.allows_private,
        issuer.created_at,
    )


_ONE: Final = "/issuers/{issuer}"

ROUTES: Final = (
    route("GET", "/issuers", AccessRule.SIGNED_IN, list_issuers),
    route("POST", "/issuers", AccessRule.HUB_ADMIN, create_issuer, status=201),
    route("GET", _ONE, AccessRule.SIGNED_IN, get_issuer),
    route("PATCH", _ONE, AccessRule.HUB_ADMIN, change_issuer),
    route("DELETE", _ONE, AccessRule.HUB_ADMIN, delete_issuer),
    route("POST", f"{_ONE}/test", AccessRule.HUB_ADMIN, test_issuer),
)
