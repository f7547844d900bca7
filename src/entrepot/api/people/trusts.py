"""Trusts of a namespace in ID tokens, and the grants of jobs that signed in by them."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from entrepot.api.fields import Asked, Moment, NameText, PatternText
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.api.requests import ApiRequest, route
from entrepot.http.authorize import AccessRule
from entrepot.hub.workloads import id_tokens
from entrepot.hub.workloads.trust_conditions import (
    MAX_CLAIM,
    MAX_VALUE,
    MOST_CONDITIONS,
    MOST_VALUES,
)
from entrepot.hub.workloads.trusts import MOST_PATTERNS, TrustRules, TrustTrial, rules_of
from entrepot.model.people.tokens import TokenScope
from entrepot.model.people.workloads import Condition as StoredCondition
from entrepot.model.people.workloads import Grant as StoredGrant
from entrepot.model.people.workloads import Trust as StoredTrust

_Value = Annotated[str, Meta(min_length=1, max_length=MAX_VALUE)]
_Tags = Annotated[
    tuple[Annotated[str, Meta(max_length=129, pattern=r"^!?[A-Za-z0-9_.*?-]+$")], ...],
    Meta(max_length=50, description="Patterns of tags that may be written; empty: every tag."),
]
_Minutes = Annotated[int, Meta(ge=1, le=720, description="How long a job's grant lives.")]


class Condition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A claim, and the values of which it must have one.

    `claim` is a name, or a JSON pointer such as `/kubernetes.io/namespace`. In a pattern `*` stands
    for any characters but `/` and `:`, `**` for any, and `?` for one that is neither.
    """

    claim: Annotated[str, Meta(min_length=1, max_length=MAX_CLAIM, examples=["repository_id"])]
    values: Annotated[tuple[_Value, ...], Meta(min_length=1, max_length=MOST_VALUES)]
    is_pattern: bool = False


_Conditions = Annotated[tuple[Condition, ...], Meta(min_length=1, max_length=MOST_CONDITIONS)]
_Repositories = Annotated[tuple[PatternText, ...], Meta(min_length=1, max_length=MOST_PATTERNS)]


class Trust(Struct, frozen=True):
    """A trust: which ID tokens of an issuer give which rights to the namespace's repositories."""

    name: str
    issuer: str
    conditions: tuple[Condition, ...]
    repositories: tuple[str, ...]
    tags: tuple[str, ...]
    scope: TokenScope
    minutes: int
    is_enabled: bool
    created_at: Moment
    created_by: str
    last_used_at: Moment | None
    uses: int


class NewTrust(Asked, frozen=True, kw_only=True):
    """The trust to create."""

    name: NameText
    issuer: NameText
    conditions: _Conditions
    repositories: _Repositories
    tags: _Tags = ()
    scope: TokenScope = TokenScope.WRITE
    minutes: _Minutes = 60
    is_enabled: bool = True


class TrustChange(Asked, frozen=True, kw_only=True):
    """The fields to change; omitted fields stay as they are. The grants by the trust end."""

    issuer: NameText | UnsetType = UNSET
    conditions: _Conditions | UnsetType = UNSET
    repositories: _Repositories | UnsetType = UNSET
    tags: _Tags | UnsetType = UNSET
    scope: TokenScope | UnsetType = UNSET
    minutes: _Minutes | UnsetType = UNSET
    is_enabled: bool | UnsetType = UNSET


class TriedToken(Asked, frozen=True, kw_only=True):
    """An ID token to compare with the trusts; it is not kept."""

    token: Annotated[str, Meta(min_length=1, max_length=id_tokens.MAX_LENGTH)]


class Comparison(Struct, frozen=True):
    """A condition, the values that the token has for its claim, and whether it holds."""

    condition: Condition
    found: tuple[str, ...]
    holds: bool


class TriedTrust(Struct, frozen=True):
    """How a trust compares with the token."""

    trust: str
    is_enabled: bool
    is_met: bool
    is_of_issuer: bool
    is_from_pull_request: bool
    comparisons: list[Comparison]


class Trial(Struct, frozen=True):
    """The result; `problem` says why the token is refused by itself, and is empty if it is not."""

    problem: str
    claims: dict[str, Any]
    trusts: list[TriedTrust]


class Grant(Struct, frozen=True):
    """The rights of one job, from its first sign-in until they expire or are ended."""

    id: int
    label: str
    issuer: str
    subject: str
    claims: dict[str, str]
    address: str
    created_at: Moment
    expires_at: Moment
    last_used_at: Moment | None
    ended_at: Moment | None


async def list_trusts(request: ApiRequest, query: PageQuery) -> Page[Trust]:
    """List the namespace's trusts by name."""
    found = await request.app.trusts.list_of(request.namespace.name, request.actor)
    return cut(found, query, _shown)


