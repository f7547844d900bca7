"""Rules that namespaces and repositories have: immutable tags, retention, room."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import Table, Text, bindparam, case, exists, func, or_, select, text, update

from entrepot.metadata.artifact_tables import deleted_manifests
from entrepot.metadata.contents.search_sql import is_among
from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    to_instant,
)
from entrepot.metadata.engines.rows import find_one, get_number, list_all, row_mapper, text_or_empty
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.policy_tables import namespace_policies, repository_policies
from entrepot.metadata.repositories import COLUMNS, repository_of
from entrepot.metadata.tables import (
    blobs,
    manifest_references,
    manifests,
    repositories,
    repository_blobs,
    tags,
    upload_reservations,
)
from entrepot.model.policies import Policy, Quota
from entrepot.model.repositories import Repository
from entrepot.model.tags import TagFacts
from entrepot.oci.digests import EMPTY_JSON_DIGEST, Digest

REFERENCE_COST: Final = 256
"""Bytes that a row which says what a manifest names takes, with its indexes."""


_N, _R = namespace_policies, repository_policies
_OF_NAMESPACE: Final = SqlStatement(
    select(_N.c.immutable, _N.c.retention).where(_N.c.namespace_id == bindparam("namespace_id"))
)
_OF_REPOSITORY: Final = SqlStatement(
    select(_N.c.immutable, _N.c.retention, _R.c.immutable, _R.c.retention)
    .select_from(repositories)
    .join(_N, _N.c.namespace_id == repositories.c.namespace_id, isouter=True)
    .join(_R, _R.c.repository_id == repositories.c.id, isouter=True)
    .where(repositories.c.id == bindparam("repository_id"))
)


def _set(table: Table, key: str) -> SqlStatement:
    names = ("immutable", "retention")
    values = {name: bindparam(name, type_=Text()) for name in names}
    return SqlStatement(
        insert(table)
        .values({key: bindparam("of"), **values})
        .on_conflict_do_update(index_elements=[key], set_=values)
    )


_SET_NAMESPACE: Final = _set(namespace_policies, "namespace_id")
_SET_REPOSITORY: Final = _set(repository_policies, "repository_id")
_LIST_RETAINING: Final = SqlStatement(
    select(*COLUMNS)
    .join(_N, _N.c.namespace_id == repositories.c.namespace_id, isouter=True)
    .join(_R, _R.c.repository_id == repositories.c.id, isouter=True)
    .where(repositories.c.id > bindparam("after"), or_(_N.c.retention != "", _R.c.retention != ""))
    .order_by(repositories.c.id)
    .limit(bindparam("limit"))
)
_TAG_FACTS: Final = SqlStatement(
    select(
        tags.c.name,
        manifests.c.digest,
        tags.c.moved_at,
        manifests.c.pulled_at,
        manifests.c.subject,
    )
    .join(manifests, manifests.c.id == tags.c.manifest_id)
    .where(
        tags.c.repository_id == bindparam("repository_id"),
        tags.c.name > bindparam("last"),
        tags.c.is_hidden == 0,
    )
    .order_by(tags.c.name)
    .limit(bindparam("limit"))
)
_QUOTAS: Final = select(_N.c.namespace_id, _N.c.quota, _N.c.used).where(_N.c.quota.is_not(None))
_LIST_QUOTAS: Final = SqlStatement(_QUOTAS)
_IS_LIMITED: Final = case(
    (exists().where(_N.c.namespace_id == repositories.c.namespace_id, _N.c.quota.is_not(None)), 1),
    else_=0,
)
_LOCK_FOR_BLOB: Final = SqlStatement(
    select(
        _IS_LIMITED,
        select(blobs.c.storage_key).where(blobs.c.digest == bindparam("digest")).scalar_subquery(),
    )
    .where(repositories.c.id == bindparam("repository_id"))
    .with_for_update(of=repositories)
)
# SQLAlchemy leaves the tables' names out of what SQLite returns, and both have a `namespace_id`.
_LOCK_FOR_MANIFEST: Final = SqlStatement(
    text(
        "UPDATE repositories SET pushed_at = :moment WHERE id = :of RETURNING (SELECT count(*)"
        " FROM namespace_policies WHERE namespace_policies.namespace_id ="
        " repositories.namespace_id AND quota IS NOT NULL), EXISTS (SELECT 1 FROM"
        " namespace_policies WHERE namespace_policies.namespace_id = repositories.namespace_id AND"
        " pull_rules <> '') OR EXISTS (SELECT 1 FROM repository_policies WHERE"
        " repository_policies.repository_id = repositories.id AND pull_rules <> '')"
    )
)
_LOCK_QUOTA: Final = SqlStatement(
    _QUOTAS.where(_N.c.namespace_id == bindparam("of")).with_for_update()
)
_LOCK_QUOTA_OF: Final = SqlStatement(
    _QUOTAS.join(repositories, repositories.c.namespace_id == _N.c.namespace_id)
    .where(repositories.c.id == bindparam("repository_id"))
    .with_for_update(of=_N)
)
_SET_QUOTA: Final = SqlStatement(
    insert(_N)
    .values(namespace_id=bindparam("of"), quota=bindparam("quota"))
    .on_conflict_do_update(index_elements=["namespace_id"], set_={"quota": bindparam("quota")})
)
_HELD: Final = (
    select(repository_blobs.c.digest)
    .join(repositories, repositories.c.id == repository_blobs.c.repository_id)
    # The empty JSON is every repository's, and counts nowhere: a manifest links it by itself.
    .where(
        repositories.c.namespace_id == bindparam("of"),
        repository_blobs.c.digest != str(EMPTY_JSON_DIGEST),
    )
)
_HOLDS: Final = _HELD.where(repository_blobs.c.digest == bindparam("blob")).exists()
_RESERVED: Final = (
    select(func.coalesce(func.sum(upload_reservations.c.size), 0))
    .where(
        upload_reservations.c.namespace_id == _N.c.namespace_id,
        upload_reservations.c.id != bindparam("upload"),
    )
    .correlate(_N)
    .scalar_subquery()
)
_WITH_ALL: Final = _QUOTAS.add_columns(case((_HOLDS, 1), else_=0), _RESERVED)
_FIND_QUOTA: Final = SqlStatement(_WITH_ALL.where(_N.c.namespace_id == bindparam("of")))
_OF: Final = update(_N).where(_N.c.namespace_id == bindparam("of"))
_TAKE: Final = SqlStatement(_OF.where(~_HOLDS).values(used=_N.c.used + bindparam("size")))
_SIZES: Final = select(func.coalesce(func.sum(blobs.c.size), 0))
_FREED: Final = (
    _SIZES.where(
        is_among("blobs.digest", "digests", "text"),
        blobs.c.digest != str(EMPTY_JSON_DIGEST),
        ~_HELD.where(repository_blobs.c.digest == blobs.c.digest).correlate(blobs).exists(),
    )
    .correlate(None)
    .scalar_subquery()
)
_FREE: Final = SqlStatement(
    _OF.values(used=case((_N.c.used > _FREED, _N.c.used - _FREED), else_=0))
)
_DISTINCT: Final = _HELD.distinct().subquery()
_BLOBS: Final = _SIZES.join(_DISTINCT, _DISTINCT.c.digest == blobs.c.digest).scalar_subquery()
_LENGTHS: Final = func.sum(manifests.c.size + func.coalesce(func.length(manifests.c.descriptor), 0))
_IN_NAMESPACE: Final = repositories.c.namespace_id == bindparam("of")
_MANIFESTS: Final = (
    select(func.coalesce(_LENGTHS, 0))
    .join(repositories, repositories.c.id == manifests.c.repository_id)
    .where(_IN_NAMESPACE)
    .scalar_subquery()
)
_REFERENCES: Final = (
    select(func.count())
    .select_from(manifest_references)
    .join(repositories, repositories.c.id == manifest_references.c.repository_id)
    .where(_IN_NAMESPACE)
    .scalar_subquery()
)
# Kept to be restored: what was deleted is there until the grace period is over.
_DELETED: Final = (
    select(func.coalesce(func.sum(func.length(deleted_manifests.c.content)), 0))
    .join(repositories, repositories.c.id == deleted_manifests.c.repository_id)
    .where(_IN_NAMESPACE)
    .scalar_subquery()
)
_MEASURED: Final = _BLOBS + _MANIFESTS + _DELETED + REFERENCE_COST * _REFERENCES
_MEASURE: Final = SqlStatement(select(_MEASURED))
_COUNT: Final = SqlStatement(_OF.values(used=_MEASURED))
_ADD: Final = SqlStatement(_OF.values(used=_N.c.used + bindparam("size")))


_policy: Final = row_mapper(Policy, immutable=text_or_empty, retention=text_or_empty)
_quota: Final = row_mapper(Quota, 3)
_quota_with_uploads: Final = row_mapper(Quota, reserved=int)
_tag_facts: Final = row_mapper(TagFacts, subject=text_or_empty)


async def find_of_namespace(reader: Reader, namespace_id: int) -> Policy:
    """Return the policies of the namespace; empty ones where none are set."""
    return await find_one(reader, _policy, _OF_NAMESPACE, namespace_id=namespace_id) or Policy()


async def find_of_repository(reader: Reader, repository_id: int) -> tuple[Policy, Policy]:
    """Return the policies of the repository's namespace, and the repository's own."""
    row = await reader.one(_OF_REPOSITORY, repository_id=repository_id)
    if row is None:
        return Policy(), Policy()
    return _policy(row), _policy(row[2:])


async def set_of_namespace(tx: Transaction, namespace_id: int, policy: Policy) -> None:
    """Replace what the namespace has been told; its room stays."""
    immutable, retention = policy.immutable, policy.retention
    await tx.run(_SET_NAMESPACE, of=namespace_id, immutable=immutable, retention=retention)


async def set_of_repository(tx: Transaction, repository_id: int, policy: Policy) -> None:
    """Replace what the repository has been told."""
    immutable, retention = policy.immutable, policy.retention
    await tx.run(_SET_REPOSITORY, of=repository_id, immutable=immutable, retention=retention)


async def list_retaining(reader: Reader, after: int, limit: int) -> list[Repository]:
    """The first `limit` repositories with an id past `after` that have retention rules."""
    return await list_all(reader, repository_of, _LIST_RETAINING, after=after, limit=limit)


async def list_tag_facts(
    reader: Reader, repository_id: int, last: str, limit: int
) -> list[TagFacts]:
    """The first `limit` tags after `last`; never one that clients attach things by."""
    return await list_all(
        reader, _tag_facts, _TAG_FACTS, repository_id=repository_id, last=last, limit=limit
    )


async def find_quota(
    reader: Reader, namespace_id: int, digest: Digest | None = None, upload: str = ""
) -> Quota | None:
    """The namespace's room, `None` where it is not limited; and whether the blob is there.

    What the upload itself has reserved is no room that others took.
    """
    blob = str(digest or "")
    return await find_one(
        reader, _quota_with_uploads, _FIND_QUOTA, of=namespace_id, blob=blob, upload=upload
    )


async def lock_for_blob(
    tx: Transaction, repository_id: int, digest: Digest
) -> tuple[bool, str | None] | None:
    """Lock the repository to link a blob to it; `None` where it is gone.

    Say whether its namespace's room is limited, and which key the blob has that is known so far.
    """
    row = await tx.one(_LOCK_FOR_BLOB, repository_id=repository_id, digest=str(digest))
    return None if row is None else (bool(row[0]), row[1])


async def lock_for_manifest(
    tx: Transaction, repository_id: int, now: datetime
) -> tuple[bool, bool] | None:
    """Lock the repository and record a push to it; `None` where it is gone.

    Say whether its namespace's room is limited, and whether there are rules about pulls.
    """
    row = await tx.one(_LOCK_FOR_MANIFEST, of=repository_id, moment=to_instant(now))
    return None if row is None else (bool(row[0]), bool(row[1]))


async def lock_quota(tx: Transaction, namespace_id: int) -> bool:
    """Lock the quota until the transaction ends; `False` where there is no limit."""
    return await tx.one(_LOCK_QUOTA, of=namespace_id) is not None


async def lock_quota_of(tx: Transaction, repository_id: int) -> Quota | None:
    """Lock the quota of the repository's namespace until the transaction ends; return it."""
    return await find_one(tx, _quota, _LOCK_QUOTA_OF, repository_id=repository_id)


