"""What nothing needs any more, as every engine finds it and takes it away."""

from datetime import timedelta

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import blobs, gc_queries, history, manifests
from entrepot.metadata.registry.gc_queries import BlobLink, Row, Untagged
from entrepot.model.repositories import Repository
from entrepot.model.tags import TagAction
from entrepot.oci.digests import EMPTY_JSON_DIGEST, Digest
from entrepot.oci.names import Tag
from tests.metadata.clocks import START
from tests.metadata.rows import add_blob, add_manifest, add_repository, new_manifest

SECOND = timedelta(seconds=1)
LATER = START + SECOND


@pytest.fixture
async def repository(metadata: Metadata) -> Repository:
    """A repository without content."""
    return await add_repository(metadata, "a/b")


async def free_links(metadata: Metadata) -> set[BlobLink]:
    """Links that may go."""
    page = await gc_queries.list_links(metadata.reader, (0, ""), LATER, 100)
    return {link for link in page if link.is_free}


async def test_deleted_manifests_are_forgotten_once_they_are_old(
    metadata: Metadata, repository: Repository
) -> None:
    async with metadata.begin() as tx:
        for number in range(5):
            moment = START + number * SECOND
            await history.keep_deleted(tx, repository.id, f"d{number}", "a/b", b"", None, moment)
    before = START + 3 * SECOND
    assert await gc_queries.count_deleted(metadata.reader, before) == 3
    async with metadata.begin() as tx:
        counts = [await gc_queries.forget_old_deleted(tx, before, 2) for _ in range(3)]
    assert counts == [2, 1, 0]
    assert await gc_queries.count_deleted(metadata.reader, before) == 0
    assert await gc_queries.count_deleted(metadata.reader, before + 9 * SECOND) == 2


async def test_a_link_is_free_once_it_is_old_and_no_manifest_names_it(
    metadata: Metadata, repository: Repository
) -> None:
    other = await add_repository(metadata, "a/other")
    named = await add_blob(metadata, repository, b"named")
    await add_blob(metadata, other, b"named")
    old = await add_blob(metadata, repository, b"old")
    await add_blob(metadata, repository, b"young", LATER)
    await add_manifest(metadata, repository, blobs=frozenset({named}))
    found = await free_links(metadata)
    assert found == {BlobLink(other.id, str(named), True), BlobLink(repository.id, str(old), True)}


async def test_links_come_a_page_at_a_time(metadata: Metadata, repository: Repository) -> None:
    other = await add_repository(metadata, "a/other")
    digests = [await add_blob(metadata, repository, bytes([n])) for n in range(5)]
    await add_blob(metadata, other, b"\0")
    last, found = (0, ""), []
    while page := await gc_queries.list_links(metadata.reader, last, LATER, 2):
        last = (page[-1].repository_id, page[-1].digest)
        found += page
    expected = [(repository.id, digest) for digest in sorted(map(str, digests))]
    assert [(each.repository_id, each.digest) for each in found] == [
        *expected,
        (other.id, str(digests[0])),
    ]


async def test_a_link_goes_only_while_it_is_free(
    metadata: Metadata, repository: Repository
) -> None:
    digest = await add_blob(metadata, repository, b"content")
    (link,) = await free_links(metadata)
    manifest_id = await add_manifest(metadata, repository, blobs=frozenset({digest}))
    async with metadata.begin() as tx:
        assert await gc_queries.lock_holder(tx, repository.id)
        assert not await gc_queries.lock_holder(tx, repository.id + 1)
        assert not await gc_queries.unlink_free(tx, link.repository_id, [link.digest], LATER)
        await manifests.delete_manifest(tx, manifest_id)
        assert not await gc_queries.unlink_free(tx, link.repository_id, [link.digest], START)
        gone = await gc_queries.unlink_free(tx, link.repository_id, [link.digest, "other"], LATER)
        assert gone == {link.digest}
        assert not await gc_queries.unlink_free(tx, link.repository_id, [link.digest], LATER)
    assert not await blobs.is_linked(metadata.reader, repository.id, digest)


async def test_a_child_of_an_index_is_no_blob(metadata: Metadata, repository: Repository) -> None:
    digest = await add_blob(metadata, repository, b"content")
    await add_manifest(metadata, repository, children=frozenset({digest}))
    assert await free_links(metadata) == {BlobLink(repository.id, str(digest), True)}


