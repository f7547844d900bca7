"""Every implementation of a protocol in turn."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.engines.postgresql import PostgresMetadata
from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.metadata.migrate import upgrade_postgresql
from entrepot.metadata.schema import SCHEMA
from entrepot.storage.filesystem import FileStorage
from entrepot.storage.memory import MemoryStorage
from entrepot.storage.protocols import Storage
from tests.support.clouds import CloudStore
from tests.support.s3 import S3Server

Eraser = psycopg.Connection[tuple[object, ...]]

# Much quicker than TRUNCATE where there are few rows.
EMPTY = ";".join(f"DELETE FROM {table}" for table in reversed(SCHEMA.sorted_tables)).encode()  # noqa: S608


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> str:
    """A PostgreSQL database with the schema."""
    upgrade_postgresql(postgres_url)
    return postgres_url


@pytest.fixture(scope="session")
def eraser(migrated_postgres: str) -> Iterator[Eraser]:
    """A connection that empties the tables between tests."""
    with psycopg.connect(migrated_postgres, autocommit=True) as connection:
        yield connection


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def metadata(request: pytest.FixtureRequest) -> AsyncIterator[Metadata]:
    """An empty database of each engine in turn."""
    if request.param == "sqlite":
        sqlite = SqliteMetadata(request.getfixturevalue("database"))
        yield sqlite
        await sqlite.close()
        return
    url: str = request.getfixturevalue("migrated_postgres")
    request.getfixturevalue("eraser").execute(EMPTY)
    postgresql = PostgresMetadata(url)
    await postgresql.open()
    yield postgresql
    await postgresql.close()


@pytest.fixture(scope="session")
def prepared_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file store's directories, made once for the whole run."""
    root = tmp_path_factory.mktemp("store")
    FileStorage(root).prepare()
    return root


@pytest.fixture(
    params=["memory", "files", "google", "azure", pytest.param("s3", marks=pytest.mark.s3)]
)
def storage(request: pytest.FixtureRequest) -> Storage:
    """An empty store of each kind in turn."""
    if request.param == "memory":
        return MemoryStorage()
    if request.param in ("google", "azure"):
        cloud: CloudStore = request.getfixturevalue(request.param)
        return cloud.open_storage(request.getfixturevalue("tmp_path") / "spool")
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        return server.open_storage(request.getfixturevalue("tmp_path") / "spool")
    root: Path = request.getfixturevalue("prepared_directory")
    for path in [path for path in root.rglob("*") if path.is_file()]:
        path.unlink()
    return FileStorage(root)