async def create_trust(request: ApiRequest, body: NewTrust) -> Trust:
    """Create a trust in ID tokens of a registered issuer."""
    name = request.namespace.name
    rules = TrustRules(
        body.issuer,
        _conditions(body.conditions),
        body.repositories,
        body.tags,
        body.scope,
        timedelta(minutes=body.minutes),
        body.is_enabled,
    )
    made = await request.app.trusts.add(name, body.name, rules, request.actor)
    request.created(f"/namespaces/{name}/trusts/{made.name}")
    return _shown(made)


async def get_trust(request: ApiRequest) -> Trust:
    """Return a trust."""
    return _shown(await _trust(request))


async def change_trust(request: ApiRequest, body: TrustChange) -> Trust:
    """Change a trust; the grants by it end, and their jobs sign in again."""
    found = await _trust(request)
    changes = {
        name: value
        for name in ("issuer", "repositories", "tags", "scope", "is_enabled")
        if (value := getattr(body, name)) is not UNSET
    }
    if body.conditions is not UNSET:
        changes["conditions"] = _conditions(body.conditions)
    if body.minutes is not UNSET:
        changes["session"] = timedelta(minutes=body.minutes)
    rules = replace(rules_of(found), **changes)
    edit = request.app.trusts.edit
    return _shown(await edit(request.namespace.name, found.name, rules, request.actor))


async def delete_trust(request: ApiRequest) -> None:
    """Delete a trust; the grants by it end."""
    name = request.namespace.name
    await request.app.trusts.delete(name, request.values["trust"], request.actor)


async def try_token(request: ApiRequest, body: TriedToken) -> Trial:
    """Compare an ID token with each of the namespace's trusts; nothing is granted."""
    found = await request.app.trusts.try_token(
        request.namespace.name, body.token.strip(), request.actor
    )
    tried = [_tried(each) for each in found.trials]
    return Trial(found.problem, dict(found.claims), tried)


async def list_grants(request: ApiRequest, query: PageQuery) -> Page[Grant]:
    """List the newest grants of jobs, expired and ended ones included."""
    found = await request.app.trusts.list_grants(request.namespace.name, request.actor)
    return cut(found, query, _shown_grant)


async def end_grant(request: ApiRequest) -> None:
    """End a job's grant now; its ID token opens no other."""
    await request.app.trusts.end_grant(request.namespace.name, request.number, request.actor)


async def _trust(request: ApiRequest) -> StoredTrust:
    get = request.app.trusts.get
    return await get(request.namespace.name, request.values["trust"], request.actor)


def _conditions(asked: tuple[Condition, ...]) -> tuple[StoredCondition, ...]:
    return tuple(StoredCondition(each.claim, each.values, each.is_pattern) for each in asked)


def _shown_condition(condition: StoredCondition) -> Condition:
    return Condition(
        claim=condition.claim, values=condition.values, is_pattern=condition.is_pattern
    )


def _shown(trust: StoredTrust) -> Trust:
    return Trust(
        trust.name,
        trust.issuer,
        tuple(map(_shown_condition, trust.conditions)),
        trust.repositories,
        trust.tags,
        trust.scope,
        int(trust.session.total_seconds()) // 60,
        trust.is_enabled,
        trust.created_at,
        trust.created_by,
        trust.last_used_at,
        trust.uses,
    )


def _shown_grant(grant: StoredGrant) -> Grant:
    return Grant(
        grant.id,
        grant.label,
        grant.issuer,
        grant.subject,
        dict(grant.claims),
        grant.address,
        grant.created_at,
        grant.expires_at,
        grant.last_used_at,
        grant.ended_at,
    )


def _tried(trial: TrustTrial) -> TriedTrust:
    compared = [
        Comparison(_shown_condition(each.condition), each.found, each.holds)
        for each in trial.comparisons
    ]
    return TriedTrust(
        trial.trust.name,
        trial.trust.is_enabled,
        trial.is_met,
        trial.is_of_issuer,
        trial.is_from_stranger,
        compared,
    )


_T: Final = "/namespaces/{namespace}/trusts"
_ONE: Final = f"{_T}/{{trust}}"
_G: Final = "/namespaces/{namespace}/grants"

ROUTES: Final = (
    route("GET", _T, AccessRule.NAMESPACE_OWNER, list_trusts),
    route("POST", _T, AccessRule.NAMESPACE_OWNER, create_trust, status=201),
    route("POST", "/namespaces/{namespace}/id-tokens/try", AccessRule.NAMESPACE_OWNER, try_token),
    route("GET", _ONE, AccessRule.NAMESPACE_OWNER, get_trust),
    route("PATCH", _ONE, AccessRule.NAMESPACE_OWNER, change_trust),
    route("DELETE", _ONE, AccessRule.NAMESPACE_OWNER, delete_trust),
    route("GET", _G, AccessRule.NAMESPACE_OWNER, list_grants),
    route("DELETE", f"{_G}/{{id}}", AccessRule.NAMESPACE_OWNER, end_grant),
)
