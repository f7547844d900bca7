"""What clients attached here is found by them at the registries that it was replicated to."""

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.layouts import push_layout, write_index
from tests.clients.programs import Program, program
from tests.clients.test_cosign import NEW, OLD, Signer, keys, signer
from tests.support.server import PASSWORD, USER, Hub, free_port, serving
from tests.support.tools import tool

__all__ = ["keys", "signer"]

pytestmark = pytest.mark.clients


@dataclass(frozen=True, slots=True)
class Destination:
    """A registry that tags are pushed to, and the words of a rule for it."""

    name: str
    host: str
    words: tuple[str, ...]
    password: str = ""


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Destination]:
    """CNCF distribution, which lists no referrers."""
    place, port = tmp_path_factory.mktemp("distribution"), free_port()
    (place / "config.yml").write_text(
        "version: 0.1\n"
        "log: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {place}/data}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: 'localhost:{port}'}}\n"
    )
    process = subprocess.Popen(
        [tool("registry"), "serve", place / "config.yml"],
        env=os.environ | {"OTEL_TRACES_EXPORTER": "none"},
    )
    try:
        _wait_for(f"http://localhost:{port}/v2/")
        yield Destination("distribution", f"localhost:{port}", ())
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Destination]:
    """Another Entrepot, which asks for tokens."""
    with serving(tmp_path_factory.mktemp("second") / "data") as hub:
        words = ("--user", USER, "--password-stdin")
        yield Destination("entrepot", hub.host, words, PASSWORD)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture(params=["distribution", "second"])
def destination(request: pytest.FixtureRequest) -> Destination:
    """Each registry in turn."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Destination)
    return found


def replicate(hub: Hub, destination: Destination, repository: str) -> dict[str, object]:
    """Push a repository's tags to the destination."""
    name = f"to-{destination.name}-{free_port()}"
    words = ("--url", f"http://{destination.host}", "--allow-private-network", "--on", "manual")
    more = ("--repository", repository, *words, *destination.words)
    hub.cli("replication", "add", name, *more, stdin=destination.password)
    told = json.loads(hub.cli("replication", "run", name, "--json"))
    assert isinstance(told, dict)
    return told | {"rule": name}


def tree(oras: Program, reference: str) -> object:
    """All that is attached to an artifact, and to that, without the registry's name."""
    host = reference.partition("/")[0]
    # oras takes localhost for plain HTTP unless it is told otherwise.
    found = oras("discover", reference, "--format", "json", *_flags(host))
    return _sorted(json.loads(found.replace(host, "HOST")))


def _flags(host: str) -> tuple[str, ...]:
    return () if host.startswith("localhost") else ("--plain-http",)


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(each) for key, each in value.items()}
    if isinstance(value, list):
        return sorted(map(_sorted, value), key=lambda each: json.dumps(each, sort_keys=True))
    return value


@pytest.fixture
def oras(signer: Signer, destination: Destination) -> Program:
    """oras beside cosign, logged in at both registries."""
    if signer.hub.tls:
        pytest.skip("the registries here speak plain HTTP, as the hub does in its other turn")
    made = program("oras", signer.program.env, signer.program.directory)
    if destination.password:
        made("login", destination.host, "-u", USER, "--password-stdin", stdin=PASSWORD)
    return made


def test_trees_and_signatures_are_the_same_there(
    signer: Signer, oras: Program, destination: Destination, tmp_path: Path
) -> None:
    hub, here = signer.hub, signer.repository
    layout = write_index(tmp_path / "layout", ("amd64", "arm64", "riscv64"), attested=True)
    push_layout(oras, layout, f"{here}:v1", tls=False)
    for name, subject in (("sbom", f"{here}:v1"), ("scan", f"{here}:v1")):
        (signer.program.directory / name).write_text(name)
        oras("attach", subject, "--artifact-type", f"application/x-{name}", f"{name}:text/plain")
    listed = json.loads(oras("discover", f"{here}:v1", "--format", "json"))["referrers"]
    oras("attach", f"{here}@{listed[0]['digest']}", "--artifact-type", "a/b", "sbom:text/plain")
    image = f"{here}@{layout.digest}"
    signer.sign(image, NEW)
    signer.sign(image, OLD)
    repository = here.partition("/")[2]
    told = replicate(hub, destination, repository)
    assert told["pushed"] == 1
    there = f"{destination.host}/{repository}"
    assert oras("resolve", f"{there}:v1").strip() == layout.digest
    assert tree(oras, f"{there}:v1") == tree(oras, f"{here}:v1")
    for form in (NEW, OLD):
        signer.program(*signer.verifying("verify", form), f"{there}@{layout.digest}")
    # Attached after the image was copied: one more run brings it, and the tag stays where it is.
    oras("attach", f"{here}:v1", "--artifact-type", "application/x-late", "sbom:text/plain")
    assert tree(oras, f"{there}:v1") != tree(oras, f"{here}:v1")
    again = json.loads(hub.cli("replication", "run", str(told["rule"]), "--json"))
    assert (again["pushed"], again["sent_bytes"]) == (1, 0)
    assert tree(oras, f"{there}:v1") == tree(oras, f"{here}:v1")
    nothing = json.loads(hub.cli("replication", "run", str(told["rule"]), "--json"))
    assert nothing["pushed"] == 0
