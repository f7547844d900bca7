"""Trusts of a namespace in ID tokens: made, changed and tried; grants of jobs: listed and ended."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from entrepot.errors import (
    BadCredentials,
    Conflict,
    Invalid,
    NamespaceUnknown,
    NameTaken,
    TrustUnknown,
    Unavailable,
)
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.names import check_name
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import Permissions
from entrepot.hub.workloads.id_tokens import IdTokens, read_claims
from entrepot.hub.workloads.issuers import Issuers
from entrepot.hub.workloads.trust_conditions import (
    Claims,
    Comparison,
    check_conditions,
    compare,
    format_condition,
    is_from_stranger,
)
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.people import grants, trusts
from entrepot.model.people.accounts import Namespace, NamespaceKind
from entrepot.model.people.tokens import TokenScope
from entrepot.model.people.workloads import Condition, Grant, Trust
from entrepot.oci.tag_patterns import TagPatterns

MOST_TRUSTS: Final = 100
"""Trusts of one namespace."""
DEFAULT_SESSION: Final = timedelta(hours=1)
MIN_SESSION: Final = timedelta(minutes=1)
MAX_SESSION: Final = timedelta(hours=12)
MOST_PATTERNS: Final = 50
MOST_LISTED: Final = 200
"""Grants that a list shows."""
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATTERN: Final = re.compile(rf"\*|{_COMPONENT}(?:/{_COMPONENT})*(?:/\*)?")
_MAX_PATTERN: Final = 255


@dataclass(frozen=True, slots=True)
class TrustRules:
    """The rules of a trust: the tokens that it asks for, and the rights that it gives."""

    issuer: str
    conditions: tuple[Condition, ...]
    repositories: tuple[str, ...]
    tags: tuple[str, ...] = ()
    scope: TokenScope = TokenScope.WRITE
    session: timedelta = DEFAULT_SESSION
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class TrustTrial:
    """How a trust compares with a token; it would let the job in where `is_met`."""

    trust: Trust
    comparisons: list[Comparison]
    is_of_issuer: bool
    is_from_stranger: bool

    @property
    def is_met(self) -> bool:
        """Whether everything holds."""
        holds = all(each.holds for each in self.comparisons)
        return holds and self.is_of_issuer and not self.is_from_stranger


@dataclass(frozen=True, slots=True)
class Trial:
    """A token that was tried: what is wrong with it (empty: nothing), its claims, each trust."""

    problem: str
    claims: Claims
    trials: list[TrustTrial]


def rules_of(trust: Trust) -> TrustRules:
    """The trust's rules as they are, to be changed in part."""
    return TrustRules(
        trust.issuer,
        trust.conditions,
        trust.repositories,
        trust.tags,
        trust.scope,
        trust.session,
        trust.is_enabled,
    )


