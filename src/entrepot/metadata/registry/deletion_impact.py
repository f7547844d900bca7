"""Impact of deletions: the bytes that would be free, and the rows deleted along."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, distinct, exists, func, select

from entrepot.metadata.artifact_tables import deleted_manifests
from entrepot.metadata.contents.search_sql import EngineText, is_among
from entrepot.metadata.engines.engine import Reader, SqlStatement, to_instant
from entrepot.metadata.engines.rows import find_one, first_moment, get_number
from entrepot.metadata.tables import blobs, manifest_references, repository_blobs
from entrepot.oci.digests import Digest

_other = manifest_references.alias("other")
_elsewhere = repository_blobs.alias("elsewhere")
_STAYS: Final = EngineText(
    "other.manifest_id NOT IN (SELECT value FROM json_each(:going))",
    "other.manifest_id <> ALL (ARRAY(SELECT CAST(value AS bigint)"
    " FROM json_array_elements_text(CAST(:going AS json))))",
)
_GOING: Final = (
    select(distinct(manifest_references.c.digest).label("digest"))
    .where(
        is_among("manifest_references.manifest_id", "going"),
        manifest_references.c.role == "blob",
    )
    .subquery()
)
_FREED: Final = SqlStatement(
    select(func.coalesce(func.sum(blobs.c.size), 0))
    .join(_GOING, _GOING.c.digest == blobs.c.digest)
    .where(
        ~exists().where(
            _other.c.repository_id == bindparam("repository_id"),
            _other.c.digest == blobs.c.digest,
            _STAYS,
        ),
        ~exists().where(
            _elsewhere.c.digest == blobs.c.digest,
            _elsewhere.c.repository_id != bindparam("repository_id"),
        ),
    )
)


_DELETED_REFERRERS: Final = SqlStatement(
    select(deleted_manifests.c.digest, deleted_manifests.c.content)
    .where(
        deleted_manifests.c.repository_id == bindparam("repository_id"),
        deleted_manifests.c.deleted_at >= bindparam("since"),
        # Those that hold its text at all: what engines take for JSON differs.
        EngineText(
            "instr(content, CAST(:subject AS BLOB)) > 0",
            "position(convert_to(:subject, 'UTF8') IN content) > 0",
        ),
    )
    .order_by(deleted_manifests.c.id)
    .limit(500)
)


_DELETED_AT: Final = SqlStatement(
    select(deleted_manifests.c.deleted_at).where(
        deleted_manifests.c.repository_id == bindparam("repository_id"),
        deleted_manifests.c.digest == bindparam("digest"),
    )
)


async def find_deleted_at(reader: Reader, repository_id: int, digest: Digest) -> datetime | None:
    """When the manifest was deleted that is kept."""
    return await find_one(
        reader, first_moment, _DELETED_AT, repository_id=repository_id, digest=str(digest)
    )


async def list_deleted_referrers(
    reader: Reader, repository_id: int, subject: Digest, since: datetime
) -> set[Digest]:
    """Digests of kept manifests that name the subject and were deleted then or later."""
    rows = await reader.all(
        _DELETED_REFERRERS,
        repository_id=repository_id,
        subject=str(subject),
        since=to_instant(since),
    )
    return {Digest.parse(row[0]) for row in rows if _subject_of(bytes(row[1])) == str(subject)}


def _subject_of(content: bytes) -> object:
    try:
        return json.loads(content)["subject"]["digest"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


async def measure_freed(reader: Reader, repository_id: int, manifest_ids: Sequence[int]) -> int:
    """The bytes of blobs that only these manifests name, and no other repository holds."""
    return await get_number(
        reader, _FREED, repository_id=repository_id, going=json.dumps(list(manifest_ids))
    )
