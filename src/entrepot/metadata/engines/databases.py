"""A whole database, of either engine: opened, brought up to date, read and written by the table."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, LargeBinary, Row, Table, func, inspect, select, text

from entrepot.metadata import migrate
from entrepot.metadata.engines.failures import as_unavailable
from entrepot.metadata.events.jobs import QUEUED, SUMMARIZE
from entrepot.metadata.migrate import HEAD, open_engine, upgrade_postgresql, upgrade_sqlite
from entrepot.metadata.schema import SCHEMA

Place = Path | str
"""An SQLite file, or a PostgreSQL URL."""

TABLES: Final = tuple(SCHEMA.sorted_tables)
"""Every table, after those that it refers to."""
_ROWS: Final = 1000
_LARGE_ROWS: Final = 10


def upgrade(place: Place) -> None:
    """Bring the schema up to date, of a database that need not be there."""
    if isinstance(place, Path):
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        upgrade_sqlite(place)
    else:
        upgrade_postgresql(place)


def upgrade_to(place: Place, revision: str) -> str:
    """As `upgrade`, no further than to a revision; say which one the schema has then."""
    if revision == HEAD:
        upgrade(place)
    else:
        if isinstance(place, Path):
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with as_unavailable(place):
            migrate.upgrade(open_engine(place), revision)
    with reading(place) as connection:
        return revision_of(connection)


def revision_of(connection: Connection) -> str:
    """The revision of the schema."""
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found)


def has_accounts(place: Place) -> bool:
    """Say whether anybody may sign in."""
    with reading(place) as connection:
        return connection.execute(text("SELECT 1 FROM accounts LIMIT 1")).first() is not None


@contextmanager
def reading(place: Place) -> Iterator[Connection]:
    """One transaction; what it reads is of one moment."""
    with as_unavailable(place), open_engine(place).connect() as connection:
        if connection.dialect.name == "sqlite":
            # Ours is the driver that begins nothing by itself.
            connection.execute(text("BEGIN"))
            yield connection
            return
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        yield connection.execution_options(**options)


@contextmanager
def writing(place: Place) -> Iterator[Connection]:
    """One transaction; the only writer's, on SQLite."""
    with as_unavailable(place), open_engine(place).connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("BEGIN IMMEDIATE"))
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


def batches(table: Table, connection: Connection) -> Iterator[Sequence[Row[Any]]]:
    """The rows in the order of their keys, few at a time where they may be large."""
    is_large = any(isinstance(each.type, LargeBinary) for each in table.columns)
    # By key: what refers to an earlier row of its own table comes after it.
    wanted = select(table).order_by(*table.primary_key.columns)
    size = _LARGE_ROWS if is_large else _ROWS
    with connection.execute(wanted, execution_options={"yield_per": size}) as found:
        yield from found.partitions(size)


def settle(connection: Connection) -> None:
    """Finish a copy after every row was written.

    The next id is one that no row has. The words that repositories are found by are written again
    when the hub has started, as after a push: engines keep them in their ways.
    """
    if connection.dialect.name == "postgresql":
        there = set(inspect(connection).get_table_names())
        # The schema may be older than this program.
        for table in (each for each in TABLES if each.name in there):
            if "id" in table.columns and table.columns["id"].identity is not None:
                _set_sequence(table, connection)
    connection.execute(
        text(
            "INSERT INTO jobs"
            " (kind, subject, state, attempts, run_at, leased_until, error, created_at)"
            " SELECT :kind, CAST(id AS TEXT), :queued, 0, 0, 0, '', 0 FROM repositories"
            " WHERE true ON CONFLICT DO NOTHING"
        ),
        {"kind": SUMMARIZE, "queued": QUEUED},
    )


def _set_sequence(table: Table, connection: Connection) -> None:
    last = connection.execute(select(func.max(table.columns["id"]))).scalar()
    connection.execute(
        text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last, :is_used)"),
        {"name": table.name, "last": last or 1, "is_used": last is not None},
    )