class Trusts:
    """Every namespace's trusts; for its owners. By default it is the operator who acts."""

    def __init__(
        self,
        metadata: Metadata,
        permissions: Permissions,
        issuers: Issuers,
        id_tokens: IdTokens,
        now: Clock,
    ) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._issuers = issuers
        self._id_tokens = id_tokens
        self._now = now

    async def list_of(self, namespace: str, by: Actor = OPERATOR) -> list[Trust]:
        """The namespace's trusts, by name."""
        found = await self._owned(namespace, by)
        return await trusts.list_trusts(self._metadata.reader, found.id)

    async def get(self, namespace: str, name: str, by: Actor = OPERATOR) -> Trust:
        """The namespace's trust of that name; else `TrustUnknown`."""
        return await self._find(await self._owned(namespace, by), name)

    async def add(
        self, namespace: str, name: str, rules: TrustRules, by: Actor = OPERATOR
    ) -> Trust:
        """Make a trust; raise `Invalid`, `NameTaken`, and `Conflict` where there are too many."""
        owner = await self._owned(namespace, by)
        check_name(name)
        now = self._now()
        draft = Trust(
            id=0,
            namespace_id=owner.id,
            namespace=owner.name,
            name=name,
            issuer_id=0,
            issuer="",
            conditions=(),
            repositories=(),
            tags=(),
            scope=rules.scope,
            session=rules.session,
            is_enabled=True,
            created_at=now,
            created_by=by.name,
        )
        trust = await self._ruled(draft, rules)
        async with self._metadata.begin() as tx:
            if len(await trusts.list_trusts(tx, owner.id)) >= MOST_TRUSTS:
                raise Conflict(f"{namespace} has reached the limit of {MOST_TRUSTS} trusts")
            if not await trusts.insert_trust(tx, trust):
                raise NameTaken(f"{namespace} already has a trust {name}")
            entry = Entry(owner.id, by, Audited.TRUST_CREATE, trust.full_name, _told(trust))
            await record(tx, entry, now)
        return await self._find(owner, name)

    async def edit(
        self, namespace: str, name: str, rules: TrustRules, by: Actor = OPERATOR
    ) -> Trust:
        """Replace a trust's rules; the grants by it end now, and its jobs sign in again."""
        owner = await self._owned(namespace, by)
        trust = await self._ruled(await self._find(owner, name), rules)
        now = self._now()
        async with self._metadata.begin() as tx:
            await trusts.update_trust(tx, trust)
            await grants.expire_grants(tx, trust.id, now)
            entry = Entry(owner.id, by, Audited.TRUST_EDIT, trust.full_name, _told(trust))
            await record(tx, entry, now)
        return trust

    async def delete(self, namespace: str, name: str, by: Actor = OPERATOR) -> None:
        """Delete a trust; the grants by it end now."""
        owner = await self._owned(namespace, by)
        trust, now = await self._find(owner, name), self._now()
        async with self._metadata.begin() as tx:
            await grants.expire_grants(tx, trust.id, now)
            await trusts.delete_trust(tx, trust.id)
            await record(tx, Entry(owner.id, by, Audited.TRUST_DELETE, trust.full_name), now)

    async def try_token(self, namespace: str, text: str, by: Actor = OPERATOR) -> Trial:
        """Compare a token with each of the namespace's trusts; nothing is opened or kept.

        Raises `Invalid` for what is no ID token.
        """
        every = await self.list_of(namespace, by)
        problem, issuer_id = "", None
        try:
            claims = read_claims(text)
        except BadCredentials as error:
            raise Invalid(error.message) from error
        try:
            token = await self._id_tokens.read(text)
            issuer_id = token.issuer.id
        except (BadCredentials, Unavailable) as error:
            problem = error.message
            found = [
                each for each in await self._issuers.list_all() if each.url == claims.get("iss")
            ]
            issuer_id = found[0].id if found else None
        kinds = {each.id: each.kind for each in await self._issuers.list_all()}
        trials = [
            TrustTrial(
                trust,
                compare(trust.conditions, claims),
                trust.issuer_id == issuer_id,
                is_from_stranger(kinds[trust.issuer_id], trust.conditions, claims),
            )
            for trust in every
            if trust.issuer_id in kinds
        ]
        return Trial(problem, claims, trials)

    async def list_grants(self, namespace: str, by: Actor = OPERATOR) -> list[Grant]:
        """The newest grants by the namespace's trusts, expired and ended ones included."""
        owner = await self._owned(namespace, by)
        return await grants.list_of_namespace(self._metadata.reader, owner.id, MOST_LISTED)

    async def end_grant(self, namespace: str, grant_id: int, by: Actor = OPERATOR) -> None:
        """End a job's grant now; its ID token opens no other. Raises `TrustUnknown`."""
        owner, now = await self._owned(namespace, by), self._now()
        reader = self._metadata.reader
        grant = await grants.find_grant(reader, grant_id)
        by_trusts = await grants.list_rights(reader, grant_id)
        is_ours = any(each.namespace_id == owner.id for each in by_trusts)
        if grant is None or not is_ours or not grant.is_live(now):
            raise TrustUnknown(f"no live grant of {namespace} has the id {grant_id}")
        async with self._metadata.begin() as tx:
            await grants.end_grant(tx, grant_id, now)
            entry = Entry(owner.id, by, Audited.GRANT_END, namespace, {"grant": grant.label})
            await record(tx, entry, now)

    async def _ruled(self, trust: Trust, rules: TrustRules) -> Trust:
        """The trust with checked rules; raises `Invalid` and `TrustUnknown`."""
        issuer = await self._issuers.get(rules.issuer)
        check_conditions(issuer.kind, rules.conditions)
        _check_repositories(rules.repositories)
        if not MIN_SESSION <= rules.session <= MAX_SESSION:
            raise Invalid("a session lasts 1 minute to 12 hours")
        tags = TagPatterns.parse(" ".join(rules.tags))
        return replace(
            trust,
            issuer_id=issuer.id,
            issuer=issuer.name,
            conditions=rules.conditions,
            repositories=tuple(dict.fromkeys(rules.repositories)),
            tags=tags.patterns,
            scope=rules.scope,
            session=rules.session,
            is_enabled=rules.is_enabled,
        )

    async def _owned(self, name: str, by: Actor) -> Namespace:
        found = await self._permissions.namespace_to_administer(by.identity, name)
        if found.kind not in (NamespaceKind.ORGANIZATION, NamespaceKind.ACCOUNT):
            raise NamespaceUnknown(f"{name} is a mirror: nothing is pushed to it")
        return found

    async def _find(self, namespace: Namespace, name: str) -> Trust:
        found = await trusts.find_trust(self._metadata.reader, namespace.id, name)
        if found is None:
            raise TrustUnknown(f"no such trust in {namespace.name}: {name}")
        return found


def _check_repositories(patterns: Sequence[str]) -> None:
    if not 0 < len(patterns) <= MOST_PATTERNS:
        raise Invalid(f"a trust needs 1 to {MOST_PATTERNS} patterns of repositories")
    for pattern in patterns:
        if len(pattern) > _MAX_PATTERN or not _PATTERN.fullmatch(pattern):
            raise Invalid(f"invalid pattern {pattern!r}: use a repository's name, prefix/* or *")


def _told(trust: Trust) -> dict[str, str | int | bool | None]:
    return {
        "issuer": trust.issuer,
        "conditions": ", ".join(map(format_condition, trust.conditions))[:1000],
        "repositories": " ".join(trust.repositories)[:1000],
        "tags": " ".join(trust.tags)[:1000],
        "scope": str(trust.scope),
        "minutes": int(trust.session.total_seconds()) // 60,
        "enabled": trust.is_enabled,
    }
