"""What the fast tests stand on: facts in a file of their own, bytes in memory, a clock."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import prometheus_client.values
import pytest
from hypothesis import HealthCheck, settings
from prometheus_client.values import MultiProcessValue

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.metadata.migrate import upgrade_sqlite
from entrepot.ops.metrics import Metrics, share_between_workers
from entrepot.storage.memory import MemoryStorage
from tests.metadata import postgres
from tests.metadata.clocks import MovableClock
from tests.support import clouds, requirements, s3


def pytest_configure() -> None:
    """Let whatever the tests start find the programs that were unpacked for a user.

    Examples are not timed, in CI or elsewhere: a busy machine is no fault.
    """
    if "CI" not in os.environ:
        slow = [HealthCheck.too_slow]
        settings.register_profile("untimed", deadline=None, suppress_health_check=slow)
        settings.load_profile("untimed")
    if requirements.PRIVATE.exists():
        os.environ["PATH"] = f"{requirements.PRIVATE}{os.pathsep}{os.environ['PATH']}"


def pytest_report_header() -> list[str]:
    """Say before the first test what will be left out, and why."""
    return requirements.table_of_lacking()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the schema and no rows, to be copied."""
    path = tmp_path_factory.mktemp("schema") / "entrepot.db"
    upgrade_sqlite(path)
    return path


@pytest.fixture
def database(tmp_path: Path, empty_database: Path) -> Path:
    """A database of this test's own, with the schema and no rows."""
    path = tmp_path / "entrepot.db"
    shutil.copyfile(empty_database, path)
    return path


@pytest.fixture
async def metadata(database: Path) -> AsyncIterator[Metadata]:
    """Facts in a SQLite file."""
    opened = SqliteMetadata(database)
    yield opened
    await opened.close()


@pytest.fixture
def storage() -> MemoryStorage:
    """Bytes in memory."""
    return MemoryStorage()


@pytest.fixture
def clock() -> MovableClock:
    """A clock that only the test moves."""
    return MovableClock()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server with nothing in it, for the whole run."""
    with postgres.serving() as url:
        yield url


@pytest.fixture(scope="session")
def google() -> Iterator[clouds.CloudStore]:
    """A server as Google Cloud Storage, for the whole run; each store has a prefix of its own."""
    with clouds.google() as server:
        yield server


@pytest.fixture(scope="session")
def azure() -> Iterator[clouds.CloudStore]:
    """A server as Azure Blob Storage, for the whole run; each store has a prefix of its own."""
    with clouds.azure() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.S3Server]:
    """An S3 server, for the whole run; each store of it has a prefix of its own."""
    with s3.serving(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metrics]:
    """Metrics as a worker keeps them: one for the process, as the library has it."""
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp("metrics")
        patch.setenv("PROMETHEUS_MULTIPROC_DIR", str(directory))
        # Chosen when the library is imported, which another test may have done before.
        chosen = MultiProcessValue()  # type: ignore[no-untyped-call]
        patch.setattr(prometheus_client.values, "ValueClass", chosen)
        share_between_workers(directory)
        yield Metrics()
