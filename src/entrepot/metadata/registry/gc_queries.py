"""Unreferenced rows: found by pages, deleted only where still unreferenced.

A page is a walk along an index that marks what may go, and not a search for it: how long it takes
does not depend on how much, or how little, is found.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
)

from entrepot.metadata.artifact_tables import deleted_manifests, tag_history
from entrepot.metadata.contents.search_sql import is_among
from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, first_text, get_number, list_all, row_mapper
from entrepot.metadata.tables import (
    blobs,
    manifest_references,
    manifests,
    repositories,
    repository_blobs,
    tags,
)
from entrepot.oci.digests import EMPTY_JSON_DIGEST


@dataclass(frozen=True, slots=True)
class BlobLink:
    """A blob in a repository; `is_free` where no manifest names it and it has grown old."""

    repository_id: int
    digest: str
    is_free: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A blob and where its bytes are; `is_free` where no repository holds it."""

    digest: str
    key: str
    size: int
    is_free: bool


@dataclass(frozen=True, slots=True)
class Untagged:
    """A manifest; `is_free` where it is old and has no tag, parent or subject."""

    id: int
    repository_id: int
    digest: str
    is_free: bool


def _is_there(
    column: ColumnElement[Any], outer: FromClause, *conditions: ColumnElement[bool]
) -> ColumnElement[bool]:
    # The offset keeps PostgreSQL from reading the whole table once a page to look rows up in it.
    return exists(select(column).where(*conditions).correlate(outer).offset(0))


def _flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


_OLD_DELETED: Final = deleted_manifests.c.deleted_at < bindparam("before")
_COUNT_DELETED: Final = SqlStatement(
    select(func.count()).select_from(deleted_manifests).where(_OLD_DELETED)
)
_FORGET_DELETED: Final = SqlStatement(
    delete(deleted_manifests).where(
        deleted_manifests.c.id.in_(
            select(deleted_manifests.c.id).where(_OLD_DELETED).limit(bindparam("limit"))
        )
    )
)
_LINK_IS_FREE: Final = and_(
    repository_blobs.c.linked_at < bindparam("before"),
    ~_is_there(
        manifest_references.c.manifest_id,
        repository_blobs,
        manifest_references.c.repository_id == repository_blobs.c.repository_id,
        manifest_references.c.digest == repository_blobs.c.digest,
        manifest_references.c.role == "blob",
    ),
)
_LINKS: Final = SqlStatement(
    select(repository_blobs.c.repository_id, repository_blobs.c.digest, _flag(_LINK_IS_FREE))
    .where(
        tuple_(repository_blobs.c.repository_id, repository_blobs.c.digest)
        > tuple_(bindparam("last_repository"), bindparam("last_digest"))
    )
    .order_by(repository_blobs.c.repository_id, repository_blobs.c.digest)
    .limit(bindparam("limit"))
)
_LOCK: Final = SqlStatement(
    select(repositories.c.id).where(repositories.c.id == bindparam("id")).with_for_update()
)
_UNLINK: Final = SqlStatement(
    delete(repository_blobs)
    .where(
        repository_blobs.c.repository_id == bindparam("repository"),
        is_among("repository_blobs.digest", "digests", "text"),
        _LINK_IS_FREE,
    )
    .returning(repository_blobs.c.digest)
)
_COUNT_LINKS: Final = SqlStatement(
    select(func.count())
    .select_from(repository_blobs)
    .where(repository_blobs.c.digest == bindparam("blob"))
)
# The empty JSON is every repository's: a manifest that names it links it by itself.
_ROW_IS_FREE: Final = and_(
    blobs.c.created_at < bindparam("before"),
    blobs.c.digest != str(EMPTY_JSON_DIGEST),
    ~_is_there(
        repository_blobs.c.repository_id, blobs, repository_blobs.c.digest == blobs.c.digest
    ),
)
_ROWS: Final = SqlStatement(
    select(blobs.c.digest, blobs.c.storage_key, blobs.c.size, _flag(_ROW_IS_FREE))
    .where(blobs.c.digest > bindparam("last"))
    .order_by(blobs.c.digest)
    .limit(bindparam("limit"))
)
_DELETE_ROWS: Final = SqlStatement(
    delete(blobs)
    .where(is_among("blobs.digest", "digests", "text"), _ROW_IS_FREE)
    .returning(blobs.c.digest)
)
_NAMED: Final = SqlStatement(
    select(blobs.c.storage_key).where(is_among("blobs.storage_key", "keys", "text"))
)
_parents: Final = manifest_references.alias("parents")
_subjects: Final = manifests.alias("subjects")
_MANIFEST_IS_FREE: Final = and_(
    manifests.c.pushed_at < bindparam("before"),
    func.coalesce(manifests.c.pulled_at, 0) < bindparam("before"),
    ~_is_there(tags.c.manifest_id, manifests, tags.c.manifest_id == manifests.c.id),
    ~_is_there(
        _parents.c.manifest_id,
        manifests,
        _parents.c.repository_id == manifests.c.repository_id,
        _parents.c.digest == manifests.c.digest,
        _parents.c.role == "manifest",
    ),
    ~_is_there(
        _subjects.c.id,
        manifests,
        _subjects.c.repository_id == manifests.c.repository_id,
        _subjects.c.digest == manifests.c.subject,
    ),
)
_MANIFEST: Final = select(
    manifests.c.id, manifests.c.repository_id, manifests.c.digest, _flag(_MANIFEST_IS_FREE)
)
_MANIFESTS: Final = SqlStatement(
    _MANIFEST.where(manifests.c.id > bindparam("after"))
    .order_by(manifests.c.id)
    .limit(bindparam("limit"))
)
_ONE_MANIFEST: Final = SqlStatement(_MANIFEST.where(manifests.c.id == bindparam("manifest")))
_TAGGED_SINCE: Final = SqlStatement(
    select(tag_history.c.id)
    .where(
        tag_history.c.repository_id == bindparam("repository"),
        tag_history.c.at >= bindparam("since"),
        or_(tag_history.c.digest == bindparam("one"), tag_history.c.previous == bindparam("one")),
    )
    .limit(1)
)


