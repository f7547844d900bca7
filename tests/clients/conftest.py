"""Every client speaks to two hubs: one over plain HTTP, one over HTTPS with a private CA."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.engines import docker_engine, docker_trust
from tests.support.server import Hub, serving


@pytest.fixture(scope="session", params=["http", "tls"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A running hub of two workers; after the last test its bytes are checked against its rows."""
    data = tmp_path_factory.mktemp(f"hub-{request.param}") / "data"
    with serving(data, tls=request.param == "tls") as running:
        yield running
        running.cli("check")


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """The address of a Docker engine for every test that wants one."""
    with docker_engine() as address:
        yield address


@pytest.fixture
def trusting_engine(engine: str, hub: Hub) -> Iterator[str]:
    """The address of the engine, which trusts the hub's CA."""
    with docker_trust(hub):
        yield engine


@pytest.fixture
def home(tmp_path: Path, hub: Hub) -> dict[str, str]:
    """An environment with an empty home of its own, where the hub's CA is trusted."""
    directory = tmp_path / "home"
    directory.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    own = {
        "HOME": str(directory),
        "DOCKER_CONFIG": str(directory / ".docker"),
        "XDG_CONFIG_HOME": str(directory / ".config"),
        "XDG_CACHE_HOME": str(directory / ".cache"),
        "XDG_DATA_HOME": str(directory / ".local" / "share"),
        "XDG_RUNTIME_DIR": str(directory),
    }
    trust = {"SSL_CERT_FILE": str(hub.ca)} if hub.ca else {}
    return kept | own | trust
