"""What the rules hear of a PostgreSQL server that is restarted, read-only or full."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from entrepot.errors import OutOfSpace, Unavailable
from entrepot.metadata.engines.engine import Transaction
from entrepot.metadata.engines.postgresql import PostgresMetadata
from entrepot.metadata.repositories import find_repository, insert_repository, list_repositories
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName
from tests.contracts.conftest import EMPTY, Eraser
from tests.metadata.clocks import START

pytestmark = pytest.mark.postgresql

CONNECTIONS = 4
NAME = RepositoryName("a/b")
CUT = (
    b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    b" WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


@pytest.fixture(autouse=True)
def nothing_there(eraser: Eraser) -> None:
    """No rows of other tests."""
    eraser.execute(EMPTY)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[PostgresMetadata]:
    """A pool of which every connection has been used."""
    metadata = PostgresMetadata(url, connections=CONNECTIONS)
    await metadata.open()
    try:
        await asyncio.gather(*(metadata.rights_revision() for _ in range(4 * CONNECTIONS)))
        yield metadata
    finally:
        await metadata.close()


async def add(tx: Transaction, name: RepositoryName = NAME) -> bool:
    """Add a repository."""
    return await insert_repository(tx, name, None, Visibility.PUBLIC, START)


async def test_whoever_reads_notices_no_restart(migrated_postgres: str, eraser: Eraser) -> None:
    async with opened(migrated_postgres) as metadata:
        eraser.execute(CUT)
        for _ in range(3 * CONNECTIONS):
            assert await metadata.rights_revision() >= 0
            assert await find_repository(metadata.reader, NAME) is None


async def test_a_transaction_begins_in_spite_of_a_restart(
    migrated_postgres: str, eraser: Eraser
) -> None:
    async with opened(migrated_postgres) as metadata:
        eraser.execute(CUT)
        for number in range(3 * CONNECTIONS):
            async with metadata.begin() as tx:
                assert await add(tx, RepositoryName(f"a/b{number}"))
        assert len(await list_repositories(metadata.reader)) == 3 * CONNECTIONS
        eraser.execute(b"DELETE FROM repositories")


async def test_a_transaction_that_is_cut_is_undone_and_says_so(
    migrated_postgres: str, eraser: Eraser
) -> None:
    async with opened(migrated_postgres) as metadata:

        async def work() -> None:
            async with metadata.begin() as tx:
                assert await add(tx)
                eraser.execute(CUT)

        with pytest.raises(Unavailable):
            await work()
        assert await find_repository(metadata.reader, NAME) is None


async def test_a_read_only_database_still_answers(migrated_postgres: str) -> None:
    url = f"{migrated_postgres}&options=-cdefault_transaction_read_only%3Don"
    async with opened(url) as metadata:

        async def work() -> None:
            async with metadata.begin() as tx:
                await add(tx)

        with pytest.raises(Unavailable):
            await work()
        assert await find_repository(metadata.reader, NAME) is None


@pytest.mark.parametrize(
    ("raised", "heard"),
    [
        (psycopg.errors.DiskFull, OutOfSpace),
        (psycopg.errors.DeadlockDetected, Unavailable),
        (psycopg.errors.SerializationFailure, Unavailable),
        (psycopg.errors.TooManyConnections, Unavailable),
        (psycopg.errors.UniqueViolation, Unavailable),
        (psycopg.errors.ForeignKeyViolation, Unavailable),
        (psycopg.errors.NotNullViolation, psycopg.errors.NotNullViolation),
    ],
)
async def test_failures_that_pass_are_told_from_bugs(
    migrated_postgres: str, raised: type[Exception], heard: type[Exception]
) -> None:
    async with opened(migrated_postgres) as metadata:

        async def work() -> None:
            async with metadata.begin():
                raise raised

        with pytest.raises(heard):
            await work()
