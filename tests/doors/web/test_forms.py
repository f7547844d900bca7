"""A form with the right token is still refused where anything else about it is wrong."""

import re
from typing import Final

import pytest

from entrepot.http.forms import form_token
from entrepot.model.repositories import Visibility
from entrepot.web.requests import PageRoute
from entrepot.web.routes import ROUTES
from tests.doors.browsers import FORM_SECRET, ORIGIN, Browser
from tests.doors.conftest import Town

_UNSAFE: Final = [route for route in ROUTES if route.is_unsafe]
_PLACES: Final = {
    "namespace": "acme",
    "rule": "nightly",
    "team": "crew",
    "secret": "none",
    "webhook": "1",
    "delivery": "1",
    "rest": "x",
}
_FOREIGN: Final = (
    "http://evil.test",
    "https://hub.test",  # another scheme is another origin
    "http://hub.test:81",
    "http://hub.test.evil.test",
    "http://evil.test/http://hub.test",
    "null",  # a sandboxed frame, or a redirect across origins
    "",
)

pytestmark = pytest.mark.parametrize("route", _UNSAFE, ids=lambda route: str(route.pattern))


@pytest.fixture
async def browser(town: Town) -> Browser:
    """The administrator's browser."""
    sessions = town.doors.app.sessions
    secret = await sessions.begin(town.people["admin"], address="127.0.0.1", client="test")
    return Browser(town.doors, secret)


@pytest.fixture
def token(browser: Browser) -> str:
    """The token that the hub's own pages give this browser."""
    return form_token(FORM_SECRET, browser.session)


@pytest.fixture
async def target(town: Town, route: PageRoute) -> str:
    """The route's address, for a repository that is there."""
    name = await town.build(Visibility.PUBLIC)
    path = route.pattern.replace("{repository}", name)
    return re.sub(r"\{(\w+)\}", lambda found: _PLACES[found[1]], path)


async def test_a_form_of_another_origin_is_refused(
    browser: Browser, token: str, target: str
) -> None:
    for origin in _FOREIGN:
        answer = await browser.send(target, {"token": token}, origin=origin)
        assert answer.status == 403, origin
    for site in ("cross-site", "same-site"):
        answer = await browser.send(target, {"token": token}, origin=ORIGIN, sec_fetch_site=site)
        assert answer.status == 403, site


async def test_a_form_in_a_type_that_any_page_can_send_is_refused(
    browser: Browser, token: str, target: str
) -> None:
    for kind in ("text/plain", "text/plain; x=application/x-www-form-urlencoded", "", "*/*"):
        answer = await browser.send(target, {"token": token}, origin=ORIGIN, content_type=kind)
        assert answer.status == 415, kind


async def test_the_token_of_another_browser_or_session_is_refused(
    browser: Browser, token: str, target: str
) -> None:
    wrong = ("", token[:-1], token.upper(), form_token(FORM_SECRET, ""), form_token("", ""))
    for each in wrong:
        answer = await browser.send(target, {"token": each}, origin=ORIGIN)
        assert answer.status == 403, each
    in_another = Browser(browser.doors)
    assert (await in_another.send(target, {"token": token}, origin=ORIGIN)).status == 403


async def test_files_without_the_token_in_their_address_are_refused(
    browser: Browser, token: str, target: str
) -> None:
    kind = "multipart/form-data; boundary=x"
    for address in (target, f"{target}?token=", f"{target}?token=x"):
        fields = {"token": token}
        answer = await browser.send(address, fields, origin=ORIGIN, content_type=kind)
        assert answer.status == 403, address
