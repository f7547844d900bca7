"""Facts go from SQLite to PostgreSQL and back, and what was left refuses changes."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from entrepot.errors import Conflict, Unavailable
from entrepot.metadata import repositories
from entrepot.metadata.engines import database_migration
from entrepot.metadata.engines.database_migration import copy_database, unseal
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.engines.postgresql import PostgresMetadata
from entrepot.metadata.engines.sentinels import SEAL
from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.metadata.events import jobs
from entrepot.metadata.registry import manifests
from entrepot.oci.names import RepositoryName
from tests.contracts.conftest import EMPTY, Eraser
from tests.metadata.clocks import START
from tests.metadata.rows import add_blob, add_repository

pytestmark = pytest.mark.postgresql
NAME = RepositoryName("shop/demo")


def ignore(_: int) -> None:
    """Nobody watches."""


@pytest.fixture
def empty_postgres(migrated_postgres: str, eraser: Eraser) -> Iterator[str]:
    """A PostgreSQL database without rows, which is not sealed afterwards."""
    eraser.execute(EMPTY)
    yield migrated_postgres
    unseal(migrated_postgres)


@pytest.fixture
async def there(empty_postgres: str) -> AsyncIterator[Metadata]:
    """The database that facts are copied to."""
    opened = PostgresMetadata(empty_postgres)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def here(database: Path) -> AsyncIterator[Metadata]:
    """A database with something in it."""
    opened = SqliteMetadata(database)
    repository = await add_repository(opened, NAME.text)
    await add_blob(opened, repository, b"content")
    yield opened
    await opened.close()


async def test_all_is_there_and_what_was_left_is_sealed(
    database: Path, empty_postgres: str, here: Metadata, there: Metadata
) -> None:
    told: list[int] = []
    found = copy_database(database, empty_postgres, told.append)
    assert sum(told) == sum(each.rows for each in found) > 0
    assert await repositories.find_repository(
        there.reader, NAME
    ) == await repositories.find_repository(here.reader, NAME)
    assert await jobs.count_jobs(there.reader) == {(jobs.SUMMARIZE, jobs.QUEUED): 1}
    with pytest.raises(Unavailable, match=SEAL):
        await add_repository(here, "shop/late")
    # A new row takes an id that no row has.
    assert (await add_repository(there, "shop/next")).id > 1


async def test_repeating_finds_the_same(
    database: Path, empty_postgres: str, here: Metadata, there: Metadata
) -> None:
    first = copy_database(database, empty_postgres, ignore)
    assert copy_database(database, empty_postgres, ignore) == first
    unseal(database)
    assert copy_database(database, empty_postgres, ignore) == first
    with pytest.raises(Unavailable):
        await add_repository(here, "shop/late")
    unseal(database)
    await add_repository(here, "shop/late")
    with pytest.raises(Conflict, match="not empty"):
        copy_database(database, empty_postgres, ignore)
    await add_repository(here, "shop/later")


async def test_a_failure_leaves_the_other_empty_and_can_be_repeated(
    database: Path,
    empty_postgres: str,
    here: Metadata,
    there: Metadata,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(connection: object) -> None:
        raise Unavailable("the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr(database_migration, "settle", failing)
        with pytest.raises(Unavailable, match="power"):
            copy_database(database, empty_postgres, ignore)
    assert await repositories.find_repository(there.reader, NAME) is None
    copy_database(database, empty_postgres, ignore)
    assert await repositories.find_repository(there.reader, NAME) is not None


async def test_and_back_again(
    database: Path, empty_postgres: str, here: Metadata, there: Metadata, tmp_path: Path
) -> None:
    copy_database(database, empty_postgres, ignore)
    back = tmp_path / "back.db"
    copy_database(empty_postgres, back, ignore)
    with pytest.raises(Unavailable):
        await add_repository(there, "shop/late")
    assert await manifests.count_all(there.reader) == 0
    opened = SqliteMetadata(back)
    assert await repositories.find_repository(opened.reader, NAME) is not None
    assert (await add_repository(opened, "shop/next")).created_at == START
    await opened.close()


def test_a_database_that_is_not_there_is_told(database: Path) -> None:
    with pytest.raises(Unavailable, match="cannot use the database postgresql"):
        copy_database(database, "postgresql://nobody@/none?host=/nowhere", ignore)
