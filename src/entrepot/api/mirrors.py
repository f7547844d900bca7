"""Mirrors of other registries, for the hub's administrators."""

from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from entrepot.api.fields import Asked, Moment, NameText
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.api.requests import ApiRequest, route
from entrepot.errors import Invalid
from entrepot.http.authorize import AccessRule
from entrepot.hub.mirrors import MAX_TTL, MirrorSettings, settings_of
from entrepot.model.mirroring.prefetches import AttachmentChoice, Selection
from entrepot.model.mirrors import DEFAULT_TTL, NEVER, MirrorVisibility
from entrepot.model.mirrors import Mirror as StoredMirror
from entrepot.oci.names import RepositoryName

_Url = Annotated[str, Meta(max_length=500, description="The registry's URL; empty: the preset's.")]
_Text = Annotated[str, Meta(max_length=500)]
_Password = Annotated[str, Meta(max_length=10_000, description="Stored encrypted, never shown.")]
_Ttl = Annotated[int, Meta(ge=NEVER, le=MAX_TTL, description="Seconds; -1: never asked again.")]
_Words = Annotated[tuple[_Text, ...], Meta(max_length=100)]
_Size = Annotated[int, Meta(ge=1, le=2**62, description="The most bytes that are cached.")]
_Visibility = Literal["public", "signed-in", "members"]
_MOST_TAGS: Final = 1000
"""Tags that a pattern of one request may stand for; the command has no such limit."""


