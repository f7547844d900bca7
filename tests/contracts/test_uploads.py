"""What every store promises of bytes that are still arriving."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from entrepot.errors import BlobUnknown, UploadBusy, UploadUnknown
from entrepot.oci.digests import Digest
from entrepot.storage.buffers import SIZE
from entrepot.storage.protocols import BlobKey, Storage, UploadId

ID = UploadId("0123456789abcdef")
OTHER = UploadId("fedcba9876543210")
MIB = 1024 * 1024


def ignore(_: bytes | memoryview) -> None:
    """Observe nothing."""


def noise(size: int) -> bytes:
    """Bytes that do not repeat, the same in each run."""
    return random.Random(size).randbytes(size)


async def stage(storage: Storage, upload: UploadId, *chunks: bytes) -> None:
    """Append chunks to an upload, durably."""
    async with storage.open(upload, ignore) as staged:
        for chunk in chunks:
            await staged.write(chunk)
        await staged.sync()


async def commit(storage: Storage, content: bytes, upload: UploadId = ID) -> BlobKey:
    """Make a blob of the content."""
    async with storage.open(upload, ignore) as staged:
        await staged.write(content)
        return await staged.commit(Digest.of(content))


async def read(storage: Storage, key: BlobKey) -> bytes:
    """All bytes of a blob."""
    return b"".join([run async for run in storage.read(key)])


async def list_ids(storage: Storage) -> set[UploadId]:
    """The uploads that have bytes."""
    return {upload async for upload, _ in storage.list_uploads()}


async def test_an_upload_that_does_not_exist_begins_empty(storage: Storage) -> None:
    async with storage.open(ID, ignore) as staged:
        assert staged.size == 0
        await staged.sync()
        assert [run async for run in staged.read() if run] == []


async def test_the_size_counts_what_was_written_before_it_is_durable(storage: Storage) -> None:
    async with storage.open(ID, ignore) as staged:
        await staged.write(b"abc")
        await staged.write(b"")
        await staged.write(b"de")
        assert staged.size == 5


async def test_leaving_without_a_commit_keeps_what_was_synced(storage: Storage) -> None:
    await stage(storage, ID, b"first ", b"second ")
    await stage(storage, ID, b"third")
    async with storage.open(ID, ignore) as staged:
        assert staged.size == len(b"first second third")
        assert b"".join([run async for run in staged.read()]) == b"first second third"


async def test_uploads_do_not_mix(storage: Storage) -> None:
    await stage(storage, ID, b"one")
    await stage(storage, OTHER, b"two")
    async with storage.open(ID, ignore) as first, storage.open(OTHER, ignore) as second:
        assert b"".join([run async for run in first.read()]) == b"one"
        assert b"".join([run async for run in second.read()]) == b"two"


@pytest.mark.parametrize("kept", [0, 1, 5, 11])
async def test_start_at_drops_bytes_past_the_offset(storage: Storage, kept: int) -> None:
    await stage(storage, ID, b"hello world")
    async with storage.open(ID, ignore) as staged:
        await staged.start_at(kept)
        assert staged.size == kept
        await staged.write(b"!")
        await staged.sync()
        assert b"".join([run async for run in staged.read()]) == b"hello world"[:kept] + b"!"


async def test_start_at_past_the_end_finds_bytes_lost(storage: Storage) -> None:
    await stage(storage, ID, b"short")
    async with storage.open(ID, ignore) as staged:
        with pytest.raises(UploadUnknown):
            await staged.start_at(6)


async def test_an_upload_has_one_writer_at_a_time(storage: Storage) -> None:
    async with storage.open(ID, ignore) as staged:
        await staged.write(b"mine")
        with pytest.raises(UploadBusy):
            async with storage.open(ID, ignore):
                raise AssertionError("two writers")
        await staged.sync()
    async with storage.open(ID, ignore) as staged:
        assert staged.size == 4


async def test_a_writer_that_fails_lets_go_of_the_upload(storage: Storage) -> None:
    async def fail() -> None:
        async with storage.open(ID, ignore) as staged:
            await staged.write(b"x")
            await staged.sync()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with storage.open(ID, ignore) as staged:
        assert staged.size == 1


@pytest.mark.parametrize("size", [0, 1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE, 2 * SIZE + 4097])
async def test_every_byte_is_observed_once_and_in_order(storage: Storage, size: int) -> None:
    content = noise(size)
    seen = bytearray()
    async with storage.open(ID, seen.extend) as staged:
        for start in range(0, size, 700_001):
            await staged.write(content[start : start + 700_001])
        await staged.sync()
        assert seen == content
        key = await staged.commit(Digest.of(content))
    assert seen == content
    assert await read(storage, key) == content


async def test_bytes_that_go_on_at_an_odd_offset_are_kept_in_order(storage: Storage) -> None:
    parts = [noise(3), noise(3 * MIB), noise(1), noise(SIZE), noise(4096)]
    for part in parts[:-1]:
        await stage(storage, ID, part)
    whole = b"".join(parts)
    async with storage.open(ID, ignore) as staged:
        await staged.write(parts[-1])
        key = await staged.commit(Digest.of(whole))
    assert await read(storage, key) == whole


async def test_writing_goes_on_after_a_sync(storage: Storage) -> None:
    seen = bytearray()
    async with storage.open(ID, seen.extend) as staged:
        await staged.write(b"a")
        await staged.sync()
        await staged.sync()
        await staged.write(b"b")
        await staged.sync()
        assert b"".join([run async for run in staged.read()]) == b"ab"
    assert seen == b"ab"


async def test_a_commit_ends_the_upload(storage: Storage) -> None:
    key = await commit(storage, b"content")
    assert await list_ids(storage) == set()
    assert await read(storage, key) == b"content"
    async with storage.open(ID, ignore) as staged:
        assert staged.size == 0


async def test_the_id_of_a_finished_upload_does_not_lead_to_its_blob(storage: Storage) -> None:
    key = await commit(storage, b"content")
    await stage(storage, ID, b"something else")
    assert await read(storage, key) == b"content"


async def test_committing_the_same_bytes_twice_succeeds(storage: Storage) -> None:
    first = await commit(storage, b"same")
    second = await commit(storage, b"same", OTHER)
    assert await read(storage, first) == await read(storage, second) == b"same"


async def test_two_uploads_of_the_same_bytes_may_be_open_at_once(storage: Storage) -> None:
    digest = Digest.of(b"same")
    async with storage.open(ID, ignore) as first, storage.open(OTHER, ignore) as second:
        await first.write(b"same")
        await second.write(b"same")
        keys = {await second.commit(digest), await first.commit(digest)}
    assert {await read(storage, key) for key in keys} == {b"same"}
    assert await list_ids(storage) == set()


async def test_a_blob_of_sha512_is_apart_from_one_of_sha256(storage: Storage) -> None:
    async with storage.open(ID, ignore) as staged:
        await staged.write(b"x")
        long = await staged.commit(Digest.of(b"x", "sha512"))
    short = await commit(storage, b"x")
    await storage.delete(short)
    assert await read(storage, long) == b"x"


async def test_discarding_forgets_the_bytes(storage: Storage) -> None:
    await stage(storage, ID, b"unwanted")
    await storage.discard(ID)
    assert await list_ids(storage) == set()
    async with storage.open(ID, ignore) as staged:
        assert staged.size == 0


async def test_discarding_an_absent_upload_succeeds(storage: Storage) -> None:
    await storage.discard(ID)


async def test_uploads_are_listed_with_the_moment_they_last_changed(storage: Storage) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    await stage(storage, ID, b"one")
    await stage(storage, OTHER, b"two")
    found = {upload: moment async for upload, moment in storage.list_uploads()}
    assert set(found) == {ID, OTHER}
    after = datetime.now(UTC) + timedelta(seconds=2)
    assert all(before <= moment <= after for moment in found.values())


async def test_reading_a_staged_upload_raises_nothing_at_its_end(storage: Storage) -> None:
    content = noise(SIZE + 5)
    await stage(storage, ID, content)
    async with storage.open(ID, ignore) as staged:
        assert b"".join([run async for run in staged.read()]) == content


async def test_a_blob_that_was_deleted_can_be_committed_again(storage: Storage) -> None:
    key = await commit(storage, b"again")
    await storage.delete(key)
    with pytest.raises(BlobUnknown):
        await read(storage, key)
    assert await read(storage, await commit(storage, b"again")) == b"again"