_blob_link: Final = row_mapper(BlobLink)
_row: Final = row_mapper(Row)
_untagged: Final = row_mapper(Untagged)


async def count_deleted(reader: Reader, before: datetime) -> int:
    """How many deleted manifests have been kept since before that moment."""
    return await get_number(reader, _COUNT_DELETED, before=to_instant(before))


async def forget_old_deleted(tx: Transaction, before: datetime, limit: int) -> int:
    """Keep some manifests no longer that were deleted before that moment; say how many."""
    return await tx.run(_FORGET_DELETED, before=to_instant(before), limit=limit)


async def list_links(
    reader: Reader, last: tuple[int, str], before: datetime, limit: int
) -> list[BlobLink]:
    """The first `limit` links after `last`, by repository and digest."""
    return await list_all(
        reader,
        _blob_link,
        _LINKS,
        last_repository=last[0],
        last_digest=last[1],
        before=to_instant(before),
        limit=limit,
    )


async def lock_holder(tx: Transaction, repository_id: int) -> bool:
    """Let one transaction at a time change the repository; say whether it is still there."""
    return await tx.one(_LOCK, id=repository_id) is not None


async def unlink_free(
    tx: Transaction, repository_id: int, digests: Sequence[str], before: datetime
) -> frozenset[str]:
    """Take those blobs out of the repository that may still be taken out; say which."""
    unlinked = await list_all(
        tx,
        first_text,
        _UNLINK,
        repository=repository_id,
        digests=json.dumps(digests),
        before=to_instant(before),
    )
    return frozenset(unlinked)


async def count_links(reader: Reader, digest: str) -> int:
    """How many repositories hold the blob."""
    return await get_number(reader, _COUNT_LINKS, blob=digest)


async def list_rows(reader: Reader, last: str, before: datetime, limit: int) -> list[Row]:
    """The first `limit` blobs after the digest `last`."""
    return await list_all(reader, _row, _ROWS, last=last, before=to_instant(before), limit=limit)


async def delete_free_rows(
    tx: Transaction, digests: Sequence[str], before: datetime
) -> frozenset[str]:
    """Forget those blobs that no repository holds still; say which."""
    named, moment = json.dumps(digests), to_instant(before)
    return frozenset(await list_all(tx, first_text, _DELETE_ROWS, digests=named, before=moment))


async def list_named(reader: Reader, keys: Sequence[str]) -> set[str]:
    """Those of the storage's keys that a row names."""
    return set(await list_all(reader, first_text, _NAMED, keys=json.dumps(list(keys))))


async def list_untagged(reader: Reader, after: int, before: datetime, limit: int) -> list[Untagged]:
    """The first `limit` manifests after the id `after`, by id."""
    return await list_all(
        reader, _untagged, _MANIFESTS, after=after, before=to_instant(before), limit=limit
    )


async def is_still_free(reader: Reader, manifest: Untagged, before: datetime) -> bool:
    """Whether nothing needs the manifest still, and no tag has left it since `before`."""
    moment = to_instant(before)
    found = await find_one(reader, _untagged, _ONE_MANIFEST, manifest=manifest.id, before=moment)
    if found is None or not found.is_free:
        return False
    tagged = await reader.one(
        _TAGGED_SINCE, repository=manifest.repository_id, since=moment, one=manifest.digest
    )
    return tagged is None
