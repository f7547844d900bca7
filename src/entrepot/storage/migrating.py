"""Bytes on their way from one storage to another: written to the new, read from either.

A key says which of the two it is of: stores name blobs in their own manner, and none gives a name
twice. Only unreferenced blobs are deleted from the old store.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path

from entrepot.errors import BlobUnknown
from entrepot.oci.digests import Digest
from entrepot.storage.protocols import (
    BlobKey,
    Committed,
    GrowingCopy,
    HasPaths,
    LendsFiles,
    Observer,
    SignsUrls,
    StagedUpload,
    Storage,
    UploadId,
)


class MovingStorage:
    """Two stores as one, while `entrepot migrate` copies from the old one to the new one."""

    def __init__(self, new: Storage, old: Storage) -> None:
        self.new = new
        self.old = old

    def open(
        self, upload: UploadId, observe: Observer, *, is_new: bool = False
    ) -> AbstractAsyncContextManager[StagedUpload]:
        """Open the upload in the new store; one that was begun in the old one begins again."""
        return self.new.open(upload, observe, is_new=is_new)

    async def discard(self, upload: UploadId) -> None:
        """Forget the bytes in both."""
        await self.new.discard(upload)
        await self.old.discard(upload)

    async def list_uploads(self) -> AsyncIterator[tuple[UploadId, datetime]]:
        """Those of both."""
        for store in (self.new, self.old):
            async for each in store.list_uploads():
                yield each

    async def check(self) -> None:
        """Ask both: pulls need the old one as well."""
        await self.new.check()
        await self.old.check()

    async def find_size(self, key: BlobKey) -> int | None:
        """The size, wherever the blob is."""
        found = await self.new.find_size(key)
        return await self.old.find_size(key) if found is None else found

    async def read(
        self, key: BlobKey, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes, from wherever they are."""
        async for run in (await self._holder(key)).read(key, start, length):
            yield run

    async def delete(self, key: BlobKey) -> None:
        """Delete it from both."""
        await self.new.delete(key)
        await self.old.delete(key)

    async def quarantine(self, key: BlobKey) -> None:
        """Put the bytes aside in the store that has them."""
        await (await self._holder(key)).quarantine(key)

    async def find_committed(self, key: BlobKey) -> Committed | None:
        """Return the record of the store that has it."""
        return await self.new.find_committed(key) or await self.old.find_committed(key)

    async def delete_older(self, keys: Sequence[BlobKey], before: datetime) -> dict[BlobKey, int]:
        """Delete them from the stores that have them."""
        deleted = await self.new.delete_older(keys, before)
        return await self.old.delete_older(keys, before) | deleted

    async def list_blobs(self) -> AsyncIterator[BlobKey]:
        """Those of the new store: what was copied stays in the old one, for a way back."""
        async for key in self.new.list_blobs():
            yield key

    async def find_url(self, key: BlobKey, lifetime: timedelta) -> str | None:
        """A URL from whichever store has the blob and signs any."""
        holder = await self._holder(key)
        return await holder.find_url(key, lifetime) if isinstance(holder, SignsUrls) else None

    async def lend(self, key: BlobKey, digest: Digest, size: int) -> Path:
        """The blob's own file, or one that its store lends."""
        holder = await self._holder(key)
        if isinstance(holder, LendsFiles):
            return await holder.lend(key, digest, size)
        return await self._path_in(holder, key, digest, size)

    async def lend_early(self, key: BlobKey, digest: Digest, size: int) -> Path | GrowingCopy:
        """As `lend`, without waiting for bytes that are elsewhere."""
        holder = await self._holder(key)
        if isinstance(holder, LendsFiles):
            return await holder.lend_early(key, digest, size)
        return await self._path_in(holder, key, digest, size)

    async def _path_in(self, holder: Storage, key: BlobKey, digest: Digest, size: int) -> Path:
        if not isinstance(holder, HasPaths) or await holder.find_size(key) != size:
            raise BlobUnknown("the blob is damaged", {"digest": str(digest)})
        return holder.path_of(key)

    async def _holder(self, key: BlobKey) -> Storage:
        """The store that has the blob; the old one where neither has."""
        return self.old if await self.new.find_size(key) is None else self.new
