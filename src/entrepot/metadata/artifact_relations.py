"""What manifests are to each other in a repository: indexes, and what they list."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, bindparam, select

from entrepot.metadata.artifact_tables import artifacts
from entrepot.metadata.artifacts import ARTIFACT_COLUMNS, Artifact, artifact_of
from entrepot.metadata.engine import Reader, Statement
from entrepot.metadata.search_sql import is_among
from entrepot.metadata.tables import manifest_references, manifests

_PARENTS_WITH_SIZES: Final = Statement(
    select(manifests.c.id, manifests.c.digest, manifests.c.size)
    .join(manifest_references, manifest_references.c.manifest_id == manifests.c.id)
    .where(
        manifest_references.c.repository_id == bindparam("repository_id"),
        manifest_references.c.digest == bindparam("digest"),
        manifest_references.c.role == "manifest",
    )
    .order_by(manifests.c.id)
    .limit(100)
)
_FIND_CHILDREN: Final = Statement(
    select(manifests.c.id, manifests.c.digest, manifests.c.media_type, *ARTIFACT_COLUMNS)
    .outerjoin(artifacts, artifacts.c.manifest_id == manifests.c.id)
    .where(
        manifests.c.repository_id == bindparam("repository_id"),
        is_among("manifests.digest", "among", "text"),
    )
)
_OF_CHILDREN: Final = Statement(
    select(*ARTIFACT_COLUMNS)
    .join(manifests, manifests.c.id == artifacts.c.manifest_id)
    .join(
        manifest_references,
        and_(
            manifest_references.c.repository_id == manifests.c.repository_id,
            manifest_references.c.digest == manifests.c.digest,
            manifest_references.c.role == "manifest",
        ),
    )
    .where(
        manifest_references.c.manifest_id == bindparam("manifest_id"),
        manifests.c.repository_id == bindparam("repository_id"),
    )
    .order_by(manifests.c.id)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class FoundChild:
    """A manifest that an index lists and the repository has; `artifact` once it was looked at."""

    manifest_id: int
    media_type: str
    artifact: Artifact | None


async def find_children(
    reader: Reader, repository_id: int, digests: Collection[str]
) -> dict[str, FoundChild]:
    """Those of the manifests that the repository has, by digest and by one statement."""
    if not digests:
        return {}
    among = json.dumps(sorted(digests))
    rows = await reader.all(_FIND_CHILDREN, repository_id=repository_id, among=among)
    return {
        str(row[1]): FoundChild(
            int(row[0]), str(row[2]), None if row[3] is None else artifact_of(row[3:])
        )
        for row in rows
    }


async def list_parents_with_sizes(
    reader: Reader, repository_id: int, digest: str
) -> list[tuple[int, str, int]]:
    """The id, digest and bytes of each index that lists the manifest; the oldest 100."""
    rows = await reader.all(_PARENTS_WITH_SIZES, repository_id=repository_id, digest=digest)
    return [(int(row[0]), str(row[1]), int(row[2])) for row in rows]


async def list_children(
    reader: Reader, repository_id: int, manifest_id: int, limit: int
) -> list[Artifact]:
    """What the manifests that an index lists are, as far as that is known."""
    rows = await reader.all(
        _OF_CHILDREN, repository_id=repository_id, manifest_id=manifest_id, limit=limit
    )
    return [artifact_of(row) for row in rows]
