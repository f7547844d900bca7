"""A real Docker engine searches here, before and after it has logged in."""

import json
import time
from pathlib import Path

import pytest

from tests.clients.layers import write_layer
from tests.clients.programs import Program, program
from tests.support.server import Hub

pytestmark = pytest.mark.clients

INDEXED_WITHIN = 30.0


@pytest.fixture
def docker(trusting_engine: str, hub: Hub, home: dict[str, str], tmp_path: Path) -> Program:
    """docker, not logged in."""
    work = tmp_path / "work"
    work.mkdir()
    return program("docker", home | {"DOCKER_HOST": trusting_engine}, work)


def log_in(docker: Program, hub: Hub) -> None:
    """Log in as `hubuser`."""
    docker("login", hub.host, "-u", hub.username, "--password-stdin", stdin=hub.password)


def push(docker: Program, hub: Hub, name: str) -> None:
    """Push an image of one layer."""
    reference = f"{hub.host}/{name}:1"
    docker("import", write_layer(docker.directory / "layer.tar", {"a": b"a"}), reference)
    docker("push", reference)


def search(docker: Program, hub: Hub, term: str) -> list[str]:
    """The names that `docker search` prints."""
    # Debian's docker knows templates only, and not the word `json`.
    lines = docker("search", "--format", "{{json .}}", f"{hub.host}/{term}").splitlines()
    return [json.loads(line)["Name"] for line in lines]


def wait_until_found(docker: Program, hub: Hub, term: str) -> list[str]:
    """The names, once what was pushed has been read."""
    deadline = time.monotonic() + INDEXED_WITHIN
    while not (found := search(docker, hub, term)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def test_everybody_finds_what_is_public(docker: Program, hub: Hub) -> None:
    log_in(docker, hub)
    push(docker, hub, "docker/findable-thing")
    hub.cli("repo", "visibility", "docker/findable-thing", "public")
    docker("logout", hub.host)
    assert wait_until_found(docker, hub, "findable") == ["docker/findable-thing"]
    assert search(docker, hub, "docker/findable-thing") == ["docker/findable-thing"]
    assert search(docker, hub, "nothing-of-that-name") == []


def test_only_members_find_what_is_private(docker: Program, hub: Hub) -> None:
    log_in(docker, hub)
    push(docker, hub, "docker/hidden-thing")
    if hub.tls:
        assert wait_until_found(docker, hub, "hidden") == ["docker/hidden-thing"]
    docker("logout", hub.host)
    assert search(docker, hub, "hidden") == []


def test_the_limit_reaches_the_hub(docker: Program, hub: Hub) -> None:
    log_in(docker, hub)
    for name in ("docker/many-one", "docker/many-two"):
        push(docker, hub, name)
        hub.cli("repo", "visibility", name, "public")
        wait_until_found(docker, hub, name)
    found = docker("search", "--limit", "1", "--format", "{{.Name}}", f"{hub.host}/many")
    assert len(found.split()) == 1


def test_podman_searches_too(
    docker: Program, hub: Hub, home: dict[str, str], tmp_path: Path
) -> None:
    log_in(docker, hub)
    push(docker, hub, "docker/podman-findable")
    hub.cli("repo", "visibility", "docker/podman-findable", "public")
    wait_until_found(docker, hub, "podman-findable")
    podman = program("podman", home, tmp_path)
    words = ("search", "--tls-verify=false", "--format", "{{.Name}}", f"{hub.host}/podman-find")
    assert podman(*words).split() == [f"{hub.host}/docker/podman-findable"]
