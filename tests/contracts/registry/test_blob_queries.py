"""Blobs and who holds them, as every engine keeps them."""

from datetime import timedelta

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import blobs
from entrepot.model.blobs import Holder, StoredBlob
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from tests.metadata.clocks import START
from tests.metadata.rows import add_blob, add_organization, add_repository, find_linked_at

ABSENT = Digest.of(b"absent")


async def test_a_blob_is_found_only_where_it_is_held(metadata: Metadata) -> None:
    holder, other = await add_repository(metadata, "a/b"), await add_repository(metadata, "a/c")
    digest = await add_blob(metadata, holder, b"content")
    found = StoredBlob(str(digest), 7, f"key-of-{digest.hex[:8]}")
    reader = metadata.reader
    assert await blobs.find_blob(reader, holder.id, digest) == found
    assert await blobs.find_blob(reader, other.id, digest) is None
    assert await blobs.find_blob_anywhere(reader, digest) == found
    assert await blobs.is_linked(reader, holder.id, digest)
    assert not await blobs.is_linked(reader, other.id, digest)


async def test_an_absent_blob_is_nowhere(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "a/b")
    assert await blobs.find_blob(metadata.reader, repository.id, ABSENT) is None
    assert await blobs.find_blob_anywhere(metadata.reader, ABSENT) is None
    assert await blobs.list_holders(metadata.reader, ABSENT, 10) == []
    assert await blobs.count_all(metadata.reader) == 0


async def test_recording_a_blob_again_changes_where_it_is(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "a/b")
    digest = await add_blob(metadata, repository, b"content")
    async with metadata.begin() as tx:
        await blobs.insert_blob(tx, digest, 7, "elsewhere", START + timedelta(days=1))
    found = await blobs.find_blob(metadata.reader, repository.id, digest)
    assert found == StoredBlob(str(digest), 7, "elsewhere")
    assert await blobs.count_all(metadata.reader) == 1


async def test_a_blob_may_be_larger_than_32_bits_count(metadata: Metadata) -> None:
    async with metadata.begin() as tx:
        await blobs.insert_blob(tx, ABSENT, 2**40 + 1, "key", START)
    found = await blobs.find_blob_anywhere(metadata.reader, ABSENT)
    assert found is not None
    assert found.size == 2**40 + 1


async def test_linking_twice_is_linking_once(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "a/b")
    digest = await add_blob(metadata, repository, b"content")
    async with metadata.begin() as tx:
        await blobs.link_blob(tx, repository.id, digest, START + timedelta(days=1))
        assert await blobs.unlink_blob(tx, repository.id, digest)
        assert not await blobs.unlink_blob(tx, repository.id, digest)
    assert not await blobs.is_linked(metadata.reader, repository.id, digest)
    assert await blobs.find_blob_anywhere(metadata.reader, digest) is not None


async def test_a_link_is_renewed_where_there_is_one(metadata: Metadata) -> None:
    repository, later = await add_repository(metadata, "a/b"), START + timedelta(days=1)
    digest = await add_blob(metadata, repository, b"content")
    assert await find_linked_at(metadata.reader, repository.id, digest) == START
    assert await find_linked_at(metadata.reader, repository.id, ABSENT) is None
    async with metadata.begin() as tx:
        await blobs.lock_keys(tx, "key", "another")
        assert await blobs.renew_link(tx, repository.id, digest, later)
        assert not await blobs.renew_link(tx, repository.id, ABSENT, later)
        assert not await blobs.renew_link(tx, repository.id + 1, digest, later)
    found = await blobs.find_with_link(metadata.reader, repository.id, digest)
    assert found == (await blobs.find_blob(metadata.reader, repository.id, digest), later)


async def test_a_blob_nobody_recorded_cannot_be_linked(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "a/b")

    async def link() -> None:
        async with metadata.begin() as tx:
            await blobs.link_blob(tx, repository.id, ABSENT, START)

    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await link()


async def test_public_holders_come_first_then_the_oldest(metadata: Metadata) -> None:
    acme = await add_organization(metadata, "acme")
    two = await add_repository(metadata, "alone")
    one = await add_repository(metadata, "acme/z", Visibility.PUBLIC, acme)
    three = await add_repository(metadata, "acme/a", Visibility.PUBLIC, acme)
    await add_repository(metadata, "acme/without")
    for repository in (two, three, one):
        digest = await add_blob(metadata, repository, b"shared")
    holders = [
        Holder(one.id, acme, "public", "acme/z"),
        Holder(three.id, acme, "public", "acme/a"),
        Holder(two.id, None, "private", "alone"),
    ]
    assert await blobs.list_holders(metadata.reader, digest, 10) == holders
    assert await blobs.list_holders(metadata.reader, digest, 2) == holders[:2]


async def test_sizes_are_those_of_blobs_that_the_repository_holds(metadata: Metadata) -> None:
    here, there = await add_repository(metadata, "a/here"), await add_repository(metadata, "a/b")
    digests = [await add_blob(metadata, here, b"x" * size) for size in range(300)]
    theirs = await add_blob(metadata, there, b"theirs")
    found = await blobs.find_sizes(metadata.reader, here.id, [*digests[5:], theirs, ABSENT])
    assert found == {digest: size for size, digest in enumerate(digests) if size >= 5}
    assert await blobs.find_sizes(metadata.reader, here.id, []) == {}


async def test_blobs_are_listed_by_digest_a_page_at_a_time(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "a/b")
    digests = [str(await add_blob(metadata, repository, bytes([n]))) for n in range(9)]
    found: list[str] = []
    while page := await blobs.list_blobs(metadata.reader, found[-1] if found else "", 4):
        found += [blob.digest for blob in page]
    assert found == sorted(digests)
    assert await blobs.count_all(metadata.reader) == 9


async def test_a_row_follows_its_bytes_only_from_where_they_were(metadata: Metadata) -> None:
    assert await blobs.measure_all(metadata.reader) == (0, 0)
    repository = await add_repository(metadata, "a/b")
    digest = await add_blob(metadata, repository, b"content")
    found = await blobs.find_blob(metadata.reader, repository.id, digest)
    assert found is not None
    async with metadata.begin() as tx:
        assert not await blobs.move_blob(tx, digest, "another key", "new key")
        assert await blobs.move_blob(tx, digest, found.key, "new key")
        assert not await blobs.move_blob(tx, ABSENT, found.key, "new key")
    moved = await blobs.find_blob(metadata.reader, repository.id, digest)
    assert moved == StoredBlob(str(digest), 7, "new key")
    assert await blobs.measure_all(metadata.reader) == (1, 7)


async def test_many_blobs_are_found_and_linked_at_once(metadata: Metadata) -> None:
    holder, other = await add_repository(metadata, "a/b"), await add_repository(metadata, "a/c")
    digests = [await add_blob(metadata, holder, content) for content in (b"one", b"two")]
    held = await blobs.list_held(metadata.reader, holder.id, [*digests, ABSENT])
    assert {each.digest for each in held} == {str(each) for each in digests}
    assert await blobs.list_held(metadata.reader, other.id, digests) == []
    later = START + timedelta(days=1)
    async with metadata.begin() as tx:
        await blobs.link_blobs(tx, other.id, digests, later)
        await blobs.link_blobs(tx, other.id, [], later)
    assert len(await blobs.list_held(metadata.reader, other.id, digests)) == 2
    assert await find_linked_at(metadata.reader, other.id, digests[0]) == later
