"""Uploads: bytes that arrive in one go or in many, on one worker or on several, and become blobs.

An upload's hash never depends on one process. Each append stores the digest so far; a worker that
goes on where it left off keeps the hash's state in memory, one that takes over does not have it,
and then the staged bytes are read once more at the end.
"""

import secrets
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
    QuotaExceeded,
    RepositoryUnknown,
    TooMany,
    Unavailable,
    UploadUnknown,
)
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.registry import blobs, policies, reservations, uploads
from entrepot.metadata.repositories import PushTarget
from entrepot.model.blobs import StoredBlob
from entrepot.model.repositories import Repository
from entrepot.model.uploads import Upload
from entrepot.oci.digests import EMPTY_JSON, EMPTY_JSON_DIGEST, Digest, new_hasher
from entrepot.registry.hashing import Hashing, Hashings, commit, is_of
from entrepot.registry.quotas import Quotas, Reservation, charge, give_back
from entrepot.storage.protocols import BlobKey, StagedUpload, Storage, UploadId

MOST_UNFINISHED: Final = 1000
"""The most open uploads of one account; of anonymous ones, in one repository."""
_EXPIRED_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes to append; `start` is where the client believes that they belong, if it says so."""

    content: AsyncIterator[bytes]
    start: int | None = None
    announced: int | None = None
    """How many bytes there are, where the client says so."""


class Uploads:
    """Takes bytes and makes blobs of them."""

    def __init__(self, metadata: Metadata, storage: Storage, now: Clock) -> None:
        self._metadata = metadata
        self._storage = storage
        self._now = now
        self._hashings = Hashings()

    async def begin(
        self,
        target: PushTarget,
        account_id: int | None,
        algorithm: str,
        *,
        needs_room: bool = False,
    ) -> Upload:
        """Begin an upload that belongs to this repository and this account.

        Raises `TooMany` where too many of the account's are unfinished, and `QuotaExceeded` where
        it `needs_room` and the namespace has none for a single byte.
        """
        new_hasher(algorithm)
        now, found = self._now(), target.found
        if found is not None:
            upload = Upload(_new_id(), found.id, account_id, 0, algorithm, None)
            async with self._metadata.begin() as tx:
                if await uploads.begin_upload(tx, upload, MOST_UNFINISHED, now):
                    return upload
        room = await Quotas(self._metadata).find_room(target.namespace_id)
        if needs_room:
            room.check(0)
        limited = room.quota.namespace_id if room.quota else None
        async with self._metadata.begin() as tx:
            repository = await target.ensure(tx, now)
            if await uploads.count_uploads(tx, account_id, repository.id) >= MOST_UNFINISHED:
                raise TooMany(
                    f"the limit of {MOST_UNFINISHED} unfinished uploads is reached: finish or "
                    "cancel one"
                )
            upload = Upload(_new_id(), repository.id, account_id, 0, algorithm, None, limited)
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
        cut keeps what came before the cut, and raises what it was cut with. `QuotaExceeded`
        discards the upload.
        """
        _check_order(upload, chunk)
        hashing = self._hashings.find(upload, upload.algorithm)
        room = Reservation(self._metadata, upload.id, upload.limited_namespace_id, self._now)
        try:
            async with self._open(upload, hashing) as staged:
                try:
                    await _receive(staged, room, chunk)
                except BodyCut:
                    await self._record(upload, staged, hashing, room)
                    raise
                return await self._record(upload, staged, hashing, room)
        except QuotaExceeded:
            await self.cancel(upload)
            raise

    async def finish(self, upload: Upload, chunk: Chunk, digest: Digest) -> None:
        """Append the last chunk and make the upload the blob `digest` of its repository.

        `DigestMismatch` and `QuotaExceeded` discard the upload; `OutOfOrder` and a cut body leave
        it as it was.
        """
        _check_order(upload, chunk)
        hashing = self._hashings.find(upload, digest.algorithm)
        room = Reservation(self._metadata, upload.id, upload.limited_namespace_id, self._now)
        held = await self._find_held(room.namespace_id, digest) if upload.size == 0 else None
        if held is not None:
            await self._finish_held(upload, chunk, digest, held)
            return
        try:
            async with self._open(upload, hashing) as staged:
                await _receive(staged, room, chunk)
                key = await commit(staged, hashing, upload, digest)
                await self._end(upload, digest, staged.size, key, upload.id)
        except (DigestMismatch, QuotaExceeded):
            await self.cancel(upload)
            raise
        self._hashings.forget(upload.id)

    async def _end(
        self, upload: Upload, digest: Digest, size: int, key: BlobKey, reserved_by: str = ""
    ) -> None:
        """End the upload, and name its bytes; raise where it, or its repository, is gone."""
        try:
            async with self._unless_refused(digest, key), self._metadata.begin() as tx:
                await self._name(tx, upload.repository_id, digest, size, key, reserved_by)
                # Another request may have ended it while this one sent its bytes.
                if not await uploads.delete_upload(tx, upload.id):
                    raise UploadUnknown
        except (RepositoryUnknown, UploadUnknown) as error:
            await self._discard(upload.id)
            raise UploadUnknown from error

    async def _name(
        self,
        tx: Transaction,
        repository_id: int,
        digest: Digest,
        size: int,
        key: BlobKey,
        reserved_by: str = "",
    ) -> None:
        """Make bytes that are durable under their key a blob of the repository, which is locked.

        Raises `RepositoryUnknown`, and `QuotaExceeded` where `reserved_by` has reserved no room.
        """
        locked = await policies.lock_for_blob(tx, repository_id, digest)
        if locked is None:
            raise RepositoryUnknown
        is_limited, known_key = locked
        await self._insert(tx, digest, size, key, known_key)
        if is_limited:
            await charge(tx, repository_id, digest, size, reserved_by)
        await blobs.link_blob(tx, repository_id, digest, self._now())

    @asynccontextmanager
    async def _unless_refused(self, digest: Digest, key: BlobKey) -> AsyncIterator[None]:
        """Leave no bytes that were committed for nothing: the limit fell while they arrived."""
        try:
            yield
        except QuotaExceeded:
            # As the collector does: a concurrent commit of the same bytes looks again.
            async with self._metadata.begin() as tx:
                await blobs.lock_keys(tx, key)
                named = await blobs.find_blob_anywhere(tx, digest)
                if named is None or named.key != key:
                    await self._storage.delete(key)
            raise

    async def _find_held(self, namespace_id: int | None, digest: Digest) -> StoredBlob | None:
        """The blob, where the namespace has it and no room to stage it once more."""
        if namespace_id is None:
            return None
        quota = await policies.find_quota(self._metadata.reader, namespace_id, digest)
        if quota is None or not quota.holds:
            return None
        found = await blobs.find_blob_anywhere(self._metadata.reader, digest)
        return found if found is not None and found.size > quota.free else None

    async def _finish_held(
        self, upload: Upload, chunk: Chunk, digest: Digest, held: StoredBlob
    ) -> None:
        """Link what the namespace has, for the client has sent the same; nothing is staged."""
        if not await is_of(chunk.content, digest):
            await self.cancel(upload)
            raise DigestMismatch(detail={"digest": str(digest)})
        await self._end(upload, digest, held.size, BlobKey(held.key))
        await self._discard(upload.id)

    async def put(
        self,
        target: PushTarget,
        content: AsyncIterator[bytes],
        digest: Digest,
        announced: int | None = None,
    ) -> None:
        """Make a whole body the blob `digest`; nothing is left of one that is refused."""
        chunk = Chunk(content, announced=announced)
        held = await self._find_held(target.namespace_id, digest)
        if held is None:
            await self._take(target, chunk, digest.algorithm, digest)
            return
        if not await is_of(chunk.content, digest):
            raise DigestMismatch(detail={"digest": str(digest)})
        async with self._metadata.begin() as tx:
            found = target.found or await target.ensure(tx, self._now())
            await self._name(tx, found.id, digest, held.size, BlobKey(held.key))

    async def take(self, target: PushTarget, content: AsyncIterator[bytes]) -> tuple[Digest, int]:
        """Store a whole body as a blob; return its digest and its size in bytes."""
        return await self._take(target, Chunk(content), "sha256", None)

    async def _take(
        self, target: PushTarget, chunk: Chunk, algorithm: str, expected: Digest | None
    ) -> tuple[Digest, int]:
        upload_id = UploadId(_new_id())
        room = Reservation(self._metadata, upload_id, await self._limited(target), self._now)
        hasher = new_hasher(algorithm)

        def is_right() -> bool:
            return expected is None or hasher.hexdigest() == expected.hex

        try:
            async with self._storage.open(upload_id, hasher.update, is_new=True) as staged:
                await _receive(staged, room, chunk)
                if expected is None:
                    await staged.settle()
                digest = expected or Digest.parse(f"{algorithm}:{hasher.hexdigest()}")
                size = staged.size
                key = await staged.commit(digest, is_right)
                async with self._unless_refused(digest, key), self._metadata.begin() as tx:
                    found = target.found or await target.ensure(tx, self._now())
                    await self._name(tx, found.id, digest, size, key, upload_id)
        except EntrepotError:
            await self._storage.discard(upload_id)
            if room.namespace_id is not None:
                await room.release()
            raise
        return digest, size

    async def adopt(self, target: PushTarget, digest: Digest, size: int, key: BlobKey) -> None:
        """Make bytes that were committed under `key` the blob `digest` of the repository."""
        async with self._unless_refused(digest, key), self._metadata.begin() as tx:
            found = target.found or await target.ensure(tx, self._now())
            await self._name(tx, found.id, digest, size, key)

    async def _limited(self, target: PushTarget) -> int | None:
        """The target's namespace, where its room is limited."""
        if target.namespace_id is None:
            return None
        found = await policies.find_quota(self._metadata.reader, target.namespace_id)
        return None if found is None else found.namespace_id

    async def ensure_empty_json(self) -> None:
        """Have the bytes of the empty descriptor, so that a manifest that names it can link it."""
        if await blobs.find_blob_anywhere(self._metadata.reader, EMPTY_JSON_DIGEST):
            return
        async with self._storage.open(UploadId(_new_id()), lambda _: None) as staged:
            await staged.write(EMPTY_JSON)
            key = await staged.commit(EMPTY_JSON_DIGEST)
        async with self._metadata.begin() as tx:
            known = await blobs.find_blob_anywhere(tx, EMPTY_JSON_DIGEST)
            await self._insert(
                tx, EMPTY_JSON_DIGEST, len(EMPTY_JSON), key, known.key if known else None
            )

    async def _insert(
        self, tx: Transaction, digest: Digest, size: int, key: BlobKey, known_key: str | None
    ) -> None:
        """Name the bytes that were committed.

        The collector deletes bytes only under this lock, where no row names them. It leaves young
        ones; who stood still for all of the grace period between the commit and this looks again.
        A row that had another key is about to lose it: it is not the collector's meanwhile either.
        """
        await blobs.lock_keys(tx, key, *([known_key] if known_key else []))
        if await self._storage.find_size(key) is None:
            raise Unavailable("the upload was not recorded in time: push it again")
        await blobs.insert_blob(tx, digest, size, key, self._now())

    async def cancel(self, upload: Upload) -> None:
        """Delete the upload and its bytes; raise `UploadUnknown` where it is gone already."""
        async with self._metadata.begin() as tx:
            known = await uploads.delete_upload(tx, upload.id)
        await self._discard(upload.id)
        self._hashings.forget(upload.id)
        if not known:
            raise UploadUnknown

    async def expire(self, idle_for: timedelta) -> int:
        """Delete uploads that were idle for this long; return their number."""
        count = 0
        before = self._now() - idle_for
        while idle := await uploads.list_idle(self._metadata.reader, before, _EXPIRED_AT_ONCE):
            async with self._metadata.begin() as tx:
                for upload_id in idle:
                    await uploads.delete_upload(tx, upload_id)
            for upload_id in idle:
                await self._discard(upload_id)
            count += len(idle)
        count += await self._discard_strays(before)
        async with self._metadata.begin() as tx:
            await reservations.delete_idle_reservations(tx, before)
        return count

    async def _discard(self, upload_id: str) -> None:
        """Unlink the bytes, and only then give their room to others."""
        await self._storage.discard(UploadId(upload_id))
        await give_back(self._metadata, upload_id)

    async def _discard_strays(self, before: datetime) -> int:
        """Bytes that no row names: of whole-body pushes that were cut by a crash."""
        count = 0
        async for upload_id, touched_at in self._storage.list_uploads():
            if touched_at >= before:
                continue
            if await uploads.find_upload(self._metadata.reader, upload_id) is None:
                await self._discard(upload_id)
                count += 1
        return count

    @asynccontextmanager
    async def _open(self, upload: Upload, hashing: Hashing) -> AsyncIterator[StagedUpload]:
        """Open the upload for this request alone, where no other request changed it meanwhile."""
        upload_id = UploadId(upload.id)
        is_new = upload.size == 0
        async with self._storage.open(upload_id, hashing.update, is_new=is_new) as staged:
            # Bytes that are here and in no row were cut, or another request has recorded them
            # since: those must stay. Where there are none, recording this request's finds out.
            if staged.size != upload.size:
                there = await uploads.find_upload(self._metadata.reader, upload.id)
                if there is None:
                    await self._storage.discard(upload_id)
                    raise UploadUnknown
                if there.size != upload.size:
                    raise OutOfOrder(there.size)
                await staged.start_at(upload.size)
            yield staged

    async def _record(
        self, upload: Upload, staged: StagedUpload, hashing: Hashing, room: Reservation
    ) -> int:
        await staged.sync()
        async with self._metadata.begin() as tx:
            await room.settle(tx, staged.size)
            grown = await uploads.advance_upload(tx, upload, staged.size, hashing.hex, self._now())
            there = upload if grown else await uploads.find_upload(tx, upload.id)
            if there is not None and not grown:
                raise OutOfOrder(there.size)
        if there is None:
            await self._discard(upload.id)
            raise UploadUnknown
        self._hashings.keep(upload.id, staged.size, hashing)
        return staged.size


async def _receive(staged: StagedUpload, room: Reservation, chunk: Chunk) -> None:
    """Stage the chunk's bytes, for which room is taken before; else `QuotaExceeded`."""
    if chunk.announced is not None:
        await room.ensure(staged.size + chunk.announced, is_all=True)
    async for run in chunk.content:
        await room.ensure(staged.size + len(run))
        await staged.write(run)


def _check_order(upload: Upload, chunk: Chunk) -> None:
    if chunk.start is not None and chunk.start != upload.size:
        raise OutOfOrder(upload.size)


def _new_id() -> str:
    return secrets.token_hex(16)
