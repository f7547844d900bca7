"""Uploads under way, as every engine keeps them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import policies, reservations, uploads
from entrepot.model.repositories import Repository
from entrepot.model.uploads import Upload
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_organization, add_repository


@pytest.fixture
async def repository(metadata: Metadata) -> Repository:
    """A repository whose room is not limited."""
    return await add_repository(metadata, "c/d")


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


async def test_a_reservation_is_of_one_upload_and_counts_for_its_namespace(
    metadata: Metadata, repository: Repository
) -> None:
    acme = await add_organization(metadata, "acme")
    later = START + timedelta(seconds=1)
    async with metadata.begin() as tx:
        assert not await policies.lock_quota(tx, acme)
        await policies.set_quota(tx, acme, 100)
        assert await policies.lock_quota(tx, acme)
        await policies.add_used(tx, acme, 7)
        await reservations.set_reservation(tx, "a", acme, 3, START)
        await reservations.set_reservation(tx, "b", acme, 4, START)
        await reservations.set_reservation(tx, "a", acme, 5, START)
    reader = metadata.reader
    assert await reservations.sum_reserved(reader, acme) == 9
    assert await reservations.sum_reserved(reader, acme, "a") == 4
    assert await reservations.find_reservation(reader, "a") == (acme, 5)
    found = await policies.find_quota(reader, acme, upload="a")
    assert found is not None
    assert (found.used, found.reserved, found.free) == (7, 4, 89)
    inside = await add_repository(metadata, "acme/one", namespace_id=acme)
    async with metadata.begin() as tx:
        for upload_id, of in (("b", inside), ("c", repository)):
            begun = Upload(upload_id, of.id, None, 0, "sha256", None)
            await uploads.insert_upload(tx, begun, START)
    limited = [await uploads.find_upload(reader, upload_id) for upload_id in ("b", "c")]
    assert [each and each.limited_namespace_id for each in limited] == [acme, None]
    async with metadata.begin() as tx:
        assert await reservations.delete_idle_reservations(tx, START) == 0
        assert await reservations.delete_idle_reservations(tx, later) == 1
        await reservations.delete_reservation(tx, "b")
        await reservations.delete_reservation(tx, "b")
    assert await reservations.sum_reserved(reader, acme) == 0


async def test_an_upload_begins_where_nothing_stands_in_its_way(
    metadata: Metadata, repository: Repository
) -> None:
    acme, alice = await add_organization(metadata, "acme"), await add_account(metadata, "alice")
    limited = await add_repository(metadata, "acme/one", namespace_id=acme)
    async with metadata.begin() as tx:
        await policies.set_quota(tx, acme, 100)
        for who in (alice.id, None):
            for number in range(3):
                made = Upload(f"{who} {number}", repository.id, who, 0, "sha512", None)
                assert await uploads.begin_upload(tx, made, 2, START) == (number < 2)
        assert await uploads.find_upload(tx, f"{alice.id} 1") == Upload(
            f"{alice.id} 1", repository.id, alice.id, 0, "sha512", None
        )
        for repository_id in (limited.id, limited.id + repository.id):
            absent = Upload("absent", repository_id, None, 0, "sha256", None)
            assert not await uploads.begin_upload(tx, absent, 9, START)
        assert await uploads.find_upload(tx, "absent") is None


async def test_unfinished_uploads_are_counted_by_account_or_where_nobody_began_them(
    metadata: Metadata, repository: Repository
) -> None:
    alice = await add_account(metadata, "alice")
    async with metadata.begin() as tx:
        for number, who in enumerate((alice.id, alice.id, None)):
            upload = Upload(f"{number}", repository.id, who, 0, "sha256", None)
            await uploads.insert_upload(tx, upload, START)
    assert await uploads.count_uploads(metadata.reader, alice.id, 0) == 2
    assert await uploads.count_uploads(metadata.reader, None, repository.id) == 1
