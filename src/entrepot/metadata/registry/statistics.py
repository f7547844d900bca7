"""How much there is on the whole hub."""

from typing import Final

from sqlalchemy import bindparam, func, select

from entrepot.metadata.engines.engine import Reader, SqlStatement
from entrepot.metadata.engines.rows import find_one, first_text, get_number
from entrepot.metadata.tables import (
    accounts,
    blobs,
    manifests,
    namespaces,
    repositories,
    tags,
    uploads,
)
from entrepot.model.operators.statistics import HubNumbers


def _count(table: object) -> SqlStatement:
    return SqlStatement(select(func.count()).select_from(table))  # type: ignore[arg-type]


_COUNTS: Final = tuple(_count(each) for each in (accounts, repositories, manifests, tags, blobs))
_BYTES: Final = SqlStatement(select(func.coalesce(func.sum(blobs.c.size), 0)))
_UPLOADS: Final = _count(uploads)


_NAME: Final = SqlStatement(select(namespaces.c.name).where(namespaces.c.id == bindparam("id")))


async def find_namespace_name(reader: Reader, namespace_id: int) -> str | None:
    """Return the name of the namespace with that id."""
    return await find_one(reader, first_text, _NAME, id=namespace_id)


async def find_numbers(reader: Reader) -> HubNumbers:
    """Count everything: for a page that an operator opens, not for every request."""
    statements = (*_COUNTS, _BYTES, _UPLOADS)
    return HubNumbers(*[await get_number(reader, statement) for statement in statements])
