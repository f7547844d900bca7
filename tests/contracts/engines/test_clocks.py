"""The clock that nodes share: the database's, counted on between two looks at it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from entrepot.metadata.engines.clocks import SharedClock
from entrepot.metadata.engines.postgresql import PostgresMetadata

pytestmark = pytest.mark.postgresql


@pytest.fixture
async def postgres(migrated_postgres: str) -> AsyncIterator[PostgresMetadata]:
    """A database that can tell the time."""
    opened = PostgresMetadata(migrated_postgres)
    await opened.open()
    yield opened
    await opened.close()


async def test_the_clock_shows_what_the_database_shows(postgres: PostgresMetadata) -> None:
    clock = SharedClock(postgres.reader)
    before = datetime.now(UTC)
    await clock.set()
    # The database is on this machine.
    assert before - timedelta(seconds=1) < clock() < datetime.now(UTC) + timedelta(seconds=1)
    assert clock().tzinfo is UTC


async def test_between_two_looks_it_counts_on(postgres: PostgresMetadata) -> None:
    seconds = [1000.0]
    clock = SharedClock(postgres.reader, lambda: seconds[0])
    await clock.set()
    first = clock()
    seconds[0] += 90.0
    assert clock() - first == timedelta(seconds=90)
    await clock.set()
    assert clock() - first < timedelta(seconds=90)
