"""Blobs of a repository: found, kept in memory when small, mounted, unlinked."""

from pathlib import Path

import pytest

from entrepot.errors import BlobUnknown
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.repositories import PushTarget, find_repository
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.registry import blobs as blobs_module
from entrepot.registry.blobs import SMALL, Blobs
from entrepot.registry.uploads import Uploads
from entrepot.storage.filesystem import FileStorage
from entrepot.storage.memory import MemoryStorage
from entrepot.storage.protocols import BlobKey
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_repository
from tests.registry.bodies import body
from tests.registry.conftest import target_of

CONTENT = b"content"
DIGEST = Digest.of(CONTENT)


async def push(uploads: Uploads, target: PushTarget, content: bytes = CONTENT) -> Digest:
    """Push a blob and return its digest."""
    digest = Digest.of(content)
    await uploads.put(target, body(content), digest)
    return digest


async def test_a_blob_is_known_only_where_it_is_held(
    blobs: Blobs, uploads: Uploads, target: PushTarget, repository: Repository, metadata: Metadata
) -> None:
    await push(uploads, target)
    assert (await blobs.get(repository, DIGEST)).size == len(CONTENT)
    other = await add_repository(metadata, "a/other")
    with pytest.raises(BlobUnknown):
        await blobs.get(other, DIGEST)
    with pytest.raises(BlobUnknown):
        await blobs.get(repository, Digest.of(CONTENT, "sha512"))


async def test_a_small_blob_is_read_once(
    blobs: Blobs,
    uploads: Uploads,
    target: PushTarget,
    repository: Repository,
    storage: MemoryStorage,
) -> None:
    await push(uploads, target)
    blob = await blobs.get(repository, DIGEST)
    assert await blobs.find_small(blob) == CONTENT
    storage.blobs.clear()
    assert await blobs.find_small(blob) == CONTENT


async def test_a_large_blob_is_not_kept_in_memory(
    blobs: Blobs, uploads: Uploads, target: PushTarget, repository: Repository
) -> None:
    for size, is_small in ((SMALL, True), (SMALL + 1, False)):
        digest = await push(uploads, target, b"x" * size)
        found = await blobs.find_small(await blobs.get(repository, digest))
        assert (found is not None) is is_small


async def test_a_small_blob_that_is_damaged_is_not_answered(
    blobs: Blobs,
    uploads: Uploads,
    target: PushTarget,
    repository: Repository,
    storage: MemoryStorage,
) -> None:
    await push(uploads, target)
    storage.blobs[BlobKey(str(DIGEST))] = b"contend"
    blob = await blobs.get(repository, DIGEST)
    with pytest.raises(BlobUnknown):
        await blobs.find_small(blob)
    await push(uploads, target)
    assert await blobs.find_small(blob) == CONTENT


async def test_memory_for_small_blobs_is_bounded(
    blobs: Blobs,
    uploads: Uploads,
    target: PushTarget,
    repository: Repository,
    storage: MemoryStorage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blobs_module, "_SMALL_IN_ALL", 250)
    contents = [bytes([number]) * 100 for number in range(4)]
    found = []
    for content in contents:
        found.append(await blobs.get(repository, await push(uploads, target, content)))
        await blobs.find_small(found[-1])
    storage.blobs.clear()
    assert await blobs.find_small(found[3]) == contents[3]
    assert await blobs.find_small(found[2]) == contents[2]
    with pytest.raises(BlobUnknown):
        await blobs.find_small(found[0])


async def test_a_file_that_is_not_whole_is_not_answered(
    metadata: Metadata,
    target: PushTarget,
    repository: Repository,
    tmp_path: Path,
    clock: MovableClock,
) -> None:
    files = FileStorage(tmp_path / "store")
    files.prepare()
    await push(Uploads(metadata, files, clock), target)
    blobs = Blobs(metadata, files, clock)
    blob = await blobs.get(repository, DIGEST)
    path = blobs.path_of(blob)
    assert path is not None
    assert path.read_bytes() == CONTENT
    await blobs.ensure_whole(blob)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(BlobUnknown):
        blobs.path_of(blob)
    with pytest.raises(BlobUnknown):
        await blobs.ensure_whole(blob)
    path.unlink()
    with pytest.raises(BlobUnknown):
        blobs.path_of(blob)
    with pytest.raises(BlobUnknown):
        await blobs.ensure_whole(blob)


async def test_a_store_without_files_has_no_paths(
    blobs: Blobs, uploads: Uploads, target: PushTarget, repository: Repository
) -> None:
    await push(uploads, target)
    assert blobs.path_of(await blobs.get(repository, DIGEST)) is None


async def test_unlinking_takes_the_blob_out_of_one_repository(
    blobs: Blobs, uploads: Uploads, target: PushTarget, repository: Repository, metadata: Metadata
) -> None:
    other = await add_repository(metadata, "a/other")
    await push(uploads, target)
    await push(uploads, target_of(other))
    await blobs.unlink(repository, DIGEST)
    with pytest.raises(BlobUnknown):
        await blobs.get(repository, DIGEST)
    with pytest.raises(BlobUnknown):
        await blobs.unlink(repository, DIGEST)
    blob = await blobs.get(other, DIGEST)
    assert b"".join([run async for run in blobs.read(blob, 0, blob.size)]) == CONTENT


async def test_a_blob_is_mounted_from_a_repository_that_holds_it(
    blobs: Blobs,
    uploads: Uploads,
    target: PushTarget,
    repository: Repository,
    new_target: PushTarget,
    metadata: Metadata,
) -> None:
    await push(uploads, target)
    assert await blobs.mount(new_target, repository, DIGEST)
    made = await find_repository(metadata.reader, new_target.name)
    assert made is not None
    await blobs.unlink(repository, DIGEST)
    assert (await blobs.get(made, DIGEST)).size == len(CONTENT)


async def test_nothing_is_mounted_or_made_where_the_source_lacks_the_blob(
    blobs: Blobs, repository: Repository, new_target: PushTarget, metadata: Metadata
) -> None:
    assert not await blobs.mount(new_target, repository, DIGEST)
    assert await find_repository(metadata.reader, new_target.name) is None


async def test_a_blob_is_mounted_from_a_holder_that_still_holds_it(
    blobs: Blobs,
    uploads: Uploads,
    target: PushTarget,
    repository: Repository,
    new_target: PushTarget,
) -> None:
    await push(uploads, target)
    (holder,) = await blobs.list_holders(DIGEST)
    assert holder.repository_id == repository.id
    assert await blobs.mount_from_holder(new_target, holder, DIGEST)
    await blobs.unlink(repository, DIGEST)
    assert not await blobs.mount_from_holder(target, holder, DIGEST)
