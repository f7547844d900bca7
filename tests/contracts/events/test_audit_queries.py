"""The audit log's rows, as every engine keeps them."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.events import audit
from entrepot.model.audit import AuditQuery, AuditRow
from tests.metadata.clocks import START

HOUR = timedelta(hours=1)
ROW = AuditRow(0, START, 7, 8, "alice", "repo.create", "acme/app", "{}", "::1", "id", "h0")


async def add(metadata: Metadata, **changes: object) -> None:
    """Add a row that differs from `ROW` in this."""
    async with metadata.begin() as tx:
        await audit.insert_row(tx, replace(ROW, **changes))  # type: ignore[arg-type]


async def listed(metadata: Metadata, limit: int = 9, **wanted: object) -> list[str]:
    """The hashes of the rows that match, newest first."""
    query = AuditQuery(**wanted)  # type: ignore[arg-type]
    return [each.hash for each in await audit.list_rows(metadata.reader, query, limit)]


async def test_a_row_comes_back_as_it_was_written(metadata: Metadata) -> None:
    await add(metadata)
    await add(metadata, namespace_id=None, actor_id=None, hash="h1")
    first, second = await audit.list_rows_after(metadata.reader, 0, 9)
    assert first == replace(ROW, id=first.id)
    assert (second.namespace_id, second.actor_id) == (None, None)
    assert second.id > first.id
    assert await audit.list_rows_after(metadata.reader, first.id, 9) == [second]
    assert await audit.list_rows_after(metadata.reader, 0, 1) == [first]


async def test_the_last_hash_is_that_of_the_newest_row(metadata: Metadata) -> None:
    async with metadata.begin() as tx:
        assert await audit.find_last_hash(tx) == ""
    await add(metadata, hash="h1")
    await add(metadata, hash="h2")
    async with metadata.begin() as tx:
        assert await audit.find_last_hash(tx) == "h2"


async def test_only_one_transaction_at_a_time_goes_on_from_a_hash(metadata: Metadata) -> None:
    async def append(text: str) -> None:
        async with metadata.begin() as tx:
            last = await audit.find_last_hash(tx)
            await asyncio.sleep(0)
            await audit.insert_row(tx, replace(ROW, hash=last + text))

    await asyncio.gather(*(append(str(number)) for number in range(6)))
    rows = await audit.list_rows_after(metadata.reader, 0, 9)
    assert [len(each.hash) for each in rows] == [1, 2, 3, 4, 5, 6]


@pytest.fixture
async def rows(metadata: Metadata) -> None:
    """Rows that differ in everything that can be asked for."""
    await add(metadata, hash="a")
    await add(metadata, hash="b", namespace_id=None, action="account.signin")
    await add(metadata, hash="c", actor="bob", action="repo.tag.push", at=START + HOUR)
    await add(metadata, hash="d", action="repo.tag.delete", at=START + 2 * HOUR)
    await add(metadata, hash="e", namespace_id=9, action="repository")


@pytest.mark.usefixtures("rows")
async def test_rows_are_listed_newest_first_by_pages(metadata: Metadata) -> None:
    assert await listed(metadata) == ["e", "d", "c", "b", "a"]
    newest = await audit.list_rows(metadata.reader, AuditQuery(), 2)
    assert [each.hash for each in newest] == ["e", "d"]
    assert await listed(metadata, before_id=newest[-1].id, limit=2) == ["c", "b"]


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"namespace_id": 7}, "dca"),
        ({"actor": "bob"}, "c"),
        ({"actor": "nobody"}, ""),
        ({"action": "repo"}, "dca"),
        ({"action": "repo.tag"}, "dc"),
        ({"action": "repo.tag.push"}, "c"),
        ({"action": "repo.t"}, ""),
        ({"action": "%"}, ""),
        ({"since": START + HOUR}, "dc"),
        ({"until": START + HOUR}, "eba"),
        ({"since": START + HOUR, "until": START + 2 * HOUR, "namespace_id": 7}, "c"),
    ],
)
async def test_only_what_matches_is_listed(
    metadata: Metadata, wanted: dict[str, object], found: str
) -> None:
    assert await listed(metadata, **wanted) == list(found)  # type: ignore[arg-type]
