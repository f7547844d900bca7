"""The collector frees what nothing needs, and what something needs it leaves."""

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from entrepot.errors import ManifestBlobUnknown, ManifestUnknown, OutOfSpace
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import blobs as rows
from entrepot.metadata.registry import manifests as manifest_rows
from entrepot.metadata.repositories import PushTarget
from entrepot.model.repositories import Repository
from entrepot.oci.digests import EMPTY_JSON, EMPTY_JSON_DIGEST, Digest
from entrepot.oci.media_types import OCI_INDEX, OCI_MANIFEST
from entrepot.oci.names import Tag
from entrepot.registry.blobs import Blobs
from entrepot.registry.history import History
from entrepot.registry.maintenance.collector import CollectionResult, Collector
from entrepot.registry.manifests import Manifests
from entrepot.registry.uploads import Uploads
from entrepot.storage.memory import MemoryStorage
from entrepot.storage.protocols import BlobKey
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_repository, find_linked_at
from tests.registry.bodies import body
from tests.registry.conftest import target_of
from tests.support.pauses import Pauses, PausingMetadata

GRACE = timedelta(hours=24)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def storage(clock: MovableClock) -> MemoryStorage:
    """Bytes in memory, dated by the test's clock."""
    return MemoryStorage(clock)


@pytest.fixture
def collector(metadata: Metadata, storage: MemoryStorage, clock: MovableClock) -> Collector:
    """A collector that keeps untagged manifests."""
    return Collector(metadata, storage, clock, grace=GRACE)


@pytest.fixture
def strict(metadata: Metadata, storage: MemoryStorage, clock: MovableClock) -> Collector:
    """A collector that deletes untagged manifests after three days."""
    return Collector(metadata, storage, clock, grace=GRACE, untagged_after=3 * GRACE)


def image(*layers: bytes, subject: bytes | None = None) -> bytes:
    """A manifest of these layers and the empty config."""
    fields: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(EMPTY_JSON, "application/vnd.oci.empty.v1+json"),
        "layers": [described(layer, "application/vnd.oci.image.layer.v1.tar") for layer in layers],
    }
    if subject is not None:
        fields["subject"] = described(subject, OCI_MANIFEST)
    return json.dumps(fields).encode()


def index(*children: bytes) -> bytes:
    """An index of these manifests."""
    listed = [described(child, OCI_MANIFEST) for child in children]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}).encode()


def described(content: bytes, media_type: str) -> dict[str, object]:
    """What a manifest says of these bytes."""
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}


async def push(uploads: Uploads, target: PushTarget, content: bytes) -> Digest:
    """A blob that is pushed."""
    digest = Digest.of(content)
    await uploads.put(target, body(content), digest)
    return digest


async def put(
    manifests: Manifests, target: PushTarget, content: bytes, tags: Sequence[str] = ()
) -> Digest:
    """A manifest that is pushed."""
    found = [Tag(tag) for tag in tags]
    pushed = await manifests.put(target, content, None, digest=None, tags=found, by=None)
    return pushed.digest


def key(digest: Digest) -> BlobKey:
    """Where the store in memory keeps a blob."""
    return BlobKey(str(digest))


async def test_a_blob_that_no_manifest_names_goes_after_the_grace_period(
    collector: Collector,
    uploads: Uploads,
    target: PushTarget,
    storage: MemoryStorage,
    clock: MovableClock,
) -> None:
    await push(uploads, target, b"layer")
    clock.advance(GRACE)
    assert await collector.run() == CollectionResult()
    clock.advance(MINUTE)
    expected = CollectionResult(links=1, blobs=1, size=5)
    assert await collector.preview() == expected
    assert storage.blobs
    assert await collector.run() == expected
    assert storage.blobs == {}
    assert await collector.run() == CollectionResult()


async def test_what_a_manifest_names_stays_for_ever(
    collector: Collector,
    uploads: Uploads,
    manifests: Manifests,
    target: PushTarget,
    storage: MemoryStorage,
    clock: MovableClock,
) -> None:
    layer = await push(uploads, target, b"layer")
    await put(manifests, target, image(b"layer"))
    clock.advance(400 * GRACE)
    assert await collector.run() == CollectionResult()
    assert key(layer) in storage.blobs


