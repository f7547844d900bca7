"""Trust roots: authorities that say who signed."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from entrepot.api.fields import Asked, Moment, RootText
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.api.requests import ApiRequest, route
from entrepot.http.authorize import AccessRule
from entrepot.hub.security.trust_roots import MAX_ROOT, parse_root_file
from entrepot.model.security.trust_roots import PUBLIC_GOOD, RootKind, StoredRoot

_Kind = Literal["sigstore", "x509"]


class TrustRoot(Struct, frozen=True, kw_only=True):
    """A trust root; the shipped one has no `created_at`, and some have no end."""

    name: str
    kind: _Kind
    is_shipped: bool
    expires_at: Moment | None
    created_at: Moment | None


class TrustRootPart(Struct, frozen=True):
    """An authority or a log of a root, and between which moments it counts; `null` is no bound."""

    what: str
    name: str
    starts_at: Moment | None
    ends_at: Moment | None


class TrustRootDetails(TrustRoot, frozen=True, kw_only=True):
    """A trust root with its authorities and logs, and its file."""

    parts: tuple[TrustRootPart, ...]
    content: str


class NewTrustRoot(Asked, frozen=True, kw_only=True):
    """The root to trust."""

    name: RootText
    content: Annotated[
        str,
        Meta(
            max_length=MAX_ROOT,
            description="A sigstore `trusted_root.json`, or certificates in PEM for notation;"
            " empty with the name `public-good`: the root that is shipped.",
        ),
    ] = ""


async def list_trust_roots(request: ApiRequest, query: PageQuery) -> Page[TrustRoot]:
    """List the trust roots by name: authorities that say who signed."""
    return cut(await request.app.trust_roots.list_all(), query, _shown)


async def create_trust_root(request: ApiRequest, body: NewTrustRoot) -> TrustRoot:
    """Trust a root from now on. Signatures that are there are verified again, by a job."""
    roots = request.app.trust_roots
    if body.name == PUBLIC_GOOD and not body.content:
        made = await roots.restore_shipped(request.actor)
    else:
        made = await roots.add(body.name, body.content, request.actor)
    request.created(f"/trust-roots/{made.name}")
    return _shown(made)


async def get_trust_root(request: ApiRequest) -> TrustRootDetails:
    """Return a trust root with its authorities and logs."""
    root = await request.app.trust_roots.get(request.values["root"])
    parts = tuple(
        TrustRootPart(each.what, each.name, *each.bounds)
        for each in parse_root_file(root.content).parts
    )
    return TrustRootDetails(
        name=root.name,
        kind=_kind(root),
        is_shipped=root.is_shipped,
        expires_at=root.expires_at,
        created_at=root.created_at,
        parts=parts,
        content=root.content,
    )


async def delete_trust_root(request: ApiRequest) -> None:
    """Trust a root no longer. Signatures that it vouched for are read again, by a job."""
    await request.app.trust_roots.remove(request.values["root"], request.actor)


def _shown(root: StoredRoot) -> TrustRoot:
    return TrustRoot(
        name=root.name,
        kind=_kind(root),
        is_shipped=root.is_shipped,
        expires_at=root.expires_at,
        created_at=root.created_at,
    )


def _kind(root: StoredRoot) -> _Kind:
    return "x509" if root.kind is RootKind.X509 else "sigstore"


_ONE: Final = "/trust-roots/{root}"

ROUTES: Final = (
    route("GET", "/trust-roots", AccessRule.SIGNED_IN, list_trust_roots),
    route("POST", "/trust-roots", AccessRule.HUB_ADMIN, create_trust_root, status=201),
    route("GET", _ONE, AccessRule.SIGNED_IN, get_trust_root),
    route("DELETE", _ONE, AccessRule.HUB_ADMIN, delete_trust_root),
)