class Mirror(Struct, frozen=True):
    """A mirror of another registry; its password is never shown."""

    name: str
    url: str
    preset: str
    username: str
    has_password: bool
    visibility: _Visibility
    ttl: int
    size_limit: int | None
    is_offline: bool
    allows_private: bool
    networks: tuple[str, ...]
    token_hosts: tuple[str, ...]
    answers_to: tuple[str, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    created_at: Moment
    problem: str
    """Why its registry could not be asked the last time; empty where it could."""


class NewMirror(Asked, frozen=True, kw_only=True):
    """The mirror to create: a URL, or the preset of a known registry."""

    name: NameText
    url: _Url = ""
    preset: _Text = ""
    username: _Text = ""
    password: _Password | None = None
    visibility: _Visibility = "signed-in"
    ttl: _Ttl = DEFAULT_TTL
    size_limit: _Size | None = None
    is_offline: bool = False
    allows_private: bool = False
    networks: _Words = ()
    token_hosts: _Words = ()
    answers_to: _Words | None = None
    include: _Words = ()
    exclude: _Words = ()


class MirrorChange(Asked, frozen=True, kw_only=True):
    """The fields to change; omitted fields stay as they are."""

    url: _Url | UnsetType = UNSET
    username: _Text | UnsetType = UNSET
    password: _Password | UnsetType = UNSET
    visibility: _Visibility | UnsetType = UNSET
    ttl: _Ttl | UnsetType = UNSET
    size_limit: _Size | UnsetType | None = UNSET
    is_offline: bool | UnsetType = UNSET
    allows_private: bool | UnsetType = UNSET
    networks: _Words | UnsetType = UNSET
    token_hosts: _Words | UnsetType = UNSET
    answers_to: _Words | UnsetType = UNSET
    include: _Words | UnsetType = UNSET
    exclude: _Words | UnsetType = UNSET


class PrefetchOrder(Asked, frozen=True, kw_only=True):
    """The artifacts to fetch, by repositories below the mirror."""

    references: Annotated[
        tuple[_Text, ...],
        Meta(
            min_length=1,
            max_length=100,
            description="`REPOSITORY:TAG` or `REPOSITORY@DIGEST`; `*` and `?` stand for any text.",
            examples=[["library/nginx:1.27", "library/redis:7.*"]],
        ),
    ]
    platforms: Annotated[
        tuple[_Text, ...], Meta(max_length=50, description="Such as `linux/amd64`; empty: all.")
    ] = ()
    attachments: Literal["all", "signatures", "none"] = "all"
    dry_run: Annotated[bool, Meta(description="Only say what would be fetched.")] = False


class Prefetched(Struct, frozen=True):
    """An artifact, and how much of it was not here."""

    reference: str
    action: Literal["copy", "skip", "fail"]
    digest: str
    bytes: int
    blobs: int
    note: str
    """Why it failed, or what the upstream lacks."""


class PrefetchReport(Struct, frozen=True):
    """The outcome for every artifact."""

    artifacts: list[Prefetched]


async def list_mirrors(request: ApiRequest, query: PageQuery) -> Page[Mirror]:
    """List the mirrors by name."""
    return cut(await request.app.mirrors.list_all(), query, _shown)


async def create_mirror(request: ApiRequest, body: NewMirror) -> Mirror:
    """Create a mirror. Its registry is not asked before the first pull."""
    given: dict[str, Any] = structs.asdict(body)
    name = given.pop("name")
    settings = MirrorSettings(**(given | {"visibility": MirrorVisibility(body.visibility)}))
    made = await request.app.mirrors.add(name, settings, request.actor)
    request.created(f"/mirrors/{made.name}")
    return _shown(made)


async def get_mirror(request: ApiRequest) -> Mirror:
    """Return a mirror."""
    return _shown(await request.app.mirrors.get(request.values["mirror"]))


async def change_mirror(request: ApiRequest, body: MirrorChange) -> Mirror:
    """Change a mirror; what it has cached stays."""
    found = await request.app.mirrors.get(request.values["mirror"])
    changes = {key: value for key, value in structs.asdict(body).items() if value is not UNSET}
    if "visibility" in changes:
        changes["visibility"] = MirrorVisibility(changes["visibility"])
    settings = replace(settings_of(found), **changes)
    return _shown(await request.app.mirrors.edit(found.name, settings, request.actor))


async def delete_mirror(request: ApiRequest) -> None:
    """Delete a mirror with everything that it has cached."""
    await request.app.mirrors.remove(request.values["mirror"], request.actor)


async def prefetch(request: ApiRequest, body: PrefetchOrder) -> PrefetchReport:
    """Fetch artifacts whole, so that they are here when they are pulled.

    The answer comes when all is here. Downloads of blobs go on where the client leaves before: ask
    again, and what is here is not fetched again.
    """
    app, found = request.app, list[Prefetched]()
    mirror = await app.mirrors.get(request.values["mirror"])
    selection = Selection(body.platforms, AttachmentChoice(body.attachments))
    for reference in body.references:
        name, pattern = _split(reference)
        asked = await app.mirrors.find_name(RepositoryName(f"{mirror.name}/{name}"))
        outcomes = app.prefetches.run(
            asked, pattern, selection, dry_run=body.dry_run, most=_MOST_TAGS
        )
        found += [
            Prefetched(
                each.reference, each.action.value, each.digest, each.size, each.blobs, each.reason
            )
            async for each in outcomes
        ]
    return PrefetchReport(found)


def _split(reference: str) -> tuple[str, str]:
    """The repository, and the tag, pattern or digest behind it."""
    name, at, digest = reference.partition("@")
    if not at:
        name, _, digest = reference.rpartition(":")
    if not name or not digest:
        raise Invalid(f"say which tags of {reference}: write REPOSITORY:TAG")
    return name, digest


def _shown(mirror: StoredMirror) -> Mirror:
    return Mirror(
        mirror.name,
        mirror.url,
        mirror.preset,
        mirror.username,
        bool(mirror.secret),
        mirror.visibility.value,
        mirror.ttl,
        mirror.size_limit,
        mirror.is_offline,
        mirror.allows_private,
        mirror.networks,
        mirror.token_hosts,
        mirror.answers_to,
        mirror.include,
        mirror.exclude,
        mirror.created_at,
        mirror.backs_off_reason if mirror.back_off is not None else "",
    )


_ONE: Final = "/mirrors/{mirror}"

ROUTES: Final = (
    route("GET", "/mirrors", AccessRule.HUB_ADMIN, list_mirrors),
    route("POST", "/mirrors", AccessRule.HUB_ADMIN, create_mirror, status=201),
    route("GET", _ONE, AccessRule.HUB_ADMIN, get_mirror),
    route("PATCH", _ONE, AccessRule.HUB_ADMIN, change_mirror),
    route("DELETE", _ONE, AccessRule.HUB_ADMIN, delete_mirror),
    route("POST", f"{_ONE}/prefetch", AccessRule.HUB_ADMIN, prefetch),
)
