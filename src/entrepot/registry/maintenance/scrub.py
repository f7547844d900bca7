"""Scrubbing: every blob is read and compared with its digest, little by little, again and again.

Bytes that are not what they should be are taken out of the blobs: a `HEAD` is answered with 404
from then on, so the next client that has them pushes them, which heals every repository at once.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.registry import blobs, scrubs
from entrepot.model.blobs import StoredBlob
from entrepot.model.integrity import Damage, Pass
from entrepot.oci.digests import Digest
from entrepot.registry.maintenance.integrity import Wait, find_damage
from entrepot.storage.protocols import BlobKey, Storage

_log = logging.getLogger(__name__)
_ROWS: Final = 100
_HOLDERS: Final = 20
_STEP: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class ScrubResult:
    """A blob that was looked at: what is wrong with it, and who misses it; `None` when right."""

    digest: str
    size: int
    problem: str | None = None
    holders: tuple[str, ...] = ()


Note = Callable[[ScrubResult], None]
"""Told of each blob that was looked at."""


class Scrub:
    """Looks at blobs no faster than `rate` bytes a second."""

    def __init__(self, metadata: Metadata, storage: Storage, now: Clock) -> None:
        self._metadata = metadata
        self._storage = storage
        self._now = now

    async def count(self) -> int:
        """How many blobs there are to look at."""
        return await blobs.count_all(self._metadata.reader)

    async def list_damage(self, limit: int = 1000) -> list[Damage]:
        """List the blobs that are known to be damaged."""
        return await scrubs.list_damage(self._metadata.reader, "", limit)

    async def run(self, rate: int | None = None, after: str = "") -> AsyncIterator[ScrubResult]:
        """Look at every blob past the digest `after`; damage is remembered and put aside."""
        pace = _Pace(rate)
        while page := await blobs.list_blobs(self._metadata.reader, after, _ROWS):
            for blob in page:
                after = blob.digest
                yield await self._look(blob, pace.wait)

    async def step(
        self,
        every: timedelta,
        rate: int,
        note: Note = lambda _: None,
        lasts: timedelta = _STEP,
    ) -> Pass:
        """Go on for a moment where the last step ended; begin again `every` so often."""
        found, now = await scrubs.find_pass(self._metadata.reader), self._now()
        if found is None or (found.ended_at is not None and now - found.began_at >= every):
            found = Pass("", 0, 0, now, None)
        if found.ended_at is not None:
            return found
        await self._look_again()
        until = time.monotonic() + lasts.total_seconds()
        is_over = False
        try:
            async for each in self.run(rate, found.last):
                note(each)
                found = replace(
                    found, last=each.digest, blobs=found.blobs + 1, size=found.size + each.size
                )
                if time.monotonic() > until:
                    break
            else:
                is_over = True
        finally:
            # Also where a blob could not be looked at: the next step must not begin anew.
            if is_over:
                found = replace(found, ended_at=self._now())
                _log.info("scrubbed", extra={"blobs": found.blobs, "bytes": found.size})
            async with self._metadata.begin() as tx:
                await scrubs.save_pass(tx, found)
        return found

    async def find_pass(self) -> Pass | None:
        """The pass under way, or the last one."""
        return await scrubs.find_pass(self._metadata.reader)

    async def _look_again(self) -> None:
        """At what is known to be damaged: it may have been pushed again, or be gone."""
        for each in await self.list_damage():
            digest = Digest.parse(each.digest)
            blob = await blobs.find_blob_anywhere(self._metadata.reader, digest)
            if blob is None or await find_damage(self._storage, blob) is None:
                await self._forget(digest)

    async def _look(self, blob: StoredBlob, wait: Wait) -> ScrubResult:
        key = BlobKey(blob.key)
        digest = Digest.parse(blob.digest)
        there = await self._storage.find_committed(key)
        problem = await find_damage(self._storage, blob, wait)
        if problem is None:
            await self._forget(digest)
            return ScrubResult(blob.digest, blob.size)
        async with self._metadata.begin() as tx:
            await blobs.lock_keys(tx, blob.key)
            row = await blobs.find_blob_anywhere(tx, digest)
            # Pushed again or freed meanwhile: these are not the bytes that were looked at.
            if row != blob or await self._storage.find_committed(key) != there:
                return ScrubResult(blob.digest, blob.size)
            await self._storage.quarantine(key)
            await scrubs.note_damage(tx, blob.digest, problem, self._now())
            holders = await scrubs.list_holder_names(tx, blob.digest, _HOLDERS)
        _log.error("damaged", extra={"digest": blob.digest, "problem": problem})
        return ScrubResult(blob.digest, blob.size, problem, tuple(holders))

    async def _forget(self, digest: Digest) -> None:
        text = str(digest)
        known = await scrubs.list_damage(self._metadata.reader, text[:-1], 2)
        if text not in {each.digest for each in known}:
            return
        async with self._metadata.begin() as tx:
            await scrubs.forget_damage(tx, text)


class _Pace:
    """The average rate since the start, in bytes per second."""

    def __init__(self, rate: int | None) -> None:
        self._rate = rate
        self._began = time.monotonic()
        self._bytes = 0

    async def wait(self, count: int) -> None:
        """Wait until these bytes are due."""
        self._bytes += count
        if self._rate:
            ahead = self._bytes / self._rate - (time.monotonic() - self._began)
            if ahead > 0:
                await asyncio.sleep(ahead)
