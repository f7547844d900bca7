"""Pages of other sites, and browsers of other people: none of them signs anybody in or links."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import pyotp
import pytest

from entrepot.hub.people.actors import OPERATOR, actor_of
from entrepot.model.people.accounts import Account
from tests.doors.browsers import FORM_SECRET, Browser
from tests.doors.conftest import Open
from tests.doors.doors import Answer, Doors
from tests.doors.web.test_signing_in import session_of
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider, serving

PASSWORD = "a whole sentence of mine"
LINK = "/settings/provider/link"


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub with a provider, and anna who is signed in at it."""

    doors: Doors
    provider: IdentityProvider
    anna: Account
    session: str

    @property
    def browser(self) -> Browser:
        """Anna's."""
        return Browser(self.doors, self.session)

    async def is_linked(self) -> bool:
        """Whether somebody at the provider is anna."""
        sso = self.doors.app.single_sign_on
        assert sso is not None
        return await sso.is_linked(self.anna)

    async def come_back(self, begun: Answer, session: str = "", **more: str) -> Answer:
        """What the browser that began gets for the provider's answer."""
        code, state = self.provider.authorize(begun.header("location") or _led_to(begun))
        return await self.bring(kept_of(begun), session, code=code, state=state, **more)

    async def bring(self, kept: str, session: str = "", **parameters: str) -> Answer:
        """What a browser with that cookie gets for what it brings along."""
        cookies = [f"entrepot_form={FORM_SECRET}", kept]
        cookies += [f"entrepot_session={session}"] if session else []
        target = f"/sign-in/oidc/callback?{urlencode(parameters)}"
        headers = {"cookie": "; ".join(filter(None, cookies)), "sec_fetch_site": "cross-site"}
        return await self.doors.ask_with("GET", target, b"", headers)


def kept_of(answer: Answer) -> str:
    """The cookie in which a browser keeps its attempt; empty where it was given none."""
    found = [each.partition(";")[0] for each in answer.headers("set-cookie")]
    return next((each for each in found if each.startswith("entrepot_oidc=")), "")


def _led_to(page: Answer) -> str:
    """Where a page leads on to."""
    begin = page.body.index(b'href="http://127') + len(b'href="')
    return page.body[begin : page.body.index(b'"', begin)].decode().replace("&amp;", "&")


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    """A provider that vouches for whoever asks."""
    with serving() as running:
        yield running


@pytest.fixture
def settings(provider: IdentityProvider) -> dict[str, object]:
    """Settings with that provider."""
    return {
        "oidc_issuer": provider.url,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_sign_up": True,
    }


@pytest.fixture
async def hub(open_doors: Open, provider: IdentityProvider, settings: dict[str, object]) -> Hub:
    """The hub."""
    doors = open_doors(**settings)
    anna = await doors.app.accounts.add("anna", PASSWORD)
    session = await doors.app.sessions.begin(anna, address="", client="")
    return Hub(doors, provider, anna, session)


async def test_an_account_is_linked_by_a_form_with_its_password(hub: Hub) -> None:
    begun = await hub.browser.post(LINK, own_password=PASSWORD)
    assert begun.status == 200
    answer = await hub.come_back(begun, hub.session)
    assert answer.header("location") == "/settings/security?said=saved"
    assert await hub.is_linked()
    wrong = await hub.browser.post("/settings/provider/unlink", own_password="a guess", back="/x")
    assert (wrong.header("location"), await hub.is_linked()) == ("/x", True)
    await hub.browser.post("/settings/provider/unlink", own_password=PASSWORD)
    assert not await hub.is_linked()


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "none", ""])
async def test_an_address_alone_links_nobody_who_is_signed_in(hub: Hub, site: str) -> None:
    headers = {"sec_fetch_site": site} if site else {}
    for target in ("/login/oidc", "/login/oidc?next=/settings", LINK):
        answer = await hub.browser.get(target, **headers)
        assert kept_of(answer) == ""
        assert not (answer.header("location") or "").startswith("http")
    assert not await hub.is_linked()


async def test_a_page_of_another_site_cannot_send_the_form(hub: Hub) -> None:
    fields = {"own_password": PASSWORD}
    for headers in ({"origin": "https://evil.test"}, {"sec_fetch_site": "cross-site"}, {}):
        assert (await hub.browser.send(LINK, fields, **headers)).status == 403
    wrong = await hub.browser.post(LINK, own_password="a guess", back="/settings/security")
    assert (wrong.status, kept_of(wrong)) == (303, "")


async def test_what_another_browser_began_ends_in_nobody_elses(hub: Hub) -> None:
    mallory = Browser(hub.doors)
    begun = await mallory.get("/login/oidc")
    code, state = hub.provider.authorize(begun.header("location") or "")
    brought = {"code": code, "state": state}
    # The victim is led to the attacker's answer: signed in, signed out, with an attempt of theirs.
    own = await mallory.get("/login/oidc")
    for kept in ("", kept_of(own), "entrepot_oidc=e30=", 'entrepot_oidc={"state":"' + state + '"}'):
        for session in (hub.session, ""):
            answer = await hub.bring(kept, session, **brought)
            assert answer.status == 403
            assert "entrepot_session" not in str(answer.headers("set-cookie"))
    # Even with the attacker's cookie somebody who is signed in stays who they are, and unlinked.
    answer = await hub.bring(kept_of(begun), hub.session, **brought)
    assert "entrepot_session" not in str(answer.headers("set-cookie"))
    assert not await hub.is_linked()