async def test_without_a_grace_period_everything_unneeded_goes(
    collector: Collector,
    uploads: Uploads,
    target: PushTarget,
    storage: MemoryStorage,
    clock: MovableClock,
) -> None:
    await push(uploads, target, b"layer")
    clock.advance(timedelta(microseconds=1))
    assert await collector.preview() == CollectionResult()
    assert (await collector.preview(at_once=True)).size == 5
    assert (await collector.run(at_once=True)).size == 5
    assert storage.blobs == {}


async def test_a_blob_stays_while_another_repository_needs_it(
    collector: Collector,
    uploads: Uploads,
    manifests: Manifests,
    blobs: Blobs,
    repository: Repository,
    target: PushTarget,
    metadata: Metadata,
    storage: MemoryStorage,
    clock: MovableClock,
) -> None:
    other = await add_repository(metadata, "a/other")
    layer = await push(uploads, target, b"layer")
    assert await blobs.mount(target_of(other), repository, layer)
    await put(manifests, target_of(other), image(b"layer"))
    clock.advance(GRACE + MINUTE)
    assert await collector.preview() == CollectionResult(links=1)
    assert await collector.run() == CollectionResult(links=1)
    assert not await rows.is_linked(metadata.reader, repository.id, layer)
    assert (await blobs.get(other, layer)).size == 5
    assert key(layer) in storage.blobs


async def test_a_deleted_manifest_can_be_restored_through_the_grace_period(
    collector: Collector,
    uploads: Uploads,
    manifests: Manifests,
    repository: Repository,
    target: PushTarget,
    metadata: Metadata,
    storage: MemoryStorage,
    clock: MovableClock,
) -> None:
    layer = await push(uploads, target, b"layer")
    digest = await put(manifests, target, image(b"layer"), ["v1"])
    history = History(metadata, clock)
    clock.advance(10 * GRACE)
    await manifests.delete(repository, digest, None)
    clock.advance(GRACE)
    await collector.run()
    event = (await history.list_events(repository, "v1", 2**62, 1))[0]
    await history.restore(repository, event.id, None)
    assert (await manifests.get(repository, Tag("v1"))).digest == str(digest)
    await manifests.delete(repository, digest, None)
    clock.advance(GRACE + MINUTE)
    # The empty config's link too.
    assert await collector.run() == CollectionResult(deleted=1, links=2, blobs=1, size=5)
    assert key(layer) not in storage.blobs
    with pytest.raises(ManifestUnknown):
        await history.restore(repository, event.id, None)


@pytest.mark.parametrize("again", ["push", "mount", "head"])
async def test_who_was_told_that_a_blob_is_there_finds_it_there(
    again: str,
    collector: Collector,
    uploads: Uploads,
    manifests: Manifests,
    blobs: Blobs,
    repository: Repository,
    target: PushTarget,
    metadata: Metadata,
    clock: MovableClock,
) -> None:
    other = target_of(await add_repository(metadata, "a/other"))
    layer = await push(uploads, target, b"layer")
    clock.advance(GRACE)
    await push(uploads, other, b"layer")
    if again == "push":
        await push(uploads, target, b"layer")
    elif again == "mount":
        assert other.found is not None
        assert await blobs.mount(target, other.found, layer)
    else:
        await blobs.hold(repository, layer)
    clock.advance(GRACE * 0.9)
    await collector.run()
    await put(manifests, target, image(b"layer"))
    clock.advance(GRACE)
    await collector.run()
    assert (await blobs.get(repository, layer)).size == 5


async def test_who_asks_too_late_is_told_that_there_is_no_blob(
    collector: Collector,
    uploads: Uploads,
    manifests: Manifests,
    target: PushTarget,
    clock: MovableClock,
) -> None:
    await push(uploads, target, b"layer")
    clock.advance(GRACE + MINUTE)
    await collector.run()
    with pytest.raises(ManifestBlobUnknown):
        await put(manifests, target, image(b"layer"))


async def test_asking_often_writes_seldom(
    blobs: Blobs,
    uploads: Uploads,
    repository: Repository,
    target: PushTarget,
    metadata: Metadata,
    clock: MovableClock,
) -> None:
    layer = await push(uploads, target, b"layer")
    pushed = clock()
    for _ in range(5):
        clock.advance(GRACE / 100)
        await blobs.hold(repository, layer)
        assert await find_linked_at(metadata.reader, repository.id, layer) == pushed
    clock.advance(GRACE / 10)
    await blobs.hold(repository, layer)
    assert await find_linked_at(metadata.reader, repository.id, layer) == clock()


