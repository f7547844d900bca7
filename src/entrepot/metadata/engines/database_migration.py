"""All facts copied from one database to another, of the other engine.

The database that is left is sealed first: triggers refuse every change, in the words of an engine
that is away for a moment, and reads go on. So nothing that was acknowledged can be missing from the
copy, which is written and compared in one transaction.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, select, text
from sqlalchemy.exc import DBAPIError

from entrepot.errors import Conflict, Unavailable
from entrepot.metadata.engines.databases import (
    TABLES,
    Place,
    batches,
    reading,
    revision_of,
    settle,
    upgrade,
    writing,
)
from entrepot.metadata.engines.sentinels import SEAL
from entrepot.metadata.migrate import HEAD, open_engine

Notice = Callable[[int], None]
"""Told how many rows more were copied."""

_MODULUS: Final = 2**256
_REFUSE: Final = f"""CREATE OR REPLACE FUNCTION entrepot_moved() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION '{SEAL}' USING ERRCODE = '57P03'; END $$"""


@dataclass(frozen=True, slots=True)
class Content:
    """A table's row count, and a checksum that any other content would change."""

    table: str
    rows: int
    hash: int


def copy_database(source: Place, target: Place, notice: Notice) -> list[Content]:
    """Seal the source, copy all of it, compare; repeating it finds what is there and the same.

    Raises `Conflict` where the target holds something else, and `Unavailable` for a failure: the
    target is then as it was, and the source sealed until this is repeated or `unseal` is called.
    """
    with _named_failures():
        return _copy_database(source, target, notice)


def unseal(place: Place) -> None:
    """Let the database be written again; one that is not sealed stays as it is."""
    with _named_failures(), writing(place) as connection:
        # A database of something else is left alone.
        revision_of(connection)
        for table in TABLES:
            for name in _triggers_of(table, connection):
                on = f" ON {table}" if connection.dialect.name == "postgresql" else ""
                connection.execute(text(f"DROP TRIGGER IF EXISTS {name}{on}"))


@contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        first = str(error.orig).strip().partition("\n")[0]
        raise Unavailable(f"a database failed: {first}") from error


def _copy_database(source: Place, target: Place, notice: Notice) -> list[Content]:
    for place in (source, target):
        upgrade(place)
        with reading(place) as connection:
            revision = revision_of(connection)
        if revision != HEAD:
            # A later version serves it too, and has tables that would be left behind.
            raise Unavailable(f"schema {revision} is of a later version: copy with that version")
    with open_engine(source).connect() as left, writing(target) as filling:
        is_new = not any(filling.execute(select(table).limit(1)).first() for table in TABLES)
        if not is_new:
            # Another hub, it may be: nothing is sealed for that.
            _compared(left, filling, beside={"jobs"})
        _seal(source)
        if not is_new:
            return _compared(left, filling, beside={"jobs"})
        for table in TABLES:
            for rows in batches(table, left):
                filling.execute(table.insert(), [row._asdict() for row in rows])
                notice(len(rows))
        found = _compared(left, filling, beside=set())
        settle(filling)
    return found


def _seal(place: Place) -> None:
    """Refuse changes of every table; return when running changes have ended.

    A transaction for each table on PostgreSQL: one for all could wait for a push that waits for it.
    A push that a seal overtakes fails as a whole.
    """
    if isinstance(place, Path):
        with writing(place) as connection:
            for table in TABLES:
                for name in _triggers_of(table, connection):
                    change = name.rpartition("_")[2].upper()
                    body = f"BEGIN SELECT RAISE(ABORT, '{SEAL}'); END"
                    head = f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {change} ON {table}"
                    connection.execute(text(f"{head} {body}"))
        return
    with writing(place) as connection:
        connection.execute(text(_REFUSE))
    for table in TABLES:
        with writing(place) as connection:
            changes = f"BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}"
            body = "FOR EACH STATEMENT EXECUTE FUNCTION entrepot_moved()"
            for name in _triggers_of(table, connection):
                connection.execute(text(f"CREATE OR REPLACE TRIGGER {name} {changes} {body}"))


def _triggers_of(table: Table, connection: Connection) -> list[str]:
    if connection.dialect.name == "postgresql":
        return ["moved"]
    return [f"moved_{table}_{change}" for change in ("insert", "update", "delete")]


def _compared(reading: Connection, filling: Connection, beside: set[str]) -> list[Content]:
    """The contents of the tables; raise `Conflict` where the two sides differ."""
    contents = []
    for table in TABLES:
        here, there = _content_of(table, reading), _content_of(table, filling)
        if here != there and table.name not in beside:
            raise Conflict(f"the other database is not empty, and its {table} are others")
        contents.append(here)
    return contents


def _content_of(table: Table, connection: Connection) -> Content:
    """Added up row by row: engines need not agree on an order."""
    count = total = 0
    for rows in batches(table, connection):
        count += len(rows)
        total += sum(_number_of(each) for each in rows)
    return Content(table.name, count, total % _MODULUS)


def _number_of(row: Row[Any]) -> int:
    values = [bytes(each) if isinstance(each, memoryview) else each for each in row]
    return int.from_bytes(hashlib.sha256(repr(values).encode()).digest())
