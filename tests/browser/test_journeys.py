"""Journeys: what people come for is a few clicks away."""

import pytest

from tests.browser.browsers import Browser

pytestmark = pytest.mark.browser


def test_the_changes_since_the_last_version_are_one_click_away(browser: Browser) -> None:
    browser.open("/r/docker/demo")
    browser.follow('.versions a[href*="/-/compare/"]')
    assert browser.driver.current_url.endswith("/r/docker/demo/-/compare/0.9.0...0.10.0")
    assert "0.9.0" in browser.text("h2.compared")


def test_two_tags_of_the_list_are_compared(browser: Browser) -> None:
    """Two boxes and a button; the newer of both is the second one."""
    browser.open("/r/docker/demo/-/tags")
    for tag in ("0.10.0", "0.1.0"):
        browser.find(f'[name=select][value="{tag}"]').click()
    browser.follow('button[formaction$="/-/compare"]')
    assert browser.driver.current_url.endswith("/r/docker/demo/-/compare/0.1.0...0.10.0")


def test_any_two_versions_are_typed_into_the_form(browser: Browser) -> None:
    browser.open("/r/docker/demo/-/tags")
    browser.follow('a[href$="/-/compare"]')
    browser.type("#from", "0.1.0")
    browser.type("#to", "0.9.0")
    browser.follow(".compare-form button")
    assert browser.driver.current_url.endswith("/r/docker/demo/-/compare/0.1.0...0.9.0")
    assert "to pull on top of the first" in browser.text("main")


def test_what_fills_the_disk_is_two_clicks_away(browser: Browser) -> None:
    """The menu, and the administration in it; the picture has a sentence and a table behind it."""
    browser.open("/")
    browser.find("header details.menu:last-of-type > summary").click()
    browser.follow('header a[href="/admin"]')
    picture = browser.find(".treemap").get_attribute("aria-label")
    assert picture is not None
    assert "docker" in picture
    browser.follow('main a[href="/admin/organizations"]')
    assert "docker" in browser.text("main tbody")


def test_another_version_is_two_clicks_away(browser: Browser) -> None:
    browser.open("/r/docker/demo:0.10.0")
    browser.find(".switch > summary").click()
    browser.follow('.switch a[href$=":0.9.0"]')
    assert browser.driver.current_url.endswith("/r/docker/demo:0.9.0")
