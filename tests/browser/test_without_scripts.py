"""Whatever a person does here, they can do in a browser that runs no script."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.browsers import Browser
from tests.browser.hubs import Seeded
from tests.browser.pasted import shell

pytestmark = pytest.mark.browser


@pytest.fixture
def plain(browser: Browser) -> Iterator[Browser]:
    """The window, running no script."""
    with browser.without_scripts():
        yield browser


@pytest.fixture
def spare(hub: Seeded) -> str:
    """A repository of two tags that other tests do not look at."""
    oras = hub.client("oras")
    for tag, name in {"keep": "myartifact.txt", "drop": "myvolume.txt"}.items():
        oras("push", f"{hub.hub.host}/docker/spare:{tag}", f"{name}:text/plain")
    return "/r/docker/spare"


def test_a_search_finds_and_narrows(plain: Browser) -> None:
    plain.open("/")
    plain.enter("#find", "demo")
    assert plain.path().startswith("/search?q=demo")
    assert "docker/demo" in [each.text for each in plain.all(".list h3 a")]
    plain.follow(".facets a[href*=helm-chart]")
    assert "docker/demo" in [each.text for each in plain.all(".list h3 a")]


def test_commands_of_another_client_are_shown(plain: Browser) -> None:
    plain.open("/r/docker/demo:0.1.0")
    assert plain.find("[data-tool=helm]").is_displayed()
    plain.follow(".tools button[value=oras]")
    assert plain.find("[data-tool=oras]").is_displayed()
    assert not plain.find("[data-tool=helm]").is_displayed()


def test_tags_are_filtered_and_sorted(plain: Browser) -> None:
    plain.open("/r/docker/demo/-/tags")
    plain.enter("#q", "0.0.")
    shown = [each.text for each in plain.all("tr[data-row] a.name")]
    assert shown == ["0.0.2", "0.0.1"]


def test_a_tag_is_deleted_after_a_look_and_comes_back(plain: Browser, spare: str) -> None:
    plain.open(f"{spare}/-/tags")
    plain.find("input[name=select][value=drop]").click()
    plain.follow("button.danger")
    assert "drop" in plain.text("table")
    assert "keep" not in plain.text("tbody td strong")
    plain.follow("form[method=post] button.danger")
    plain.open(f"{spare}/-/tags")
    assert [each.text for each in plain.all("tr[data-row] a.name")] == ["keep"]
    plain.open(f"{spare}/-/history")
    plain.follow("form[action$=undo] button")
    plain.open(f"{spare}/-/tags")
    assert {each.text for each in plain.all("tr[data-row] a.name")} == {"keep", "drop"}


def test_a_file_is_uploaded_and_pulled(hub: Seeded, plain: Browser, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear reader\n")
    plain.open("/r/docker/notes/-/upload")
    plain.type("#files", str(tmp_path / "letter.txt"))
    tag = plain.find("main [name=tag]")
    tag.clear()
    tag.send_keys("letter")
    plain.follow("form[data-upload] button.main")
    assert "letter" in plain.text("h1")
    terminal = shell(tmp_path, hub.env, "helm4")
    terminal.run(f"oras pull {hub.hub.host}/docker/notes:letter")
    assert (terminal.directory / "letter.txt").read_text() == "dear reader\n"


def test_a_repository_is_described(plain: Browser, spare: str) -> None:
    plain.open(f"{spare}/-/settings")
    plain.type("[name=description]", "Spare parts")
    plain.type("[name=readme]", "# Parts\n\nThey are *spare*.")
    plain.follow("button[value=save]")
    plain.open(spare)
    assert "Spare parts" in plain.text(".head")
    assert plain.text("article em") == "spare"


def test_the_theme_is_kept(plain: Browser) -> None:
    plain.open("/help")
    plain.find("#theme option[value=dark]").click()
    plain.follow("footer form button")
    assert plain.find("html").get_attribute("data-theme") == "dark"
    assert plain.path().startswith("/help")
    plain.find("#theme option[value='']").click()
    plain.follow("footer form button")
    assert plain.find("html").get_attribute("data-theme") is None


def test_signing_in_goes_on_to_where_one_wanted(stranger: Browser, hub: Seeded) -> None:
    with stranger.without_scripts():
        stranger.open("/settings/tokens")
        assert stranger.path().startswith("/login?next=")
        stranger.type("[name=name]", hub.hub.username)
        stranger.type("[name=password]", hub.hub.password)
        stranger.follow("main form button")
        assert stranger.path() == "/settings/tokens"
        stranger.find("header .menu summary").click()
        stranger.follow("form[action='/logout'] button")
        assert not stranger.all("header .menu")
