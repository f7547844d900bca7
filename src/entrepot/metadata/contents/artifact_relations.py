"""Relations of manifests in a repository: indexes and the manifests that they list."""

import json
from collections.abc import Collection
from typing import Final

from sqlalchemy import and_, bindparam, func, select

from entrepot.metadata.artifact_tables import artifacts
from entrepot.metadata.contents.artifacts import ARTIFACT_COLUMNS, artifact_of
from entrepot.metadata.contents.search_sql import is_among
from entrepot.metadata.engines.engine import Reader, SqlStatement
from entrepot.metadata.engines.rows import first_text, get_number, list_all, row_mapper
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


_parent: Final = row_mapper(tuple[int, str, int])
_subject: Final = row_mapper(tuple[Digest, str | None])


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
    return await get_number(reader, _COUNT_ATTACHED, repository_id=repository_id, subject=subject)


async def list_subjects_among(
    reader: Reader, repository_id: int, digests: Collection[str]
) -> set[str]:
    """Those of the digests that a manifest names as subject, or that a tag of theirs attaches."""
    among = json.dumps(sorted(digests))
    named = await list_all(reader, first_text, _SUBJECTS, repository_id=repository_id, among=among)
    tagged = {each.replace(":", "-", 1)[:71]: each for each in digests}
    among = json.dumps(sorted(tagged))
    tags = await list_all(
        reader, first_text, _TAGGED_SUBJECTS, repository_id=repository_id, among=among
    )
    return {*named, *(tagged[tag] for tag in tags)}


async def list_parents_with_sizes(
    reader: Reader, repository_id: int, digest: str
) -> list[tuple[int, str, int]]:
    """The id, digest and bytes of each index that lists the manifest; the oldest 100."""
    return await list_all(
        reader, _parent, _PARENTS_WITH_SIZES, repository_id=repository_id, digest=digest
    )


async def list_parents_among(
    reader: Reader, repository_id: int, digests: Collection[str]
) -> list[tuple[int, str, int]]:
    """As `list_parents_with_sizes`, of the indexes that list any of these manifests."""
    among = json.dumps(sorted(digests))
    return await list_all(reader, _parent, _PARENTS_AMONG, repository_id=repository_id, among=among)


async def list_children(
    reader: Reader, repository_id: int, manifest_id: int, limit: int
) -> list[Artifact]:
    """List the known artifacts among an index's manifests."""
    return await list_all(
        reader,
        artifact_of,
        _OF_CHILDREN,
        repository_id=repository_id,
        manifest_id=manifest_id,
        limit=limit,
    )


async def find_subjects(
    reader: Reader, repository_id: int, digests: Collection[Digest]
) -> dict[Digest, str | None]:
    """Return the subjects of those manifests that exist here, by one statement."""
    among = json.dumps([str(digest) for digest in digests])
    return dict(
        await list_all(reader, _subject, _FIND_SUBJECTS, repository_id=repository_id, among=among)
    )
