"""Policies: immutable tags, retention, room."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from entrepot.api.calls import Call, route
from entrepot.api.fields import Asked, Moment
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.http.routing import Policy
from entrepot.hub.policies import Told
from entrepot.metadata.retention_rules import MOST, Rules
from entrepot.oci.tag_patterns import MAX_PATTERNS, TagPatterns
from entrepot.registry.retention import Reason, Verdict

_Pattern = Annotated[
    str, Meta(pattern=r"^!?[A-Za-z0-9_.*?-]{1,128}$", description="A pattern of tags: `v*`.")
]
_Patterns = Annotated[tuple[_Pattern, ...], Meta(max_length=MAX_PATTERNS)]
_NO_NUMBERS: Final = (None, None, None)
_Count = Annotated[int, Meta(ge=1, le=MOST)]


class RetentionRules(Asked, frozen=True, kw_only=True):
    """What is kept of the tags that match `tags`; without any number, everything.

    The `newest` ones, those pushed or pulled within so many days, and what matches `keep`.
    """

    tags: _Patterns = ("*",)
    keep: _Patterns = ()
    newest: _Count | None = None
    pushed_within: _Count | None = None
    pulled_within: _Count | None = None


class Policies(Asked, frozen=True, kw_only=True):
    """Tags that can be neither moved nor deleted, and what is kept of the others."""

    immutable: _Patterns = ()
    retention: RetentionRules | None = None


class Decision(Struct, frozen=True):
    """What becomes of a tag, and why."""

    tag: str
    digest: str
    pushed_at: Moment
    goes: bool
    reason: Reason


class Applied(Struct, frozen=True):
    """How many tags went."""

    removed: int


class Room(Struct, frozen=True):
    """Bytes that a namespace may hold (`null`: no limit) and does; each blob counts once."""

    limit: int | None
    used: int


class NewRoom(Asked, frozen=True, kw_only=True):
    """Bytes that a namespace may hold; `null`: as many as there is room for."""

    limit: Annotated[int, Meta(ge=1, le=2**62)] | None


async def get_repository_policies(call: Call) -> Policies:
    """What the repository itself has been told."""
    own, _ = await call.desk.policies.get_of_repository(call.repository)
    return _shown(own)


async def set_repository_policies(call: Call, body: Policies) -> Policies:
    """Replace the policies of a repository."""
    name, told = call.repository.name, _told(body)
    await call.desk.policies.set_of_repository(name, told.immutable.text, told.rules, call.actor)
    return await get_repository_policies(call)


async def preview_retention(call: Call, query: PageQuery) -> Page[Decision]:
    """What the rules in force would do to each tag, the newest first; nothing is changed."""
    found = await call.desk.retention.preview(call.repository)
    return cut(found, query, _decision)


async def apply_retention(call: Call) -> Applied:
    """Remove now what the rules in force do not keep; it can be restored for a while."""
    return Applied(await call.desk.retention.run(call.repository, call.witness))


async def get_namespace_policies(call: Call) -> Policies:
    """What all repositories of a namespace have been told."""
    return _shown(await call.desk.policies.get_of_namespace(call.namespace))


async def set_namespace_policies(call: Call, body: Policies) -> Policies:
    """Replace the policies of a namespace."""
    name, told = call.namespace.name, _told(body)
    await call.desk.policies.set_of_namespace(name, told.immutable.text, told.rules, call.actor)
    return await get_namespace_policies(call)


async def get_quota(call: Call) -> Room:
    """How much a namespace may hold, and does."""
    return Room(*await call.desk.policies.get_room(call.namespace.name))


async def set_quota(call: Call, body: NewRoom) -> Room:
    """Limit how much an account's or an organisation's namespace may hold, or no longer."""
    name = call.values["account"]
    await call.desk.policies.set_quota(name, body.limit, call.actor)
    return Room(*await call.desk.policies.get_room(name))


def _told(body: Policies) -> Told:
    asked = body.retention
    if asked is None or (asked.newest, asked.pushed_within, asked.pulled_within) == _NO_NUMBERS:
        return Told(TagPatterns(body.immutable), None)
    tags, keep = TagPatterns(asked.tags).text, TagPatterns(asked.keep).text
    return Told(
        TagPatterns(body.immutable),
        Rules(tags, keep, asked.newest, asked.pushed_within, asked.pulled_within),
    )


def _shown(told: Told) -> Policies:
    rules = told.rules
    if rules is None:
        return Policies(immutable=told.immutable.patterns)
    shown = RetentionRules(
        tags=TagPatterns.parse(rules.tags).patterns,
        keep=TagPatterns.parse(rules.keep).patterns,
        newest=rules.newest,
        pushed_within=rules.pushed_within,
        pulled_within=rules.pulled_within,
    )
    return Policies(immutable=told.immutable.patterns, retention=shown)


def _decision(each: Verdict) -> Decision:
    goes = each.reason is Reason.GOES
    return Decision(each.tag, each.digest, each.moved_at, goes, each.reason)


_R: Final = "/repositories/{repository}/-/policies"
_N: Final = "/namespaces/{namespace}"

ROUTES: Final = (
    route("GET", _R, Policy.ADMINISTER, get_repository_policies),
    route("PUT", _R, Policy.ADMINISTER, set_repository_policies),
    route("GET", f"{_R}/preview", Policy.ADMINISTER, preview_retention),
    route("POST", f"{_R}/apply", Policy.ADMINISTER, apply_retention),
    route("GET", f"{_N}/policies", Policy.OWN, get_namespace_policies),
    route("PUT", f"{_N}/policies", Policy.OWN, set_namespace_policies),
    route("GET", f"{_N}/quota", Policy.MEMBER, get_quota),
    route("PUT", "/admin/quotas/{account}", Policy.OPERATE, set_quota),
)
