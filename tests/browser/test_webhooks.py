"""A webhook in a browser: made, tried with a ping, looked at; each page on every screen."""

import base64
import os
from pathlib import Path
from typing import Final

import pytest

from tests.browser.browsers import Browser
from tests.browser.hubs import Seeded
from tests.browser.test_accessibility import everywhere

pytestmark = pytest.mark.browser

_BASE: Final = "/u/docker/-/webhooks"
_URL: Final = "https://203.0.114.1:8443/hooks"


def _picture(browser: Browser, name: str, width: int, theme: str) -> None:
    """Where pictures are wanted, one of the page."""
    directory = os.environ.get("ENTREPOT_TEST_PICTURES")
    if directory is None:
        return
    browser.show_as(width, theme=theme)
    found = browser.command("Page.captureScreenshot", format="png", captureBeyondViewport=True)
    path = Path(directory) / f"{name}-{width}-{theme}.png"
    path.write_bytes(base64.b64decode(str(found["data"])))


def _pictures(browser: Browser, name: str) -> None:
    for width, theme in ((1280, "light"), (1280, "dark"), (390, "light")):
        _picture(browser, name, width, theme)


@pytest.mark.parametrize("base", [_BASE, "/r/docker/demo/-/webhooks"])
def test_a_webhook_is_made_and_tried(hub: Seeded, browser: Browser, base: str) -> None:
    browser.show_as(1280)
    browser.open(base)
    browser.type("main [name=url]", _URL)
    browser.follow("main form.card button.main")
    assert "whsec_" in browser.text("#secret")
    _pictures(browser, "made")
    browser.open(base)
    address = browser.find("main [data-row] a").get_attribute("href") or ""
    one = address.removeprefix(hub.hub.url)
    browser.open(one)
    browser.follow("main button[value=ping]")
    assert "ping" in browser.text("table")
    delivery = browser.find("table a").get_attribute("href") or ""
    wrong = []
    for name, path in (
        ("list", base),
        ("one", one),
        ("delivery", delivery.removeprefix(hub.hub.url)),
    ):
        wrong += everywhere(browser, path)
        _pictures(browser, name)
    assert wrong == []
