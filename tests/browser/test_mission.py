"""The mission: a chart, a volume and a file in one repository, each known for what it is."""

from pathlib import Path
from typing import Final

import pytest

from tests.browser.browsers import Browser
from tests.browser.hubs import Seeded
from tests.browser.kubernetes import cluster
from tests.browser.pasted import Shell, command, commands_on, shell
from tests.browser.stock import environment

pytestmark = pytest.mark.browser

_TAGS: Final = {
    "0.1.0": ("Helm chart", "helm"),
    "0.0.1": ("Volume", "volume"),
    "0.0.2": ("Generic files", "files"),
}
_HELMS: Final = ("helm3", "helm4")


@pytest.fixture
def newcomer(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has never used a client."""
    home = tmp_path / "home"
    home.mkdir()
    return environment(home)


def log_in(terminal: Shell, hub: Seeded, words: str) -> None:
    """Log in with the password on standard input."""
    text = f"{words} -u {hub.hub.username} --password-stdin {hub.hub.host}"
    terminal.run(text, stdin=hub.hub.password)


@pytest.mark.parametrize("tag", _TAGS)
def test_the_tags_page_says_what_each_artifact_is(browser: Browser, tag: str) -> None:
    name, icon = _TAGS[tag]
    browser.open("/r/docker/demo/-/tags")
    row = next(each for each in browser.all("tr[data-row]") if each.text.startswith(f"{tag}\n"))
    # A chart's line also says which version of the application it installs.
    assert name in [line.partition(" · app ")[0] for line in row.text.splitlines()]
    drawn = "return arguments[0].querySelector('.tile use').getAttribute('href')"
    assert str(browser.run(drawn, row)).endswith(f"#icon-{icon}")
    box = "return arguments[0].querySelector('.tile svg').getBoundingClientRect().width"
    assert browser.run(box, row) == 16
    browser.open(f"/r/docker/demo:{tag}")
    assert name in browser.text("h1")


@pytest.mark.parametrize("helm", _HELMS)
def test_the_chart_s_commands_work_as_pasted(
    hub: Seeded, browser: Browser, newcomer: dict[str, str], tmp_path: Path, helm: str
) -> None:
    shown = commands_on(browser, "/r/docker/demo:0.1.0")
    with cluster(tmp_path) as there:
        terminal = shell(tmp_path, newcomer, helm, KUBECONFIG=str(there.kubeconfig))
        log_in(terminal, hub, "helm registry login --plain-http")
        for title in ("Pull", "Install", "Upgrade", "Install or upgrade"):
            text = command(shown, "helm", title).text
            assert "--version 0.1.0" in text
            terminal.run(text)
        assert (terminal.directory / "demo-0.1.0.tgz").stat().st_size > 0
        assert there.names("deployments") == ["demo"]
        assert len(there.names("secrets")) == 3
        assert "replicaCount" in terminal.run(
            command(shown, "helm", "Show the default values").text
        )
        rendered = terminal.run(command(shown, "helm", "Render the templates").text)
        assert "kind: Deployment" in rendered


@pytest.mark.parametrize("helm", _HELMS)
def test_charts_are_found_by_number_and_not_by_the_alphabet(
    hub: Seeded, newcomer: dict[str, str], tmp_path: Path, helm: str
) -> None:
    terminal = shell(tmp_path, newcomer, helm)
    log_in(terminal, hub, "helm registry login --plain-http")
    chart = f"oci://{hub.hub.host}/docker/demo --plain-http"
    assert "version: 0.10.0" in terminal.run(f"helm show chart {chart}")


def test_the_volume_s_commands_restore_its_files(
    hub: Seeded, browser: Browser, newcomer: dict[str, str], tmp_path: Path
) -> None:
    terminal = shell(tmp_path, newcomer, "helm4")
    log_in(terminal, hub, "oras login")
    shown = commands_on(browser, "/r/docker/demo:0.0.1")
    terminal.run(command(shown, "oras", "Pull the volume's files").text)
    assert (terminal.directory / "myvolume.txt").read_text() == "a volume\n"
    archived = commands_on(browser, "/r/docker/data:2024-05-01")
    terminal.anew().run(command(archived, "oras", "Unpack here").text)
    assert (terminal.directory / "pictures" / "deep" / "leaf.txt").read_text() == "leaf\n"


def test_the_file_s_commands_give_the_file(
    hub: Seeded, browser: Browser, newcomer: dict[str, str], tmp_path: Path
) -> None:
    terminal = shell(tmp_path, newcomer, "helm4")
    log_in(terminal, hub, "oras login")
    shown = commands_on(browser, "/r/docker/demo:0.0.2")
    for client, title in (("oras", "Pull the files"), ("curl", "Download myartifact.txt")):
        terminal.anew().run(command(shown, client, title).text)
        assert [each.name for each in terminal.directory.iterdir()] == ["myartifact.txt"]
        assert (terminal.directory / "myartifact.txt").read_text() == "an artifact\n"
