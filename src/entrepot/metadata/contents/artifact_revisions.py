"""Who writes what is known of an artifact: writers in slices that never mix.

`contents` counts the writers of documents and packages, `counts` those of what is attached. A
writer adds one to the number when it begins, and stops when it finds another number than its own.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select, update

from entrepot.metadata import repositories
from entrepot.metadata.artifact_tables import artifacts
from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction
from entrepot.metadata.engines.rows import find_one, row_mapper
from entrepot.metadata.registry import manifests


@dataclass(frozen=True, slots=True)
class Revision:
    """How often writing has begun; both are 0 before anybody looked at the manifest."""

    contents: int = 0
    counts: int = 0


_FIND: Final = SqlStatement(
    select(artifacts.c.contents_revision, artifacts.c.counts_revision).where(
        artifacts.c.manifest_id == bindparam("manifest_id")
    )
)
_BEGIN_CONTENTS, _BEGIN_COUNTS = (
    SqlStatement(
        update(artifacts)
        .where(artifacts.c.manifest_id == bindparam("of"))
        .values({column: column + 1})
    )
    for column in (artifacts.c.contents_revision, artifacts.c.counts_revision)
)


_revision: Final = row_mapper(Revision)


async def find_revision(reader: Reader, manifest_id: int) -> Revision:
    """The artifact's revision now."""
    return await find_one(reader, _revision, _FIND, manifest_id=manifest_id) or Revision()


async def lock_manifest(tx: Transaction, repository_id: int, manifest_id: int, digest: str) -> bool:
    """Lock the repository; say whether the id is still that manifest's: ids are given anew."""
    if not await repositories.lock_by_id(tx, repository_id):
        return False
    return await manifests.find_digest(tx, manifest_id) == digest


async def begin_contents(tx: Transaction, manifest_id: int) -> None:
    """Begin to write documents and packages; who does so already stops at its next slice."""
    await tx.run(_BEGIN_CONTENTS, of=manifest_id)


async def begin_counts(tx: Transaction, manifest_id: int) -> None:
    """As `begin_contents`, for what is attached and the vulnerabilities."""
    await tx.run(_BEGIN_COUNTS, of=manifest_id)
