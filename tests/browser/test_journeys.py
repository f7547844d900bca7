"""Journeys: what people come for is a few clicks away, from the home page on."""

from pathlib import Path

import pytest

from tests.browser.browsers import Browser
from tests.browser.hubs import Seeded

pytestmark = pytest.mark.browser


class Journey:
    """Somebody on the home page, whose clicks are counted; typing and Enter are none."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.clicks = 0
        browser.open("/")

    def click(self, selector: str) -> None:
        """Click what stays on the page."""
        self.clicks += 1
        self.browser.find(selector).click()

    def follow(self, selector: str) -> None:
        """Click what leads to another page."""
        self.clicks += 1
        self.browser.follow(selector)


def test_the_first_file_is_uploaded_in_four_clicks(owner: Browser, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear reader\n")
    journey = Journey(owner)
    journey.follow('main a[href="/r/docker/notes"]')
    journey.follow('a[href="/r/docker/notes/-/upload"]')
    journey.clicks += 1  # the button that opens the system's own dialogue
    owner.type("#files", str(tmp_path / "letter.txt"))
    journey.follow("[data-send]")
    assert owner.path().startswith("/r/docker/notes:latest")
    assert journey.clicks <= 4


def test_a_chart_s_command_is_copied_in_three_clicks(owner: Browser) -> None:
    journey = Journey(owner)
    owner.enter("#find", "demo")
    journey.follow('main a[href="/r/docker/demo"]')
    copy = 'main .command > button[aria-label="Copy: Install"]'
    command = str(owner.find(copy).get_attribute("data-copy"))
    assert owner.text(f"#{command}").startswith("helm install ")
    journey.click(copy)
    assert journey.clicks <= 3


def test_who_ships_openssl_is_told_in_two_clicks(owner: Browser) -> None:
    journey = Journey(owner)
    owner.enter("#find", "openssl")
    journey.follow('main a[href^="/packages?"]')
    assert "docker/demo" in owner.text("main tbody")
    assert journey.clicks <= 2


def test_a_person_is_in_a_team_in_four_clicks(owner: Browser, hub: Seeded) -> None:
    hub.hub.cli("user", "add", "newcomer", "--password-stdin", stdin="correct horse battery\n")
    hub.hub.cli("org", "member", "docker", "newcomer", "--role", "member")
    owner.open("/u/docker/-/teams")
    owner.enter("main [name=name]", "helpers")
    journey = Journey(owner)
    journey.click("header details.menu:last-of-type > summary")
    journey.follow('header a[href="/u/docker"]')
    journey.follow('main a[href="/u/docker/-/teams"]')
    journey.follow('main a[href="/u/docker/-/teams/helpers"]')
    owner.enter("main [name=member]", "newcomer")
    assert "newcomer" in owner.text("main .tree")
    assert journey.clicks <= 4


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
    journey = Journey(browser)
    journey.click("header details.menu:last-of-type > summary")
    journey.follow('header a[href="/admin"]')
    assert journey.clicks <= 2
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
