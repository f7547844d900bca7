"""Checks that every row has its bytes, and that every byte hashes right."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from entrepot.errors import EntrepotError
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import blobs, manifests
from entrepot.model.blobs import StoredBlob
from entrepot.oci.digests import Digest
from entrepot.registry.maintenance.integrity import OTHERS, find_damage
from entrepot.storage.protocols import Storage

_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing looked at; `problem` is `None` when it is right."""

    what: str
    digest: str
    size: int
    problem: str | None


class IntegrityCheck:
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
                problem = None if right and size_right else OTHERS
                yield Checked("manifest", stored.digest, stored.size, problem)

    async def _blobs(self) -> AsyncIterator[Checked]:
        last = ""
        while rows := await blobs.list_blobs(self._metadata.reader, last, _ROWS):
            for blob in rows:
                last = blob.digest
                yield Checked("blob", blob.digest, blob.size, await self._problem_of(blob))

    async def _problem_of(self, blob: StoredBlob) -> str | None:
        try:
            problem = await find_damage(self._storage, blob)
        except EntrepotError as error:
            problem = str(error)
        if problem is None:
            return None
        # Since the page was read, the collector may have freed it, or a push replaced its bytes.
        now = await blobs.find_blob_anywhere(self._metadata.reader, Digest.parse(blob.digest))
        if now is None:
            return None
        return problem if now == blob else await self._problem_of(now)
