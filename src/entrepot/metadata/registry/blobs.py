"""Blobs: which bytes there are, and which repositories hold them."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, case, delete, func, select, update

from entrepot.metadata.contents.search_sql import is_among
from entrepot.metadata.engines import rows
from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    from_instant,
    to_instant,
)
from entrepot.metadata.engines.rows import find_one, get_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.tables import blobs, repositories, repository_blobs
from entrepot.model.blobs import Holder, StoredBlob
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest

_COLUMNS: Final = (blobs.c.digest, blobs.c.size, blobs.c.storage_key)
_FIND: Final = SqlStatement(
    select(*_COLUMNS, repository_blobs.c.linked_at)
    .join(repository_blobs, repository_blobs.c.digest == blobs.c.digest)
    .where(
        repository_blobs.c.repository_id == bindparam("repository_id"),
        repository_blobs.c.digest == bindparam("digest"),
    ),
    is_short=True,
)
_FIND_ANYWHERE: Final = SqlStatement(select(*_COLUMNS).where(blobs.c.digest == bindparam("digest")))
_IS_LINKED: Final = SqlStatement(
    select(repository_blobs.c.linked_at).where(
        repository_blobs.c.repository_id == bindparam("repository_id"),
        repository_blobs.c.digest == bindparam("digest"),
    )
)
_FIND_SIZES: Final = SqlStatement(
    select(blobs.c.digest, blobs.c.size)
    .join(repository_blobs, repository_blobs.c.digest == blobs.c.digest)
    .where(
        repository_blobs.c.repository_id == bindparam("repository_id"),
        is_among("repository_blobs.digest", "among", "text"),
    )
)
_LIST_HELD: Final = SqlStatement(
    select(*_COLUMNS)
    .join(repository_blobs, repository_blobs.c.digest == blobs.c.digest)
    .where(
        repository_blobs.c.repository_id == bindparam("repository_id"),
        is_among("repository_blobs.digest", "among", "text"),
    )
)
_INSERT: Final = SqlStatement(
    insert(blobs)
    .values(
        digest=bindparam("digest"),
        size=bindparam("size"),
        storage_key=bindparam("key"),
        created_at=bindparam("now"),
    )
    .on_conflict_do_update(
        index_elements=["digest"],
        set_={"size": bindparam("size"), "storage_key": bindparam("key")},
    )
)
_LINK: Final = SqlStatement(
    insert(repository_blobs)
    .values(
        repository_id=bindparam("repository_id"),
        digest=bindparam("digest"),
        linked_at=bindparam("now"),
    )
    .on_conflict_do_update(
        index_elements=["repository_id", "digest"], set_={"linked_at": bindparam("now")}
    )
)
_RENEW: Final = SqlStatement(
    update(repository_blobs)
    .where(
        repository_blobs.c.repository_id == bindparam("repository"),
        repository_blobs.c.digest == bindparam("blob"),
    )
    .values(linked_at=bindparam("now"))
)
_UNLINK: Final = SqlStatement(
    delete(repository_blobs).where(
        repository_blobs.c.repository_id == bindparam("repository_id"),
        repository_blobs.c.digest == bindparam("digest"),
    )
)
_HOLDERS: Final = SqlStatement(
    select(
        repositories.c.id,
        repositories.c.namespace_id,
        repositories.c.visibility,
        repositories.c.name,
    )
    .join(repository_blobs, repository_blobs.c.repository_id == repositories.c.id)
    .where(repository_blobs.c.digest == bindparam("digest"))
    # Public ones first: anybody may mount from them, however many others hold the blob.
    .order_by(case((repositories.c.visibility == Visibility.PUBLIC, 0), else_=1), repositories.c.id)
    .limit(bindparam("limit"))
)
_COUNT: Final = SqlStatement(select(func.count()).select_from(blobs))
_MEASURE: Final = SqlStatement(select(func.count(), func.coalesce(func.sum(blobs.c.size), 0)))
_MOVE: Final = SqlStatement(
    update(blobs)
    .where(blobs.c.digest == bindparam("blob"), blobs.c.storage_key == bindparam("old"))
    .values(storage_key=bindparam("new"))
)
_LIST: Final = SqlStatement(
    select(*_COLUMNS)
    .where(blobs.c.digest > bindparam("last"))
    .order_by(blobs.c.digest)
    .limit(bindparam("limit"))
)


_stored_blob: Final = row_mapper(StoredBlob)
_holder: Final = row_mapper(Holder)
_measured: Final = row_mapper(tuple[int, int])


async def find_blob(reader: Reader, repository_id: int, digest: Digest) -> StoredBlob | None:
    """The blob, where this repository holds it."""
    # Each blob that is pulled asks this: one call fewer than by `find_one`.
    row = await reader.one(_FIND, repository_id=repository_id, digest=str(digest))
    return None if row is None else _stored_blob(row)


async def find_blob_anywhere(reader: Reader, digest: Digest) -> StoredBlob | None:
    """The blob in any repository; for mounting, after the caller's rights were checked."""
    return await find_one(reader, _stored_blob, _FIND_ANYWHERE, digest=str(digest))


