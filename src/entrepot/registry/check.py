"""Checks that every row has its bytes, and that every byte hashes right."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from entrepot.errors import EntrepotError
from entrepot.metadata import blobs, manifests
from entrepot.metadata.blobs import StoredBlob
from entrepot.metadata.engine import Metadata
from entrepot.oci.digests import Digest, new_hasher
from entrepot.storage.protocols import BlobKey, Storage

_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing looked at; `problem` is `None` when it is right."""

    what: str
    digest: str
    size: int
    problem: str | None


class Check:
    """Looks at everything that is stored, while others go on."""

    def __init__(self, metadata: Metadata, storage: Storage) -> None:
        self._metadata = metadata
        self._storage = storage

    async def count(self) -> int:
        """How many things `run` will look at, about."""
        reader = self._metadata.reader
        return await manifests.count_all(reader) + await blobs.count_all(reader)

    async def run(self) -> AsyncIterator[Checked]:
        """Every manifest, then every blob, as each has been looked at."""
        async for checked in self._manifests():
            yield checked
        async for checked in self._blobs():
            yield checked

    async def _manifests(self) -> AsyncIterator[Checked]:
        after = 0
        while rows := await manifests.list_stored(self._metadata.reader, after, _ROWS):
            for stored, _ in rows:
                after = stored.id
                digest = Digest.parse(stored.digest)
                right = Digest.of(stored.content, digest.algorithm) == digest
                size_right = len(stored.content) == stored.size
                problem = None if right and size_right else "the bytes do not match the digest"
                yield Checked("manifest", stored.digest, stored.size, problem)

    async def _blobs(self) -> AsyncIterator[Checked]:
        last = ""
        while rows := await blobs.list_blobs(self._metadata.reader, last, _ROWS):
            for blob in rows:
                last = blob.digest
                yield Checked("blob", blob.digest, blob.size, await self._problem_of(blob))

    async def _problem_of(self, blob: StoredBlob) -> str | None:
        key = BlobKey(blob.key)
        size = await self._storage.find_size(key)
        if size is None:
            return "the bytes are missing"
        if size != blob.size:
            return f"there are {size} bytes instead of {blob.size}"
        digest = Digest.parse(blob.digest)
        hasher = new_hasher(digest.algorithm)
        try:
            async for run in self._storage.read(key):
                hasher.update(run)
        except EntrepotError as error:
            return str(error)
        return None if hasher.hexdigest() == digest.hex else "the bytes do not match the digest"
