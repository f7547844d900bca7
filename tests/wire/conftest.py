"""Hubs, people and repositories for tests that speak over sockets."""

import itertools
from collections.abc import Iterator

import pytest

from tests.support.http import Client
from tests.wire.hubs import ADMIN_PASSWORD, Hub, serving
from tests.wire.people import Person
from tests.wire.repositories import Repository

_count = itertools.count(1)


@pytest.fixture(scope="session")
def open_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub where anybody may do everything; its log holds no accident at the end."""
    with serving(tmp_path_factory.mktemp("open") / "data", ENTREPOT_OPEN="true") as hub:
        yield hub
    assert "Traceback" not in hub.log.read_text()


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that asks for credentials; its log holds no accident at the end."""
    with serving(tmp_path_factory.mktemp("guarded") / "data") as hub:
        yield hub
    assert "Traceback" not in hub.log.read_text()


@pytest.fixture
def client(open_hub: Hub) -> Client:
    """Somebody who needs no credentials."""
    return open_hub.client


@pytest.fixture
def guarded(hub: Hub) -> Client:
    """Somebody without credentials at a hub that wants them."""
    return hub.client


@pytest.fixture
def repo(client: Client) -> Repository:
    """A repository that no other test has touched."""
    return Repository(client, f"wire/repo-{next(_count):05}")


@pytest.fixture
def other(client: Client) -> Repository:
    """A second untouched repository."""
    return Repository(client, f"wire/other-{next(_count):05}")


@pytest.fixture
def stocked(repo: Repository) -> Repository:
    """An untouched repository that holds the blobs which most manifests name."""
    repo.lay(b"layer")
    return repo


@pytest.fixture
def stranger(hub: Hub) -> Person:
    """Somebody without a name."""
    return Person(hub.client)


@pytest.fixture(scope="session")
def admin(hub: Hub) -> Person:
    """The administrator."""
    return Person(hub.client, "admin", ADMIN_PASSWORD)


@pytest.fixture(scope="session")
def alice(hub: Hub) -> Person:
    """An account with a namespace of its own."""
    return hub.newcomer("alice")


@pytest.fixture(scope="session")
def bob(hub: Hub) -> Person:
    """Another account, without any right in Alice's namespace."""
    return hub.newcomer("bob")


@pytest.fixture(scope="session")
def public(hub: Hub, alice: Person) -> str:
    """A repository of Alice's that everybody may pull."""
    return hub.make("alice/public", "public", alice)


@pytest.fixture(scope="session")
def private(hub: Hub, alice: Person) -> str:
    """A repository of Alice's that nobody else may know about."""
    return hub.make("alice/private", "private", alice)
