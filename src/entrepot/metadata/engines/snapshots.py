"""All facts of one moment, taken out of a database and put into another, of either engine.

A snapshot is lines of JSON: first what it is, then for each table its name and columns and its
rows. What a hub makes anew is left out: uploads under way, leases, limits, browsers' sessions.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Inspector, column, inspect, table, text

from entrepot.errors import Invalid
from entrepot.metadata.engines import databases
from entrepot.metadata.engines.databases import (
    TABLES,
    Place,
    batches,
    reading,
    settle,
    upgrade,
    upgrade_to,
    writing,
)
from entrepot.metadata.migrate import HEAD, list_revisions

FORMAT: Final = 1
LEFT_OUT: Final = frozenset({"uploads", "upload_reservations", "leases", "limits", "sessions"})
_AT_ONCE: Final = 500

Line = dict[str, Any] | list[Any]


def dump(place: Place) -> Iterator[Line]:
    """All facts as they are when the first line is asked for."""
    with reading(place) as connection:
        revision = databases.revision_of(connection)
        if revision != HEAD:
            raise Invalid(f"the database has revision {revision}, and this version wants {HEAD}")
        yield {"format": FORMAT, "revision": HEAD}
        for each in TABLES:
            if each.name in LEFT_OUT:
                continue
            yield {"table": each.name, "columns": each.columns.keys()}
            for rows in batches(each, connection):
                for row in rows:
                    yield [_plain(value) for value in row]


def revision_of(lines: Iterable[Line]) -> str:
    """The revision of the schema that a snapshot was taken of."""
    head = next(iter(lines), None)
    if not isinstance(head, dict) or "format" not in head:
        raise Invalid("this is no snapshot of facts")
    return str(head.get("revision")) if head["format"] == FORMAT else f"of format {head['format']}"


def is_known(revision: str) -> bool:
    """Say whether a snapshot of that revision can be loaded: no later version than this made it."""
    return revision == HEAD or revision in list_revisions()


def begin(place: Place, lines: Iterable[Line]) -> None:
    """Make the schema that a snapshot was taken of, where there is none.

    Raises `Invalid` where there are facts already, and for a snapshot of a later version.
    """
    revision = revision_of(lines)
    if not is_known(revision):
        raise Invalid(f"the snapshot has revision {revision}, which is not known here")
    there = upgrade_to(place, revision)
    with reading(place) as connection:
        if _has_accounts(connection):
            raise Invalid("there is a hub already: restore into an empty database")
    if there != revision:
        raise Invalid(
            f"the database has revision {there} and the snapshot {revision}:"
            " restore into a database without tables"
        )


def load(place: Place, lines: Iterable[Line], keys: Callable[[str], str | None]) -> int:
    """Put all facts into a database without any, in one transaction; say how many rows.

    They are loaded into the schema that they were taken of, which is then brought up to date.
    `keys` tells where the bytes of a digest are now; a blob that it knows nothing of keeps its key.
    Raises `Invalid` as `begin` does.
    """
    waiting = iter(lines)
    begin(place, islice(waiting, 1))
    with writing(place) as connection:
        if _has_accounts(connection):
            raise Invalid("there is a hub already: restore into an empty database")
        connection.execute(text("DELETE FROM signing_keys"))
        count = _load_tables(connection, waiting, keys)
        settle(connection)
    upgrade(place)
    return count


def _has_accounts(connection: Connection) -> bool:
    return connection.execute(text("SELECT 1 FROM accounts LIMIT 1")).first() is not None


@dataclass(slots=True)
class _Loading:
    """Rows of one table, on their way into it."""

    connection: Connection
    keys: Callable[[str], str | None]
    there: Inspector
    table: str = ""
    columns: Sequence[str] = ()
    waiting: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0

    def begin(self, table: str, columns: Sequence[str]) -> None:
        """Go on with the next table."""
        self.flush()
        is_there = self.there.has_table(table)
        known = {each["name"] for each in self.there.get_columns(table)} if is_there else set()
        if not set(columns) <= known:
            raise Invalid(f"the snapshot has a table {table} that is not known here")
        self.table, self.columns = table, columns

    def take(self, row: Sequence[Any]) -> None:
        """Take a row."""
        values = {
            name: (base64.b64decode(each["b64"]) if isinstance(each, dict) else each)
            for name, each in zip(self.columns, row, strict=True)
        }
        if self.table == "blobs":
            values["storage_key"] = self.keys(str(values["digest"])) or values["storage_key"]
        self.waiting.append(values)
        if len(self.waiting) == _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self.waiting:
            into = table(self.table, *map(column, self.columns))
            self.connection.execute(into.insert(), self.waiting)
            self.count += len(self.waiting)
            self.waiting = []


def _load_tables(
    connection: Connection, lines: Iterator[Line], keys: Callable[[str], str | None]
) -> int:
    loading = _Loading(connection, keys, inspect(connection))
    for line in lines:
        if isinstance(line, dict):
            loading.begin(str(line["table"]), list(line["columns"]))
        else:
            loading.take(line)
    loading.flush()
    return loading.count


def _plain(value: object) -> object:
    if isinstance(value, bytes | memoryview):
        return {"b64": base64.b64encode(value).decode()}
    return value


def encode(line: Line) -> bytes:
    """A line as it is written."""
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
