"""What manifests are to each other in a repository: indexes, and what they list."""

from typing import Final

from sqlalchemy import and_, bindparam, select

from entrepot.metadata.artifact_tables import artifacts
from entrepot.metadata.artifacts import ARTIFACT_COLUMNS, Artifact, artifact_of
from entrepot.metadata.engine import Reader, Statement
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
