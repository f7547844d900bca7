"""Manifests as they were pushed, what they refer to, and the tags that point at them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import and_, bindparam, delete, func, select, update

from entrepot.kinds.recognition.attachments import is_hidden_tag
from entrepot.kinds.versions import version_key
from entrepot.metadata.contents.search_sql import is_among
from entrepot.metadata.engines import rows
from entrepot.metadata.engines.engine import Reader, Row, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, first_text, get_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.tables import manifest_references, manifests, tags
from entrepot.model.manifests import ManifestFacts, NewManifest, Referrer, StoredManifest
from entrepot.model.tags import Author, account_of, name_of
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag

_FACTS: Final = (manifests.c.id, manifests.c.digest, manifests.c.media_type, manifests.c.size)


def _by_digest(*columns: object) -> SqlStatement:
    return SqlStatement(
        select(*columns).where(  # type: ignore[call-overload]
            manifests.c.repository_id == bindparam("repository_id"),
            manifests.c.digest == bindparam("digest"),
        ),
        is_short=True,
    )


def _by_tag(*columns: object) -> SqlStatement:
    return SqlStatement(
        select(*columns)  # type: ignore[call-overload]
        .join(tags, tags.c.manifest_id == manifests.c.id)
        .where(tags.c.repository_id == bindparam("repository_id"), tags.c.name == bindparam("tag")),
        is_short=True,
    )


_FACTS_BY_DIGEST: Final = _by_digest(*_FACTS, manifests.c.pull_verdict)
_FACTS_BY_TAG: Final = _by_tag(*_FACTS, tags.c.pull_verdict)
_STORED_BY_DIGEST: Final = _by_digest(*_FACTS, manifests.c.content, manifests.c.pull_verdict)
_STORED_BY_TAG: Final = _by_tag(*_FACTS, manifests.c.content, tags.c.pull_verdict)
# Hexadecimal digits come before `g`.
_BY_PREFIX: Final = SqlStatement(
    select(*_FACTS, manifests.c.content, manifests.c.pull_verdict)
    .where(
        manifests.c.repository_id == bindparam("repository_id"),
        manifests.c.digest >= bindparam("first"),
        manifests.c.digest < bindparam("end"),
    )
    .limit(2)
)
_FIND_SIZES: Final = SqlStatement(
    select(manifests.c.digest, manifests.c.size).where(
        manifests.c.repository_id == bindparam("repository_id"),
        is_among("manifests.digest", "among", "text"),
    )
)
_INSERT: Final = SqlStatement(
    insert(manifests)
    .values(
        repository_id=bindparam("repository_id"),
        digest=bindparam("digest"),
        media_type=bindparam("media_type"),
        size=bindparam("size"),
        artifact_type=bindparam("artifact_type"),
        subject=bindparam("subject"),
        descriptor=bindparam("descriptor"),
        pushed_at=bindparam("pushed_at"),
        pushed_by=bindparam("pushed_by"),
        content=bindparam("content"),
    )
    .on_conflict_do_update(
        index_elements=["repository_id", "digest"],
        # The same bytes pushed as another type (both were valid) are what was pushed last.
        set_={
            "media_type": bindparam("media_type"),
            "artifact_type": bindparam("artifact_type"),
            "descriptor": bindparam("descriptor"),
            "pushed_at": bindparam("pushed_at"),
        },
    )
    .returning(manifests.c.id)
)
_ADD_REFERENCE: Final = SqlStatement(
    insert(manifest_references)
    .values(
        manifest_id=bindparam("manifest_id"),
        role=bindparam("role"),
        digest=bindparam("digest"),
        repository_id=bindparam("repository_id"),
    )
    .on_conflict_do_nothing()
)
_DELETE: Final = SqlStatement(delete(manifests).where(manifests.c.id == bindparam("manifest_id")))
_UNTAG_MANIFEST: Final = SqlStatement(
    delete(tags).where(tags.c.manifest_id == bindparam("manifest_id"))
)
_MOVE_TAG: Final = SqlStatement(
    insert(tags)
    .values(
        repository_id=bindparam("repository_id"),
        name=bindparam("name"),
        manifest_id=bindparam("manifest_id"),
        moved_at=bindparam("moved_at"),
        moved_by=bindparam("moved_by"),
        author=bindparam("author"),
        version_key=bindparam("version_key"),
        is_hidden=bindparam("is_hidden"),
        pull_verdict=bindparam("pull_verdict"),
    )
    .on_conflict_do_update(
        index_elements=["repository_id", "name"],
        set_={
            "manifest_id": bindparam("manifest_id"),
            "moved_at": bindparam("moved_at"),
            "moved_by": bindparam("moved_by"),
            "author": bindparam("author"),
            "pull_verdict": bindparam("pull_verdict"),
        },
    )
)
_DELETE_TAG: Final = SqlStatement(
    delete(tags).where(
        tags.c.repository_id == bindparam("repository_id"), tags.c.name == bindparam("tag")
    )
)
_LIST_TAGS: Final = SqlStatement(
    select(tags.c.name)
    .where(tags.c.repository_id == bindparam("repository_id"), tags.c.name > bindparam("last"))
    .order_by(tags.c.name)
    .limit(bindparam("limit"))
)
_OF_SUBJECT: Final = (
    manifests.c.repository_id == bindparam("repository_id"),
    manifests.c.subject == bindparam("subject"),
    manifests.c.id > bindparam("after"),
)
_REFERRERS: Final = SqlStatement(
    select(manifests.c.id, manifests.c.digest, manifests.c.artifact_type, manifests.c.descriptor)
    .where(*_OF_SUBJECT)
    .order_by(manifests.c.id)
    .limit(bindparam("limit"))
)
_COUNT: Final = SqlStatement(select(func.count()).select_from(manifests))
_STORED_BY_ID: Final = SqlStatement(
    select(*_FACTS, manifests.c.content, manifests.c.repository_id).where(
        manifests.c.id == bindparam("id")
    )
)
_DIGEST_BY_ID: Final = SqlStatement(
    select(manifests.c.digest).where(manifests.c.id == bindparam("id"))
)
_TAGGED_LIKE: Final = SqlStatement(
    select(tags.c.name, *_FACTS)
    .join(manifests, manifests.c.id == tags.c.manifest_id)
    .where(
        tags.c.repository_id == bindparam("repository_id"),
        tags.c.name >= bindparam("first"),
        tags.c.name < bindparam("end"),
    )
    .order_by(tags.c.name)
    .limit(bindparam("limit"))
)
_SUBJECTS: Final = manifests.alias("subjects")
_FIND_SUBJECT: Final = SqlStatement(
    select(_SUBJECTS.c.digest)
    .join(
        manifests,
        and_(
            manifests.c.repository_id == _SUBJECTS.c.repository_id,
            manifests.c.subject == _SUBJECTS.c.digest,
        ),
    )
    .where(manifests.c.id == bindparam("manifest_id"))
)
_ADD_PULLS: Final = SqlStatement(
    update(manifests)
    .where(manifests.c.id == bindparam("manifest_id"))
    .values(pulls=manifests.c.pulls + bindparam("count"), pulled_at=bindparam("moment"))
)
_LIST_STORED: Final = SqlStatement(
    select(*_FACTS, manifests.c.content, manifests.c.repository_id)
    .where(manifests.c.id > bindparam("after"))
    .order_by(manifests.c.id)
    .limit(bindparam("limit"))
)


_referrer: Final = row_mapper(Referrer)


def _stored(row: Row) -> StoredManifest:
    return StoredManifest(row[0], row[1], row[2], row[3], row[4])


def _judged(row: Row) -> StoredManifest:
    return StoredManifest(row[0], row[1], row[2], row[3], row[4], verdict=row[5])


async def find_manifest(
    reader: Reader, repository_id: int, reference: Tag | Digest
) -> StoredManifest | None:
    """The manifest that the tag points at, or of that digest, with its bytes."""
    row = await _find(reader, repository_id, reference, _STORED_BY_TAG, _STORED_BY_DIGEST)
    return None if row is None else _judged(row)


async def find_facts(
    reader: Reader, repository_id: int, reference: Tag | Digest
) -> ManifestFacts | None:
    """As `find_manifest`, without reading the bytes."""
    row = await _find(reader, repository_id, reference, _FACTS_BY_TAG, _FACTS_BY_DIGEST)
    return None if row is None else ManifestFacts(row[0], row[1], row[2], row[3], verdict=row[4])


async def find_by_prefix(reader: Reader, repository_id: int, prefix: str) -> StoredManifest | None:
    """The manifest whose digest begins so, with its bytes; `None` of none and of several."""
    found = await list_all(
        reader, _judged, _BY_PREFIX, repository_id=repository_id, first=prefix, end=f"{prefix}g"
    )
    return found[0] if len(found) == 1 else None


async def find_sizes(
    reader: Reader, repository_id: int, digests: Collection[Digest]
) -> dict[Digest, int]:
    """The sizes in bytes of those of the manifests that the repository has, by one statement."""
    return await rows.find_sizes(reader, _FIND_SIZES, repository_id, digests)


async def find_by_id(reader: Reader, manifest_id: int) -> tuple[StoredManifest, int] | None:
    """The manifest with that id, with its bytes and its repository's id."""
    row = await reader.one(_STORED_BY_ID, id=manifest_id)
    return None if row is None else (_stored(row), int(row[5]))


