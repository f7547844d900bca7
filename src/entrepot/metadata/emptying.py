"""Empties a large repository in slices, before the one transaction that deletes it.

Nobody pushes there meanwhile: it is archived. What a crash leaves is a smaller repository, which is
deleted by asking again.
"""

import time
from typing import Any, Final

from sqlalchemy import Column, bindparam, delete, func, select

from entrepot.metadata.artifact_tables import deleted_manifests, tag_history
from entrepot.metadata.engine import Metadata, Reader, Statement
from entrepot.metadata.repositories import lock_by_id
from entrepot.metadata.slices import MOST, Pace
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


def _delete_some(key: Column[Any]) -> Statement:
    of = key.table.c.repository_id == bindparam("repository_id")
    some = select(key).where(of).limit(bindparam("limit")).scalar_subquery()
    return Statement(delete(key.table).where(of, key.in_(some)))


def _count_some(key: Column[Any]) -> Statement:
    of = key.table.c.repository_id == bindparam("repository_id")
    some = select(key).where(of).limit(bindparam("limit")).subquery()
    return Statement(select(func.count()).select_from(some))


_DELETE: Final = tuple(map(_delete_some, _KEYS))
_COUNT: Final = tuple(map(_count_some, _KEYS))


async def is_large(reader: Reader, repository_id: int) -> bool:
    """Whether deleting the repository at once would keep pushes elsewhere waiting."""
    total = 0
    for statement in _COUNT:
        row = await reader.one(statement, repository_id=repository_id, limit=MOST + 1)
        total += int(row[0]) if row else 0
    return total > MOST


async def empty_repository(metadata: Metadata, repository_id: int) -> None:
    """Delete tags, history, manifests and links to blobs, a bounded number in a transaction."""
    for statement in _DELETE:
        pace, found = Pace(_FIRST), 1
        while found:
            began = time.monotonic()
            async with metadata.begin() as tx:
                if not await lock_by_id(tx, repository_id):
                    return
                found = await tx.run(statement, repository_id=repository_id, limit=pace.size)
            await pace.rest(began)
