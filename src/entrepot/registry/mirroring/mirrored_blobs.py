"""Blobs of mirrors: those that are here, and those that arrive while they are read."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from entrepot.errors import (
    BlobUnknown,
    EntrepotError,
    ManifestUnknown,
    TooMany,
    UpstreamFailed,
)
from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.events import jobs
from entrepot.metadata.registry import blobs, mirrors
from entrepot.model.blobs import StoredBlob
from entrepot.model.mirrors import MirroredName
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.registry.mirroring.fetches import BlobSource, Fetch, Fetches, Part, source_key
from entrepot.registry.mirroring.mirror_decisions import CacheState, decide
from entrepot.registry.mirroring.mirrors import check_allowed, push_target, refuse
from entrepot.registry.mirroring.upstreams import Upstreams
from entrepot.registry.uploads import Uploads
from entrepot.storage.protocols import BlobKey

_log = logging.getLogger(__name__)

NEAR: Final = 8 * 1024 * 1024
"""Bytes past what has arrived up to which a part is waited for; others are fetched apart."""
_LISTED: Final = 20


class MirroredBlobs:
    """Blobs of the repositories of mirrors."""

    def __init__(
        self,
        metadata: Metadata,
        uploads: Uploads,
        upstreams: Upstreams,
        fetches: Fetches,
        now: Clock,
    ) -> None:
        self._metadata = metadata
        self._uploads = uploads
        self._upstreams = upstreams
        self._fetches = fetches
        self._now = now

    async def find(self, repository: Repository | None, digest: Digest) -> StoredBlob | None:
        """The blob, where it is here."""
        if repository is None:
            return None
        return await blobs.find_blob(self._metadata.reader, repository.id, digest)

    async def find_size(
        self, asked: MirroredName, repository: Repository | None, digest: Digest
    ) -> int:
        """The size in bytes of a blob that is not here, from a manifest or else the upstream.

        Raises `BlobUnknown` where neither knows it.
        """
        self._check(asked)
        size = await self._size_in_manifests(repository, digest)
        if size is None:
            size = await self._upstreams.find_blob_size(asked, digest)
        if size is None:
            raise BlobUnknown(f"{asked.mirror.name} has no blob {digest}")
        return size

    async def open(
        self, asked: MirroredName, repository: Repository | None, digest: Digest
    ) -> "StoredBlob | Fetch":
        """The blob where it is here by now, else the fetch that brings it."""
        self._check(asked)
        if await self._link_known(asked, repository, digest):
            found = await self._find_by_name(asked, digest)
            if found is not None:
                return found
        return self._fetches.join(self._source(asked, repository, digest))

    async def wait_for_size(self, asked: MirroredName, fetch: Fetch) -> int:
        """The size in bytes of a blob that arrives; raises what the upstream said instead."""
        try:
            return await fetch.wait_for_size()
        except (UpstreamFailed, TooMany) as error:
            await self._upstreams.note_failure(asked.mirror, error)
            raise

    def read(
        self, asked: MirroredName, fetch: Fetch, digest: Digest, first: int, length: int
    ) -> AsyncIterator[bytes] | None:
        """Some bytes of a blob that arrives; `None` where it is here by now.

        Bytes far behind those that have arrived are asked for by themselves.
        """
        if fetch.descriptor >= 0 and first > fetch.received + NEAR:
            return self._read_apart(asked, digest, first, length)
        return fetch.open_reader(first, length)

    async def _read_apart(
        self, asked: MirroredName, digest: Digest, first: int, length: int
    ) -> AsyncIterator[bytes]:
        last = first + length - 1
        try:
            async with self._upstreams.open_blob(asked, digest, first, None, last) as part:
                if part.start != first:
                    return
                async for run in part.runs:
                    yield run
        except EntrepotError as error:  # the answer has begun: it ends short of its length
            _log.warning("fetch cut", extra={"reason": error.message})

    async def get_by_name(self, asked: MirroredName, digest: Digest) -> StoredBlob:
        """The blob that has arrived; else `BlobUnknown`."""
        found = await self._find_by_name(asked, digest)
        if found is None:
            raise BlobUnknown(detail={"digest": str(digest)})
        return found

    def _check(self, asked: MirroredName) -> None:
        state = CacheState(is_cached=False, is_digest=True)
        try:
            refuse(decide(asked.mirror, state, self._now()), asked.mirror, self._now())
        except ManifestUnknown as error:
            raise BlobUnknown(error.message) from error
        check_allowed(asked)

    async def _link_known(
        self, asked: MirroredName, repository: Repository | None, digest: Digest
    ) -> bool:
        """Link a blob that another repository holds, where the upstream's has it too.

        Without that proof, a guessed digest would read what somebody else pushed.
        """
        known = await blobs.find_blob_anywhere(self._metadata.reader, digest)
        if known is None:
            return False
        size = await self._upstreams.find_blob_size(asked, digest)
        if size is None:
            raise BlobUnknown(f"{asked.mirror.name} has no blob {digest}")
        target = push_target(asked, repository)
        await self._uploads.adopt(target, digest, known.size, BlobKey(known.key))
        await self._index(asked, digest)
        return True

    async def _find_by_name(self, asked: MirroredName, digest: Digest) -> StoredBlob | None:
        reader = self._metadata.reader
        return await self.find(await repositories.find_repository(reader, asked.name), digest)

    def _source(
        self, asked: MirroredName, repository: Repository | None, digest: Digest
    ) -> BlobSource:
        async def is_recorded() -> bool:
            return await self._find_by_name(asked, digest) is not None

        async def record(size: int, key: BlobKey) -> None:
            found = await repositories.find_repository(self._metadata.reader, asked.name)
            await self._uploads.adopt(push_target(asked, found), digest, size, key)
            await self._index(asked, digest)

        async def parts(start: int) -> AsyncIterator[Part]:
            size = await self._size_in_manifests(repository, digest)
            async with self._upstreams.open_blob(asked, digest, start, size) as part:
                yield part

        return BlobSource(
            key=source_key(asked.name.text, digest),
            name=asked.mirror.name,
            digest=digest,
            open=asynccontextmanager(parts),
            is_recorded=is_recorded,
            record=record,
        )

    async def _size_in_manifests(self, repository: Repository | None, digest: Digest) -> int | None:
        """The size that a cached manifest says the blob has."""
        if repository is None:
            return None
        listed = await mirrors.list_manifests_of_blob(
            self._metadata.reader, repository.id, str(digest), 1
        )
        return next((size for _, text in listed if (size := _size_in(text, digest))), None)

    async def _index(self, asked: MirroredName, digest: Digest) -> None:
        """Have manifests read whose last blob has arrived."""
        reader = self._metadata.reader
        repository = await repositories.find_repository(reader, asked.name)
        if repository is None:
            return
        listed = await mirrors.list_manifests_of_blob(reader, repository.id, str(digest), _LISTED)
        for manifest_id, _ in listed:
            if await mirrors.count_lacking(reader, repository.id, manifest_id) == 0:
                async with self._metadata.begin() as tx:
                    await jobs.add_job(tx, jobs.INDEX, str(manifest_id), self._now())


def _size_in(content: bytes, digest: Digest) -> int | None:
    """The size of the blob's descriptor in a manifest that was parsed when it was stored."""
    manifest = json.loads(content)
    described = [manifest.get("config"), *manifest.get("layers", []), *manifest.get("blobs", [])]
    described += manifest.get("manifests", [])
    for each in described:
        if isinstance(each, dict) and each.get("digest") == str(digest):
            size = each.get("size")
            return size if isinstance(size, int) else None
    return None
