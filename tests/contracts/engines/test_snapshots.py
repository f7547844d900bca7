"""A snapshot of one engine's facts is loaded into another's, also by a later version."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import inspect

from entrepot.errors import Invalid
from entrepot.metadata.engines import databases, snapshots
from entrepot.metadata.engines.postgresql import PostgresMetadata
from entrepot.metadata.engines.snapshots import Line
from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.metadata.events import jobs
from entrepot.metadata.migrate import HEAD
from tests.metadata.rows import add_account, add_blob, add_manifest, add_repository

pytestmark = pytest.mark.postgresql


@pytest.fixture
def elsewhere(postgres_url: str) -> Iterator[str]:
    """A PostgreSQL database without tables."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE elsewhere")
        yield postgres_url.replace("/postgres?", "/elsewhere?")
        connection.execute("DROP DATABASE elsewhere WITH (FORCE)")


@pytest.fixture
async def lines(database: Path) -> list[Line]:
    """The facts of a small hub, as they are read from a file."""
    metadata = SqliteMetadata(database)
    await add_account(metadata, "alice")
    repository = await add_repository(metadata, "a/b")
    await add_manifest(metadata, repository, b"{}", blobs=frozenset())
    await add_blob(metadata, repository, b"content")
    await metadata.close()
    return [json.loads(snapshots.encode(line)) for line in snapshots.dump(database)]


async def test_facts_go_to_postgresql_and_back(
    lines: list[Line], elsewhere: str, tmp_path: Path
) -> None:
    rows = sum(isinstance(each, list) for each in lines)
    assert snapshots.load(elsewhere, lines, {"none": "moved"}.get) == rows
    there = PostgresMetadata(elsewhere)
    await there.open()
    # A new row takes an id that no row has, and words are asked for.
    assert (await add_repository(there, "a/c")).id > 1
    assert await jobs.count_jobs(there.reader) == {(jobs.SUMMARIZE, jobs.QUEUED): 1}
    await there.close()
    back = tmp_path / "back.db"
    found = [json.loads(snapshots.encode(line)) for line in snapshots.dump(elsewhere)]
    assert snapshots.load(back, found, lambda _: None) == rows + 2
    assert next(snapshots.dump(back)) == lines[0]
    with pytest.raises(Invalid, match="there is a hub already"):
        snapshots.load(back, found, lambda _: None)


def _as_of(then: Path, revision: str, lines: list[Line]) -> Iterator[Line]:
    """The lines without the tables and columns that came later."""
    databases.upgrade_to(then, revision)
    with databases.reading(then) as connection:
        there = inspect(connection)
        known = {
            table: [each["name"] for each in there.get_columns(table)]
            for table in there.get_table_names()
        }
    kept: list[int] = []
    for line in lines:
        if isinstance(line, dict):
            columns = [str(each) for each in line["columns"]]
            names = known.get(str(line["table"]), [])
            kept = [place for place, name in enumerate(columns) if name in names]
            if kept:
                yield {**line, "columns": [columns[place] for place in kept]}
        elif kept:
            yield [line[place] for place in kept]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_older_facts_are_loaded_as_they_were_and_brought_up_to_date(
    lines: list[Line], elsewhere: str, tmp_path: Path, engine: str
) -> None:
    place = elsewhere if engine == "postgresql" else tmp_path / "older.db"
    older: list[Line] = [{"format": snapshots.FORMAT, "revision": "0006"}]
    older += list(_as_of(tmp_path / "then.db", "0006", lines[1:]))
    snapshots.load(place, older, lambda _: None)
    with databases.reading(place) as connection:
        assert databases.revision_of(connection) == HEAD


def test_what_is_no_snapshot_changes_nothing(tmp_path: Path) -> None:
    place = tmp_path / "new.db"
    later: Line = {"format": snapshots.FORMAT, "revision": "0099"}
    newer: Line = {"format": snapshots.FORMAT + 1, "revision": HEAD}
    for head, said in (([1], "no snapshot"), (later, "revision 0099"), (newer, "of format 2")):
        with pytest.raises(Invalid, match=said):
            snapshots.load(place, [head], lambda _: None)
        assert not place.exists()
    wrong: Line = {"table": "none", "columns": ["id"]}
    with pytest.raises(Invalid, match="a table none"):
        snapshots.load(place, [{"format": snapshots.FORMAT, "revision": HEAD}, wrong], str)
