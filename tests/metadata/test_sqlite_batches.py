"""Writes that share a commit: many where they are short, no longer than others can wait."""

import asyncio
from pathlib import Path

import pytest

from entrepot.metadata import sqlite
from entrepot.metadata.migrate import upgrade_sqlite
from entrepot.metadata.sqlite import SqliteMetadata


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
