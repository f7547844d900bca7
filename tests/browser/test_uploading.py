"""The queue of the upload page: nothing that was chosen is lost by what goes wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.browsers import Browser
from tests.browser.hubs import Seeded
from tests.browser.pasted import shell

pytestmark = pytest.mark.browser


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """A large file and a small one."""
    found = [tmp_path / "large.bin", tmp_path / "small.txt"]
    found[0].write_bytes(b"x" * 3_000_000)
    found[1].write_text("small\n")
    return found


@pytest.fixture
def page(browser: Browser) -> Iterator[Browser]:
    """The upload page; its connection is whole again afterwards."""
    browser.open("/r/docker/notes/-/upload")
    browser.command("Network.enable")
    yield browser
    connect(browser)


def connect(browser: Browser, *, rate: int = -1, offline: bool = False) -> None:
    """Have a connection that sends so many bytes a second, or none."""
    browser.command(
        "Network.emulateNetworkConditions",
        offline=offline,
        latency=0,
        downloadThroughput=-1,
        uploadThroughput=rate,
    )


def choose(page: Browser, *files: Path, tag: str) -> None:
    """Choose files, and the tag."""
    page.type("#files", "\n".join(str(each) for each in files))
    name_tag(page, tag)


def name_tag(page: Browser, tag: str) -> None:
    """Type another tag."""
    page.find("main [name=tag]").clear()
    page.type("main [name=tag]", tag)


def states(page: Browser) -> list[str]:
    """What the page says of each file."""
    return [str(each.get_property("textContent")) for each in page.all(".queue .state")]


def wait(page: Browser, selector: str) -> None:
    """Wait until such an element is there."""
    page._until(lambda _: bool(page.all(selector)))


def test_a_wrong_tag_is_told_before_anything_is_sent(page: Browser, files: list[Path]) -> None:
    choose(page, *files, tag="a tag")
    page.find("[data-send]").click()
    wait(page, "[data-problem]:not([hidden])")
    assert "invalid tag" in page.text("[data-problem]")
    assert states(page) == ["2.9 MiB, waiting", "6 B, waiting"]
    name_tag(page, "queue-1")
    page.follow("[data-send]")
    assert page.path().startswith("/r/docker/notes:queue-1")


def test_a_lost_connection_loses_no_file(page: Browser, files: list[Path]) -> None:
    choose(page, *files, tag="queue-2")
    connect(page, offline=True)
    page.find("[data-send]").click()
    wait(page, "[data-problem]:not([hidden])")
    assert "the connection was lost" in page.text("[data-problem]")
    connect(page, rate=200_000)
    page.find("[data-send]").click()
    wait(page, ".queue progress:not([value='0'])")
    # What is on its way may arrive; the next file cannot.
    connect(page, offline=True)
    wait(page, "[data-problem]:not([hidden])")
    assert "failed" in states(page)[1]
    connect(page)
    page.follow("li:nth-child(2) [data-retry]:not([hidden])")
    assert page.path().startswith("/r/docker/notes:queue-2")


def test_sending_is_stopped_and_goes_on(page: Browser, files: list[Path]) -> None:
    choose(page, files[1], files[0], tag="queue-3")
    connect(page, rate=200_000)
    page.find("[data-send]").click()
    wait(page, ".queue li:nth-child(2) progress:not([value='0'])")
    page.find("[data-stop]").click()
    wait(page, "[data-stop][hidden]")
    assert states(page) == ["6 B, uploaded", "2.9 MiB, waiting"]
    page.all("[data-remove]")[1].click()
    connect(page)
    page.follow("[data-send]")
    assert page.path().startswith("/r/docker/notes:queue-3")


def test_a_folder_is_an_artifact(
    page: Browser, hub: Seeded, files: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "site"
    (folder / "css").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>")
    (folder / "css" / "a.css").write_text("h1 {}")
    page.type("#folder", str(folder))
    choose(page, files[1], tag="queue-4")
    page.follow("[data-send]")
    (tmp_path / "pulled").mkdir()
    terminal = shell(tmp_path / "pulled", hub.env, "helm4")
    terminal.run(f"oras pull {hub.hub.host}/docker/notes:queue-4")
    for name in ("site/index.html", "site/css/a.css", "small.txt"):
        assert (terminal.directory / name).read_bytes() == (tmp_path / name).read_bytes()


def test_a_tag_that_will_move_is_told(page: Browser, files: list[Path]) -> None:
    choose(page, files[0], tag="queue-1")
    connect(page, rate=200_000)
    page.find("[data-send]").click()
    page._until(lambda _: "This tag exists" in page.text("[data-note]"))
    page.find("[data-stop]").click()
    wait(page, "[data-stop][hidden]")