async def test_what_began_to_link_does_not_sign_in_nor_link_another_session(hub: Hub) -> None:
    other = await hub.doors.app.sessions.begin(hub.anna, address="", client="")
    bob = await hub.doors.app.accounts.add("bob", PASSWORD)
    bobs = await hub.doors.app.sessions.begin(bob, address="", client="")
    begun = await hub.browser.post(LINK, own_password=PASSWORD)
    for session in ("", other, bobs):
        answer = await hub.come_back(begun, session)
        assert answer.status == 403
        assert "entrepot_session" not in str(answer.headers("set-cookie"))
    assert not await hub.is_linked()


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_site_cannot_begin_to_sign_somebody_in(hub: Hub, site: str) -> None:
    answer = await Browser(hub.doors).get("/login/oidc?next=/settings", sec_fetch_site=site)
    assert answer.header("location") == "/login?next=%2Fsettings"
    assert kept_of(answer) == ""


async def test_an_answer_is_taken_once_and_says_of_which_provider_it_is(hub: Hub) -> None:
    begun = await Browser(hub.doors).get("/login/oidc")
    assert (await hub.come_back(begun, iss="https://evil.test")).status == 403
    begun = await Browser(hub.doors).get("/login/oidc")
    assert (await hub.come_back(begun, iss=hub.provider.url)).status == 303
    assert (await hub.come_back(begun)).status == 403
    begun = await Browser(hub.doors).get("/login/oidc")
    refused = await hub.bring(kept_of(begun), error="access_denied", state="x")
    assert refused.status == 403


async def test_the_cookie_is_one_that_no_other_site_can_set(hub: Hub) -> None:
    headers = {"cookie": f"entrepot_form={FORM_SECRET}", "x_forwarded_proto": "https"}
    begun = await hub.doors.ask_with("GET", "/login/oidc", b"", headers)
    cookie = next(each for each in begun.headers("set-cookie") if "oidc" in each)
    assert cookie.startswith("__Host-")
    assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
    code, state = hub.provider.authorize(begun.header("location") or "")
    target = f"/sign-in/oidc/callback?code={code}&state={state}"
    plain = {"cookie": "entrepot_oidc" + cookie.partition("=")[1] + cookie.partition("=")[2]}
    answer = await hub.doors.ask_with("GET", target, b"", {**plain, "x_forwarded_proto": "https"})
    assert answer.status == 403


async def enrol(hub: Hub) -> None:
    """Give anna a second factor, and link her."""
    factors = hub.doors.app.second_factors
    secret = (await factors.enrol(hub.anna, actor_of(hub.anna))).secret
    await factors.confirm(hub.anna, pyotp.TOTP(secret).now(), actor_of(hub.anna))
    begun = await hub.browser.post(LINK, own_password=PASSWORD)
    await hub.come_back(begun, hub.session)
    assert await hub.is_linked()


async def test_the_second_factor_is_asked_for_after_the_provider_too(hub: Hub) -> None:
    await enrol(hub)
    answer = await hub.come_back(await Browser(hub.doors).get("/login/oidc?next=/settings"))
    assert answer.header("location") == "/login/code?next=%2Fsettings"
    pending = Browser(hub.doors, session_of(answer))
    assert (await pending.get("/settings")).header("location") == "/login?next=%2Fsettings"


async def test_the_second_factor_is_the_providers_where_the_setting_says_so(
    hub: Hub, open_doors: Open, settings: dict[str, object]
) -> None:
    await enrol(hub)
    doors = open_doors(**settings, oidc_second_factor=True)
    trusting = Hub(doors, hub.provider, hub.anna, hub.session)
    answer = await trusting.come_back(await Browser(doors).get("/login/oidc?next=/settings"))
    assert answer.header("location") == "/settings"


async def test_the_second_factor_is_asked_for_after_a_one_time_link_too(hub: Hub) -> None:
    await enrol(hub)
    secret = await hub.doors.app.password_links.begin(hub.anna, OPERATOR)
    answer = await Browser(hub.doors).post(f"/welcome/{secret}", password="another sentence")
    assert answer.header("location") == "/login/code?next=%2F"


async def test_a_fresh_sign_in_by_the_provider_stands_for_the_password_and_an_old_one_does_not(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"label": "ci", "scope": "repo:read", "back": "/x"}
    assert (await hub.browser.post("/settings/tokens", **asked)).status == 303
    answer = await hub.come_back(await Browser(hub.doors).get("/login/oidc"))
    carol = Browser(hub.doors, session_of(answer))
    assert (await carol.post("/settings/tokens", **asked)).status == 200
    later = hub.doors.app.now() + timedelta(minutes=11)
    monkeypatch.setitem(vars(hub.doors.app), "now", lambda: later)
    assert (await carol.post("/settings/tokens", **asked)).status == 303
