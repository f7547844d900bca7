"""Policies: immutable tags, retention, room."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from entrepot.api.fields import Asked, Moment
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.api.requests import ApiRequest, route
from entrepot.http.authorize import AccessRule
from entrepot.hub.policies import EffectivePolicies
from entrepot.model.policies import MOST, NUMBERS, Rules
from entrepot.oci.tag_patterns import MAX_PATTERNS, TagPatterns
from entrepot.registry.retention import Reason, Verdict

_Pattern = Annotated[
    str, Meta(pattern=r"^!?[A-Za-z0-9_.*?-]{1,128}$", description="A tag pattern, such as `v*`.")
]
_Patterns = Annotated[tuple[_Pattern, ...], Meta(max_length=MAX_PATTERNS)]
_Count = Annotated[int, Meta(ge=1, le=MOST)]


class RetentionRules(Asked, frozen=True, kw_only=True):
    """Rules that keep tags matching `tags`; without any number all tags are kept.

    Kept are the `newest` tags, tags pushed or pulled within some days, and those matching `keep`.
    """

    tags: _Patterns = ("*",)
    keep: _Patterns = ()
    newest: _Count | None = None
    pushed_within: _Count | None = None
    pulled_within: _Count | None = None


class Policies(Asked, frozen=True, kw_only=True):
    """Immutable tag patterns and retention rules."""

    immutable: _Patterns = ()
    retention: RetentionRules | None = None


class Decision(Struct, frozen=True):
    """The result of the rules for a tag, and the reason."""

    tag: str
    digest: str
    pushed_at: Moment
    goes: bool
    reason: Reason


class Applied(Struct, frozen=True):
    """The number of deleted tags."""

    removed: int


class Room(Struct, frozen=True):
    """The quota in bytes (`null`: unlimited) and the storage used; each blob counts once."""

    limit: int | None
    used: int


class NewRoom(Asked, frozen=True, kw_only=True):
    """The quota in bytes; `null` for unlimited."""

    limit: Annotated[int, Meta(ge=1, le=2**62)] | None


async def get_repository_policies(request: ApiRequest) -> Policies:
    """Return the repository's own policies."""
    own, _ = await request.app.policies.get_of_repository(request.repository)
    return _shown(own)


async def set_repository_policies(request: ApiRequest, body: Policies) -> Policies:
    """Replace the policies of a repository."""
    name, told = request.repository.name, _told(body)
    await request.app.policies.set_of_repository(
        name, told.immutable.text, told.rules, request.actor
    )
    return await get_repository_policies(request)


async def preview_retention(request: ApiRequest, query: PageQuery) -> Page[Decision]:
    """Preview the retention rules for each tag, the newest first; changes nothing."""
    found = await request.app.retention.preview(request.repository)
    return cut(found, query, _decision)


async def apply_retention(request: ApiRequest) -> Applied:
    """Delete the tags that the retention rules do not keep; they can be restored during the grace
    period.
    """
    return Applied(await request.app.retention.run(request.repository, request.listener))


async def get_namespace_policies(request: ApiRequest) -> Policies:
    """Return the policies of the namespace."""
    return _shown(await request.app.policies.get_of_namespace(request.namespace))


async def set_namespace_policies(request: ApiRequest, body: Policies) -> Policies:
    """Replace the policies of a namespace."""
    name, told = request.namespace.name, _told(body)
    await request.app.policies.set_of_namespace(
        name, told.immutable.text, told.rules, request.actor
    )
    return await get_namespace_policies(request)


async def get_quota(request: ApiRequest) -> Room:
    """Return the namespace's quota and used storage."""
    return Room(*await request.app.policies.get_room(request.namespace.name))


async def set_quota(request: ApiRequest, body: NewRoom) -> Room:
    """Set or remove the namespace's quota."""
    name = request.values["account"]
    await request.app.policies.set_quota(name, body.limit, request.actor)
    return Room(*await request.app.policies.get_room(name))


def _told(body: Policies) -> EffectivePolicies:
    asked, immutable = body.retention, TagPatterns(body.immutable)
    numbers = {name: getattr(asked, name, None) for name in NUMBERS}
    if asked is None or set(numbers.values()) == {None}:
        return EffectivePolicies(immutable, None)
    tags, keep = TagPatterns(asked.tags).text, TagPatterns(asked.keep).text
    return EffectivePolicies(immutable, Rules(tags, keep, **numbers))


def _shown(told: EffectivePolicies) -> Policies:
    rules = told.rules
    if rules is None:
        return Policies(immutable=told.immutable.patterns)
    shown = RetentionRules(
        tags=TagPatterns.parse(rules.tags).patterns,
        keep=TagPatterns.parse(rules.keep).patterns,
        **rules.numbers,
    )
    return Policies(immutable=told.immutable.patterns, retention=shown)


def _decision(each: Verdict) -> Decision:
    goes = each.reason is Reason.GOES
    return Decision(each.tag, each.digest, each.moved_at, goes, each.reason)


_R: Final = "/repositories/{repository}/-/policies"
_N: Final = "/namespaces/{namespace}"

ROUTES: Final = (
    route("GET", _R, AccessRule.REPOSITORY_ADMIN, get_repository_policies),
    route("PUT", _R, AccessRule.REPOSITORY_ADMIN, set_repository_policies),
    route("GET", f"{_R}/preview", AccessRule.REPOSITORY_ADMIN, preview_retention),
    route("POST", f"{_R}/apply", AccessRule.REPOSITORY_ADMIN, apply_retention),
    route("GET", f"{_N}/policies", AccessRule.NAMESPACE_OWNER, get_namespace_policies),
    route("PUT", f"{_N}/policies", AccessRule.NAMESPACE_OWNER, set_namespace_policies),
    route("GET", f"{_N}/quota", AccessRule.NAMESPACE_MEMBER, get_quota),
    route("PUT", "/admin/quotas/{account}", AccessRule.HUB_ADMIN, set_quota),
)
