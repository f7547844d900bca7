"""Bytes in memory: for tests, where nothing needs to outlive the process."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from entrepot.errors import BlobUnknown, DigestMismatch, UploadBusy, UploadUnknown
from entrepot.oci.digests import Digest
from entrepot.storage.protocols import (
    BlobKey,
    Committed,
    IsRight,
    Observer,
    StagedUpload,
    UploadId,
)


class MemoryStorage:
    """Keeps uploads and blobs in dictionaries."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now = now
        self.blobs: dict[BlobKey, bytes] = {}
        self.quarantined: dict[BlobKey, bytes] = {}
        self.committed_at: dict[BlobKey, datetime] = {}
        self.staged: dict[UploadId, bytearray] = {}
        self._busy: set[UploadId] = set()
        self._touched: dict[UploadId, datetime] = {}

    @asynccontextmanager
    async def open(
        self, upload: UploadId, observe: Observer, *, is_new: bool = False
    ) -> AsyncIterator[StagedUpload]:
        """Open the upload for one writer."""
        if upload in self._busy:
            raise UploadBusy
        content = self.staged.setdefault(upload, bytearray())
        self._busy.add(upload)
        self._touched[upload] = self.now()
        try:
            yield _MemoryUpload(self, upload, content, observe)
        finally:
            self._busy.discard(upload)

    async def discard(self, upload: UploadId) -> None:
        """Forget the upload."""
        self.staged.pop(upload, None)

    async def list_uploads(self) -> AsyncIterator[tuple[UploadId, datetime]]:
        """Every upload."""
        for upload in list(self.staged):
            yield upload, self._touched[upload]

    async def check(self) -> None:
        """Do nothing: memory is always available."""

    async def find_size(self, key: BlobKey) -> int | None:
        """The blob's size."""
        content = self.blobs.get(key)
        return None if content is None else len(content)

    async def read(
        self, key: BlobKey, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """The blob's bytes."""
        if key not in self.blobs:
            raise BlobUnknown
        stop = None if length is None else start + length
        yield self.blobs[key][start:stop]

    async def delete(self, key: BlobKey) -> None:
        """Forget the blob."""
        self.blobs.pop(key, None)

    async def quarantine(self, key: BlobKey) -> None:
        """Put the bytes aside."""
        if key in self.blobs:
            self.quarantined[key] = self.blobs.pop(key)

    async def find_committed(self, key: BlobKey) -> Committed | None:
        """The blob's size and age."""
        content = self.blobs.get(key)
        return None if content is None else Committed(len(content), self.committed_at[key])

    async def delete_older(self, keys: Sequence[BlobKey], before: datetime) -> dict[BlobKey, int]:
        """Forget the blobs that are not young."""
        there = [key for key in keys if key in self.blobs and self.committed_at[key] < before]
        return {key: len(self.blobs.pop(key)) for key in there}

    async def list_blobs(self) -> AsyncIterator[BlobKey]:
        """Every blob."""
        for key in list(self.blobs):
            yield key


class _MemoryUpload:
    """The writer of one upload in memory."""

    def __init__(
        self, storage: MemoryStorage, upload: UploadId, content: bytearray, observe: Observer
    ) -> None:
        self._storage = storage
        self._upload = upload
        self._content = content
        self._observe = observe

    @property
    def size(self) -> int:
        return len(self._content)

    async def start_at(self, offset: int) -> None:
        if len(self._content) < offset:
            raise UploadUnknown
        del self._content[offset:]

    async def write(self, chunk: bytes) -> None:
        self._observe(chunk)
        self._content += chunk

    async def settle(self) -> None:
        """All of it was observed as it came."""

    async def sync(self) -> None:
        """Nothing outlives the process here."""

    async def read(self) -> AsyncIterator[bytes]:
        yield bytes(self._content)

    async def commit(self, digest: Digest, is_right: IsRight | None = None) -> BlobKey:
        if is_right is not None and not is_right():
            raise DigestMismatch(detail={"digest": str(digest)})
        key = BlobKey(str(digest))
        self._storage.blobs[key] = bytes(self._content)
        self._storage.committed_at[key] = self._storage.now()
        self._storage.staged.pop(self._upload, None)
        return key
