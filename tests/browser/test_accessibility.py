"""Everybody can use every page: in both themes, on small screens, without scripts."""

from typing import Final

import pytest

from tests.browser import pages
from tests.browser.accessibility import violations
from tests.browser.browsers import Browser
from tests.browser.hubs import Seeded
from tests.support.server import ADMIN_PASSWORD

pytestmark = pytest.mark.browser

_SCREENS: Final = ((1280, "light"), (1280, "dark"), (360, "light"), (360, "dark"))
_WIDEST: Final = "return document.documentElement.scrollWidth"
_MOST_HTML: Final = 100_000
_MOST_SCRIPT: Final = 30_000
_MEASURE: Final = """
const done = arguments[arguments.length - 1];
let shift = 0;
new PerformanceObserver(list => list.getEntries().forEach(each => { shift += each.value; }))
  .observe({type: 'layout-shift', buffered: true});
const sizes = kind => performance.getEntriesByType('resource')
  .filter(each => each.initiatorType === kind).reduce((sum, each) => sum + each.decodedBodySize, 0);
requestAnimationFrame(() => setTimeout(() => done([
  performance.getEntriesByType('navigation')[0].decodedBodySize, sizes('script'), shift]), 20));
"""
_STUCK: Final = """
return [...document.querySelectorAll('main button')].filter(each => each.checkVisibility()
  && !(each.form && each.type === 'submit')).map(each => each.outerHTML);
"""

_TIMELESS = """
const copy = document.querySelector('main').cloneNode(true);
copy.querySelectorAll('time').forEach(each => each.remove());
return copy.textContent;
"""


@pytest.fixture(scope="module")
def team(window: Browser) -> None:
    """A team, so that its page is there to be looked at."""
    window.open("/u/docker/-/teams")
    window.type("main [name=name]", "builders")
    window.follow("main form button")


def everywhere(browser: Browser, path: str) -> list[str]:
    """What is wrong with a page on any screen."""
    browser.show_as(1280)
    browser.open(path)
    wrong = []
    for width, theme in _SCREENS:
        browser.show_as(width, theme=theme)
        found = violations(browser, only_colours=theme == "dark")
        wrong += [f"{path} at {width} px, {theme}: {each}" for each in found]
    browser.show_as(320)
    widest = browser.run(_WIDEST)
    return wrong if widest == 320 else [*wrong, f"{path} is {widest} px wide"]


def test_everybody_s_pages_break_no_rule(stranger: Browser) -> None:
    assert [said for path in pages.ANYBODY for said in everywhere(stranger, path)] == []


@pytest.mark.usefixtures("team")
def test_pages_of_those_signed_in_break_no_rule(hub: Seeded, browser: Browser) -> None:
    paths = pages.signed_in(hub)
    assert len(paths) > 80
    assert [said for path in paths for said in everywhere(browser, path)] == []


@pytest.mark.parametrize("width", [360, 1280])
def test_the_open_menu_breaks_no_rule(browser: Browser, width: int) -> None:
    browser.show_as(width)
    browser.open("/")
    browser.find("header .menu summary").click()
    assert violations(browser) == []


def test_what_is_shown_once_breaks_no_rule(hub: Seeded, browser: Browser) -> None:
    browser.open("/settings/tokens")
    browser.type("main [name=label]", "laptop")
    browser.type("main [name=password]", ADMIN_PASSWORD)
    browser.follow("form[action$=tokens] button")
    assert browser.all("#secret")
    wrong = violations(browser)
    browser.open("/settings/security")
    browser.type("form[action$=second-factor] [name=password]", ADMIN_PASSWORD)
    browser.follow("form[action$=second-factor] button")
    assert browser.all(".qr svg")
    wrong += violations(browser)
    said = hub.hub.cli("user", "link", hub.hub.username)
    browser.open("/welcome/" + said.partition("/welcome/")[2].split()[0])
    assert hub.hub.username in browser.text("h1")
    assert [*wrong, *violations(browser)] == []


def test_pages_are_small_and_stand_still(hub: Seeded, browser: Browser) -> None:
    for path in pages.signed_in(hub):
        browser.open(path)
        found = browser.driver.execute_async_script(_MEASURE)
        html, script, shift = (float(each) for each in found)
        assert 0 < html <= _MOST_HTML, path
        assert 0 < script <= _MOST_SCRIPT, path
        assert shift < 0.01, path


def test_without_scripts_pages_have_their_content_and_every_button_does_something(
    hub: Seeded, browser: Browser
) -> None:
    for path in pages.signed_in(hub):
        browser.open(path)
        with_scripts, words = browser.text("main"), _count_words(browser)
        with browser.without_scripts():
            browser.open(path)
            assert "script" not in str(browser.run("return document.documentElement.className"))
            assert browser.text("h1") in with_scripts
            assert _count_words(browser) == words, path
            assert browser.run(_STUCK) == [], path


def _count_words(browser: Browser) -> int:
    """The words of the page, but those of times: `just now` becomes `1 min ago` meanwhile."""
    return len(str(browser.run(_TIMELESS)).split())
