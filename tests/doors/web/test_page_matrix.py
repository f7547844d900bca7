"""Every page and every form, for everybody, on what is private, public and not there.

The routes are those that are served: a new one is walked without being named here, and a new place
in a pattern fails until somebody says what to fill it with.
"""

import re
from dataclasses import dataclass
from itertools import product

import pytest

from entrepot.http.authorize import AccessRule
from entrepot.hub.identity.sessions import Sessions
from entrepot.metadata.people import accounts, teams
from entrepot.model.people.accounts import Role
from entrepot.model.people.organizations import Permission, TeamRight
from entrepot.model.people.tokens import TokenScope
from entrepot.model.repositories import Visibility
from entrepot.web.requests import PageRoute
from entrepot.web.routes import ROUTES
from tests.doors.browsers import Browser
from tests.doors.conftest import LAYER_DIGEST, Town
from tests.doors.doors import Answer
from tests.metadata.clocks import START
from tests.metadata.rows import add_account

ROLES = ("member", "editor", "owner")
TEAMS = ("reader", "writer", "keeper")
"""Members of acme to whom a team gives more: read, write, admin."""
EVERYBODY = ("nobody", "stranger", *ROLES, *TEAMS, "admin")
VISIBILITIES = (None, Visibility.PRIVATE, Visibility.PUBLIC)
WRITERS = {"editor", "owner", "writer", "keeper", "admin"}
DELETERS = {"editor", "owner", "keeper", "admin"}
KEEPERS = DELETERS
MAY = {
    AccessRule.PULL: set(EVERYBODY),
    AccessRule.PUSH: WRITERS,
    AccessRule.DELETE: DELETERS,
    AccessRule.REPOSITORY_ADMIN: KEEPERS,
    AccessRule.SIGNED_IN: set(EVERYBODY) - {"nobody"},
    AccessRule.NAMESPACE_MEMBER: {*ROLES, *TEAMS, "admin"},
    AccessRule.NAMESPACE_OWNER: {"owner", "admin"},
    AccessRule.HUB_ADMIN: {"admin"},
    AccessRule.ANYONE: set(EVERYBODY),
}
"""Who may, where the repository may be seen at all."""
PLACES = {
    "rest": "x",
    "range": "v1...v1",
    "badge": "version.svg",
    "tab": "raw",
    "blob": str(LAYER_DIGEST),
    "namespace": "acme",
    "rule": "nightly",
    "team": "crew",
    "webhook": "1",
    "delivery": "1",
    "secret": "no-such-secret",
}
ABSENT = (
    "{secret}",
    "{webhook}",
    "/webhooks",
    "{rule}",
    "{team}",
    "{blob}",
    "files.zip",
    "/signup",
    "/upload",
    "oidc",
    "/provider/",
    "/security.txt",
)
"""What is not there, or takes no empty form: whoever may is told so."""


@dataclass(frozen=True, slots=True)
class Visitors:
    """The browsers of everybody."""

    town: Town
    browsers: dict[str, Browser]


@pytest.fixture
async def visitors(town: Town) -> Visitors:
    """Everybody in town with a browser, signed in."""
    people = dict(town.people)
    async with town.metadata.begin() as tx:
        await teams.insert_team(tx, town.acme, "crew", "", START)
    for name, permission in zip(TEAMS, Permission, strict=True):
        people[name] = await add_account(town.metadata, name)
        await _join(town, name, people[name].id, permission)
    sessions = Sessions(town.metadata, town.doors.app.sessions._now)
    browsers = {"nobody": Browser(town.doors)}
    for name in EVERYBODY[1:]:
        secret = await sessions.begin(people[name], address="127.0.0.1", client="test")
        browsers[name] = Browser(town.doors, secret)
    return Visitors(town, browsers)


async def _join(town: Town, name: str, account_id: int, permission: Permission) -> None:
    async with town.metadata.begin() as tx:
        await teams.insert_team(tx, town.acme, name, "", START)
        team = await teams.find_team(tx, town.acme, name)
        assert team is not None
        await teams.add_team_member(tx, team.id, account_id)
        await teams.set_right(tx, team.id, TeamRight("*", permission))
        await accounts.set_role(tx, town.acme, account_id, Role.MEMBER)


def may_see(who: str, visibility: Visibility | None) -> bool:
    """Whether somebody may know of a repository of acme's."""
    if visibility is None:
        return False
    return visibility is Visibility.PUBLIC or who in MAY[AccessRule.NAMESPACE_MEMBER]


