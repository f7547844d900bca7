"""CUE publishes modules here and fetches them again, with credentials from docker's file."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.clients.programs import Program, program, remember_password, untouched
from tests.support.server import Hub

pytestmark = pytest.mark.clients

GREETINGS = 'package greet\n#Greeting: "hello" | "hej"\n'
USE = """\
package use
import "example.test/greet@v0"
word: greet.#Greeting & "hej"
"""


@dataclass(slots=True)
class Cue:
    """CUE with one hub as its registry."""

    hub: Hub
    env: dict[str, str]
    place: Path
    prefix: str
    _caches: int = field(default=0)

    @property
    def registry(self) -> str:
        """What `CUE_REGISTRY` says; for localhost CUE would choose HTTP by itself."""
        return f"{self.prefix}+{'secure' if self.hub.tls else 'insecure'}"

    def module(self, name: str, source: str) -> Program:
        """CUE in a new module that holds this source, with an empty cache."""
        self._caches += 1
        directory = self.place / f"{name}-{self._caches}"
        directory.mkdir()
        own = {"CUE_REGISTRY": self.registry, "CUE_CACHE_DIR": str(directory / ".cache")}
        cue = program("cue", self.env | own, directory)
        cue("mod", "init", "--source=self", f"example.test/{name}@v0")
        (directory / f"{name}.cue").write_text(source)
        return cue

    def publish(self, version: str, more: str = "") -> None:
        """Publish the module of greetings."""
        self.module("greet", GREETINGS + more)("mod", "publish", version)


@pytest.fixture
def cue(hub: Hub, home: dict[str, str], tmp_path: Path) -> Cue:
    """CUE that finds credentials."""
    remember_password(hub, home)
    work = tmp_path / "work"
    work.mkdir()
    return Cue(hub, home, work, untouched(hub, "cue"))


def test_a_published_module_is_imported_by_another_one(cue: Cue) -> None:
    cue.publish("v0.1.0")
    user = cue.module("use", USE)
    user("mod", "tidy")
    assert json.loads(user("export")) == {"word": "hej"}


def test_modules_go_where_the_documentation_says(cue: Cue, hub: Hub) -> None:
    # The address of the examples; other tests use a repository of their own beneath it.
    cue.prefix = f"{hub.host}/docker"
    cue.publish("v0.1.0")
    said = cue.module("any", "")("mod", "resolve", "example.test/greet@v0.1.0")
    assert said.strip() == f"{hub.host}/docker/example.test/greet:v0.1.0"
    crane = program("crane", cue.env, cue.place)
    assert crane("ls", f"{hub.host}/docker/example.test/greet").split() == ["v0.1.0"]


def test_the_newest_version_is_found_and_an_older_one_can_be_asked_for(cue: Cue) -> None:
    for version in ("v0.1.0", "v0.10.0", "v0.2.0"):
        cue.publish(version, f"#Version: {version!r}\n".replace("'", '"'))
    user = cue.module("use", USE)
    user("mod", "tidy")
    described = user.directory / "cue.mod" / "module.cue"
    assert '"v0.10.0"' in described.read_text()
    user("mod", "get", "example.test/greet@v0.1.0")
    assert '"v0.1.0"' in described.read_text()
    assert json.loads(user("export")) == {"word": "hej"}


def test_a_module_is_published_again_and_mirrored(cue: Cue) -> None:
    cue.publish("v0.1.0")
    cue.publish("v0.1.0")
    mirror = untouched(cue.hub, "cue-mirror")
    target = mirror + cue.registry.removeprefix(cue.prefix)
    user = cue.module("use", USE)
    user("mod", "mirror", "--to", target, "example.test/greet@v0.1.0")
    cue.prefix = mirror
    copied = cue.module("use", USE)
    copied("mod", "tidy")
    assert json.loads(copied("export")) == {"word": "hej"}


def test_an_unknown_module_has_no_versions(cue: Cue) -> None:
    said = cue.module("use", USE).refused("mod", "get", "example.test/absent@latest")
    assert "no versions found" in said


def test_without_credentials_a_private_module_cannot_be_fetched(cue: Cue) -> None:
    cue.publish("v0.1.0")
    (Path(cue.env["DOCKER_CONFIG"]) / "config.json").write_text("{}")
    said = cue.module("use", USE).refused("mod", "tidy")
    assert "cannot find module" in said
