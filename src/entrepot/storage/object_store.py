"""Bytes in a bucket of an S3-compatible store.

    blobs/NAME       bytes of one blob, or of an upload on its way to be one; never written twice
    committed/NAME   says that they are a blob, of which digest and size, and since when
    uploads/ID       what an upload consists of, and who writes to it
    quarantine/NAME  bytes that were not what they should be

A blob's key is a name that nothing had before, so a commit copies and replaces nothing. Any number
of processes and nodes may share the bucket. Multipart uploads that a killed process left open are
invisible here: a lifecycle rule of the bucket ends them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from entrepot.errors import BlobUnknown
from entrepot.oci.digests import Digest
from entrepot.storage.buckets import Bucket
from entrepot.storage.object_uploads import ObjectUpload
from entrepot.storage.protocols import (
    BlobKey,
    Committed,
    GrowingCopy,
    Observer,
    StagedUpload,
    UploadId,
)
from entrepot.storage.spools import Spool
from entrepot.storage.upload_states import Hold, UploadState, end_anyhow

_BYTES: Final = "blobs/"
_MARKS: Final = "committed/"
_UPLOADS: Final = "uploads/"

T = TypeVar("T")


class ObjectStorage:
    """Keeps uploads and blobs in a bucket, and lends blobs as files of the directory `spool`."""

    def __init__(
        self, bucket: Bucket, spool: Path, *, redirects: bool = True, threads: int = 4
    ) -> None:
        self.bucket = bucket
        self._spool = Spool(spool)
        self._redirects = redirects
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="storage")

    def prepare(self) -> None:
        """Raise `Unavailable` unless the bucket can be used."""
        self.bucket.check()

    def bytes_of(self, name: str) -> str:
        """Where the bytes of that name are."""
        return _BYTES + name

    def mark_of(self, name: str) -> str:
        """Where it says that they are a blob."""
        return _MARKS + name

    @asynccontextmanager
    async def open(
        self, upload: UploadId, observe: Observer, *, is_new: bool = False
    ) -> AsyncIterator[StagedUpload]:
        """Open the upload by owning its state, which ends by itself when the process dies."""
        path = _UPLOADS + upload
        held = await Hold.take(self.bucket, path, is_new=is_new)
        while isinstance(held, UploadState):
            await self._bury(path, held)
            held = await Hold.take(self.bucket, path)
        staged = ObjectUpload(self, held, observe)
        try:
            yield staged
        finally:
            await staged.close()

    async def discard(self, upload: UploadId) -> None:
        """Delete all bytes of the upload, unless they have become a blob."""
        path = _UPLOADS + upload
        ended = await end_anyhow(self.bucket, path)
        if ended is not None:
            await self._bury(path, ended)

    async def list_uploads(self) -> AsyncIterator[tuple[UploadId, datetime]]:
        """Every upload's state."""
        async for found in self.bucket.list(_UPLOADS):
            yield UploadId(found.path.removeprefix(_UPLOADS)), found.at

    async def check(self) -> None:
        """Ask for an object that there is not."""
        await self.bucket.find(self.bytes_of(BlobKey("check")))

    async def find_size(self, key: BlobKey) -> int | None:
        """The object's size."""
        found = await self.bucket.find(self.bytes_of(key))
        return None if found is None else found.size

    async def read(
        self, key: BlobKey, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """The object's bytes, in several requests; none of them lasts as long as a slow reader."""
        size = await self.find_size(key)
        if size is None:
            raise BlobUnknown
        stop = size if length is None else min(size, start + length)
        async for run in self.bucket.read(self.bytes_of(key), start, stop):
            yield run

    async def delete(self, key: BlobKey) -> None:
        """Delete the bytes, then the mark: a crash between leaves a mark, which is found again."""
        await self.delete_bytes([key])

    async def quarantine(self, key: BlobKey) -> None:
        """Rename the object, and forget its mark."""
        await self.bucket.move(self.bytes_of(key), f"quarantine/{key}")
        await self.bucket.delete([self.mark_of(key)])

    async def find_committed(self, key: BlobKey) -> Committed | None:
        """The object's size and the mark's age; a mark without bytes is an empty blob."""
        mark = await self.bucket.find(self.mark_of(key))
        if mark is None:
            return None
        return Committed(await self.find_size(BlobKey(key)) or 0, mark.at)

    async def delete_older(self, keys: Sequence[BlobKey], before: datetime) -> dict[BlobKey, int]:
        """Delete the old ones; no other commit ever has their keys."""
        there = await asyncio.gather(*(self.find_committed(key) for key in keys))
        found = zip(keys, there, strict=True)
        old = {key: each.size for key, each in found if each and each.at < before}
        await self.delete_bytes(list(old))
        return old

    async def list_blobs(self) -> AsyncIterator[BlobKey]:
        """Every mark."""
        async for found in self.bucket.list(_MARKS):
            yield BlobKey(found.path.removeprefix(_MARKS))

    async def find_url(self, key: BlobKey, lifetime: timedelta) -> str | None:
        """A signed URL of the bytes, unless clients are not to know the store."""
        return await self.bucket.sign(self.bytes_of(key), lifetime) if self._redirects else None

    async def lend(self, key: BlobKey, digest: Digest, size: int) -> Path:
        """A file with the bytes, which were compared with the digest."""
        return await self._spool.lend(key, digest, size, lambda: self.read(key))

    async def lend_early(self, key: BlobKey, digest: Digest, size: int) -> Path | GrowingCopy:
        """A copy of the bytes, which need not be here yet."""
        return await self._spool.begin(key, digest, size, lambda: self.read(key))

    async def delete_bytes(self, names: list[str]) -> None:
        """Delete the bytes, then the marks."""
        await self.bucket.delete([self.bytes_of(name) for name in names])
        await self.bucket.delete([self.mark_of(name) for name in names])

    async def run(self, work: Callable[[], T]) -> T:
        """Do work that takes long on one of the store's threads."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def _bury(self, path: str, ended: UploadState) -> None:
        await self.delete_bytes(ended.names)
        await self.bucket.delete([path])
