"""The interface of every storage backend.

Bytes are staged under an upload's id, then committed once as a blob under a key that the store
chooses. The key is what the metadata keeps: a store that cannot rename (S3) need not copy.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NewType, Protocol, runtime_checkable

from entrepot.oci.digests import Digest

BlobKey = NewType("BlobKey", str)
UploadId = NewType("UploadId", str)

Observer = Callable[[bytes | memoryview], None]
"""Called with every run of bytes in order, possibly on another thread, before they are stored.

The bytes are only good during the call."""

IsRight = Callable[[], bool]
"""Asked, possibly on another thread, once everything written is observed."""


class StagedUpload(Protocol):
    """The one writer of one upload's bytes; leaving without a commit keeps the bytes."""

    @property
    def size(self) -> int:
        """Bytes taken so far, those not yet durable included."""

    async def start_at(self, offset: int) -> None:
        """Drop bytes past `offset`; raise `UploadUnknown` where fewer are left."""

    async def write(self, chunk: bytes) -> None:
        """Append `chunk`; raise `OutOfSpace` where there is no room for it."""

    async def settle(self) -> None:
        """Return when everything written is observed; it need not be durable yet."""

    async def sync(self) -> None:
        """Return when everything written is durable and everything observed."""

    def read(self) -> AsyncIterator[bytes]:
        """All bytes staged; call `sync` first."""

    async def commit(self, digest: Digest, is_right: IsRight | None = None) -> BlobKey:
        """Make the staged bytes the blob `digest`, durably; the upload is gone afterwards.

        `is_right` compares the bytes with the digest; without it the caller has done so. Raises
        `DigestMismatch` where it says no, and the bytes stay staged. Committing what is there
        already replaces it, so a damaged blob is healed by pushing it again.
        """


class UploadStore(Protocol):
    """Bytes still arriving."""

    def open(
        self, upload: UploadId, observe: Observer, *, is_new: bool = False
    ) -> AbstractAsyncContextManager[StagedUpload]:
        """Open the upload for one writer at a time; one that does not exist begins empty.

        `is_new` is a guess that it was not opened before, which may save a request.
        Raises `UploadBusy` while another has it open, in this process or another: of two that begin
        a new upload at once, the second may hear of it when it syncs or commits.
        """

    async def discard(self, upload: UploadId) -> None:
        """Forget the upload's bytes; discarding what is absent succeeds."""

    def list_uploads(self) -> AsyncIterator[tuple[UploadId, datetime]]:
        """Every upload that has bytes and when they last changed, in no stated order."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A blob's size in bytes, and when it was last committed."""

    size: int
    at: datetime


class BlobStore(Protocol):
    """Bytes that never change."""

    async def find_size(self, key: BlobKey) -> int | None:
        """How many bytes there are, `None` when absent."""

    def read(self, key: BlobKey, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` on; raise `BlobUnknown` before the first chunk when absent."""

    async def delete(self, key: BlobKey) -> None:
        """Deleting what is absent succeeds."""

    async def quarantine(self, key: BlobKey) -> None:
        """Move the bytes out of the blobs to `quarantine`, for the operator to look at.

        Doing so with what is absent succeeds.
        """

    async def find_committed(self, key: BlobKey) -> Committed | None:
        """How large the blob is and how old, `None` when absent."""

    async def delete_older(self, keys: Sequence[BlobKey], before: datetime) -> dict[BlobKey, int]:
        """Delete those that were last committed before that moment; their sizes in bytes.

        A commit under one of the keys at the same time is never what is deleted.
        """

    def list_blobs(self) -> AsyncIterator[BlobKey]:
        """Every blob's key, in no stated order."""


class Storage(UploadStore, BlobStore, Protocol):
    """A place for uploads and the blobs they become."""

    async def check(self) -> None:
        """Raise unless bytes could be read and taken now; cheap enough to ask every second."""


@runtime_checkable
class HasPaths(Protocol):
    """A store whose blobs are files that the HTTP server can send by itself."""

    def path_of(self, key: BlobKey) -> Path:
        """Where the blob's bytes are; the file may be absent."""


@runtime_checkable
class TakesFiles(Protocol):
    """A store that can make a blob of a file without copying it."""

    async def take_file(self, path: Path, digest: Digest) -> BlobKey | None:
        """Make the file's bytes, which are not changed any more, the blob `digest`, durably.

        The caller has compared them with the digest. The file stays where it is; `None` where it
        cannot be taken, as from another file system.
        """


@runtime_checkable
class SignsUrls(Protocol):
    """A store that can send clients straight to the bytes."""

    async def find_url(self, key: BlobKey, lifetime: timedelta) -> str | None:
        """Where anybody can read the blob for so long, `None` where that is not wanted.

        The URL honours `Range`. Whether there are bytes behind it is not looked at.
        """


class GrowingCopy(Protocol):
    """A blob whose bytes are still arriving."""

    def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes from `start` on, as they arrive.

        Raises `BlobUnknown` before the last bytes where the blob's are not what they should be.
        """


@runtime_checkable
class LendsFiles(Protocol):
    """A store that makes files of its blobs for the HTTP server to send."""

    async def lend(self, key: BlobKey, digest: Digest, size: int) -> Path:
        """A file with all of the blob's bytes, which stays until the server has opened it.

        Raises `BlobUnknown` where the bytes are absent, or do not match the digest.
        """

    async def lend_early(self, key: BlobKey, digest: Digest, size: int) -> Path | GrowingCopy:
        """As `lend` where the file is here; else a copy that is read while it is made."""