async def find_digest(reader: Reader, manifest_id: int) -> str | None:
    """The digest of the manifest with that id, without reading its bytes."""
    return await find_one(reader, first_text, _DIGEST_BY_ID, id=manifest_id)


async def list_tagged_like(
    reader: Reader, repository_id: int, prefix: str, limit: int
) -> list[tuple[str, ManifestFacts]]:
    """Tags that begin with `prefix`, with the manifests that they point at."""
    rows = await reader.all(
        _TAGGED_LIKE,
        repository_id=repository_id,
        first=prefix,
        end=prefix + "\x7f",
        limit=limit,
    )
    return [(row[0], ManifestFacts(row[1], row[2], row[3], row[4])) for row in rows]


async def insert_manifest(
    tx: Transaction, repository_id: int, manifest: NewManifest, by: Author, now: datetime
) -> int:
    """Store a manifest with its references and return its id; repeating it changes only when."""
    manifest_id = await get_number(
        tx,
        _INSERT,
        repository_id=repository_id,
        digest=str(manifest.digest),
        media_type=manifest.media_type,
        size=len(manifest.content),
        artifact_type=manifest.artifact_type,
        subject=str(manifest.subject) if manifest.subject else None,
        descriptor=manifest.descriptor,
        pushed_at=to_instant(now),
        pushed_by=account_of(by),
        content=manifest.content,
    )
    references = [("blob", digest) for digest in manifest.blobs]
    references += [("manifest", digest) for digest in manifest.children]
    await tx.run_many(
        _ADD_REFERENCE,
        [
            {
                "manifest_id": manifest_id,
                "role": role,
                "digest": str(digest),
                "repository_id": repository_id,
            }
            for role, digest in references
        ],
    )
    return manifest_id


