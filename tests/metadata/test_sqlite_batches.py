"""Writes that share a commit: many where they are short, no longer than others can wait."""

import asyncio
from pathlib import Path

import pytest

from entrepot.metadata.engines import sqlite
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.metadata.migrate import upgrade_sqlite
from entrepot.metadata.registry import manifests
from entrepot.oci.digests import Digest
from tests.metadata.clocks import START
from tests.metadata.rows import add_repository, new_manifest


@pytest.mark.parametrize(("longest", "least"), [(60.0, 1), (0.0, 10)])
async def test_no_turn_joins_a_batch_that_took_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, longest: float, least: int
) -> None:
    monkeypatch.setattr(sqlite, "_LONGEST_BATCH", longest)
    upgrade_sqlite(tmp_path / "entrepot.db")
    metadata = SqliteMetadata(tmp_path / "entrepot.db")
    commits = 0
    commit_now = metadata._commit_now

    def count() -> None:
        nonlocal commits
        commits += 1
        commit_now()

    monkeypatch.setattr(metadata, "_commit_now", count)

    async def take_turn() -> None:
        async with metadata.begin():
            await asyncio.sleep(0)

    await asyncio.gather(*(take_turn() for _ in range(10)))
    await metadata.close()
    assert commits == least


async def test_others_go_on_while_thousands_of_rows_are_written(metadata: Metadata) -> None:
    turns, is_over = 0, False

    async def go_on() -> None:
        nonlocal turns
        while not is_over:
            turns += 1
            await asyncio.sleep(0)

    repository = await add_repository(metadata, "acme/app")
    children = frozenset(Digest.of(str(number).encode()) for number in range(2500))
    other = asyncio.create_task(go_on())
    # All of it is one transaction: nothing but the rows' own pauses lets the other go on so often.
    async with metadata.begin() as tx:
        turns = 0
        new = new_manifest(b"{}", children=children)
        await manifests.insert_manifest(tx, repository.id, new, None, START)
        assert turns >= 9
    is_over = True
    await other
