"""What became of tags and of deleted manifests, as every engine remembers it."""

from datetime import timedelta

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import history, manifests
from entrepot.model.repositories import Repository
from entrepot.model.tags import TagAction, TagEvent
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_blob, add_manifest, add_repository, find_linked_at

DIGEST = Digest.of(b"{}")
EVERY = 2**62


@pytest.fixture
async def repository(metadata: Metadata) -> Repository:
    """A repository without content."""
    return await add_repository(metadata, "a/b")


async def test_a_tag_points_at_a_digest_and_a_manifest_has_tags(
    metadata: Metadata, repository: Repository
) -> None:
    manifest_id = await add_manifest(metadata, repository)
    async with metadata.begin() as tx:
        for name in ("b", "a", "B"):
            await manifests.move_tag(tx, repository.id, Tag(name), manifest_id, None, START)
    reader = metadata.reader
    assert await history.find_pointed_at(reader, repository.id, Tag("a")) == str(DIGEST)
    assert await history.find_pointed_at(reader, repository.id, Tag("c")) is None
    assert await history.find_pointed_at(reader, repository.id + 1, Tag("a")) is None
    assert await history.list_tags_of(reader, manifest_id) == ["B", "a", "b"]
    assert await history.list_tags_of(reader, manifest_id + 1) == []


async def test_events_are_listed_from_the_newest(
    metadata: Metadata, repository: Repository
) -> None:
    alice = await add_account(metadata, "alice")
    other = await add_repository(metadata, "a/other")
    minute = timedelta(minutes=1)
    async with metadata.begin() as tx:
        for number, action in enumerate(TagAction):
            by = alice.id if number else None
            moment = START + number * minute
            await history.note_tag(tx, repository.id, "v1", action, "new", "old", by, moment)
        await history.note_tag(
            tx, repository.id, "v2", TagAction.PUSHED, "new", None, None, START + minute
        )
        await history.note_tag(tx, other.id, "v1", TagAction.PUSHED, "x", None, None, START)
    reader = metadata.reader
    events = await history.list_events(reader, repository.id, None, EVERY, 10)
    assert [each.tag for each in events] == ["v2", "v1", "v1", "v1", "v1"]
    assert (events[0].previous, events[0].by) == (None, None)
    of_one = await history.list_events(reader, repository.id, "v1", EVERY, 10)
    assert [each.action for each in of_one] == list(reversed(TagAction))
    assert of_one == events[1:]
    assert of_one[0] == TagEvent(
        of_one[0].id, "v1", TagAction.RESTORED, "new", "old", START + 3 * minute, "alice"
    )
    page = await history.list_events(reader, repository.id, None, events[1].id, 2)
    assert page == events[2:4]
    assert await history.find_event(reader, repository.id, of_one[0].id) == of_one[0]
    assert await history.find_event(reader, other.id, of_one[0].id) is None


async def test_what_a_deleted_manifest_names_is_linked_anew(
    metadata: Metadata, repository: Repository
) -> None:
    other = await add_repository(metadata, "a/other")
    named = await add_blob(metadata, repository, b"named")
    await add_blob(metadata, other, b"named")
    unnamed = await add_blob(metadata, repository, b"unnamed")
    await add_manifest(metadata, repository, blobs=frozenset({named}))
    later = START + timedelta(days=1)
    async with metadata.begin() as tx:
        await history.keep_deleted(tx, repository.id, str(DIGEST), "a/b", b"{}", None, later)
    reader = metadata.reader
    assert await find_linked_at(reader, repository.id, named) == later
    assert await find_linked_at(reader, repository.id, unnamed) == START
    assert await find_linked_at(reader, other.id, named) == START


async def test_a_deleted_manifest_is_kept_until_it_is_forgotten(
    metadata: Metadata, repository: Repository
) -> None:
    alice = await add_account(metadata, "alice")
    content = bytes(range(256))
    digest = Digest.of(content)
    assert await history.find_deleted(metadata.reader, repository.id, digest) is None
    async with metadata.begin() as tx:
        await history.keep_deleted(tx, repository.id, str(digest), "a/old", content, None, START)
        await history.keep_deleted(tx, repository.id, str(digest), "a/b", content, alice.id, START)
    found = await history.find_deleted(metadata.reader, repository.id, digest)
    assert found == (content, "a/b")
    assert isinstance(found[0], bytes)
    assert await history.find_deleted(metadata.reader, repository.id + 1, digest) is None
    async with metadata.begin() as tx:
        await history.forget_deleted(tx, repository.id, digest)
        await history.forget_deleted(tx, repository.id, digest)
    assert await history.find_deleted(metadata.reader, repository.id, digest) is None


async def test_events_of_one_action_are_found_by_any_of_them(metadata: Metadata) -> None:
    made = await add_repository(metadata, "a/actions")
    digest, deleted = str(Digest.of(b"1")), TagAction.DELETED
    later = START + timedelta(microseconds=1)
    async with metadata.begin() as tx:
        for tag, action, at in (
            ("v1", deleted, START),
            ("v2", deleted, START),
            ("v3", deleted, later),
            ("v4", TagAction.PUSHED, START),
        ):
            await history.note_tag(tx, made.id, tag, action, digest, digest, None, at)
    events = await history.list_events(metadata.reader, made.id, None, 2**62, 9)
    together = {}
    for event in events:
        found = await history.list_together(metadata.reader, made.id, event)
        together[event.tag] = {each.tag for each in found}
    assert together == {"v1": {"v1", "v2"}, "v2": {"v1", "v2"}, "v3": {"v3"}, "v4": {"v4"}}


async def test_where_tags_point_is_answered_for_all_at_once(metadata: Metadata) -> None:
    made, other = [await add_repository(metadata, name) for name in ("a/points", "a/others")]
    manifest = await add_manifest(metadata, made, b"1")
    elsewhere = await add_manifest(metadata, other, b"2")
    async with metadata.begin() as tx:
        await manifests.move_tag(tx, made.id, Tag("v1"), manifest, None, START)
        await manifests.move_tag(tx, other.id, Tag("v2"), elsewhere, None, START)
    found = await history.list_pointed_at(metadata.reader, made.id, ["v1", "v2", "absent"])
    assert found == {"v1": str(Digest.of(b"1"))}
    assert await history.list_pointed_at(metadata.reader, made.id, []) == {}


async def test_what_is_there_or_kept_can_be_restored(metadata: Metadata) -> None:
    made = await add_repository(metadata, "a/restorable")
    await add_manifest(metadata, made, b"there")
    there, kept, gone = (str(Digest.of(each)) for each in (b"there", b"kept", b"gone"))
    async with metadata.begin() as tx:
        await history.keep_deleted(tx, made.id, kept, "a/b", b"kept", None, START)
    found = await history.list_restorable(metadata.reader, made.id, [there, kept, gone])
    assert found == {there, kept}
    assert await history.list_restorable(metadata.reader, made.id, []) == set()


async def test_the_source_of_a_promotion_is_remembered(
    metadata: Metadata, repository: Repository
) -> None:
    async with metadata.begin() as tx:
        for origin in ("", "dev/app:1"):
            await history.note_tag(
                tx, repository.id, "v1", TagAction.PUSHED, "new", None, None, START, origin
            )
    events = await history.list_events(metadata.reader, repository.id, None, EVERY, 10)
    assert [each.promoted_from for each in events] == ["dev/app:1", ""]
