"""Blobs copied from one storage to another, row by row, while everybody pulls and pushes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import blobs
from entrepot.model.blobs import StoredBlob
from entrepot.oci.digests import Digest
from entrepot.registry.maintenance.integrity import MISSING, OTHERS
from entrepot.storage.migrating import MovingStorage
from entrepot.storage.protocols import BlobKey
from entrepot.storage.put_blob import store

_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class Moved:
    """One blob looked at; `problem` is `None` when its bytes are in the new storage."""

    digest: str
    size: int
    is_copied: bool = False
    problem: str | None = None


class StorageMigration:
    """Brings every blob into the new storage; killed at any point, it is begun again."""

    def __init__(self, metadata: Metadata, storage: MovingStorage) -> None:
        self._metadata = metadata
        self._storage = storage

    async def count(self) -> tuple[int, int]:
        """How many blobs there are, and their bytes."""
        return await blobs.measure_all(self._metadata.reader)

    async def run(self) -> AsyncIterator[Moved]:
        """Every blob, as its bytes are found in the new storage or were copied there."""
        last = ""
        while rows := await blobs.list_blobs(self._metadata.reader, last, _ROWS):
            for blob in rows:
                last = blob.digest
                yield await self._move(blob)

    async def count_left(self) -> int:
        """How many rows name bytes that the new storage does not have in full."""
        last, left = "", 0
        while rows := await blobs.list_blobs(self._metadata.reader, last, _ROWS):
            last = rows[-1].digest
            for blob in rows:
                left += await self._storage.new.find_size(BlobKey(blob.key)) != blob.size
        return left

    async def _move(self, blob: StoredBlob) -> Moved:
        if await self._storage.new.find_size(BlobKey(blob.key)) is not None:
            return Moved(blob.digest, blob.size)
        digest = Digest.parse(blob.digest)
        if await self._storage.old.find_size(BlobKey(blob.key)) is None:
            return await self._missing(blob)
        key = await self._copy(BlobKey(blob.key), digest)
        if key is None:
            return Moved(blob.digest, blob.size, problem=OTHERS)
        # Where the row has changed meanwhile, no row names the copy and the collector takes it.
        async with self._metadata.begin() as tx:
            await blobs.lock_keys(tx, blob.key, key)
            if await self._storage.new.find_size(key) == blob.size:
                await blobs.move_blob(tx, digest, blob.key, key)
        return Moved(blob.digest, blob.size, is_copied=True)

    async def _missing(self, blob: StoredBlob) -> Moved:
        """Since the page was read, it may have been freed, or pushed again to the new storage."""
        now = await blobs.find_blob_anywhere(self._metadata.reader, Digest.parse(blob.digest))
        if now is None:
            return Moved(blob.digest, blob.size)
        if now != blob:
            return await self._move(now)
        return Moved(blob.digest, blob.size, problem=MISSING)

    async def _copy(self, key: BlobKey, digest: Digest) -> BlobKey | None:
        return await store(self._storage.new, digest, self._storage.old.read(key))
