"""Where tags pointed before, and the manifests that were deleted: what can be undone."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update

from entrepot.metadata.artifact_tables import deleted_manifests, tag_history
from entrepot.metadata.contents.search_sql import is_among
from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    to_instant,
)
from entrepot.metadata.engines.rows import find_one, first_text, list_all, row_mapper, text_or_empty
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.tables import (
    accounts,
    manifest_references,
    manifests,
    repositories,
    repository_blobs,
    tags,
)
from entrepot.model.tags import Author, TagAction, TagEvent, account_of, name_of
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag

_POINTS_AT: Final = SqlStatement(
    select(manifests.c.digest)
    .join(tags, tags.c.manifest_id == manifests.c.id)
    .where(tags.c.repository_id == bindparam("repository_id"), tags.c.name == bindparam("tag"))
)
_TAGS_OF: Final = SqlStatement(
    select(tags.c.name).where(tags.c.manifest_id == bindparam("manifest_id")).order_by(tags.c.name)
)
_ADD: Final = SqlStatement(
    insert(tag_history).values(
        repository_id=bindparam("repository_id"),
        tag=bindparam("tag"),
        action=bindparam("action"),
        digest=bindparam("digest"),
        previous=bindparam("previous"),
        at=bindparam("at"),
        by=bindparam("by"),
        promoted_from=bindparam("promoted_from"),
        author=bindparam("author"),
    )
)
_EVENT: Final = select(
    tag_history.c.id,
    tag_history.c.tag,
    tag_history.c.action,
    tag_history.c.digest,
    tag_history.c.previous,
    tag_history.c.at,
    func.coalesce(accounts.c.name, tag_history.c.author),
    tag_history.c.promoted_from,
).join(accounts, accounts.c.namespace_id == tag_history.c.by, isouter=True)
_OF_REPOSITORY: Final = (
    tag_history.c.repository_id == bindparam("repository_id"),
    tag_history.c.id < bindparam("before"),
)
_LIST: Final = SqlStatement(
    _EVENT.where(*_OF_REPOSITORY).order_by(tag_history.c.id.desc()).limit(bindparam("limit"))
)
_LIST_TAG: Final = SqlStatement(
    _EVENT.where(*_OF_REPOSITORY, tag_history.c.tag == bindparam("tag"))
    .order_by(tag_history.c.id.desc())
    .limit(bindparam("limit"))
)
_FIND: Final = SqlStatement(
    _EVENT.where(
        tag_history.c.repository_id == bindparam("repository_id"),
        tag_history.c.id == bindparam("event_id"),
    )
)
_EACH: Final = 3
_older: Final = tag_history.alias("older")
# Of each repository the newest few, by the index, however long its history is.
_FIRST_SHOWN: Final = (
    select(_older.c.id)
    .where(_older.c.repository_id == repositories.c.id)
    .order_by(_older.c.id.desc())
    .limit(1)
    .offset(_EACH - 1)
    .scalar_subquery()
    .correlate(repositories)
)
_LIST_OF_MANY: Final = SqlStatement(
    _EVENT.add_columns(repositories.c.name)
    .join(repositories, repositories.c.id == tag_history.c.repository_id)
    .where(is_among("repositories.id", "ids"), tag_history.c.id >= func.coalesce(_FIRST_SHOWN, 0))
    .order_by(tag_history.c.id.desc())
)
_NEAR: Final = 10_000
"""How far apart, by id, events of one action can be: a removal looks at 5,000 manifests."""
_TOGETHER: Final = SqlStatement(
    _EVENT.where(
        tag_history.c.repository_id == bindparam("repository_id"),
        tag_history.c.id.between(bindparam("first"), bindparam("last")),
        tag_history.c.at == bindparam("at"),
        tag_history.c.action == bindparam("action"),
    ).order_by(tag_history.c.id)
)
_POINT_AT: Final = SqlStatement(
    select(tags.c.name, manifests.c.digest)
    .join(manifests, manifests.c.id == tags.c.manifest_id)
    .where(
        tags.c.repository_id == bindparam("repository_id"), is_among("tags.name", "names", "text")
    )
)
_PRESENT: Final = SqlStatement(
    select(manifests.c.digest).where(
        manifests.c.repository_id == bindparam("repository_id"),
        is_among("manifests.digest", "digests", "text"),
    )
)
_PRESENT_DELETED: Final = SqlStatement(
    select(deleted_manifests.c.digest).where(
        deleted_manifests.c.repository_id == bindparam("repository_id"),
        is_among("deleted_manifests.digest", "digests", "text"),
    )
)
_KEEP: Final = SqlStatement(
    insert(deleted_manifests)
    .values(
        repository_id=bindparam("repository_id"),
        digest=bindparam("digest"),
        media_type=bindparam("media_type"),
        content=bindparam("content"),
        deleted_at=bindparam("at"),
        deleted_by=bindparam("by"),
    )
    .on_conflict_do_update(
        index_elements=["repository_id", "digest"],
        set_={
            "media_type": bindparam("media_type"),
            "deleted_at": bindparam("at"),
            "deleted_by": bindparam("by"),
        },
    )
)
_NAMED: Final = (
    select(manifest_references.c.digest)
    .join(manifests, manifests.c.id == manifest_references.c.manifest_id)
    .where(
        manifests.c.repository_id == bindparam("repository"),
        manifests.c.digest == bindparam("manifest"),
        manifest_references.c.role == "blob",
    )
)
_RENEW_NAMED: Final = SqlStatement(
    update(repository_blobs)
    .where(
        repository_blobs.c.repository_id == bindparam("repository"),
        repository_blobs.c.digest.in_(_NAMED),
    )
    .values(linked_at=bindparam("at"))
)
_KEPT: Final = SqlStatement(
    select(deleted_manifests.c.content, deleted_manifests.c.media_type).where(
        deleted_manifests.c.repository_id == bindparam("repository_id"),
        deleted_manifests.c.digest == bindparam("digest"),
    )
)
_FORGET: Final = SqlStatement(
    delete(deleted_manifests).where(
        deleted_manifests.c.repository_id == bindparam("repository_id"),
        deleted_manifests.c.digest == bindparam("digest"),
    )
)


_event: Final = row_mapper(TagEvent, promoted_from=text_or_empty)
_pointer: Final = row_mapper(tuple[str, str])
_kept: Final = row_mapper(tuple[bytes, str])


async def find_pointed_at(reader: Reader, repository_id: int, tag: Tag) -> str | None:
    """The digest that a tag points at."""
    return await find_one(reader, first_text, _POINTS_AT, repository_id=repository_id, tag=tag.text)


async def list_tags_of(reader: Reader, manifest_id: int) -> list[str]:
    """Every tag on a manifest, by name."""
    return await list_all(reader, first_text, _TAGS_OF, manifest_id=manifest_id)


async def note_tag(
    tx: Transaction,
    repository_id: int,
    tag: str,
    action: TagAction,
    digest: str,
    previous: str | None,
    by: Author,
    now: datetime,
    promoted_from: str = "",
) -> None:
    """Remember what became of a tag."""
    await tx.run(
        _ADD,
        repository_id=repository_id,
        tag=tag,
        action=action,
        digest=digest,
        previous=previous,
        at=to_instant(now),
        promoted_from=promoted_from or None,
        by=account_of(by),
        author=name_of(by),
    )


async def list_events(
    reader: Reader, repository_id: int, tag: str | None, before: int, limit: int
) -> list[TagEvent]:
    """The newest `limit` events with an id below `before`, of one tag or of all."""
    values = {"repository_id": repository_id, "before": before, "limit": limit}
    if tag is None:
        return await list_all(reader, _event, _LIST, **values)
    return await list_all(reader, _event, _LIST_TAG, **values, tag=tag)


async def list_newest_of(
    reader: Reader, repository_ids: Iterable[int]
) -> list[tuple[str, TagEvent]]:
    """The newest events of each repository, at most three, with its name; the newest first."""
    rows = await reader.all(_LIST_OF_MANY, ids=json.dumps(list(repository_ids)))
    return [(str(row[-1]), _event(row)) for row in rows]


async def find_event(reader: Reader, repository_id: int, event_id: int) -> TagEvent | None:
    """One event of the repository."""
    return await find_one(reader, _event, _FIND, repository_id=repository_id, event_id=event_id)


async def list_together(reader: Reader, repository_id: int, event: TagEvent) -> list[TagEvent]:
    """The events of the action that the event is part of, itself among them: same moment."""
    return await list_all(
        reader,
        _event,
        _TOGETHER,
        repository_id=repository_id,
        first=event.id - _NEAR,
        last=event.id + _NEAR,
        at=to_instant(event.at),
        action=event.action,
    )


async def list_pointed_at(
    reader: Reader, repository_id: int, names: Iterable[str]
) -> dict[str, str]:
    """The digests that tags of these names point at; a name without a tag is left out."""
    wanted = json.dumps(sorted(set(names)))
    return dict(
        await list_all(reader, _pointer, _POINT_AT, repository_id=repository_id, names=wanted)
    )


async def list_restorable(reader: Reader, repository_id: int, digests: Iterable[str]) -> set[str]:
    """Those of the digests whose manifests are there, or deleted and still kept."""
    wanted = json.dumps(sorted(set(digests)))
    found = [
        await list_all(reader, first_text, statement, repository_id=repository_id, digests=wanted)
        for statement in (_PRESENT, _PRESENT_DELETED)
    ]
    return {*found[0], *found[1]}


async def keep_deleted(
    tx: Transaction,
    repository_id: int,
    digest: str,
    media_type: str,
    content: bytes,
    by: Author,
    now: datetime,
) -> None:
    """Keep the bytes of a manifest that is being deleted, so that it can come back.

    The blobs that it names are linked anew: they stay as long as it is kept.
    """
    await tx.run(
        _KEEP,
        repository_id=repository_id,
        digest=digest,
        media_type=media_type,
        content=content,
        at=to_instant(now),
        by=account_of(by),
    )
    await tx.run(_RENEW_NAMED, repository=repository_id, manifest=digest, at=to_instant(now))


async def find_deleted(
    reader: Reader, repository_id: int, digest: Digest
) -> tuple[bytes, str] | None:
    """The bytes and the media type of a deleted manifest that was kept."""
    return await find_one(reader, _kept, _KEPT, repository_id=repository_id, digest=str(digest))


async def forget_deleted(tx: Transaction, repository_id: int, digest: Digest) -> None:
    """Keep a deleted manifest no longer; forgetting what is absent succeeds."""
    await tx.run(_FORGET, repository_id=repository_id, digest=str(digest))
