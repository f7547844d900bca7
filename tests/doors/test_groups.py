"""Groups of a provider, from the mapping of an owner to the membership of who signs in."""

import base64
import json
import re

import pytest

from tests.doors.browsers import Browser
from tests.doors.conftest import Open, Town
from tests.doors.doors import Doors
from tests.doors.programs import Program
from tests.support.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    IdentityProvider,
    serving,
)

N = "/namespaces/acme"


@pytest.fixture
def hub(open_doors: Open, town: Town) -> Doors:
    """The town's hub, with a groups claim of a provider that nobody asks."""
    assert town.acme
    return open_doors(
        oidc_issuer="https://id.example", oidc_client_id="hub", oidc_groups_claim="groups"
    )


def session_of(answer_cookies: list[str]) -> str:
    """The secret of the session among these cookies."""
    found = [re.match(r"entrepot_session=([\w-]+);", each) for each in answer_cookies]
    return next(each[1] for each in found if each)


async def come_back(doors: Doors, provider: IdentityProvider) -> str:
    """Go to the provider and back; the new session, empty where the sign-in was refused."""
    browser = Browser(doors)
    begun = await browser.get("/login/oidc")
    code, state = provider.authorize(begun.header("location") or "")
    cookie = next(each for each in begun.headers("set-cookie") if "entrepot_oidc" in each)
    kept = cookie.partition(";")[0]
    headers = {"cookie": f"{browser.cookies}; {kept}"}
    answer = await doors.ask_with(
        "GET", f"/sign-in/oidc/callback?code={code}&state={state}", b"", headers
    )
    return session_of(answer.headers("set-cookie")) if answer.status == 303 else ""


async def test_whoever_signs_in_is_what_the_groups_say(open_doors: Open, town: Town) -> None:
    with serving() as provider:
        doors = open_doors(
            oidc_issuer=provider.url,
            oidc_client_id=CLIENT_ID,
            oidc_client_secret=CLIENT_SECRET,
            oidc_sign_up=True,
            oidc_groups_claim="groups",
            oidc_sign_in_groups=("staff",),
        )
        owner = Program(doors, town.auth["owner"])
        asked = {"source": "oidc", "group": "devs", "role": "editor"}
        await owner.do("POST", f"{N}/groups", asked, status=201)
        provider.changes = {"groups": ["staff", "devs"]}
        session = await come_back(doors, provider)
        members = (await owner.get(f"{N}/members"))["items"]
        assert {"name": "carol-c", "role": "editor", "is_from_groups": True} in members
        page = await Browser(doors, session).get("/u/acme/-/members")
        assert page.body.count(b"by groups") == 1
        provider.changes = {"groups": ["devs"]}
        assert await come_back(doors, provider) == ""
        names = [each["name"] for each in (await owner.get(f"{N}/members"))["items"]]
        assert "carol-c" not in names


async def test_owners_map_groups_by_the_api(hub: Doors, town: Town) -> None:
    owner = Program(hub, town.auth["owner"])
    await owner.do("POST", f"{N}/teams", {"name": "crew"}, status=201)
    asked = {"source": "oidc", "group": "Devs", "role": "editor", "team": "crew"}
    made = await owner.do("POST", f"{N}/groups", asked, status=201)
    assert {name: made[name] for name in asked} == asked
    assert (made["holders"], made["created_by"]) == (0, "owner")
    assert (await owner.get(f"{N}/groups"))["items"] == [made]
    await owner.do("POST", f"{N}/groups", asked, status=409)
    await owner.do("POST", f"{N}/groups", {**asked, "team": "nothing"}, status=404)
    refused = await owner.do("POST", f"{N}/groups", {**asked, "source": "ldap"}, status=409)
    assert "LDAP sends no groups here" in json.dumps(refused)
    await owner.do("DELETE", f"{N}/groups/{made['id']}", status=204)
    await owner.do("DELETE", f"{N}/groups/{made['id']}", status=404)


async def test_owners_map_groups_on_the_page_of_members(hub: Doors, town: Town) -> None:
    account = town.people["owner"]
    secret = await hub.app.sessions.begin(account, address="127.0.0.1", client="test")
    browser, address = Browser(hub, secret), "/u/acme/-/groups"
    fields = {"what": "add", "source": "oidc", "role": "member", "back": "/u/acme/-/members"}
    assert (await browser.post(address, group="Ops & Co", **fields)).status == 303
    page = (await browser.get("/u/acme/-/members")).body
    assert b"Ops &amp; Co" in page
    number = re.findall(rb'name="id" value="(\d+)"', page)[-1].decode()
    wrong = await browser.post(address, group="x", **{**fields, "role": "king"})
    problem = next(each for each in wrong.headers("set-cookie") if "entrepot_problem" in each)
    text = problem.partition("=")[2].partition(";")[0]
    assert base64.urlsafe_b64decode(text) == b"no such source or role"
    assert (await browser.post(address, what="remove", id=number)).status == 303
    assert b"Ops &amp; Co" not in (await browser.get("/u/acme/-/members")).body


async def test_a_hub_without_groups_does_not_speak_of_them(town: Town) -> None:
    account = town.people["owner"]
    secret = await town.doors.app.sessions.begin(account, address="127.0.0.1", client="test")
    page = await Browser(town.doors, secret).get("/u/acme/-/members")
    assert b"Map a group" not in page.body
