"""Relations of manifests in a repository: indexes and the manifests that they list."""

import json
from collections.abc import Collection
from typing import Final

from sqlalchemy import and_, bindparam, func, select

from entrepot.metadata.artifact_tables import artifacts
from entrepot.metadata.artifacts import ARTIFACT_COLUMNS, artifact_of
from entrepot.metadata.engine import Reader, SqlStatement
from entrepot.metadata.search_sql import is_among
from entrepot.metadata.tables import manifest_references, manifests, tags
from entrepot.model.artifacts import Artifact, FoundChild
from entrepot.oci.digests import Digest

_PARENTS_WITH_SIZES: Final = SqlStatement(
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
_FIND_SUBJECTS: Final = SqlStatement(
    select(manifests.c.digest, manifests.c.subject).where(
        manifests.c.repository_id == bindparam("repository_id"),
        is_among("manifests.digest", "among", "text"),
    )
)
_PARENTS_AMONG: Final = SqlStatement(
    select(manifests.c.id, manifests.c.digest, manifests.c.size)
    .distinct()
    .join(manifest_references, manifest_references.c.manifest_id == manifests.c.id)
    .where(
        manifest_references.c.repository_id == bindparam("repository_id"),
        is_among("manifest_references.digest", "among", "text"),
        manifest_references.c.role == "manifest",
    )
    .order_by(manifests.c.id)
    .limit(100)
)
_FIND_CHILDREN: Final = SqlStatement(
    select(manifests.c.id, manifests.c.digest, manifests.c.media_type, *ARTIFACT_COLUMNS)
    .outerjoin(artifacts, artifacts.c.manifest_id == manifests.c.id)
    .where(
        manifests.c.repository_id == bindparam("repository_id"),
        is_among("manifests.digest", "among", "text"),
    )
)
_COUNT_ATTACHED: Final = SqlStatement(
    select(func.count())
    .select_from(manifests)
    .join(artifacts, artifacts.c.manifest_id == manifests.c.id)
    .where(
        manifests.c.repository_id == bindparam("repository_id"),
        manifests.c.subject == bindparam("subject"),
    )
)
_SUBJECTS: Final = SqlStatement(
    select(manifests.c.subject)
    .distinct()
    .where(
        manifests.c.repository_id == bindparam("repository_id"),
        is_among("manifests.subject", "among", "text"),
    )
)
# `sha256-HEX` and what comes behind it, as tags that attach are called.
_TAGGED_SUBJECTS: Final = SqlStatement(
    select(func.substr(tags.c.name, 1, 71))
    .distinct()
    .where(
        tags.c.repository_id == bindparam("repository_id"),
        tags.c.is_hidden == 1,
        is_among("substr(tags.name, 1, 71)", "among", "text"),
    )
)
_OF_CHILDREN: Final = SqlStatement(
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


async def count_attached(reader: Reader, repository_id: int, subject: str) -> int:
    """How many manifests name this subject, as far as they have been looked at."""
    row = await reader.one(_COUNT_ATTACHED, repository_id=repository_id, subject=subject)
    return int(row[0]) if row else 0


async def list_subjects_among(
    reader: Reader, repository_id: int, digests: Collection[str]
) -> set[str]:
    """Those of the digests that a manifest names as subject, or that a tag of theirs attaches."""
    among = json.dumps(sorted(digests))
    rows = await reader.all(_SUBJECTS, repository_id=repository_id, among=among)
    tagged = {each.replace(":", "-", 1)[:71]: each for each in digests}
    among = json.dumps(sorted(tagged))
    names = await reader.all(_TAGGED_SUBJECTS, repository_id=repository_id, among=among)
    return {str(row[0]) for row in rows} | {tagged[str(row[0])] for row in names}


async def list_parents_with_sizes(
    reader: Reader, repository_id: int, digest: str
) -> list[tuple[int, str, int]]:
    """The id, digest and bytes of each index that lists the manifest; the oldest 100."""
    rows = await reader.all(_PARENTS_WITH_SIZES, repository_id=repository_id, digest=digest)
    return [(int(row[0]), str(row[1]), int(row[2])) for row in rows]


async def list_parents_among(
    reader: Reader, repository_id: int, digests: Collection[str]
) -> list[tuple[int, str, int]]:
    """As `list_parents_with_sizes`, of the indexes that list any of these manifests."""
    among = json.dumps(sorted(digests))
    rows = await reader.all(_PARENTS_AMONG, repository_id=repository_id, among=among)
    return [(int(row[0]), str(row[1]), int(row[2])) for row in rows]


async def list_children(
    reader: Reader, repository_id: int, manifest_id: int, limit: int
) -> list[Artifact]:
    """List the known artifacts among an index's manifests."""
    rows = await reader.all(
        _OF_CHILDREN, repository_id=repository_id, manifest_id=manifest_id, limit=limit
    )
    return [artifact_of(row) for row in rows]


async def find_subjects(
    reader: Reader, repository_id: int, digests: Collection[Digest]
) -> dict[Digest, str | None]:
    """Return the subjects of those manifests that exist here, by one statement."""
    among = json.dumps([str(digest) for digest in digests])
    rows = await reader.all(_FIND_SUBJECTS, repository_id=repository_id, among=among)
    return {Digest.parse(row[0]): None if row[1] is None else str(row[1]) for row in rows}