def expected(route: PageRoute, who: str, visibility: Visibility | None) -> set[int] | None:
    """The statuses that the rule leaves; `None`: it lets in, and the page says the rest."""
    is_of_repository = "{repository}" in route.pattern or "{artifact}" in route.pattern
    sign_in = {403} if route.is_unsafe else {303}
    if is_of_repository and not may_see(who, visibility):
        return {404}
    if who in MAY[route.rule]:
        return None
    if who == "nobody":
        return sign_in
    if route.rule is AccessRule.HUB_ADMIN:
        return {404}
    if "{namespace}" in route.pattern and who not in MAY[AccessRule.NAMESPACE_MEMBER]:
        return {404}
    return {403}


def target_of(route: PageRoute, name: str) -> str:
    """The route's address with its places filled."""
    path = route.pattern.replace("{artifact}", f"{name}:v1").replace("{repository}", name)
    return re.sub(r"\{(\w+)\}", lambda found: PLACES[found[1]], path)


def is_let_in(route: PageRoute, answer: Answer) -> bool:
    """Whether an answer is the page's own, and no refusal."""
    to_login = (answer.header("location") or "").startswith("/login?next=")
    if route.pattern == "/login/code" or answer.status in (200, 303, 400, 409):
        return not (answer.status == 303 and to_login and route.pattern != "/login/code")
    return answer.status in (404, 415) and any(each in route.pattern for each in ABSENT)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.pattern}")
async def test_everybody_is_let_in_as_the_rule_says(visitors: Visitors, route: PageRoute) -> None:
    is_of_repository = "{repository}" in route.pattern or "{artifact}" in route.pattern
    wrong = []
    for visibility, who in product(VISIBILITIES if is_of_repository else (None,), EVERYBODY):
        name = await visitors.town.build(visibility)
        browser = visitors.browsers[who]
        target = target_of(route, name)
        if route.pattern == "/logout":  # or everything after it is nobody's
            browser = visitors.browsers["nobody"]
        answer = await (
            browser.post(target, back="/back") if route.is_unsafe else browser.get(target)
        )
        due = expected(route, who, visibility)
        right = is_let_in(route, answer) if due is None else answer.status in due
        if not right or answer.status >= 500:
            wrong.append((who, visibility, answer.status, answer.header("location"), due))
    assert wrong == []


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if not route.is_unsafe],
    ids=lambda route: route.pattern,
)
async def test_a_token_opens_repositories_and_nothing_of_its_account(
    town: Town, route: PageRoute
) -> None:
    """Pages as JSON, for programs: a token of whatever scope is no session."""
    for scope in TokenScope:
        name = await town.build(Visibility.PRIVATE)
        answer = await town.doors.ask(
            "GET",
            target_of(route, name),
            auth=town.auth[f"owner {scope}"],
            accept="application/json",
        )
        if route.rule in (AccessRule.ANYONE, AccessRule.PULL):
            assert answer.status != 403, (scope, answer.body)
        else:
            assert answer.status == 403, (scope, answer.body)


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.is_unsafe],
    ids=lambda route: route.pattern,
)
async def test_no_form_is_taken_from_anywhere_but_our_own_pages(
    visitors: Visitors, route: PageRoute
) -> None:
    town, browser = visitors.town, visitors.browsers["admin"]
    target = target_of(route, await town.build(Visibility.PUBLIC))
    without = await browser.send(target, {}, origin="http://hub.test")
    assert without.status == 403
    foreign = await browser.send(target, {"token": "x"}, origin="http://evil.test")
    assert foreign.status == 403
    cross = await browser.send(target, {"token": "x"}, sec_fetch_site="cross-site")
    assert cross.status == 403
    plain = await browser.send(target, {"token": "x"}, content_type="text/plain")
    assert plain.status == 415
    as_json = await browser.send(target, {"token": "x"}, content_type="application/json")
    assert as_json.status == 415
    by_token = await town.doors.ask("POST", target, b"", auth=town.auth["admin"])
    assert by_token.status == 403


async def test_a_form_of_another_browser_is_not_taken(visitors: Visitors) -> None:
    """The token of one session is worth nothing in another."""
    stranger, admin = visitors.browsers["stranger"], visitors.browsers["admin"]
    stolen = {"token": "0" * 64}
    answer = await admin.send("/logout", stolen, origin="http://hub.test")
    assert answer.status == 403
    assert (await admin.get("/admin")).status == 200
    assert (await stranger.get("/admin")).status == 404


def test_a_route_has_one_meaning() -> None:
    named = [(route.method, route.pattern) for route in ROUTES]
    assert len(set(named)) == len(named)
