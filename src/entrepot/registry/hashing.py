"""The hash of an upload's bytes, as they pass or read once more."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Final

from entrepot.errors import DigestMismatch
from entrepot.model.uploads import Upload
from entrepot.oci.digests import Digest, Hasher, new_hasher
from entrepot.storage.protocols import BlobKey, StagedUpload

_REMEMBERED: Final = 1024


class Hashing:
    """The hash of an upload's bytes as they pass, where this worker knows the hash so far."""

    def __init__(self, hasher: Hasher | None) -> None:
        self.hasher = hasher

    @property
    def hex(self) -> str | None:
        """The hash so far."""
        return None if self.hasher is None else self.hasher.hexdigest()

    def update(self, run: bytes | memoryview) -> None:
        """Add bytes; called on the storage's threads, one at a time."""
        if self.hasher is not None:
            self.hasher.update(run)


class Hashings:
    """The hashes of uploads that this worker took bytes of; the latest ones are remembered."""

    def __init__(self) -> None:
        self._hashers: OrderedDict[str, tuple[int, Hasher]] = OrderedDict()

    def find(self, upload: Upload, algorithm: str) -> Hashing:
        """Go on with the hash that this worker has, or begin one; else have none."""
        if upload.size == 0:
            return Hashing(new_hasher(algorithm))
        held = self._hashers.get(upload.id)
        if held is not None and held[0] == upload.size and algorithm == upload.algorithm:
            # A copy: a request that fails must not leave its bytes in the state that is kept.
            return Hashing(held[1].copy())
        return Hashing(None)

    def keep(self, upload_id: str, size: int, hashing: Hashing) -> None:
        """Remember the hash of the upload's first `size` bytes, where it is known."""
        self.forget(upload_id)
        if hashing.hasher is None:
            return
        self._hashers[upload_id] = (size, hashing.hasher)
        if len(self._hashers) > _REMEMBERED:
            self._hashers.popitem(last=False)

    def forget(self, upload_id: str) -> None:
        """Forget the hash of an upload that ended."""
        self._hashers.pop(upload_id, None)


async def is_of(content: AsyncIterator[bytes], digest: Digest) -> bool:
    """Say whether the bytes are those of the digest; they are kept nowhere."""
    hasher = new_hasher(digest.algorithm)
    async for run in content:
        hasher.update(run)
    return hasher.hexdigest() == digest.hex


async def commit(staged: StagedUpload, hashing: Hashing, upload: Upload, digest: Digest) -> BlobKey:
    """Make the staged bytes the blob of the digest; raise `DigestMismatch` where they are not."""
    if hashing.hasher is not None:
        return await staged.commit(digest, lambda: hashing.hex == digest.hex)
    if not await _matches(staged, upload, digest):
        raise DigestMismatch(detail={"digest": str(digest)})
    return await staged.commit(digest)


async def _matches(staged: StagedUpload, upload: Upload, digest: Digest) -> bool:
    """Say whether staged bytes that another worker hashed are those of the digest."""
    await staged.settle()
    if staged.size == upload.size and upload.algorithm == digest.algorithm and upload.hash_so_far:
        return upload.hash_so_far == digest.hex
    await staged.sync()
    hasher = new_hasher(digest.algorithm)
    async for run in staged.read():
        hasher.update(run)
    return hasher.hexdigest() == digest.hex
