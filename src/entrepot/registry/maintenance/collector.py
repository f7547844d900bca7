"""Garbage collection: deletes unreferenced blobs while the hub serves.

It works in slices, each in a short transaction of its own that looks again at all it takes away.
Between two slices anything may happen. What keeps data:

- A link is taken out under the lock of its repository, which a push of a manifest holds too,
  and only when it is older than the grace period. An upload, a mount, a `HEAD` by a client that may
  push, and the deletion of a manifest that names the blob make it young again.
- A row goes where no repository links it, under the lock of its storage key, which whoever records
  or mounts a blob holds too.
- Bytes go last: under that lock, where no row names them, and only old ones. Bytes of a push that
  is about to be recorded are young. Who recorded them after all this time finds them missing under
  the lock, and refuses the push.
- While a backup copies, no row and no bytes go.
"""

import asyncio
import logging
import operator
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final, TypeVar

from entrepot.metadata.contents.unindexing import unindexed
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.events import jobs
from entrepot.metadata.registry import blobs, gc_leases, gc_queries, manifests
from entrepot.metadata.registry.gc_queries import BlobLink, Row, Untagged
from entrepot.registry.history import History
from entrepot.registry.quotas import release
from entrepot.storage.protocols import BlobKey, Storage

T = TypeVar("T")

_log = logging.getLogger(__name__)
_LOOKED_AT: Final = 500
"""Rows of one page."""
_TAKEN: Final = 50
"""Things taken away in one transaction: others wait for it."""
_SHARE: Final = 4.0
_LONGEST_REST: Final = 0.25

Watch = Callable[[int], None]
"""Told how many more things have been looked at."""


@dataclass(frozen=True, slots=True)
class CollectionResult:
    """The objects that were deleted, or would be: `size` is the bytes of `blobs` and `strays`."""

    manifests: int = 0
    deleted: int = 0
    links: int = 0
    blobs: int = 0
    strays: int = 0
    size: int = 0

    def __add__(self, other: "CollectionResult") -> "CollectionResult":
        """Both together."""
        return CollectionResult(*map(operator.add, astuple(self), astuple(other)))


