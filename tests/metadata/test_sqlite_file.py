"""The SQLite file: only by a library that keeps it, and every failure has a name."""

import asyncio
from pathlib import Path

import pytest

from entrepot.errors import Unavailable
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.metadata.engines.sqlite_driver import dbapi2
from entrepot.metadata.engines.sqlite_file import check_library_version, connect
from entrepot.metadata.people.accounts import find_account
from tests.metadata.rows import add_account


@pytest.mark.parametrize(
    ("version", "is_good"),
    [
        ("3.40.1", False),
        ("3.44.5", False),
        ("3.44.6", True),
        ("3.45.0", False),
        ("3.50.4", False),
        ("3.50.7", True),
        ("3.51.0", False),
        ("3.51.2", False),
        ("3.51.3", True),
        ("3.53.4", True),
        ("4.0.0", True),
    ],
)
def test_a_library_that_can_lose_commits_is_refused(
    monkeypatch: pytest.MonkeyPatch, version: str, is_good: bool
) -> None:
    monkeypatch.setattr(dbapi2, "sqlite_version", version)
    if is_good:
        check_library_version()
    else:
        with pytest.raises(Unavailable, match=version):
            check_library_version()


def test_the_library_that_is_installed_is_good() -> None:
    check_library_version()


def test_every_connection_keeps_what_it_committed_through_a_power_cut(database: Path) -> None:
    connection = connect(database)
    for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
        assert connection.execute(f"PRAGMA {pragma}").fetchone() == (value,)
    connection.close()


@pytest.mark.parametrize("content", [b"no database" * 500, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_file_that_is_no_database_has_a_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "entrepot.db"
    path.write_bytes(content)
    with pytest.raises(Unavailable, match=r"entrepot\.db"):
        connect(path)
    with pytest.raises(Unavailable):
        connect(tmp_path / "missing" / "entrepot.db")


async def test_another_process_sees_a_commit_at_once(database: Path, metadata: Metadata) -> None:
    other = SqliteMetadata(database)
    before = await other.rights_revision()
    await add_account(metadata, "alice")
    assert await other.rights_revision() != before
    assert await find_account(other.reader, "alice") is not None
    await other.close()


async def test_processes_take_turns_to_write(database: Path, metadata: Metadata) -> None:
    other = SqliteMetadata(database)
    writers = [(metadata, other)[number % 2] for number in range(20)]
    await asyncio.gather(*(add_account(each, f"a{n}") for n, each in enumerate(writers)))
    for number in range(20):
        assert await find_account(metadata.reader, f"a{number}") is not None
    await other.close()
