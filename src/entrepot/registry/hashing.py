"""The hash of an upload's bytes, as they pass or read once more."""

from collections.abc import AsyncIterator

from entrepot.model.uploads import Upload
from entrepot.oci.digests import Digest, Hasher, new_hasher
from entrepot.storage.protocols import StagedUpload


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


async def is_of(content: AsyncIterator[bytes], digest: Digest) -> bool:
    """Say whether the bytes are those of the digest; they are kept nowhere."""
    hasher = new_hasher(digest.algorithm)
    async for run in content:
        hasher.update(run)
    return hasher.hexdigest() == digest.hex


async def matches(staged: StagedUpload, hashing: Hashing, upload: Upload, digest: Digest) -> bool:
    """Say whether the staged bytes are those of the digest; they are read where need be."""
    await staged.settle()
    if hashing.hex is not None:
        return hashing.hex == digest.hex
    if staged.size == upload.size and upload.algorithm == digest.algorithm and upload.hash_so_far:
        return upload.hash_so_far == digest.hex
    await staged.sync()
    hasher = new_hasher(digest.algorithm)
    async for run in staged.read():
        hasher.update(run)
    return hasher.hexdigest() == digest.hex
