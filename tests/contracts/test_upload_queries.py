"""Uploads under way, as every engine keeps them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from entrepot.metadata import uploads
from entrepot.metadata.engine import Metadata
from entrepot.metadata.uploads import Upload
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_repository


@pytest.fixture
async def upload(metadata: Metadata) -> Upload:
    """An upload of Alice's that has just begun."""
    repository = await add_repository(metadata, "a/b")
    account = await add_account(metadata, "alice")
    made = Upload("one", repository.id, account.id, 0, "sha256", None)
    async with metadata.begin() as tx:
        await uploads.insert_upload(tx, made, START)
    return made


async def test_an_upload_is_found_as_it_was_begun(metadata: Metadata, upload: Upload) -> None:
    assert await uploads.find_upload(metadata.reader, "one") == upload
    assert await uploads.find_upload(metadata.reader, "two") is None


async def test_an_upload_may_belong_to_nobody(metadata: Metadata, upload: Upload) -> None:
    anonymous = replace(upload, id="two", account_id=None, algorithm="sha512", hash_so_far="ab")
    async with metadata.begin() as tx:
        await uploads.insert_upload(tx, anonymous, START)
    assert await uploads.find_upload(metadata.reader, "two") == anonymous


async def test_an_upload_grows_from_the_size_it_had(metadata: Metadata, upload: Upload) -> None:
    async with metadata.begin() as tx:
        assert await uploads.advance_upload(tx, upload, 10, "abc", START)
    grown = replace(upload, size=10, hash_so_far="abc")
    assert await uploads.find_upload(metadata.reader, "one") == grown
    async with metadata.begin() as tx:
        assert await uploads.advance_upload(tx, grown, 12, None, START)
    unknown = replace(upload, size=12, hash_so_far=None)
    assert await uploads.find_upload(metadata.reader, "one") == unknown


async def test_the_slower_of_two_does_not_advance(metadata: Metadata, upload: Upload) -> None:
    async with metadata.begin() as tx:
        assert await uploads.advance_upload(tx, upload, 10, "abc", START)
        assert not await uploads.advance_upload(tx, upload, 11, "def", START)
    assert await uploads.find_upload(metadata.reader, "one") == replace(
        upload, size=10, hash_so_far="abc"
    )


async def test_a_deleted_upload_is_gone(metadata: Metadata, upload: Upload) -> None:
    async with metadata.begin() as tx:
        assert await uploads.delete_upload(tx, upload.id)
        assert not await uploads.delete_upload(tx, upload.id)
        assert not await uploads.advance_upload(tx, upload, 1, None, START)
    assert await uploads.find_upload(metadata.reader, "one") is None


async def test_idle_uploads_are_listed_longest_idle_first(
    metadata: Metadata, upload: Upload
) -> None:
    async with metadata.begin() as tx:
        for number, name in enumerate(("two", "three"), start=1):
            later = START + timedelta(hours=number)
            await uploads.insert_upload(tx, replace(upload, id=name), later)
        # What is touched is not idle.
        await uploads.advance_upload(tx, upload, 1, None, START + timedelta(hours=3))
    moment = START + timedelta(hours=2)
    assert await uploads.list_idle(metadata.reader, moment, 10) == ["two"]
    moment += timedelta(seconds=1)
    assert await uploads.list_idle(metadata.reader, moment, 10) == ["two", "three"]
    assert await uploads.list_idle(metadata.reader, moment, 1) == ["two"]
    assert await uploads.list_idle(metadata.reader, START, 10) == []
