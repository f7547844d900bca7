"""What every store promises of bytes that never change."""

from datetime import UTC, datetime, timedelta

import pytest

from entrepot.errors import BlobUnknown
from entrepot.storage.protocols import BlobKey, Storage
from tests.contracts.test_uploads import OTHER, commit, noise, read

ABSENT = BlobKey(f"sha256/00/{'0' * 64}")
CONTENT = noise(600_000)


async def test_an_absent_blob_has_no_size(storage: Storage) -> None:
    assert await storage.find_size(ABSENT) is None


async def test_a_store_that_is_there_says_so(storage: Storage) -> None:
    await storage.check()


async def test_reading_an_absent_blob_fails_before_the_first_chunk(storage: Storage) -> None:
    with pytest.raises(BlobUnknown):
        await anext(aiter(storage.read(ABSENT)))


async def test_deleting_an_absent_blob_succeeds(storage: Storage) -> None:
    await storage.delete(ABSENT)


@pytest.mark.parametrize("size", [0, 1, 4096, 262_144, 262_145])
async def test_a_blob_has_the_size_and_the_bytes_that_were_committed(
    storage: Storage, size: int
) -> None:
    content = noise(size)
    key = await commit(storage, content)
    assert await storage.find_size(key) == size
    assert await read(storage, key) == content


async def test_part_of_a_blob_can_be_read(storage: Storage) -> None:
    key = await commit(storage, CONTENT)
    for start in (0, 1, 262_143, 262_144, 599_999, 600_000):
        for length in (0, 1, 3, 262_144, 400_000):
            runs = [run async for run in storage.read(key, start, length)]
            assert b"".join(runs) == CONTENT[start : start + length]
        assert b"".join([run async for run in storage.read(key, start)]) == CONTENT[start:]


async def test_two_readers_of_a_blob_do_not_disturb_each_other(storage: Storage) -> None:
    key = await commit(storage, CONTENT)
    first = aiter(storage.read(key))
    begun = await anext(first)
    assert await read(storage, key) == CONTENT
    assert begun + b"".join([run async for run in first]) == CONTENT


async def test_a_deleted_blob_is_gone_and_others_stay(storage: Storage) -> None:
    gone, stays = await commit(storage, b"gone"), await commit(storage, b"stays", OTHER)
    await storage.delete(gone)
    assert await storage.find_size(gone) is None
    assert [key async for key in storage.list_blobs()] == [stays]


async def test_bytes_that_are_put_aside_are_a_blob_no_longer(storage: Storage) -> None:
    wrong, stays = await commit(storage, b"wrong"), await commit(storage, b"stays", OTHER)
    await storage.quarantine(wrong)
    await storage.quarantine(ABSENT)
    assert await storage.find_size(wrong) is None
    assert await storage.find_committed(wrong) is None
    assert [key async for key in storage.list_blobs()] == [stays]
    assert await read(storage, await commit(storage, b"wrong")) == b"wrong"


async def test_every_blob_is_listed_once(storage: Storage) -> None:
    contents = [bytes([number]) for number in range(20)]
    keys = [await commit(storage, content) for content in contents]
    assert len(set(keys)) == 20
    assert sorted([key async for key in storage.list_blobs()]) == sorted(keys)


async def test_a_blob_is_as_old_as_its_last_commit(storage: Storage) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    key = await commit(storage, b"content")
    found = await storage.find_committed(key)
    assert found is not None
    assert found.size == 7
    assert began <= found.at <= datetime.now(UTC) + timedelta(seconds=1)
    assert await storage.find_committed(ABSENT) is None


async def test_only_what_is_older_is_deleted(storage: Storage) -> None:
    key = await commit(storage, b"content")
    found = await storage.find_committed(key)
    assert found is not None
    assert not await storage.delete_older([key], found.at)
    assert await read(storage, key) == b"content"
    assert await storage.delete_older([key], found.at + timedelta(seconds=1))
    assert await storage.find_size(key) is None
    assert not await storage.delete_older([key], found.at + timedelta(seconds=1))


async def test_what_is_committed_again_is_young_again(storage: Storage) -> None:
    key = await commit(storage, b"content")
    first = await storage.find_committed(key)
    assert first is not None
    while (second := await storage.find_committed(key)) == first:
        key = await commit(storage, b"content", OTHER)
    assert second is not None
    assert not await storage.delete_older([key], second.at)
    assert await read(storage, key) == b"content"