async def test_a_full_disk_ends_no_reading(
    uploads: Uploads,
    repository: Repository,
    target: PushTarget,
    metadata: Metadata,
    storage: MemoryStorage,
    clock: MovableClock,
) -> None:
    async def fill() -> None:
        raise OutOfSpace

    layer = await push(uploads, target, b"layer")
    clock.advance(GRACE / 2)
    pauses = Pauses()
    pauses.arm(0, fill)
    await Blobs(PausingMetadata(metadata, pauses), storage, clock, GRACE).hold(repository, layer)
    assert pauses.was_reached
    assert await find_linked_at(metadata.reader, repository.id, layer) == clock() - GRACE / 2


async def test_bytes_that_a_crash_left_go_once_they_are_old(
    collector: Collector, storage: MemoryStorage, clock: MovableClock
) -> None:
    stray, young = BlobKey("stray"), BlobKey("young")
    storage.blobs[stray], storage.committed_at[stray] = b"abc", clock()
    clock.advance(GRACE + MINUTE)
    storage.blobs[young], storage.committed_at[young] = b"abc", clock()
    assert await collector.preview() == CollectionResult(strays=1, size=3)
    assert await collector.run() == CollectionResult(strays=1, size=3)
    assert list(storage.blobs) == [young]


async def test_more_than_a_page_is_collected(
    collector: Collector,
    uploads: Uploads,
    target: PushTarget,
    storage: MemoryStorage,
    clock: MovableClock,
) -> None:
    for number in range(120):
        await push(uploads, target, str(number).encode())
    storage.blobs |= {BlobKey(f"stray-{number}"): b"" for number in range(620)}
    storage.committed_at |= {key: clock() for key in storage.blobs}
    clock.advance(GRACE + MINUTE)
    seen: list[int] = []
    found = await collector.run(seen.append)
    assert (found.links, found.blobs, found.strays) == (120, 120, 620)
    assert storage.blobs == {}
    assert sum(seen) == 740


async def test_the_empty_json_can_always_be_named(
    collector: Collector,
    manifests: Manifests,
    repository: Repository,
    target: PushTarget,
    storage: MemoryStorage,
    clock: MovableClock,
) -> None:
    digest = await put(manifests, target, image())
    await manifests.delete(repository, digest, None)
    clock.advance(GRACE + MINUTE)
    await collector.run()
    assert storage.blobs == {key(EMPTY_JSON_DIGEST): EMPTY_JSON}
    await put(manifests, target, image())


async def test_untagged_manifests_are_kept_unless_the_setting_says_otherwise(
    collector: Collector,
    strict: Collector,
    manifests: Manifests,
    repository: Repository,
    target: PushTarget,
    clock: MovableClock,
) -> None:
    digest = await put(manifests, target, image())
    clock.advance(30 * GRACE)
    assert await collector.run() == CollectionResult()
    assert (await strict.preview()).manifests == 1
    assert (await strict.run()).manifests == 1
    with pytest.raises(ManifestUnknown):
        await manifests.get(repository, digest)


async def test_what_a_tag_reaches_is_never_deleted_and_the_rest_from_the_outside_in(
    strict: Collector,
    manifests: Manifests,
    repository: Repository,
    target: PushTarget,
    metadata: Metadata,
    clock: MovableClock,
) -> None:
    child, orphan = image(subject=b"1"), image(subject=b"2")
    for content in (child, orphan, image(subject=child), image(subject=orphan)):
        await put(manifests, target, content)
    live, dead = index(child), index(orphan)
    await put(manifests, target, live, ["v1"])
    await put(manifests, target, dead)
    await put(manifests, target, image(subject=dead))
    clock.advance(4 * GRACE)
    # The dead index, what is attached to it, its child, and what is attached to that.
    assert (await strict.run()).manifests == 4
    stays = {live, child, image(subject=child)}
    kept = await manifest_rows.list_stored(metadata.reader, 0, 100)
    assert {stored.content for stored, _ in kept} == stays
    await manifests.untag(repository, Tag("v1"), None)
    clock.advance(2 * GRACE)
    assert (await strict.run()).manifests == 0
    clock.advance(2 * GRACE)
    assert (await strict.run()).manifests == 3


async def test_a_manifest_that_was_pushed_again_is_young_again(
    strict: Collector,
    manifests: Manifests,
    repository: Repository,
    target: PushTarget,
    clock: MovableClock,
) -> None:
    digest = await put(manifests, target, image())
    clock.advance(4 * GRACE)
    await put(manifests, target, image())
    assert (await strict.run()).manifests == 0
    assert (await manifests.get(repository, digest)).content == image()
