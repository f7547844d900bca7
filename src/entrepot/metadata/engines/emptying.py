"""Empties a large repository in slices, before the one transaction that deletes it.

No client can push there meanwhile: it is archived. A crash leaves a smaller repository, which is
deleted by asking again.
"""

from functools import partial
from typing import Any, Final

from sqlalchemy import Column, bindparam, delete, select

from entrepot.metadata.artifact_tables import deleted_manifests, tag_history
from entrepot.metadata.engines.engine import Metadata, Reader, SqlStatement, Transaction
from entrepot.metadata.engines.rows import get_number
from entrepot.metadata.engines.slices import MOST, count_up_to, delete_slices
from entrepot.metadata.repositories import lock_by_id
from entrepot.metadata.tables import manifests, repository_blobs, tags

# Tags before the manifests that they lead to. With a manifest goes what names or describes it.
_FIRST: Final = 20
"""Rows of the first slice: with a manifest go up to 200 others."""
_KEYS: Final[tuple[Column[Any], ...]] = (
    tags.c.name,
    tag_history.c.id,
    deleted_manifests.c.id,
    manifests.c.id,
    repository_blobs.c.digest,
)


def _delete_some(key: Column[Any]) -> SqlStatement:
    of = key.table.c.repository_id == bindparam("repository_id")
    some = select(key).where(of).limit(bindparam("limit")).scalar_subquery()
    return SqlStatement(delete(key.table).where(of, key.in_(some)))


_DELETE: Final = tuple(map(_delete_some, _KEYS))
_COUNT: Final = tuple(count_up_to(MOST + 1, key.table.c.repository_id) for key in _KEYS)


async def is_large(reader: Reader, repository_id: int) -> bool:
    """Whether deleting the repository at once would keep pushes elsewhere waiting."""
    counts = [await get_number(reader, count, repository_id=repository_id) for count in _COUNT]
    return sum(counts) > MOST


async def empty_repository(metadata: Metadata, repository_id: int) -> None:
    """Delete tags, history, manifests and links to blobs, a bounded number in a transaction."""
    for statement in _DELETE:
        await delete_slices(metadata, partial(_delete, statement, repository_id), _FIRST)


async def _delete(statement: SqlStatement, repository_id: int, tx: Transaction, limit: int) -> int:
    if not await lock_by_id(tx, repository_id):
        return 0
    return await tx.run(statement, repository_id=repository_id, limit=limit)
