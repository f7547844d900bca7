"""Blobs of a repository: found, mounted, unlinked."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from entrepot.errors import BlobUnknown, OutOfSpace, Unavailable
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.registry import blobs
from entrepot.metadata.repositories import PushTarget, lock_repository
from entrepot.model.blobs import Holder, StoredBlob
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.registry.quotas import charge, release
from entrepot.storage.protocols import (
    BlobKey,
    GrowingCopy,
    HasPaths,
    LendsFiles,
    SignsUrls,
    Storage,
)

HOLDERS_LOOKED_AT: Final = 100
"""Repositories asked about at most when a blob is mounted from nowhere in particular."""
SMALL: Final = 64 * 1024
"""Bytes up to which a blob may be kept in memory: configs, charts, signatures."""
READ_WHOLE: Final = 8 * 1024 * 1024
"""Bytes up to which an answer is read into memory where the storage has no files."""
_URL_LASTS: Final = timedelta(minutes=20)
_SMALL_IN_ALL: Final = 16 * 1024 * 1024


class Blobs:
    """The blobs of repositories."""

    def __init__(
        self,
        metadata: Metadata,
        storage: Storage,
        now: Clock,
        grace: timedelta = timedelta(hours=24),
    ) -> None:
        self._metadata = metadata
        self._storage = storage
        # Decided once: asking a protocol costs as much as half a request.
        self._paths = storage if isinstance(storage, HasPaths) else None
        self._lender = storage if isinstance(storage, LendsFiles) else None
        self._signer = storage if isinstance(storage, SignsUrls) else None
        self._now = now
        self._renew_after = grace / 10
        self._small: OrderedDict[str, bytes] = OrderedDict()
        self._small_size = 0

    async def get(self, repository: Repository, digest: Digest) -> StoredBlob:
        """The blob, where this repository holds it; else `BlobUnknown`."""
        found = await blobs.find_blob(self._metadata.reader, repository.id, digest)
        if found is None:
            raise BlobUnknown(detail={"digest": str(digest)})
        return found

    async def hold(self, repository: Repository, digest: Digest) -> StoredBlob:
        """As `get`, and keep the blob for a client that is told so and will not push it.

        What nothing names is collected when its link is older than the grace period. Links younger
        than a tenth of that are left alone, so asking often does not write often; nine tenths of
        the period are left to the caller. `BlobUnknown` where the collector was quicker.
        """
        found = await blobs.find_with_link(self._metadata.reader, repository.id, digest)
        if found is None:
            raise BlobUnknown(detail={"digest": str(digest)})
        blob, linked_at = found
        now = self._now()
        if linked_at > now - self._renew_after:
            return blob
        try:
            async with self._metadata.begin() as tx:
                renewed = await blobs.renew_link(tx, repository.id, digest, now)
        except (OutOfSpace, Unavailable):
            # Who may push reads too, and a full disk must end no reading. A push ends there anyway.
            return blob
        if not renewed:
            raise BlobUnknown(detail={"digest": str(digest)})
        return blob

    def read(self, blob: StoredBlob, start: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes of the blob from `start` on."""
        return self._storage.read(BlobKey(blob.key), start, length)

    def path_of(self, blob: StoredBlob) -> Path | None:
        """The file that holds the blob, `None` where the storage has no files.

        Raises `BlobUnknown` where it is not there whole: better no answer than a wrong one, and a
        client that is told so pushes the blob again, which heals it.
        """
        if self._paths is None:
            return None
        path = self._paths.path_of(BlobKey(blob.key))
        try:
            whole = path.stat().st_size == blob.size
        except OSError:
            whole = False
        if not whole:
            raise BlobUnknown("the blob is damaged", {"digest": blob.digest})
        return path

    async def find_file(self, blob: StoredBlob) -> Path | GrowingCopy | None:
        """A file that holds the blob: its own, or a copy of the storage's; `None` without.

        Raises `BlobUnknown` as `path_of` does.
        """
        if self._lender is None:
            return self.path_of(blob)
        digest = Digest.parse(blob.digest)
        return await self._lender.lend_early(BlobKey(blob.key), digest, blob.size)

    async def find_url(self, blob: StoredBlob) -> str | None:
        """Where the storage itself hands out the blob, `None` where it does not."""
        if self._signer is None or blob.size <= READ_WHOLE:
            return None
        return await self._signer.find_url(BlobKey(blob.key), _URL_LASTS)

    async def find_part(self, blob: StoredBlob, start: int, length: int) -> bytes | None:
        """A part of the blob that fits into memory, `None` where it is large or files are there.

        Raises `BlobUnknown` where its bytes are absent, or all of them and not what they should be.
        """
        if length > READ_WHOLE or self._paths is not None:
            return None
        content = b"".join([run async for run in self.read(blob, start, length)])
        digest = Digest.parse(blob.digest)
        is_whole = length == blob.size
        if len(content) != length or (is_whole and Digest.of(content, digest.algorithm) != digest):
            raise BlobUnknown("the blob is damaged", {"digest": blob.digest})
        return content

    async def ensure_whole(self, blob: StoredBlob) -> None:
        """Raise `BlobUnknown` where there are not as many bytes as there should be."""
        if self._paths is not None:
            self.path_of(blob)
        elif await self._storage.find_size(BlobKey(blob.key)) != blob.size:
            raise BlobUnknown("the blob is damaged", {"digest": blob.digest})

    async def find_small(self, blob: StoredBlob) -> bytes | None:
        """The bytes of a small blob, kept in memory once they were read and found right."""
        if blob.size > SMALL:
            return None
        held = self._small.get(blob.digest)
        if held is not None:
            self._small.move_to_end(blob.digest)
            return held
        content = b"".join([run async for run in self._storage.read(BlobKey(blob.key))])
        digest = Digest.parse(blob.digest)
        if Digest.of(content, digest.algorithm) != digest:
            raise BlobUnknown("the blob is damaged", {"digest": blob.digest})
        self._keep(blob.digest, content)
        return content

    def _keep(self, digest: str, content: bytes) -> None:
        if digest in self._small:
            return
        self._small[digest] = content
        self._small_size += len(content)
        while self._small_size > _SMALL_IN_ALL:
            _, dropped = self._small.popitem(last=False)
            self._small_size -= len(dropped)

    async def unlink(self, repository: Repository, digest: Digest) -> None:
        """Take the blob out of this repository only; `BlobUnknown` where it was not in it."""
        async with self._metadata.begin() as tx:
            await lock_repository(tx, repository)
            if not await blobs.unlink_blob(tx, repository.id, digest):
                raise BlobUnknown(detail={"digest": str(digest)})
            await release(tx, repository.id, [str(digest)])

    async def mount(self, target: PushTarget, source: Repository, digest: Digest) -> bool:
        """Link a blob that `source` holds into the target; `False` where it holds none."""
        return await self._link_from(source.id, target, digest)

    async def mount_from_holder(self, target: PushTarget, holder: Holder, digest: Digest) -> bool:
        """As `mount`, from a holder that `list_holders` named."""
        return await self._link_from(holder.repository_id, target, digest)

    async def list_holders(self, digest: Digest) -> list[Holder]:
        """Repositories that hold the blob; which of them may be told is for the caller to ask."""
        return await blobs.list_holders(self._metadata.reader, digest, HOLDERS_LOOKED_AT)

    async def _link_from(self, source_id: int, target: PushTarget, digest: Digest) -> bool:
        found = await blobs.find_blob(self._metadata.reader, source_id, digest)
        if found is None:
            return False
        try:
            await self._link(source_id, target, digest, found)
        except BlobUnknown:
            return False
        return True

    async def _link(
        self, source_id: int, target: PushTarget, digest: Digest, found: StoredBlob
    ) -> None:
        now = self._now()
        async with self._metadata.begin() as tx:
            repository = await target.ensure(tx, now)
            # Else the source's link may go, and the row after it, before this link is there.
            await blobs.lock_keys(tx, found.key)
            if not await blobs.is_linked(tx, source_id, digest):
                raise BlobUnknown
            await charge(tx, repository.id, digest, found.size)
            await blobs.link_blob(tx, repository.id, digest, now)
