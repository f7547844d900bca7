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

from sqlalchemy import Connection, Engine, LargeBinary, Table, func, select, text
from sqlalchemy.exc import DBAPIError

from entrepot.errors import Conflict, Unavailable
from entrepot.metadata.engine import Value
from entrepot.metadata.jobs import QUEUED, SUMMARIZE
from entrepot.metadata.migrate import open_engine, upgrade_postgresql, upgrade_sqlite
from entrepot.metadata.schema import SCHEMA

Place = Path | str
"""A SQLite file, or a PostgreSQL URL."""
Notice = Callable[[int], None]
"""Told how many rows more were copied."""

SEAL: Final = "the hub is moving to another database"

_TABLES: Final = tuple(SCHEMA.sorted_tables)
_ROWS: Final = 1000
_LARGE_ROWS: Final = 10
_MODULUS: Final = 2**256
_REFUSE: Final = f"""CREATE OR REPLACE FUNCTION entrepot_moved() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION '{SEAL}' USING ERRCODE = '57P03'; END $$"""


@dataclass(frozen=True, slots=True)
class Content:
    """What a table holds: how many rows, and a number that any other content would change."""

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
    with _named_failures(), _writing(open_engine(place)) as connection:
        for table in _TABLES:
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
        if isinstance(place, Path):
            upgrade_sqlite(place)
        else:
            upgrade_postgresql(place)
    origin = open_engine(source)
    with origin.connect() as reading, _writing(open_engine(target)) as writing:
        is_new = _is_empty(writing)
        if not is_new:
            # Another hub, it may be: nothing is sealed for that.
            _compared(reading, writing, beside={"jobs"})
        _seal(origin)
        if not is_new:
            return _compared(reading, writing, beside={"jobs"})
        for table in _TABLES:
            _copy_table(table, reading, writing, notice)
        found = _compared(reading, writing, beside=set())
        if writing.dialect.name == "postgresql":
            _set_sequences(writing)
        _ask_for_summaries(writing)
    return found


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    """One transaction; the only writer's, on SQLite."""
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # Ours is the driver that begins nothing by itself.
            connection.execute(text("BEGIN IMMEDIATE"))
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


def _seal(engine: Engine) -> None:
    """Refuse changes of every table; return when whoever was changing one has ended.

    A transaction for each table on PostgreSQL: one for all could wait for a push that waits for it.
    A push that a seal overtakes fails as a whole.
    """
    if engine.dialect.name == "sqlite":
        with _writing(engine) as connection:
            for table in _TABLES:
                for name in _triggers_of(table, connection):
                    change = name.rpartition("_")[2].upper()
                    body = f"BEGIN SELECT RAISE(ABORT, '{SEAL}'); END"
                    head = f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {change} ON {table}"
                    connection.execute(text(f"{head} {body}"))
        return
    with _writing(engine) as connection:
        connection.execute(text(_REFUSE))
    for table in _TABLES:
        with _writing(engine) as connection:
            changes = f"BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}"
            body = "FOR EACH STATEMENT EXECUTE FUNCTION entrepot_moved()"
            for name in _triggers_of(table, connection):
                connection.execute(text(f"CREATE OR REPLACE TRIGGER {name} {changes} {body}"))


def _triggers_of(table: Table, connection: Connection) -> list[str]:
    if connection.dialect.name == "postgresql":
        return ["moved"]
    return [f"moved_{table}_{change}" for change in ("insert", "update", "delete")]


def _is_empty(connection: Connection) -> bool:
    return not any(connection.execute(select(table).limit(1)).first() for table in _TABLES)


def _copy_table(table: Table, reading: Connection, writing: Connection, notice: Notice) -> None:
    for rows in _batches(table, reading):
        writing.execute(table.insert(), rows)
        notice(len(rows))


def _batches(table: Table, connection: Connection) -> Iterator[list[dict[str, Value]]]:
    """The rows in the order of their keys, few at a time where they may be large."""
    is_large = any(isinstance(each.type, LargeBinary) for each in table.columns)
    # In the order of their ids: a refresh token refers to a token that was there before it.
    wanted = select(table).order_by(*table.primary_key.columns)
    size = _LARGE_ROWS if is_large else _ROWS
    with connection.execute(wanted, execution_options={"yield_per": size}) as found:
        for rows in found.mappings().partitions(size):
            yield [dict(each) for each in rows]


def _compared(reading: Connection, writing: Connection, beside: set[str]) -> list[Content]:
    """What the tables hold on both sides; raise `Conflict` where that differs."""
    contents = []
    for table in _TABLES:
        here, there = _content_of(table, reading), _content_of(table, writing)
        if here != there and table.name not in beside:
            raise Conflict(f"the other database is not empty, and its {table} are others")
        contents.append(here)
    return contents


def _content_of(table: Table, connection: Connection) -> Content:
    """Added up row by row: engines need not agree on an order."""
    count = total = 0
    for rows in _batches(table, connection):
        count += len(rows)
        total += sum(_number_of(each) for each in rows)
    return Content(table.name, count, total % _MODULUS)


def _number_of(row: dict[str, Any]) -> int:
    values = [bytes(each) if isinstance(each, memoryview) else each for each in row.values()]
    return int.from_bytes(hashlib.sha256(repr(values).encode()).digest())


def _set_sequences(connection: Connection) -> None:
    """Let the next id be one that no row has."""
    for table in _TABLES:
        if "id" in table.columns and table.columns["id"].identity is not None:
            last = connection.execute(select(func.max(table.columns["id"]))).scalar()
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last, :is_used)"),
                {"name": table.name, "last": last or 1, "is_used": last is not None},
            )


def _ask_for_summaries(connection: Connection) -> None:
    """Have the words that repositories are found by written again: engines keep them in their ways.

    The hub does this when it has started, as after a push.
    """
    connection.execute(
        text(
            "INSERT INTO jobs"
            " (kind, subject, state, attempts, run_at, leased_until, error, created_at)"
            " SELECT :kind, CAST(id AS TEXT), :queued, 0, 0, 0, '', 0 FROM repositories"
            " WHERE true ON CONFLICT DO NOTHING"
        ),
        {"kind": SUMMARIZE, "queued": QUEUED},
    )