class Collector:
    """Frees space; any number may run at once."""

    def __init__(
        self,
        metadata: Metadata,
        storage: Storage,
        now: Clock,
        *,
        grace: timedelta,
        untagged_after: timedelta | None = None,
    ) -> None:
        self._metadata = metadata
        self._storage = storage
        self._now = now
        self.grace = grace
        """How long unreferenced blobs are kept, and how long deleted tags can be restored."""
        self._untagged_after = untagged_after
        self._history = History(metadata, now)

    async def count(self) -> int:
        """How many things a run looks at, about."""
        return 2 * await blobs.count_all(self._metadata.reader)

    async def run(
        self, watch: Watch = lambda _: None, *, at_once: bool = False
    ) -> CollectionResult:
        """Free what nothing has needed for the grace period, or (`at_once`) needs now."""
        before = self._before(at_once=at_once)
        found = await self._delete_untagged()
        found += await self._forget_deleted(before)
        found += await self._unlink(before)
        found += await self._delete_rows(before, watch)
        found += await self._delete_strays(before, watch)
        _log.info("collected", extra=_fields(found))
        return found

    async def preview(
        self, watch: Watch = lambda _: None, *, at_once: bool = False
    ) -> CollectionResult:
        """Return the objects that `run` would delete; nothing is changed."""
        before = self._before(at_once=at_once)
        reader = self._metadata.reader
        free: Counter[str] = Counter()
        async for links in self._links(before):
            free.update(link.digest for link in links)
        found = CollectionResult(
            deleted=await gc_queries.count_deleted(reader, before), links=free.total()
        )
        async for rows in self._rows(before, watch):
            for row in rows:
                held = free[row.digest]
                if row.is_free or (
                    held and held == await gc_queries.count_links(reader, row.digest)
                ):
                    found += CollectionResult(blobs=1, size=row.size)
        async for key in self._unnamed(watch):
            there = await self._storage.find_committed(key)
            if there is not None and there.at < before:
                found += CollectionResult(strays=1, size=there.size)
        return replace(found, manifests=await self._count_untagged())

    def _before(self, *, at_once: bool) -> datetime:
        return self._now() if at_once else self._now() - self.grace

    async def _forget_deleted(self, before: datetime) -> CollectionResult:
        count = 0
        while True:
            async with self._metadata.begin() as tx:
                some = await gc_queries.forget_old_deleted(tx, before, _TAKEN)
            if not some:
                return CollectionResult(deleted=count)
            count += some
            await asyncio.sleep(0)

    async def _links(self, before: datetime) -> AsyncIterator[list[BlobLink]]:
        """Links that may go, a page at a time."""
        last = (0, "")
        while True:
            began = time.monotonic()
            page = await gc_queries.list_links(self._metadata.reader, last, before, _LOOKED_AT)
            if not page:
                return
            last = (page[-1].repository_id, page[-1].digest)
            yield [each for each in page if each.is_free]
            await _rest(began)

    async def _unlink(self, before: datetime) -> CollectionResult:
        count = 0
        async for page in self._links(before):
            for repository_id, links in groupby(page, lambda link: link.repository_id):
                for some in _slices(list(links)):
                    began = time.monotonic()
                    count += await self._unlink_some(repository_id, some, before)
                    await _rest(began)
        return CollectionResult(links=count)

    async def _unlink_some(
        self, repository_id: int, links: Sequence[BlobLink], before: datetime
    ) -> int:
        async with self._metadata.begin() as tx:
            if not await gc_queries.lock_holder(tx, repository_id):
                return 0
            digests = [link.digest for link in links]
            gone = await gc_queries.unlink_free(tx, repository_id, digests, before)
            await release(tx, repository_id, gone)
            return len(gone)

    async def _rows(self, before: datetime, watch: Watch) -> AsyncIterator[list[Row]]:
        """Blobs, a page at a time."""
        last = ""
        while True:
            began = time.monotonic()
            page = await gc_queries.list_rows(self._metadata.reader, last, before, _LOOKED_AT)
            if not page:
                return
            last = page[-1].digest
            yield page
            watch(len(page))
            await _rest(began)

    async def _delete_rows(self, before: datetime, watch: Watch) -> CollectionResult:
        found = CollectionResult()
        async for page in self._rows(before, watch):
            for some in _slices([row for row in page if row.is_free]):
                began = time.monotonic()
                gone = await self._delete_some_rows(some, before)
                freed = await self._delete_bytes([BlobKey(row.key) for row in gone], before)
                found += CollectionResult(blobs=len(gone), size=freed.size)
                await _rest(began)
        return found

    async def _delete_some_rows(self, rows: Sequence[Row], before: datetime) -> list[Row]:
        async with self._metadata.begin() as tx:
            if await self._is_held(tx):
                return []
            await blobs.lock_keys(tx, *(row.key for row in rows))
            gone = await gc_queries.delete_free_rows(tx, [row.digest for row in rows], before)
            return [row for row in rows if row.digest in gone]

    async def _delete_bytes(self, keys: Sequence[BlobKey], before: datetime) -> CollectionResult:
        """Delete bytes that no row names and that are old; the rows' commit is durable by now."""
        if not keys:
            return CollectionResult()
        async with self._metadata.begin() as tx:
            if await self._is_held(tx):
                return CollectionResult()
            await blobs.lock_keys(tx, *keys)
            named = await gc_queries.list_named(tx, keys)
            unnamed = [key for key in keys if key not in named]
            gone = await self._storage.delete_older(unnamed, before)
        return CollectionResult(strays=len(gone), size=sum(gone.values()))

    async def _is_held(self, tx: Transaction) -> bool:
        """Say whether a backup is copying what was named when it began."""
        await gc_leases.lock_holds(tx)
        return await gc_leases.is_held(tx, self._now())

    async def _unnamed(self, watch: Watch) -> AsyncIterator[BlobKey]:
        """Keys in the storage that no row named a moment ago."""
        async for keys in self._stored_keys():
            began = time.monotonic()
            named = await gc_queries.list_named(self._metadata.reader, keys)
            for key in keys:
                if key not in named:
                    yield key
            watch(len(keys))
            await _rest(began)

    async def _stored_keys(self) -> AsyncIterator[list[BlobKey]]:
        keys: list[BlobKey] = []
        async for key in self._storage.list_blobs():
            keys.append(key)
            if len(keys) == _LOOKED_AT:
                yield keys
                keys = []
        if keys:
            yield keys

    async def _delete_strays(self, before: datetime, watch: Watch) -> CollectionResult:
        """Bytes that a crash left: committed and never named, or unnamed and never deleted."""
        found = CollectionResult()
        old: list[BlobKey] = []
        async for key in self._unnamed(watch):
            there = await self._storage.find_committed(key)
            if there is not None and there.at < before:
                old.append(key)
            if len(old) == _TAKEN:
                found += await self._delete_bytes(old, before)
                old = []
        return found + await self._delete_bytes(old, before)

    async def _untagged(self, before: datetime) -> AsyncIterator[Untagged]:
        """Manifests that may go."""
        after = 0
        while True:
            began = time.monotonic()
            page = await gc_queries.list_untagged(self._metadata.reader, after, before, _LOOKED_AT)
            if not page:
                return
            after = page[-1].id
            for each in page:
                if each.is_free:
                    yield each
            await _rest(began)

    async def _count_untagged(self) -> int:
        if self._untagged_after is None:
            return 0
        before, reader = self._now() - self._untagged_after, self._metadata.reader
        free = [
            await gc_queries.is_still_free(reader, each, before)
            async for each in self._untagged(before)
        ]
        return sum(free)

    async def _delete_untagged(self) -> CollectionResult:
        """Delete what no tag reaches, from the outside in: an index before its children."""
        count = 0
        if self._untagged_after is None:
            return CollectionResult()
        before = self._now() - self._untagged_after
        while True:
            gone = 0
            async for each in self._untagged(before):
                gone += await self._delete_one_untagged(each, before)
            if not gone:
                return CollectionResult(manifests=count)
            count += gone

    async def _delete_one_untagged(self, untagged: Untagged, before: datetime) -> bool:
        reader = self._metadata.reader
        going = await manifests.find_by_id(reader, untagged.id)
        if going is None or not await gc_queries.is_still_free(reader, untagged, before):
            return False
        async with (
            unindexed(self._metadata, untagged.repository_id, going[:1], self._now),
            self._metadata.begin() as tx,
        ):
            if not await gc_queries.lock_holder(tx, untagged.repository_id):
                return False
            found = await manifests.find_by_id(tx, untagged.id)
            if found is None or not await gc_queries.is_still_free(tx, untagged, before):
                return False
            await self._history.note_delete(tx, untagged.repository_id, found[0], None)
            await manifests.delete_manifest(tx, untagged.id)
            await jobs.add_job(tx, jobs.SUMMARIZE, str(untagged.repository_id), self._now())
        return True


def _slices(things: Sequence[T]) -> list[Sequence[T]]:
    return [things[at : at + _TAKEN] for at in range(0, len(things), _TAKEN)]


async def _rest(began: float) -> None:
    """Rest for longer than the slice took: others come first."""
    await asyncio.sleep(min(_SHARE * (time.monotonic() - began), _LONGEST_REST))


def _fields(found: CollectionResult) -> dict[str, int]:
    return {
        "manifests": found.manifests,
        "deleted": found.deleted,
        "links": found.links,
        "blobs": found.blobs,
        "strays": found.strays,
        "bytes": found.size,
    }