async def test_a_row_goes_only_while_nobody_holds_the_blob(
    metadata: Metadata, repository: Repository
) -> None:
    digest = await add_blob(metadata, repository, b"content")
    other = await add_repository(metadata, "a/other")
    await add_blob(metadata, other, b"content")
    key = f"key-of-{digest.hex[:8]}"
    reader = metadata.reader
    assert await gc_queries.count_links(reader, str(digest)) == 2
    held = Row(str(digest), key, 7, False)
    assert await gc_queries.list_rows(reader, "", LATER, 10) == [held]
    async with metadata.begin() as tx:
        await blobs.unlink_blob(tx, repository.id, digest)
        assert not await gc_queries.delete_free_rows(tx, [str(digest)], LATER)
        await blobs.unlink_blob(tx, other.id, digest)
    assert await gc_queries.count_links(reader, str(digest)) == 0
    assert await gc_queries.list_rows(reader, "", START, 10) == [held]
    assert await gc_queries.list_rows(reader, "", LATER, 10) == [Row(str(digest), key, 7, True)]
    assert await gc_queries.list_rows(reader, str(digest), LATER, 10) == []
    async with metadata.begin() as tx:
        assert not await gc_queries.delete_free_rows(tx, [str(digest)], START)
        assert await gc_queries.delete_free_rows(tx, [str(digest)], LATER)
        assert not await gc_queries.delete_free_rows(tx, [str(digest)], LATER)
    assert await blobs.find_blob_anywhere(reader, digest) is None


async def test_the_empty_json_stays_without_anybody_who_holds_it(metadata: Metadata) -> None:
    async with metadata.begin() as tx:
        await blobs.insert_blob(tx, EMPTY_JSON_DIGEST, 2, "key", START)
        assert not await gc_queries.delete_free_rows(tx, [str(EMPTY_JSON_DIGEST)], LATER)
    rows = await gc_queries.list_rows(metadata.reader, "", LATER, 10)
    assert [row.is_free for row in rows] == [False]


async def test_keys_that_rows_name_are_told_from_others(
    metadata: Metadata, repository: Repository
) -> None:
    digest = await add_blob(metadata, repository, b"content")
    key = f"key-of-{digest.hex[:8]}"
    assert await gc_queries.list_named(metadata.reader, ["other", key, "'; --"]) == {key}
    assert await gc_queries.list_named(metadata.reader, []) == set()


async def free_manifests(metadata: Metadata) -> set[int]:
    """Ids of the manifests that may go."""
    page = await gc_queries.list_untagged(metadata.reader, 0, LATER, 100)
    return {
        each.id
        for each in page
        if each.is_free and await gc_queries.is_still_free(metadata.reader, each, LATER)
    }


async def test_a_manifest_is_free_without_tag_parent_and_subject(
    metadata: Metadata, repository: Repository
) -> None:
    lonely = await add_manifest(metadata, repository, b"lonely")
    tagged = await add_manifest(metadata, repository, b"tagged")
    await add_manifest(metadata, repository, b"child")
    parent = await add_manifest(
        metadata, repository, b"parent", children=frozenset({Digest.of(b"child")})
    )
    await add_manifest(metadata, repository, b"referrer", subject=Digest.of(b"lonely"))
    widow = await add_manifest(metadata, repository, b"widow", subject=Digest.of(b"absent"))
    async with metadata.begin() as tx:
        await manifests.move_tag(tx, repository.id, Tag("v1"), tagged, None, START)
    assert await free_manifests(metadata) == {lonely, parent, widow}
    page = await gc_queries.list_untagged(metadata.reader, lonely, LATER, 1)
    assert page == [Untagged(tagged, repository.id, str(Digest.of(b"tagged")), False)]
    async with metadata.begin() as tx:
        await manifests.delete_manifest(tx, parent)
        gone = Untagged(parent, repository.id, str(Digest.of(b"parent")), True)
        assert not await gc_queries.is_still_free(tx, gone, LATER)


async def test_a_manifest_is_not_free_while_it_was_used_lately(
    metadata: Metadata, repository: Repository
) -> None:
    pulled = await add_manifest(metadata, repository, b"pulled")
    pushed = await add_manifest(metadata, repository, b"pushed")
    await add_manifest(metadata, repository, b"untagged")
    await add_manifest(metadata, repository, b"moved from")
    assert len(await free_manifests(metadata)) == 4
    untagged, moved = str(Digest.of(b"untagged")), str(Digest.of(b"moved from"))
    async with metadata.begin() as tx:
        await manifests.add_pulls(tx, pulled, 1, LATER)
        again = await manifests.insert_manifest(
            tx, repository.id, new_manifest(b"pushed"), None, LATER
        )
        await history.note_tag(
            tx, repository.id, "v1", TagAction.DELETED, untagged, untagged, None, LATER
        )
        await history.note_tag(tx, repository.id, "v1", TagAction.MOVED, "x", moved, None, LATER)
    assert again == pushed
    assert await free_manifests(metadata) == set()
