"""All facts of one moment, taken out of a database and put into another, of either engine.

A snapshot is lines of JSON: first what it is, then for each table its name and columns and its
rows. What a hub makes anew is left out: uploads under way, leases, limits, browsers' sessions.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from entrepot.errors import Invalid
from entrepot.metadata.migrate import HEAD, upgrade_postgresql, upgrade_sqlite
from entrepot.metadata.schema import SCHEMA
from entrepot.metadata.sqlite_file import connect

FORMAT: Final = 1
LEFT_OUT: Final = frozenset({"uploads", "leases", "limits", "sessions"})
_AT_ONCE: Final = 500

Line = dict[str, Any] | list[Any]


class Place(Protocol):
    """Where facts are: an SQLite file, or the URL of a PostgreSQL database."""

    @property
    def sqlite_file(self) -> Path:
        """The file, where there is no URL."""

    @property
    def database(self) -> str | None:
        """The URL."""


@dataclass(frozen=True, slots=True)
class _Connection:
    """A connection of either engine: how it takes values, and how it reads many rows."""

    execute: Callable[..., Any]
    execute_many: Callable[[str, Sequence[Sequence[Any]]], Any]
    stream: Callable[[str], Iterable[Sequence[Any]]]
    mark: str


@contextmanager
def _open(place: Place, *, writes: bool) -> Iterator[_Connection]:
    """One transaction; what it reads is of one moment."""
    if place.database is None:
        connection = connect(place.sqlite_file)
        try:
            connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            many = connection.executemany
            yield _Connection(connection.execute, many, connection.execute, "?")
            connection.execute("COMMIT")
        finally:
            connection.close()
        return
    # Late: a hub on SQLite need not have psycopg.
    import psycopg

    with psycopg.connect(place.database) as postgres:
        postgres.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        postgres.read_only = not writes

        def stream(text: str) -> Iterable[Sequence[Any]]:
            with postgres.cursor(name="snapshot") as cursor:
                cursor.itersize = _AT_ONCE
                yield from cursor.execute(text.encode())

        many = postgres.cursor().executemany
        yield _Connection(postgres.execute, many, stream, "%s")


def dump(place: Place) -> Iterator[Line]:
    """All facts as they are when the first line is asked for."""
    with _open(place, writes=False) as connection:
        (row,) = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        if row[0] != HEAD:
            raise Invalid(f"the database has revision {row[0]}, and this version wants {HEAD}")
        yield {"format": FORMAT, "revision": HEAD}
        for table in SCHEMA.sorted_tables:
            if table.name in LEFT_OUT:
                continue
            names = [column.name for column in table.columns]
            yield {"table": table.name, "columns": names}
            order = _joined([column.name for column in table.primary_key])
            # By key: what refers to an earlier row of its own table comes after it.
            text = f"SELECT {_joined(names)} FROM {table.name} ORDER BY {order}"  # noqa: S608 - ours
            for each in connection.stream(text):
                yield [_plain(value) for value in each]


def load(place: Place, lines: Iterable[Line], keys: Callable[[str], str | None]) -> int:
    """Put all facts into a database without any, in one transaction; say how many rows.

    `keys` tells where the bytes of a digest are now; a blob that it knows nothing of keeps its key.
    Raises `Invalid` for a snapshot of another version, and where there are facts already.
    """
    upgrade(place)
    waiting = iter(lines)
    head = next(waiting, None)
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise Invalid("this is no snapshot of facts")
    if head.get("revision") != HEAD:
        raise Invalid(f"the snapshot has revision {head.get('revision')}: restore it with the"
                      " version that made it, and upgrade then")  # fmt: skip
    with _open(place, writes=True) as connection:
        if connection.execute("SELECT 1 FROM accounts LIMIT 1").fetchone() is not None:
            raise Invalid("there is a hub already: restore into an empty database")
        connection.execute("DELETE FROM signing_keys")
        count = _load_tables(connection, waiting, keys)
        if place.database is not None:
            _set_sequences(connection)
    return count


def is_empty(place: Place) -> bool:
    """Say whether nobody has begun a hub there; the schema is made where it is not."""
    upgrade(place)
    with _open(place, writes=False) as connection:
        return connection.execute("SELECT 1 FROM accounts LIMIT 1").fetchone() is None


def upgrade(place: Place) -> None:
    """Bring the schema up to date."""
    if place.database is None:
        place.sqlite_file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        upgrade_sqlite(place.sqlite_file)
    else:
        upgrade_postgresql(place.database)


@dataclass(slots=True)
class _Loading:
    """Rows of one table, on their way into it."""

    connection: _Connection
    keys: Callable[[str], str | None]
    table: str = ""
    columns: Sequence[str] = ()
    waiting: list[list[Any]] = field(default_factory=list)
    count: int = 0

    def begin(self, table: str, columns: Sequence[str]) -> None:
        """Go on with the next table."""
        self.flush()
        found = SCHEMA.tables.get(table)
        if found is None or not set(columns) <= set(found.columns.keys()):
            raise Invalid(f"the snapshot has a table {table} that is not known here")
        self.table, self.columns = table, columns

    def take(self, row: Sequence[Any]) -> None:
        """Take a row."""
        values = [_value(each) for each in row]
        if self.table == "blobs":
            digest, key = self.columns.index("digest"), self.columns.index("storage_key")
            values[key] = self.keys(str(values[digest])) or values[key]
        self.waiting.append(values)
        if len(self.waiting) == _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self.waiting:
            marks = ", ".join([self.connection.mark] * len(self.columns))
            text = f"INSERT INTO {self.table} ({_joined(self.columns)}) VALUES ({marks})"  # noqa: S608
            self.connection.execute_many(text, self.waiting)
            self.count += len(self.waiting)
            self.waiting = []


def _load_tables(
    connection: _Connection, lines: Iterator[Line], keys: Callable[[str], str | None]
) -> int:
    loading = _Loading(connection, keys)
    for line in lines:
        if isinstance(line, dict):
            loading.begin(str(line["table"]), list(line["columns"]))
        else:
            loading.take(line)
    loading.flush()
    return loading.count


def _set_sequences(connection: _Connection) -> None:
    for table in SCHEMA.sorted_tables:
        if "id" in table.columns and table.columns["id"].identity is not None:
            newest = f"SELECT coalesce(max(id), 0) + 1 FROM {table.name}"  # noqa: S608 - our names
            sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
            connection.execute(f"SELECT setval({sequence}, ({newest}), false)")


def _joined(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _plain(value: object) -> object:
    if isinstance(value, bytes | memoryview):
        return {"b64": base64.b64encode(value).decode()}
    return value


def _value(value: object) -> object:
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


def encode(line: Line) -> bytes:
    """A line as it is written."""
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
