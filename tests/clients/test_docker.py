"""A real Docker engine logs in, pushes, pulls and is refused here."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.layers import files_in, write_layer
from tests.clients.programs import Program, program, untouched
from tests.support.server import Hub

pytestmark = pytest.mark.clients

FILES = {"greeting": b"hello\n", "numbers": bytes(range(256)) * 4096}


@dataclass(frozen=True, slots=True)
class Docker:
    """docker at one hub, with a repository that nobody else uses."""

    program: Program
    hub: Hub
    repository: str

    def __call__(self, *words: str | Path, stdin: str = "") -> str:
        """Run a command."""
        return self.program(*words, stdin=stdin)

    def login(self) -> None:
        """Log in as `hubuser`."""
        words = ("login", self.hub.host, "-u", self.hub.username, "--password-stdin")
        assert "Login Succeeded" in self(*words, stdin=self.hub.password)

    def make(self, tag: str, **more: bytes) -> str:
        """An image of one layer in the engine; return its reference."""
        layer = write_layer(self.program.directory / f"{tag}.tar", FILES | more)
        reference = f"{self.repository}:{tag}"
        self("import", layer, reference)
        return reference

    def push(self, reference: str) -> str:
        """Push; return the digest that the engine was told."""
        said = self("push", reference)
        return said.partition("digest: ")[2].split()[0]

    def id_of(self, reference: str) -> str:
        """The image's id in the engine."""
        return self("image", "inspect", "--format", "{{.Id}}", reference).strip()

    def files_of(self, reference: str) -> dict[str, bytes]:
        """The files of an image in the engine."""
        target = self.program.directory / "export.tar"
        container = self("create", reference, "none").strip()
        self("export", "-o", target, container)
        self("rm", container)
        return {name: content for name, content in files_in(target).items() if name in FILES}


@pytest.fixture
def stranger(trusting_engine: str, hub: Hub, home: dict[str, str], tmp_path: Path) -> Docker:
    """docker, not logged in."""
    work = tmp_path / "work"
    work.mkdir()
    client = program("docker", home | {"DOCKER_HOST": trusting_engine}, work)
    return Docker(client, hub, untouched(hub, "docker"))


@pytest.fixture
def docker(stranger: Docker) -> Docker:
    """docker, logged in."""
    stranger.login()
    return stranger


def test_a_pushed_image_comes_back_the_same(docker: Docker) -> None:
    reference = docker.make("one")
    held = docker.id_of(reference)
    digest = docker.push(reference)
    docker("rmi", reference)
    assert digest in docker("pull", reference)
    assert docker.id_of(reference) == held
    assert docker.files_of(reference) == FILES


def test_an_image_is_pulled_by_its_digest(docker: Docker) -> None:
    reference = docker.make("one")
    held, digest = docker.id_of(reference), docker.push(reference)
    docker("rmi", reference)
    pinned = f"{docker.repository}@{digest}"
    docker("pull", pinned)
    assert docker.id_of(pinned) == held


def test_what_is_there_is_not_uploaded_again(docker: Docker) -> None:
    reference = docker.make("one")
    docker.push(reference)
    docker("tag", reference, f"{docker.repository}:two")
    assert "Layer already exists" in docker("push", f"{docker.repository}:two")


def test_all_tags_are_pushed_and_pulled(docker: Docker) -> None:
    first, second = docker.make("one"), docker.make("two", more=b"more")
    docker("push", "--all-tags", docker.repository)
    docker("rmi", first, second)
    docker("pull", "--all-tags", docker.repository)
    assert docker.id_of(first) != docker.id_of(second)


def test_a_layer_is_mounted_from_another_repository(docker: Docker) -> None:
    reference = docker.make("one")
    docker.push(reference)
    other = untouched(docker.hub, "docker-mounted") + ":one"
    docker("tag", reference, other)
    assert "Mounted from" in docker("push", other)


def test_a_manifest_list_names_images_that_are_there(docker: Docker) -> None:
    if docker.hub.tls:
        pytest.skip("docker manifest speaks plain HTTP to localhost, whatever answers there")
    names = [docker.make("amd"), docker.make("arm", more=b"more")]
    digests = [docker.push(name) for name in names]
    index = f"{docker.repository}:both"
    docker("manifest", "create", "--insecure", index, *names)
    docker("manifest", "annotate", index, names[1], "--arch", "arm64")
    docker("manifest", "push", "--insecure", index)
    shown = json.loads(docker("manifest", "inspect", "--insecure", index))
    assert [each["digest"] for each in shown["manifests"]] == digests


def test_a_stranger_neither_pushes_nor_pulls(docker: Docker) -> None:
    reference = docker.make("one")
    docker.push(reference)
    docker("logout", docker.hub.host)
    assert "denied" in docker.program.refused("push", reference)
    docker("rmi", reference)
    assert "denied" in docker.program.refused("pull", reference)


def test_everybody_pulls_what_is_public(docker: Docker) -> None:
    reference = docker.make("one")
    docker.push(reference)
    name = docker.repository.partition("/")[2]
    docker.hub.cli("repo", "visibility", name, "public")
    docker("logout", docker.hub.host)
    docker("rmi", reference)
    docker("pull", reference)
    assert docker.files_of(reference) == FILES


def test_a_wrong_password_is_refused(stranger: Docker) -> None:
    words = ("login", stranger.hub.host, "-u", stranger.hub.username, "--password-stdin")
    assert "unauthorized" in stranger.program.refused(*words, stdin="not it").lower()


def test_a_revoked_token_pushes_no_more(stranger: Docker) -> None:
    hub = stranger.hub
    label = ("--label", "docker", "--scope", "repo:write", "--json")
    made = json.loads(hub.cli("token", "add", hub.username, *label))
    words = ("login", hub.host, "-u", hub.username, "--password-stdin")
    stranger(*words, stdin=made["token"])
    reference = stranger.make("one")
    stranger.push(reference)
    hub.cli("token", "revoke", str(made["id"]))
    stranger("tag", reference, f"{stranger.repository}:two")
    stranger.program.refused("push", f"{stranger.repository}:two")
