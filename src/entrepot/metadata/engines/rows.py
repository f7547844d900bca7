"""Makes values of rows, by the types of a dataclass's fields, and runs the statements for them."""

import json
from collections.abc import Callable, Collection
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar, get_args, get_type_hints

from entrepot.metadata.engines.engine import (
    Reader,
    Row,
    SqlStatement,
    Value,
    from_instant,
    from_optional,
)
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName

T = TypeVar("T")

_CONVERTERS: dict[object, Callable[[Any], object]] = {
    bool: bool,
    bytes: bytes,
    datetime: from_instant,
    datetime | None: from_optional,
    Digest: Digest.parse,
    RepositoryName: RepositoryName,
}


def row_mapper(
    cls: type[T], width: int | None = None, /, **converters: Callable[[Any], object]
) -> Callable[[Row], T]:
    """Return a function that makes a `cls`, a dataclass or a tuple, of a row.

    The first columns are its fields in their order, or the first `width` of them; further columns
    are ignored. Instants become datetimes, numbers truth values, and texts members of an
    enumeration, digests and names; `converters` are for fields whose types do not tell, by name.
    """
    parts = get_args(cls)
    hints = {f"_{place}": kind for place, kind in enumerate(parts)} or get_type_hints(cls)
    fields = list(hints)[:width]
    known = {name: converters.get(name) or _converter(hints[name], parts) for name in fields}
    columns = "".join(
        f"{name}(row[{place}])," if known[name] else f"row[{place}],"
        for place, name in enumerate(fields)
    )
    made = f"({columns})" if parts else f"cls({columns})"
    # Compiled, as dataclasses are: a loop over the columns would cost pulls their time.
    mapper: Callable[[Row], T] = eval(f"lambda row: {made}", {"cls": cls, **known})  # noqa: S307
    return mapper


def _converter(kind: object, parts: tuple[object, ...]) -> Callable[[Any], object] | None:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    # A tuple's numbers may be sums, which are no `int` in PostgreSQL.
    return int if parts and kind is int else _CONVERTERS.get(kind)


def first_text(row: Row) -> str:
    """Return the row's first column, a text."""
    return str(row[0])


def first_number(row: Row) -> int:
    """Return the row's first column, a number; PostgreSQL's sums are no `int` by themselves."""
    return int(row[0])


def first_moment(row: Row) -> datetime:
    """Return the row's first column, an instant, as a datetime."""
    return from_instant(row[0])


def text_or_empty(text: str | None) -> str:
    """Return the text of a column; empty where it is null."""
    return text or ""


async def find_one(
    reader: Reader, make: Callable[[Row], T], statement: SqlStatement, /, **values: Value
) -> T | None:
    """Return the value that `make` gives for the first row; `None` where there is none."""
    row = await reader.one(statement, **values)
    return None if row is None else make(row)


async def list_all(
    reader: Reader, make: Callable[[Row], T], statement: SqlStatement, /, **values: Value
) -> list[T]:
    """Return the values that `make` gives for the rows, in their order."""
    return [make(row) for row in await reader.all(statement, **values)]


async def get_number(reader: Reader, statement: SqlStatement, /, **values: Value) -> int:
    """Return the number in the first row's first column; 0 where there is no row."""
    row = await reader.one(statement, **values)
    return int(row[0]) if row else 0


async def find_sizes(
    reader: Reader, statement: SqlStatement, repository_id: int, digests: Collection[Digest]
) -> dict[Digest, int]:
    """Return the sizes in bytes of those of the digests that `statement` finds in a repository."""
    if not digests:
        return {}
    named = {str(digest): digest for digest in digests}
    among = json.dumps(list(named))
    rows = await reader.all(statement, repository_id=repository_id, among=among)
    return {named[row[0]]: int(row[1]) for row in rows}