async def delete_manifest(tx: Transaction, manifest_id: int) -> None:
    """Forget a manifest and every tag on it."""
    await tx.run(_UNTAG_MANIFEST, manifest_id=manifest_id)
    await tx.run(_DELETE, manifest_id=manifest_id)


async def move_tag(
    tx: Transaction,
    repository_id: int,
    tag: Tag,
    manifest_id: int,
    by: Author,
    now: datetime,
    verdict: int | None = None,
) -> None:
    """Point the tag at the manifest, with the verdict of pulls by it; create it where it is new."""
    await tx.run(
        _MOVE_TAG,
        repository_id=repository_id,
        name=tag.text,
        manifest_id=manifest_id,
        moved_at=to_instant(now),
        moved_by=account_of(by),
        author=name_of(by),
        version_key=version_key(tag.text),
        is_hidden=int(is_hidden_tag(tag.text)),
        pull_verdict=verdict,
    )


async def delete_tag(tx: Transaction, repository_id: int, tag: Tag) -> bool:
    """Remove only the tag; say whether there was one."""
    return await tx.run(_DELETE_TAG, repository_id=repository_id, tag=tag.text) > 0


async def list_tags(reader: Reader, repository_id: int, last: str, limit: int) -> list[str]:
    """The first `limit` tags after `last` in byte order."""
    rows = await reader.all(_LIST_TAGS, repository_id=repository_id, last=last, limit=limit)
    return [row[0] for row in rows]


async def list_referrers(
    reader: Reader, repository_id: int, subject: Digest, after: int, limit: int
) -> list[Referrer]:
    """The first `limit` referrers of the digest after the id `after`, in order of arrival."""
    return await list_all(
        reader,
        _referrer,
        _REFERRERS,
        repository_id=repository_id,
        subject=str(subject),
        after=after,
        limit=limit,
    )


async def find_subject(reader: Reader, manifest_id: int) -> str | None:
    """The digest that the manifest is attached to, where that is in its repository."""
    return await find_one(reader, first_text, _FIND_SUBJECT, manifest_id=manifest_id)


async def add_pulls(tx: Transaction, manifest_id: int, count: int, moment: datetime) -> None:
    """Count `count` more pulls, the last one at `moment`."""
    await tx.run(_ADD_PULLS, manifest_id=manifest_id, count=count, moment=to_instant(moment))


async def count_all(reader: Reader) -> int:
    """How many manifests all repositories have."""
    return await get_number(reader, _COUNT)


async def list_stored(
    reader: Reader, after: int, limit: int
) -> Sequence[tuple[StoredManifest, int]]:
    """Manifests of all repositories after the id `after`, each with its repository's id."""
    rows = await reader.all(_LIST_STORED, after=after, limit=limit)
    return [(_stored(row), int(row[5])) for row in rows]


async def _find(
    reader: Reader,
    repository_id: int,
    reference: Tag | Digest,
    by_tag: SqlStatement,
    by_digest: SqlStatement,
) -> Row | None:
    if isinstance(reference, Tag):
        return await reader.one(by_tag, repository_id=repository_id, tag=reference.text)
    return await reader.one(by_digest, repository_id=repository_id, digest=str(reference))
