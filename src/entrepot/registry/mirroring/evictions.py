"""Mirrors that have outgrown their size: what was pulled longest ago goes first."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from entrepot.metadata.contents.unindexing import unindexed
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.events import jobs
from entrepot.metadata.registry import gc_queries, manifests, mirrors
from entrepot.model.mirrors import Mirror
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import read_manifest
from entrepot.registry.manifest_references import new_manifest
from entrepot.registry.quotas import release

YOUNG: Final = timedelta(minutes=10)
"""Time for which nothing is evicted that was just pulled: its blobs may be on their way."""
_AT_ONCE: Final = 20

_log = logging.getLogger(__name__)


class Evictions:
    """Takes manifests out of mirrors, with the blobs that nothing else there names."""

    def __init__(self, metadata: Metadata, now: Clock) -> None:
        self._metadata = metadata
        self._now = now

    async def run(self) -> int:
        """Evict until every mirror is within its size; return how many manifests went.

        The collector frees the bytes. A child of an index goes after the index, and what is
        attached after its subject.
        """
        count = 0
        for mirror in await mirrors.list_mirrors(self._metadata.reader):
            if mirror.size_limit is not None:
                count += await self._shrink(mirror, mirror.size_limit)
        if count:
            _log.info("evicted", extra={"manifests": count})
        return count

    async def _shrink(self, mirror: Mirror, limit: int) -> int:
        count, reader = 0, self._metadata.reader
        while await mirrors.measure(reader, mirror.id) > limit:
            before = self._now() - YOUNG
            oldest = await mirrors.list_longest_unpulled(reader, mirror.id, before, _AT_ONCE)
            gone = 0
            for manifest_id, repository_id in oldest:
                if await mirrors.measure(reader, mirror.id) <= limit:
                    break
                gone += await self._evict(manifest_id, repository_id)
            if not gone:
                break
            count += gone
        return count

    async def _evict(self, manifest_id: int, repository_id: int) -> bool:
        going = await manifests.find_by_id(self._metadata.reader, manifest_id)
        if going is None:
            return False
        stored, _ = going
        manifest = await read_manifest(stored.content, stored.media_type)
        named = new_manifest(manifest, Digest.parse(stored.digest)).blobs
        async with (
            unindexed(self._metadata, repository_id, [stored], self._now),
            self._metadata.begin() as tx,
        ):
            if not await gc_queries.lock_holder(tx, repository_id):
                return False
            await manifests.delete_manifest(tx, manifest_id)
            digests: Sequence[str] = sorted(map(str, named))
            free = await gc_queries.unlink_free(tx, repository_id, digests, self._now())
            await release(tx, repository_id, free)
            await jobs.add_job(tx, jobs.SUMMARIZE, str(repository_id), self._now())
        return True
