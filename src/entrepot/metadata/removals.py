"""What would be free if some manifests went."""

import json
from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, distinct, exists, func, select

from entrepot.metadata.engine import Reader, Statement
from entrepot.metadata.search_sql import EngineText, is_among
from entrepot.metadata.tables import blobs, manifest_references, repository_blobs

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
_FREED: Final = Statement(
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


async def measure_freed(reader: Reader, repository_id: int, manifest_ids: Sequence[int]) -> int:
    """The bytes of blobs that only these manifests name, and no other repository holds."""
    row = await reader.one(
        _FREED, repository_id=repository_id, going=json.dumps(list(manifest_ids))
    )
    return int(row[0]) if row else 0
