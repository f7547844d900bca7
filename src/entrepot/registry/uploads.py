"""Uploads: bytes that arrive in one go or in many, on one worker or on several, and become blobs.

An upload's hash never depends on one process. Each append stores the digest so far; a worker that
goes on where it left off keeps the hash's state in memory, one that takes over does not have it,
and then the staged bytes are read once more at the end.
"""

import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from entrepot.errors import (
    BodyCut,
    DigestMismatch,
    EntrepotError,
    OutOfOrder,
    RepositoryUnknown,
    Unavailable,
    UploadUnknown,
)
from entrepot.metadata import blobs, uploads
from entrepot.metadata.engine import Clock, Metadata, Transaction
from entrepot.metadata.repositories import Repository, Target, lock_by_id
from entrepot.metadata.uploads import Upload
from entrepot.oci.digests import EMPTY_JSON, EMPTY_JSON_DIGEST, Digest, Hasher, new_hasher
from entrepot.registry.quotas import charge
from entrepot.storage.protocols import BlobKey, StagedUpload, Storage, UploadId

_REMEMBERED: Final = 1024
_EXPIRED_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes to append; `start` is where the client believes that they belong, if it says so."""

    content: AsyncIterator[bytes]
    start: int | None = None


class Uploads:
    """Takes bytes and makes blobs of them."""

    def __init__(self, metadata: Metadata, storage: Storage, now: Clock) -> None:
        self._metadata = metadata
        self._storage = storage
        self._now = now
        self._hashers: OrderedDict[str, tuple[int, Hasher]] = OrderedDict()

    async def begin(self, target: Target, account_id: int | None, algorithm: str) -> Upload:
        """Begin an upload that belongs to this repository and this account."""
        new_hasher(algorithm)
        now = self._now()
        async with self._metadata.begin() as tx:
            repository = await target.ensure(tx, now)
            upload = Upload(_new_id(), repository.id, account_id, 0, algorithm, None)
            await uploads.insert_upload(tx, upload, now)
        return upload

    async def get(self, repository: Repository, account_id: int | None, upload_id: str) -> Upload:
        """The upload, where it is this repository's and this account's; else `UploadUnknown`."""
        found = await uploads.find_upload(self._metadata.reader, upload_id)
        if found is None or (found.repository_id, found.account_id) != (repository.id, account_id):
            raise UploadUnknown
        return found

    async def append(self, upload: Upload, chunk: Chunk) -> int:
        """Append a chunk and return the upload's new size; the bytes are durable.

        Raises `OutOfOrder` for a chunk that does not start where the upload ends. A body that is
        cut keeps what came before the cut, and raises what it was cut with.
        """
        _check_order(upload, chunk)
        hashing = self._hashing(upload, upload.algorithm)
        async with self._open(upload, hashing) as staged:
            try:
                async for run in chunk.content:
                    await staged.write(run)
            except BodyCut:
                await self._record(upload, staged, hashing)
                raise
            return await self._record(upload, staged, hashing)

    async def finish(self, upload: Upload, chunk: Chunk, digest: Digest) -> None:
        """Append the last chunk and make the upload the blob `digest` of its repository.

        `DigestMismatch` discards the upload; `OutOfOrder` and a cut body leave it as it was.
        """
        _check_order(upload, chunk)
        hashing = self._hashing(upload, digest.algorithm)
        async with self._open(upload, hashing) as staged:
            async for run in chunk.content:
                await staged.write(run)
            if not await _matches(staged, hashing, upload, digest):
                await self.cancel(upload)
                raise DigestMismatch(detail={"digest": str(digest)})
            key = await staged.commit(digest)
            now = self._now()
            # The bytes are durable under their name: only now may a row name them.
            async with self._metadata.begin() as tx:
                if not await lock_by_id(tx, upload.repository_id):
                    raise RepositoryUnknown
                await uploads.delete_upload(tx, upload.id)
                await self._insert(tx, digest, staged.size, key)
                await charge(tx, upload.repository_id, digest, staged.size)
                await blobs.link_blob(tx, upload.repository_id, digest, now)
        self._hashers.pop(upload.id, None)

    async def put(self, target: Target, content: AsyncIterator[bytes], digest: Digest) -> None:
        """Make a whole body the blob `digest`; nothing is left of one that does not match."""
        await self._take(target, content, digest.algorithm, digest)

    async def take(self, target: Target, content: AsyncIterator[bytes]) -> tuple[Digest, int]:
        """Make a whole body a blob, whatever its digest is; return that and the size in bytes."""
        return await self._take(target, content, "sha256", None)

    async def _take(
        self,
        target: Target,
        content: AsyncIterator[bytes],
        algorithm: str,
        expected: Digest | None,
    ) -> tuple[Digest, int]:
        upload_id = UploadId(_new_id())
        hasher = new_hasher(algorithm)
        try:
            async with self._storage.open(upload_id, hasher.update, is_new=True) as staged:
                async for run in content:
                    await staged.write(run)
                await staged.settle()
                digest = Digest.parse(f"{algorithm}:{hasher.hexdigest()}")
                if expected is not None and digest != expected:
                    raise DigestMismatch(detail={"digest": str(expected)})
                size = staged.size
                key = await staged.commit(digest)
                now = self._now()
                async with self._metadata.begin() as tx:
                    repository = await target.ensure(tx, now)
                    await self._insert(tx, digest, size, key)
                    await charge(tx, repository.id, digest, size)
                    await blobs.link_blob(tx, repository.id, digest, now)
        except EntrepotError:
            await self._storage.discard(upload_id)
            raise
        return digest, size

    async def ensure_empty_json(self) -> None:
        """Have the bytes of the empty descriptor, so that a manifest that names it can link it."""
        if await blobs.find_blob_anywhere(self._metadata.reader, EMPTY_JSON_DIGEST):
            return
        async with self._storage.open(UploadId(_new_id()), lambda _: None) as staged:
            await staged.write(EMPTY_JSON)
            key = await staged.commit(EMPTY_JSON_DIGEST)
        async with self._metadata.begin() as tx:
            await self._insert(tx, EMPTY_JSON_DIGEST, len(EMPTY_JSON), key)

    async def _insert(self, tx: Transaction, digest: Digest, size: int, key: BlobKey) -> None:
        """Name the bytes that were committed.

        The collector deletes bytes only under this lock, where no row names them. It leaves young
        ones; who stood still for all of the grace period between the commit and this looks again.
        A row that had another key is about to lose it: it is not the collector's meanwhile either.
        """
        known = await blobs.find_blob_anywhere(tx, digest)
        await blobs.lock_keys(tx, key, *([known.key] if known else []))
        if await self._storage.find_size(key) is None:
            raise Unavailable("the upload took too long to be recorded")
        await blobs.insert_blob(tx, digest, size, key, self._now())

    async def cancel(self, upload: Upload) -> None:
        """Forget the upload and its bytes; `UploadUnknown` where somebody was quicker."""
        async with self._metadata.begin() as tx:
            known = await uploads.delete_upload(tx, upload.id)
        await self._storage.discard(UploadId(upload.id))
        self._hashers.pop(upload.id, None)
        if not known:
            raise UploadUnknown

    async def expire(self, idle_for: timedelta) -> int:
        """Forget uploads that nobody touched for so long; say how many."""
        count = 0
        before = self._now() - idle_for
        while idle := await uploads.list_idle(self._metadata.reader, before, _EXPIRED_AT_ONCE):
            async with self._metadata.begin() as tx:
                for upload_id in idle:
                    await uploads.delete_upload(tx, upload_id)
            for upload_id in idle:
                await self._storage.discard(UploadId(upload_id))
            count += len(idle)
        return count + await self._discard_strays(before)

    async def _discard_strays(self, before: datetime) -> int:
        """Bytes that no row names: of whole-body pushes that were cut by a crash."""
        count = 0
        async for upload_id, touched_at in self._storage.list_uploads():
            if touched_at >= before:
                continue
            if await uploads.find_upload(self._metadata.reader, upload_id) is None:
                await self._storage.discard(upload_id)
                count += 1
        return count

    def _hashing(self, upload: Upload, algorithm: str) -> "_Hashing":
        """Go on with the hash that this worker has, or begin one; else have none."""
        if upload.size == 0:
            return _Hashing(new_hasher(algorithm))
        held = self._hashers.get(upload.id)
        if held is not None and held[0] == upload.size and algorithm == upload.algorithm:
            # A copy: a request that fails must not leave its bytes in the state that is kept.
            return _Hashing(held[1].copy())
        return _Hashing(None)

    @asynccontextmanager
    async def _open(self, upload: Upload, hashing: "_Hashing") -> AsyncIterator[StagedUpload]:
        """Open the upload for this request alone, where nobody changed it meanwhile."""
        upload_id = UploadId(upload.id)
        is_new = upload.size == 0
        async with self._storage.open(upload_id, hashing.update, is_new=is_new) as staged:
            there = await uploads.find_upload(self._metadata.reader, upload.id)
            if there is None:
                await self._storage.discard(upload_id)
                raise UploadUnknown
            if there.size != upload.size:
                raise OutOfOrder(there.size)
            await staged.start_at(upload.size)
            yield staged

    async def _record(self, upload: Upload, staged: StagedUpload, hashing: "_Hashing") -> int:
        await staged.sync()
        async with self._metadata.begin() as tx:
            grown = await uploads.advance_upload(tx, upload, staged.size, hashing.hex, self._now())
            if not grown:
                raise OutOfOrder(upload.size)
        self._remember(upload.id, staged.size, hashing)
        return staged.size

    def _remember(self, upload_id: str, size: int, hashing: "_Hashing") -> None:
        if hashing.hasher is None:
            self._hashers.pop(upload_id, None)
            return
        self._hashers[upload_id] = (size, hashing.hasher)
        self._hashers.move_to_end(upload_id)
        if len(self._hashers) > _REMEMBERED:
            self._hashers.popitem(last=False)


class _Hashing:
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


async def _matches(staged: StagedUpload, hashing: _Hashing, upload: Upload, digest: Digest) -> bool:
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


def _check_order(upload: Upload, chunk: Chunk) -> None:
    if chunk.start is not None and chunk.start != upload.size:
        raise OutOfOrder(upload.size)


def _new_id() -> str:
    return secrets.token_hex(16)
