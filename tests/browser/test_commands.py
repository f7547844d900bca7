"""Every command on every page works when it is pasted; those of clients not at hand are words."""

import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.browser.browsers import Browser
from tests.browser.hubs import Seeded, references
from tests.browser.kubernetes import cluster
from tests.browser.pasted import Shell, Shown, commands_on, shell
from tests.clients.engines import docker_engine
from tests.support.tools import tool

pytestmark = pytest.mark.browser

_AT_HAND: Final = (
    "helm",
    "oras",
    "crane",
    "regctl",
    "cosign",
    "skopeo",
    "curl",
    "docker",
    "podman",
)
_ELSEWHERE: Final = (
    "docker run",  # a program to run, or an image of another registry
    "podman run",
    "podman artifact",  # newer than Debian's podman
    "IDENTITY",  # to be filled in by whoever knows the signer
)
# There is no transparency log to ask.
_OFFLINE: Final[Mapping[str, str]] = {"cosign verify ": " --insecure-ignore-tlog=true"}


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody with every client, an engine, and the key that signed what is signed."""

    hub: Seeded
    env: Mapping[str, str]
    place: Path

    def paste(self, terminal: Shell, text: str) -> str:
        """Empty where the command works in an empty directory; else it, and what it said."""
        terminal.anew()
        shutil.copy(self.hub.directory / "cosign.pub", terminal.directory)
        more = next((flags for start, flags in _OFFLINE.items() if text.startswith(start)), "")
        outcome = terminal.type(text + more)
        return "" if outcome.status == 0 else f"{text}{more}\n{outcome.said}"

    def paste_all(self, shown: list[Shown], helm: str) -> list[str]:
        """What went wrong with these commands, one after the other."""
        place = Path(tempfile.mkdtemp(dir=self.place))
        with cluster(place) as there:
            own = podman_of_its_own(place) | {"KUBECONFIG": str(there.kubeconfig)}
            terminal = shell(place, self.env, helm, **own)
            return [said for each in shown if (said := self.paste(terminal, each.text))]


def podman_of_its_own(place: Path) -> dict[str, str]:
    """What podman must be told so that it leaves the machine's images and volumes alone."""
    storage, engine = place / "storage.conf", place / "containers.conf"
    folders = [f'{each} = "{place}/podman/{each}"' for each in ("runroot", "graphroot")]
    storage.write_text("\n".join(["[storage]", 'driver = "vfs"', *folders]))
    kept = [
        f'{each} = "{place}/podman/{each}"' for each in ("volume_path", "static_dir", "tmp_dir")
    ]
    engine.write_text("\n".join(["[engine]", *kept]))
    return {"CONTAINERS_STORAGE_CONF": str(storage), "CONTAINERS_CONF": str(engine)}


@pytest.fixture(scope="module")
def desk(hub: Seeded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk whose Docker knows buildx."""
    plugins = Path(hub.env["DOCKER_CONFIG"]) / "cli-plugins"
    plugins.mkdir()
    (plugins / "docker-buildx").symlink_to(tool("buildx"))
    with docker_engine() as engine:
        yield Desk(hub, {**hub.env, "DOCKER_HOST": engine}, tmp_path_factory.mktemp("desk"))


def languages(hub: Seeded, reference: str) -> dict[str, str]:
    """The language of each command on the artifact's page, as programs are told."""
    snippets = hub.page(f"/r/{reference}")["snippets"]
    assert isinstance(snippets, dict)
    return {
        each["text"]: each["language"] for group in snippets["groups"] for each in group["commands"]
    }


def commands_of(hub: Seeded, browser: Browser, reference: str) -> list[Shown]:
    """What is to be pasted into a shell; a shell can read all of it."""
    known = languages(hub, reference)
    shown = commands_on(browser, f"/r/{reference}")
    assert {each.text for each in shown} == set(known)
    found = [each for each in shown if known[each.text] == "shell"]
    assert all(shlex.split(each.text, comments=True) for each in found)
    return [each for each in found if can_be_tried(each)]


def can_be_tried(shown: Shown) -> bool:
    """Whether the command's client is here, and all that it names."""
    return shown.tool in _AT_HAND and not any(each in shown.text for each in _ELSEWHERE)


def test_every_command_of_every_page_works(hub: Seeded, browser: Browser, desk: Desk) -> None:
    wrong, clients = [], set()
    for reference in references(hub):
        shown = commands_of(hub, browser, reference)
        clients |= {each.tool for each in shown}
        wrong += desk.paste_all(shown, "helm4")
    assert wrong == []
    assert clients == set(_AT_HAND)


def test_every_command_for_a_chart_works_with_the_older_helm(
    hub: Seeded, browser: Browser, desk: Desk
) -> None:
    shown = commands_of(hub, browser, "docker/demo:0.10.0")
    charts = [each for each in shown if each.tool == "helm"]
    assert len(charts) >= 9
    assert desk.paste_all(charts, "helm3") == []
