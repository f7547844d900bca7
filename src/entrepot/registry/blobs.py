"""Blobs of a repository: found, mounted, unlinked."""

from collections.abc import AsyncIterator

from entrepot.errors import BlobUnknown
from entrepot.metadata import blobs
from entrepot.metadata.blobs import Holder, StoredBlob
from entrepot.metadata.engine import Clock, Metadata
from entrepot.metadata.repositories import Repository, Target, lock_repository
from entrepot.oci.digests import Digest
from entrepot.storage.protocols import BlobKey, Storage

HOLDERS_LOOKED_AT = 100
"""Repositories asked about at most when a blob is mounted from nowhere in particular."""


class Blobs:
    """What a repository holds."""

    def __init__(self, metadata: Metadata, storage: Storage, now: Clock) -> None:
        self._metadata = metadata
        self._storage = storage
        self._now = now

    async def get(self, repository: Repository, digest: Digest) -> StoredBlob:
        """The blob, where this repository holds it; else `BlobUnknown`."""
        found = await blobs.find_blob(self._metadata.reader, repository, digest)
        if found is None:
            raise BlobUnknown(detail={"digest": str(digest)})
        return found

    def read(self, blob: StoredBlob, start: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes of the blob from `start` on."""
        return self._storage.read(BlobKey(blob.key), start, length)

    async def unlink(self, repository: Repository, digest: Digest) -> None:
        """Take the blob out of this repository only; `BlobUnknown` where it was not in it."""
        async with self._metadata.begin() as tx:
            await lock_repository(tx, repository)
            if not await blobs.unlink_blob(tx, repository.id, digest):
                raise BlobUnknown(detail={"digest": str(digest)})

    async def mount(self, target: Target, source: Repository, digest: Digest) -> bool:
        """Link a blob that `source` holds into the target; `False` where it holds none."""
        now = self._now()
        async with self._metadata.begin() as tx:
            if not await blobs.is_linked(tx, source.id, digest):
                return False
            repository = await target.ensure(tx, now)
            await blobs.link_blob(tx, repository.id, digest, now)
        return True

    async def mount_from_holder(self, target: Target, holder: Holder, digest: Digest) -> bool:
        """As `mount`, from a holder that `list_holders` named."""
        now = self._now()
        async with self._metadata.begin() as tx:
            if not await blobs.is_linked(tx, holder.repository_id, digest):
                return False
            repository = await target.ensure(tx, now)
            await blobs.link_blob(tx, repository.id, digest, now)
        return True

    async def list_holders(self, digest: Digest) -> list[Holder]:
        """Repositories that hold the blob; which of them may be told is for the caller to ask."""
        return await blobs.list_holders(self._metadata.reader, digest, HOLDERS_LOOKED_AT)
