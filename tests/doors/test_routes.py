"""Each route's access rule can be decided by what its pattern names."""

import pytest

from entrepot.api.routes import ROUTES as API
from entrepot.http.authorize import AccessRule
from entrepot.v2.routes import ROUTES as REGISTRY
from entrepot.web.routes import ROUTES as PAGES

OF_REPOSITORIES = {
    AccessRule.PULL,
    AccessRule.PUSH,
    AccessRule.DELETE,
    AccessRule.REPOSITORY_ADMIN,
}
OF_NAMESPACES = {AccessRule.NAMESPACE_MEMBER, AccessRule.NAMESPACE_OWNER}
OTHERS = [
    *((route.method, route.pattern, route.rule) for route in API),
    *((route.method, route.pattern, route.rule) for route in PAGES),
]
ALL = [*OTHERS, *((route.method, route.pattern, route.rule) for route in REGISTRY)]
REPOSITORY_PLACES = ("{repository}", "{artifact}", "{name}")


def mistakes() -> list[str]:
    """The routes whose rule is about a thing that their pattern does not name."""
    wrong = []
    for method, pattern, rule in ALL:
        has_repository = any(place in pattern for place in REPOSITORY_PLACES)
        has_namespace = "{namespace}" in pattern
        if (rule in OF_REPOSITORIES and not has_repository) or (
            rule in OF_NAMESPACES and not has_namespace
        ):
            wrong.append(f"{method} {pattern}: {rule.name}")
    return wrong


def test_a_rule_about_a_thing_has_that_thing_in_its_pattern() -> None:
    assert mistakes() == []


@pytest.mark.parametrize("rule", [AccessRule.CLIENT, AccessRule.CATALOG])
def test_rules_of_container_clients_guard_paths_without_a_repository(rule: AccessRule) -> None:
    patterns = [route.pattern for route in REGISTRY if route.rule is rule]
    assert patterns
    assert not any("{" in pattern for pattern in patterns)
    assert rule not in {other for _, _, other in OTHERS}


def test_an_unsafe_route_of_a_repository_below_v2_needs_more_than_to_pull() -> None:
    assert {route.rule for route in REGISTRY if route.is_unsafe} == {
        AccessRule.PUSH,
        AccessRule.DELETE,
    }
