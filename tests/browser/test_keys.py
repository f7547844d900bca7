"""Keys and the copy button, in a browser that trusts the page and in one that does not."""

from collections.abc import Iterator

import pytest

from tests.browser.browsers import FAR_HOST, Browser, opened
from tests.browser.hubs import Seeded

pytestmark = pytest.mark.browser

_FOCUSED = "return document.activeElement.textContent"
_PASTE = """
const area = document.createElement('textarea');
document.querySelector('main').append(area);
area.focus();
"""


@pytest.fixture(scope="module")
def far(hub: Seeded) -> Iterator[Browser]:
    """A browser on another machine, as far as it can tell: plain HTTP, and no localhost."""
    with opened(f"http://{FAR_HOST}:{hub.hub.port}") as browser:
        yield browser


def pasted(browser: Browser) -> str:
    """What a person gets who pastes into a field."""
    browser.run(_PASTE)
    browser.command("Input.dispatchKeyEvent", type="keyDown", commands=["paste"])
    return str(browser.run("return document.activeElement.value"))


def test_a_slash_goes_to_the_search(browser: Browser) -> None:
    browser.open("/explore")
    browser.press("/")
    assert browser.run("return document.activeElement.id") == "find"
    browser.press("demo/")
    assert browser.find("#find").get_property("value") == "demo/"


def test_a_question_mark_opens_the_help(browser: Browser) -> None:
    browser.open("/explore")
    browser.press("?")
    assert browser.path() == "/help"


def test_j_and_k_move_between_rows(browser: Browser) -> None:
    browser.open("/r/docker/demo/-/tags?sort=name")
    names = [each.text for each in browser.all("[data-row] a.name")]
    assert len(names) >= 5
    found = []
    for key in "jjjkjjjjjj":
        browser.press(key)
        found.append(str(browser.run(_FOCUSED)))
    assert found[:5] == [names[0], names[1], names[2], names[1], names[2]]
    assert found[-1] == names[-1]
    browser.press("\n")
    assert browser.path() == f"/r/docker/demo:{names[-1]}"


def test_keys_can_be_turned_off_and_on_again(browser: Browser) -> None:
    browser.open("/help")
    browser.follow("button[name=keys][value=off]")
    browser.open("/explore")
    browser.press("/")
    assert browser.run("return document.activeElement.id") != "find"
    browser.open("/help")
    browser.follow("button[name=keys][value=on]")
    browser.press("/")
    assert browser.run("return document.activeElement.id") == "find"


def test_the_copy_button_copies_the_command(browser: Browser) -> None:
    browser.command(
        "Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"]
    )
    browser.open("/r/docker/demo:0.1.0")
    assert browser.run("return isSecureContext") is True
    copied(browser)


def test_the_copy_button_copies_over_plain_http_too(far: Browser) -> None:
    far.open("/r/docker/demo:0.1.0")
    assert far.run("return isSecureContext") is False
    assert FAR_HOST in copied(far)


def copied(browser: Browser) -> str:
    """Copy the first command with its button, paste it, and see that it is the same."""
    text = browser.text(".commands .command code")
    assert text.startswith("helm pull oci://")
    browser.find(".commands .command button").click()
    assert browser.driver.execute_async_script(_SAID) == "Copied"
    assert pasted(browser) == text
    return text


_SAID = """
const done = arguments[arguments.length - 1], place = document.getElementById('announce');
const look = () => place.textContent ? done(place.textContent) : requestAnimationFrame(look);
look();
"""