async def is_linked(reader: Reader, repository_id: int, digest: Digest) -> bool:
    """Say whether the repository holds the blob."""
    row = await reader.one(_IS_LINKED, repository_id=repository_id, digest=str(digest))
    return row is not None


async def find_sizes(
    reader: Reader, repository_id: int, digests: Collection[Digest]
) -> dict[Digest, int]:
    """The sizes in bytes of those of the blobs that the repository holds, by one statement."""
    return await rows.find_sizes(reader, _FIND_SIZES, repository_id, digests)


async def list_held(
    reader: Reader, repository_id: int, digests: Collection[Digest]
) -> list[StoredBlob]:
    """Those of the blobs that the repository holds, by one statement."""
    among = json.dumps([str(each) for each in digests])
    return await list_all(
        reader, _stored_blob, _LIST_HELD, repository_id=repository_id, among=among
    )


async def insert_blob(tx: Transaction, digest: Digest, size: int, key: str, now: datetime) -> None:
    """Record bytes that are durable; recording them again changes at most where they are."""
    await tx.run(_INSERT, digest=str(digest), size=size, key=key, now=to_instant(now))


async def link_blob(tx: Transaction, repository_id: int, digest: Digest, now: datetime) -> None:
    """Make a recorded blob part of the repository; linking it again renews the link."""
    await tx.run(_LINK, repository_id=repository_id, digest=str(digest), now=to_instant(now))


async def link_blobs(
    tx: Transaction, repository_id: int, digests: Collection[Digest], now: datetime
) -> None:
    """As `link_blob`, of many."""
    values = {"repository_id": repository_id, "now": to_instant(now)}
    await tx.run_many(_LINK, [{**values, "digest": str(each)} for each in digests])


async def find_with_link(
    reader: Reader, repository_id: int, digest: Digest
) -> tuple[StoredBlob, datetime] | None:
    """As `find_blob`, with when it was linked, or when that was last renewed."""
    row = await reader.one(_FIND, repository_id=repository_id, digest=str(digest))
    return None if row is None else (_stored_blob(row), from_instant(row[3]))


async def renew_link(tx: Transaction, repository_id: int, digest: Digest, now: datetime) -> bool:
    """Renew the link of a blob; say whether there is one."""
    count = await tx.run(_RENEW, repository=repository_id, blob=str(digest), now=to_instant(now))
    return count > 0


async def lock_keys(tx: Transaction, *keys: str) -> None:
    """Let no other transaction name, unname or delete the bytes under these keys meanwhile."""
    await tx.lock(*(f"bytes:{key}" for key in keys))


async def unlink_blob(tx: Transaction, repository_id: int, digest: Digest) -> bool:
    """Take the blob out of the repository; say whether it was there."""
    return await tx.run(_UNLINK, repository_id=repository_id, digest=str(digest)) > 0


async def list_holders(reader: Reader, digest: Digest, limit: int) -> list[Holder]:
    """The first `limit` repositories that hold the blob: public ones first, then oldest."""
    return await list_all(reader, _holder, _HOLDERS, digest=str(digest), limit=limit)


async def count_all(reader: Reader) -> int:
    """How many blobs there are."""
    return await get_number(reader, _COUNT)


async def measure_all(reader: Reader) -> tuple[int, int]:
    """How many blobs there are, and how many bytes they have."""
    return await find_one(reader, _measured, _MEASURE) or (0, 0)


async def move_blob(tx: Transaction, digest: Digest, old: str, new: str) -> bool:
    """Record that bytes are elsewhere; `False` where the row says something else than `old`."""
    return await tx.run(_MOVE, blob=str(digest), old=old, new=new) > 0


async def list_blobs(reader: Reader, last: str, limit: int) -> Sequence[StoredBlob]:
    """The first `limit` blobs after the digest `last`."""
    return await list_all(reader, _stored_blob, _LIST, last=last, limit=limit)
