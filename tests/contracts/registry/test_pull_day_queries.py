"""Pulls of each day, on every engine."""

from datetime import date, timedelta

from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import pull_days
from entrepot.metadata.registry.pull_days import WHOLE
from tests.metadata.rows import add_repository

DAY = date(2026, 11, 28)


async def test_pulls_of_a_day_add_up(metadata: Metadata) -> None:
    made = await add_repository(metadata, "a/b")
    counts = {(made.id, WHOLE): 3, (made.id, "1.0"): 2}
    for day in (DAY, DAY, DAY - timedelta(days=2)):
        async with metadata.begin() as tx:
            await pull_days.add_pulls(tx, day, counts)
    first = DAY - timedelta(days=1)
    assert await pull_days.list_days(metadata.reader, made.id, WHOLE, first) == {DAY: 6}
    found = await pull_days.list_days(metadata.reader, made.id, "1.0", DAY - timedelta(days=9))
    assert found == {DAY - timedelta(days=2): 2, DAY: 4}
    assert await pull_days.list_days(metadata.reader, made.id, "2.0", first) == {}


async def test_pulls_of_a_repository_that_is_gone_are_no_failure(metadata: Metadata) -> None:
    made = await add_repository(metadata, "a/b")
    async with metadata.begin() as tx:
        await pull_days.add_pulls(tx, DAY, {(made.id, WHOLE): 1})
    async with metadata.begin() as tx:
        await repositories.delete_repository(tx, made.id)
        await pull_days.add_pulls(tx, DAY, {(made.id, WHOLE): 1})
    assert await pull_days.list_days(metadata.reader, made.id, WHOLE, DAY) == {}


async def test_old_days_are_forgotten(metadata: Metadata) -> None:
    made = await add_repository(metadata, "a/b")
    old = DAY - timedelta(days=400)
    async with metadata.begin() as tx:
        for day in (old, DAY):
            await pull_days.add_pulls(tx, day, {(made.id, WHOLE): 1, (made.id, "1.0"): 1})
        assert await pull_days.delete_days(tx, DAY) == 2
    assert await pull_days.list_days(metadata.reader, made.id, WHOLE, old) == {DAY: 1}
