"""Every operation of the API, for everybody: who is let in, and what the others are told."""

from dataclasses import dataclass
from unittest.mock import AsyncMock

import pytest

from entrepot.api.requests import PREFIX, ApiRoute
from entrepot.api.routes import ROUTES
from entrepot.http.authorize import AccessRule
from entrepot.hub.people.closing import Closing
from entrepot.model.people.tokens import TokenScope
from entrepot.model.repositories import Visibility
from tests.doors.conftest import Town
from tests.doors.programs import Program

PEOPLE = ("stranger", "member", "editor", "owner", "admin")
IDENTITIES = ("nobody", *(f"{who} {scope}" for who in PEOPLE for scope in TokenScope))
PLACES = {
    "namespace": "acme",
    "account": "stranger",
    "target": "acme/other",
    "mirror": "up",
    "rule": "nightly",
    "replication": "there",
    "team": "crew",
    "issuer": "ci",
    "root": "public-good",
    "trust": "main",
    "member": "disabled",
    "tag": "v1",
    "reference": "v1",
    "id": "1",
    "webhook": "1",
    "delivery": "1",
    "pattern": "app/*",
    "key": "release",
    "document": "readme",
}
REFUSALS = {"unauthenticated", "denied", "repository_unknown", "namespace_unknown"}
IN = ""
"""Let in: what happens then is not the rule's."""


@dataclass(frozen=True, slots=True)
class Somebody:
    """An identity of the town, taken apart."""

    who: str
    scope: TokenScope | None

    @property
    def is_unlimited(self) -> bool:
        """Whether no token stands between them and what they may do."""
        return self.scope is TokenScope.ADMIN

    @classmethod
    def of(cls, identity: str) -> "Somebody":
        """Read `owner repo:read` or `nobody`."""
        who, _, scope = identity.partition(" ")
        return cls(who, TokenScope(scope) if scope else None)


def due(route: ApiRoute, somebody: Somebody) -> str:
    """The code that the rule demands for a private repository, or a namespace, of acme's."""
    rule = route.rule
    if somebody.who == "nobody":
        strict = rule not in (AccessRule.ANYONE, AccessRule.PULL)
        hidden = "repository_unknown" if rule is AccessRule.PULL else IN
        return "unauthenticated" if strict else hidden
    if "{repository}" in route.pattern:
        return in_repository(rule, somebody)
    if "{namespace}" in route.pattern:
        return in_namespace(rule, somebody)
    if rule is not AccessRule.HUB_ADMIN:
        return IN
    if somebody.who != "admin":
        return "not_found"
    return IN if somebody.is_unlimited else "denied"


def in_repository(rule: AccessRule, somebody: Somebody) -> str:
    """What somebody with an account is told of a private repository."""
    if somebody.who == "stranger":
        return "repository_unknown"
    if rule in (AccessRule.PULL, AccessRule.SIGNED_IN):
        return IN
    return IN if somebody.who != "member" and somebody.is_unlimited else "denied"


def in_namespace(rule: AccessRule, somebody: Somebody) -> str:
    """What somebody with an account is told of an organization."""
    if rule is AccessRule.ANYONE:
        return IN
    is_admin = somebody.who == "admin" and somebody.is_unlimited
    if somebody.who == "stranger" or (somebody.who == "admin" and not is_admin):
        return "namespace_unknown"
    if rule is AccessRule.NAMESPACE_MEMBER:
        return IN
    return IN if is_admin or (somebody.who == "owner" and somebody.is_unlimited) else "denied"


async def refusal(town: Town, route: ApiRoute, identity: str) -> str:
    """The code of the refusal, on a fresh repository and with a body that says nothing."""
    name = await town.build(Visibility.PRIVATE)
    path = route.pattern.format(repository=name, **PLACES).removeprefix(PREFIX)
    body: object = {} if route.handler.body is not None else None
    answer = await Program(town.doors, town.auth[identity]).ask(route.method, path, body)
    if answer.status < 400:
        return IN
    problem = answer.json()
    code, is_hidden = str(problem["code"]), problem["detail"] == "not found"
    return code if code in REFUSALS or is_hidden else IN


# A limited token of somebody let in may still be told by the rule itself that it may not.
BY_RULE = frozenset({"/me", "/organisations", "/repositories"})


def is_left_to_the_rule(route: ApiRoute, somebody: Somebody) -> bool:
    """Whether the rule behind an operation looks again, and more closely than the route's."""
    path = route.pattern.removeprefix(PREFIX)
    if path.startswith("/namespaces/{namespace}/members/"):
        return route.rule is AccessRule.NAMESPACE_MEMBER
    first = "/" + path[1:].partition("/")[0]
    return first in BY_RULE and route.rule is AccessRule.SIGNED_IN and not somebody.is_unlimited


@pytest.mark.parametrize("route", ROUTES, ids=lambda each: f"{each.method} {each.pattern}")
async def test_everybody_is_told_what_the_rule_says(
    town: Town, route: ApiRoute, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever is let in would delete acme, and leave none to the identities after them.
    monkeypatch.setattr(Closing, "delete", AsyncMock())
    wrong = []
    for identity in IDENTITIES:
        somebody = Somebody.of(identity)
        told, wanted = await refusal(town, route, identity), due(route, somebody)
        if wanted == IN and told == "denied" and is_left_to_the_rule(route, somebody):
            continue
        if told != wanted:
            wrong.append((identity, told, wanted))
    assert wrong == []