async def list_quotas(reader: Reader) -> list[Quota]:
    """Every room that is limited."""
    return await list_all(reader, _quota, _LIST_QUOTAS)


async def set_quota(tx: Transaction, namespace_id: int, limit: int | None) -> None:
    """Set the namespace's quota in bytes, or remove it (`None`)."""
    await tx.run(_SET_QUOTA, of=namespace_id, quota=limit)


async def take_room(tx: Transaction, namespace_id: int, digest: Digest, size: int) -> None:
    """Count a blob that is about to be linked, unless the namespace holds it; lock first."""
    await tx.run(_TAKE, of=namespace_id, blob=str(digest), size=size)


async def add_used(tx: Transaction, namespace_id: int, size: int) -> None:
    """Add bytes to the namespace's usage; lock it first."""
    await tx.run(_ADD, of=namespace_id, size=size)


async def free_room(tx: Transaction, namespace_id: int, digests: Collection[str]) -> None:
    """Subtract unlinked blobs that no other repository of the namespace holds; lock first.

    Only after the lock is known who else holds it: of two that unlink at once, the second counts.
    """
    await tx.run(_FREE, of=namespace_id, digests=json.dumps(list(digests)))


async def count_used(tx: Transaction, namespace_id: int) -> None:
    """Count anew what the namespace holds, where its room is limited."""
    if await tx.one(_LOCK_QUOTA, of=namespace_id) is not None:
        await tx.run(_COUNT, of=namespace_id)


async def measure_namespace(reader: Reader, namespace_id: int) -> int:
    """Bytes that the namespace holds: each blob once, manifests with what they name, and deleted
    manifests as long as they are kept.
    """
    return await get_number(reader, _MEASURE, of=namespace_id)
