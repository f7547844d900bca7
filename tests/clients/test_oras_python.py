"""The Python package `oras` pushes, pulls, lists and deletes here."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import oras.client
import oras.oci
import pytest

from tests.clients.programs import untouched
from tests.support.server import Hub

pytestmark = pytest.mark.clients

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True, slots=True)
class Python:
    """The package with one hub, and a repository that nobody else uses."""

    client: oras.client.OrasClient
    hub: Hub
    repository: str
    place: Path

    def push(self, tag: str, *, chunked: bool = False, **files: bytes) -> str:
        """Push files under a tag; return the manifest's digest."""
        for name, content in files.items():
            (self.place / name).write_bytes(content)
        answer = self.client.push(
            f"{self.repository}:{tag}",
            files=[f"{name}:text/plain" for name in files],
            do_chunked=chunked,
            chunk_size=1000,
            quiet=True,
        )
        assert answer.status_code == 201
        return str(answer.headers["Docker-Content-Digest"])

    def pull(self, reference: str) -> dict[str, bytes]:
        """The files behind a reference, by name."""
        into = self.place / "pulled"
        into.mkdir(exist_ok=True)
        pulled = [Path(file) for file in self.client.pull(reference, outdir=str(into))]
        return {file.name: file.read_bytes() for file in pulled}


class Visitor(Protocol):
    """Makes clients that know nobody's password."""

    def __call__(self, backend: str) -> oras.client.OrasClient:
        """A client that shows who it is by `basic` or by `token`."""


@pytest.fixture
def visitor(
    hub: Hub, home: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Visitor]:
    """Makes clients in a home of their own."""
    made = []

    def make(backend: str) -> oras.client.OrasClient:
        trust = str(hub.ca) if hub.ca else True
        client = oras.client.OrasClient(
            hostname=hub.host, insecure=not hub.tls, tls_verify=trust, auth_backend=backend
        )
        made.append(client)
        return client

    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    for name, value in home.items():
        monkeypatch.setenv(name, value)
    yield make
    for client in made:
        client.session.close()


@pytest.fixture
def python(hub: Hub, visitor: Visitor) -> Python:
    """The package, logged in with `basic`, so that every request shows the password."""
    client = visitor("basic")
    config = str(Path.home() / ".docker" / "config.json")
    client.login(hub.username, hub.password, hostname=hub.host, config_path=config)
    return Python(client, hub, untouched(hub, "python"), Path.cwd())


def test_files_come_back_byte_for_byte(python: Python) -> None:
    content = bytes(range(256)) * 1000
    digest = python.push("one", file=content, empty=b"")
    assert python.pull(f"{python.repository}:one") == {"file": content, "empty": b""}
    assert python.pull(f"{python.repository}@{digest}") == {"file": content, "empty": b""}


def test_a_chunked_upload_arrives_whole(python: Python) -> None:
    content = bytes(range(256)) * 17
    python.push("chunked", chunked=True, file=content)
    assert python.pull(f"{python.repository}:chunked") == {"file": content}


def test_tags_are_listed_and_deleted(python: Python) -> None:
    python.push("b", file=b"b")
    python.push("A", file=b"A")
    assert python.client.get_tags(python.repository) == ["A", "b"]
    assert python.client.get_tags(python.repository, N=1) == ["A"]
    assert python.client.delete_tags(python.repository, "A") == ["A"]
    assert python.client.get_tags(python.repository) == ["b"]
    with pytest.raises(ValueError, match=r"404|manifest"):
        python.client.get_manifest(f"{python.repository}:A")


def test_a_file_refers_to_its_subject(python: Python) -> None:
    digest = python.push("subject", file=b"subject")
    subject = oras.oci.Subject(MANIFEST, digest, 100)
    (python.place / "sbom").write_bytes(b"sbom")
    pushed = python.client.push(
        f"{python.repository}:sbom", files=["sbom"], subject=subject, quiet=True
    )
    assert pushed.headers["OCI-Subject"] == digest
    manifest = python.client.get_manifest(f"{python.repository}:sbom")
    assert manifest["subject"]["digest"] == digest


@pytest.mark.parametrize("backend", ["basic", "token"])
def test_a_login_is_remembered_for_another_client(
    python: Python, visitor: Visitor, backend: str
) -> None:
    python.push("kept", file=b"kept")
    later = visitor(backend)
    found = later.pull(f"{python.repository}:kept", outdir=str(python.place / "later"))
    assert [Path(file).read_bytes() for file in found] == [b"kept"]
    assert later.get_tags(python.repository) == ["kept"]


def test_the_default_login_by_token_pushes_pulls_and_tags(python: Python, visitor: Visitor) -> None:
    """It keeps the first token that it gets, which is for asking whether a blob is there."""
    client = visitor("token")
    client.login(python.hub.username, python.hub.password, hostname=python.hub.host)
    pushing = replace(python, client=client, repository=f"{python.repository}-by-token")
    pushing.push("one", file=b"one")
    pushing.push("two", chunked=True, file=b"two" * 1000)
    assert pushing.pull(f"{pushing.repository}:one") == {"file": b"one"}
    assert client.get_tags(pushing.repository) == ["one", "two"]


def test_a_token_for_pushing_pushes(python: Python, visitor: Visitor) -> None:
    scope = f"repository:{python.repository.partition('/')[2]}:pull,push"
    answer = python.client.session.get(
        f"{python.hub.url}/token",
        params={"service": python.hub.host, "scope": scope},
        auth=(python.hub.username, python.hub.password),
        verify=str(python.hub.ca) if python.hub.ca else True,
    )
    bearer = visitor("token")
    bearer.auth.set_token_auth(answer.json()["token"])
    pushing = replace(python, client=bearer)
    pushing.push("pushed", file=b"pushed")
    assert pushing.pull(f"{python.repository}:pushed") == {"file": b"pushed"}


def test_a_visitor_gets_nothing_private(
    python: Python, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    python.push("private", file=b"private")
    monkeypatch.setenv("HOME", str(python.place))
    with pytest.raises(ValueError, match=r"Unauthorized|401|denied"):
        visitor("token").get_manifest(f"{python.repository}:private")
