"""Forgets most of what was found out about a manifest that is about to be deleted, in slices.

Its packages and vulnerabilities go before it, so that the one transaction that deletes it is short;
what is left goes with its row. Until then the manifest can be pulled whole, and is known as
queued: where the deletion does not follow, it is read again.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, select

from entrepot.metadata.advisory_tables import artifact_findings
from entrepot.metadata.artifact_tables import artifact_packages, artifact_vulnerabilities
from entrepot.metadata.contents import artifact_revisions, artifacts
from entrepot.metadata.contents.artifact_findings import drop_some_findings
from entrepot.metadata.contents.packages import drop_packages, list_packages
from entrepot.metadata.engines.engine import Clock, Metadata, Reader, SqlStatement, Transaction
from entrepot.metadata.engines.slices import (
    AT_ONCE,
    cost_of,
    count_up_to,
    delete_slices,
    write_slices,
)
from entrepot.metadata.events import jobs
from entrepot.metadata.security.vulnerabilities import drop_vulnerabilities, list_vulnerabilities
from entrepot.metadata.tables import manifests as manifest_rows
from entrepot.model.manifests import ManifestFacts

AGAIN_AFTER: Final = timedelta(minutes=5)
"""When a manifest is read again whose deletion did not follow: its process has ended."""
_COUNTS: Final = tuple(
    count_up_to(AT_ONCE + 1, table.c.manifest_id)
    for table in (artifact_packages, artifact_vulnerabilities, artifact_findings)
)

_LIST: Final = SqlStatement(
    select(
        manifest_rows.c.id, manifest_rows.c.digest, manifest_rows.c.media_type, manifest_rows.c.size
    )
    .where(
        manifest_rows.c.repository_id == bindparam("repository_id"),
        manifest_rows.c.digest > bindparam("after"),
    )
    .order_by(manifest_rows.c.digest)
    .limit(bindparam("limit"))
)


async def is_long(reader: Reader, manifest_id: int) -> bool:
    """Say whether the manifest has more rows than others can wait for."""
    documents = await artifacts.list_document_sizes(reader, manifest_id)
    total = sum(cost_of(size) for _, size in documents)
    for statement in _COUNTS:
        row = await reader.one(statement, manifest_id=manifest_id)
        total += int(row[0]) if row else 0
    return total > AT_ONCE


@asynccontextmanager
async def unindexed(
    metadata: Metadata, repository_id: int, going: Iterable[ManifestFacts], now: Clock
) -> AsyncIterator[None]:
    """Forget what these manifests are found by, where that is long; the block deletes them.

    A writer of the same manifest stops. Manifests that the block does not delete are read again.
    """
    forgotten = []
    try:
        for manifest in going:
            if await is_long(metadata.reader, manifest.id):
                forgotten.append(manifest)
                await _unindex(metadata, repository_id, manifest, now())
        yield
    finally:
        for manifest in forgotten:
            async with metadata.begin() as tx:
                if await _is_there(tx, repository_id, manifest):
                    await jobs.add_job(tx, jobs.INDEX, str(manifest.id), now())


async def list_long(metadata: Metadata, repository_id: int) -> list[ManifestFacts]:
    """The manifests of a repository that have more rows than others can wait for."""
    found, after, reader = [], "", metadata.reader
    while page := await reader.all(_LIST, repository_id=repository_id, after=after, limit=AT_ONCE):
        after = str(page[-1][1])
        for row in page:
            if await is_long(reader, row[0]):
                found.append(ManifestFacts(*row))
        await asyncio.sleep(0)  # requests come first
    return found


async def _unindex(
    metadata: Metadata, repository_id: int, manifest: ManifestFacts, now: datetime
) -> None:
    async with metadata.begin() as tx:
        if not await _is_there(tx, repository_id, manifest):
            return
        await artifact_revisions.begin_contents(tx, manifest.id)
        await artifact_revisions.begin_counts(tx, manifest.id)
        await artifacts.set_state(tx, manifest.id, "queued", "")
        await jobs.add_job(tx, jobs.INDEX, str(manifest.id), now + AGAIN_AFTER)
        mine = await artifact_revisions.find_revision(tx, manifest.id)

    async def may_go_on(tx: Transaction) -> bool:
        if not await _is_there(tx, repository_id, manifest):
            return False
        # Who began since then was asked to by a push: the manifest is deleted as it is then.
        return await artifact_revisions.find_revision(tx, manifest.id) == mine

    async def drop(tx: Transaction, some: Sequence[tuple[str, int]]) -> bool:
        if await may_go_on(tx):
            await artifacts.drop_documents(tx, manifest.id, [name for name, _ in some])
            return True
        return False

    documents = await artifacts.list_document_sizes(metadata.reader, manifest.id)
    await write_slices(metadata, documents, drop, lambda document: cost_of(document[1]))

    async def drop_rows(tx: Transaction, limit: int) -> int:
        return await _drop_some(tx, manifest.id, limit) if await may_go_on(tx) else 0

    await delete_slices(metadata, drop_rows)


async def _drop_some(tx: Transaction, manifest_id: int, limit: int) -> int:
    """Forget at most `limit` rows; say how many there were."""
    found = await list_packages(tx, manifest_id, 0, limit)
    if found:
        await drop_packages(tx, manifest_id, [package_id for package_id, _ in found])
        return len(found)
    ids = await list_vulnerabilities(tx, manifest_id, "", limit)
    if ids:
        await drop_vulnerabilities(tx, manifest_id, [name for name, _ in ids])
        return len(ids)
    return await drop_some_findings(tx, manifest_id, limit)


async def _is_there(tx: Transaction, repository_id: int, manifest: ManifestFacts) -> bool:
    return await artifact_revisions.lock_manifest(tx, repository_id, manifest.id, manifest.digest)
