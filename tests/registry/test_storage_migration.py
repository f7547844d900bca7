"""Blobs move from one storage to another while they are read, pushed again and collected."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from entrepot.errors import BlobUnknown, UploadUnknown
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import blobs as rows
from entrepot.metadata.repositories import PushTarget
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.registry.blobs import Blobs
from entrepot.registry.maintenance.check import IntegrityCheck
from entrepot.registry.maintenance.storage_migration import Moved, StorageMigration
from entrepot.registry.uploads import Chunk, Uploads
from entrepot.storage.memory import MemoryStorage
from entrepot.storage.migrating import MovingStorage
from entrepot.storage.protocols import BlobKey, HasPaths, IsRight, StagedUpload, UploadId
from tests.metadata.clocks import START, MovableClock
from tests.registry.bodies import body

CONTENT = b"content"
DIGEST = Digest.of(CONTENT)
OTHER = b"something else"


class Elsewhere(MemoryStorage):
    """A store whose keys are other than those of memory."""

    count = 0

    async def rename(self, key: BlobKey) -> BlobKey:
        """Give a blob a key that nothing had before."""
        self.count += 1
        new = BlobKey(f"{self.count}-{key}")
        self.blobs[new] = self.blobs.pop(key)
        self.committed_at[new] = self.committed_at.pop(key)
        return new


class Renaming:
    """An upload of `Elsewhere`."""

    def __init__(self, store: Elsewhere, staged: StagedUpload) -> None:
        self._store = store
        self._staged = staged

    def __getattr__(self, name: str) -> object:
        return getattr(self._staged, name)

    async def commit(self, digest: Digest, is_right: IsRight | None = None) -> BlobKey:
        """Commit under a key of its own."""
        return await self._store.rename(await self._staged.commit(digest, is_right))


@pytest.fixture
def moving(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> MovingStorage:
    """Bytes on their way from a store to another one."""
    from contextlib import asynccontextmanager

    new = Elsewhere()
    real = new.open

    @asynccontextmanager
    async def opened(*args: object, **named: object) -> AsyncIterator[Renaming]:
        async with real(*args, **named) as staged:  # type: ignore[arg-type]
            yield Renaming(new, staged)

    monkeypatch.setattr(new, "open", opened)
    return MovingStorage(new, storage)


@pytest.fixture
def moves(metadata: Metadata, moving: MovingStorage) -> StorageMigration:
    """What is tested."""
    return StorageMigration(metadata, moving)


async def run(moves: StorageMigration) -> list[Moved]:
    """Everything a run looked at."""
    return [each async for each in moves.run()]


async def read(metadata: Metadata, moving: MovingStorage, repository: Repository) -> bytes:
    """The blob as somebody pulls it."""
    found = await Blobs(metadata, moving, MovableClock()).get(repository, DIGEST)
    return b"".join([each async for each in moving.read(BlobKey(found.key))])


async def test_a_blob_is_read_before_and_after_it_was_copied(
    metadata: Metadata,
    moving: MovingStorage,
    moves: StorageMigration,
    uploads: Uploads,
    target: PushTarget,
) -> None:
    await uploads.put(target, body(CONTENT), DIGEST)
    assert target.found is not None
    assert await read(metadata, moving, target.found) == CONTENT
    assert await moves.count() == (1, len(CONTENT))
    assert await moves.count_left() == 1
    assert await run(moves) == [Moved(str(DIGEST), len(CONTENT), is_copied=True)]
    assert await moves.count_left() == 0
    assert await read(metadata, moving, target.found) == CONTENT
    assert await run(moves) == [Moved(str(DIGEST), len(CONTENT))]
    # For a way back, the bytes stay where they were, and nobody lists them for the collector.
    old = moving.old
    assert isinstance(old, MemoryStorage)
    assert list(old.blobs.values()) == [CONTENT]
    assert len([each async for each in moving.list_blobs()]) == 1
    checked = [each async for each in IntegrityCheck(metadata, moving.new).run()]
    assert [each.problem for each in checked] == [None]


async def test_what_is_pushed_meanwhile_is_in_the_new_storage_only(
    metadata: Metadata,
    moving: MovingStorage,
    moves: StorageMigration,
    target: PushTarget,
    clock: MovableClock,
) -> None:
    await Uploads(metadata, moving, clock).put(target, body(CONTENT), DIGEST)
    assert await run(moves) == [Moved(str(DIGEST), len(CONTENT))]
    assert isinstance(moving.old, MemoryStorage)
    assert moving.old.blobs == {}


async def test_damaged_and_missing_bytes_are_told_and_left(
    moving: MovingStorage,
    moves: StorageMigration,
    uploads: Uploads,
    target: PushTarget,
    storage: MemoryStorage,
) -> None:
    await uploads.put(target, body(CONTENT), DIGEST)
    await uploads.put(target, body(OTHER), Digest.of(OTHER))
    for key, content in list(storage.blobs.items()):
        if content == OTHER:
            del storage.blobs[key]
        else:
            storage.blobs[key] = b"CONTENT"
    problems = {each.problem for each in await run(moves)}
    assert problems == {"the bytes are missing", "the bytes do not match the digest"}
    assert await moves.count_left() == 2
    assert [each async for each in moving.list_uploads()] == []


async def test_a_row_that_changed_during_the_copy_is_left_alone(
    metadata: Metadata,
    moving: MovingStorage,
    moves: StorageMigration,
    uploads: Uploads,
    target: PushTarget,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await uploads.put(target, body(CONTENT), DIGEST)
    real = StorageMigration._copy

    async def slow(self: StorageMigration, key: BlobKey, digest: Digest) -> BlobKey | None:
        copied = await real(self, key, digest)
        await Uploads(metadata, moving, clock).put(target, body(CONTENT), DIGEST)
        return copied

    monkeypatch.setattr(StorageMigration, "_copy", slow)
    await run(moves)
    found = await rows.find_blob_anywhere(metadata.reader, DIGEST)
    assert found is not None
    assert found.key.startswith("2-")
    assert await moves.count_left() == 0


async def test_an_upload_that_was_begun_before_begins_again(
    metadata: Metadata,
    moving: MovingStorage,
    uploads: Uploads,
    target: PushTarget,
    clock: MovableClock,
) -> None:
    upload = await uploads.begin(target, None, "sha256")
    await uploads.append(upload, Chunk(body(CONTENT)))
    assert target.found is not None
    later = Uploads(metadata, moving, clock)
    again = await later.get(target.found, None, upload.id)
    with pytest.raises(UploadUnknown):
        await later.append(again, Chunk(body(CONTENT)))
    assert {each async for each, _ in moving.list_uploads()} >= {UploadId(upload.id)}
    await later.cancel(again)
    assert [each async for each in moving.list_uploads()] == []


async def test_both_stores_are_asked_for_everything(
    moving: MovingStorage, uploads: Uploads, target: PushTarget, storage: MemoryStorage
) -> None:
    await uploads.put(target, body(CONTENT), DIGEST)
    (key,) = storage.blobs
    assert not isinstance(moving, HasPaths)
    assert await moving.find_size(key) == len(CONTENT)
    committed = await moving.find_committed(key)
    assert committed is not None
    assert committed.size == len(CONTENT)
    assert await moving.find_url(key, timedelta(minutes=1)) is None
    with pytest.raises(BlobUnknown):
        await moving.lend(key, DIGEST, len(CONTENT))
    assert not await moving.delete_older([key], START - timedelta(days=36500))
    await moving.check()
    await moving.quarantine(key)
    assert storage.quarantined == {key: CONTENT}
    await uploads.put(target, body(CONTENT), DIGEST)
    await moving.delete(key)
    assert storage.blobs == {}
    with pytest.raises(BlobUnknown):
        await anext(moving.read(key))
