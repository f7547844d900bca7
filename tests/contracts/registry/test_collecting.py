"""Whatever happens between two steps of the collector, nothing that was acknowledged is lost."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from entrepot.errors import BlobUnknown, ManifestUnknown, Unavailable
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import blobs as rows
from entrepot.metadata.repositories import PushTarget
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_MANIFEST
from entrepot.oci.names import Tag
from entrepot.registry.blobs import Blobs
from entrepot.registry.history import History
from entrepot.registry.maintenance.collector import Collector
from entrepot.registry.manifests import Manifests
from entrepot.registry.uploads import Chunk, Uploads
from entrepot.storage.protocols import BlobKey
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_repository
from tests.registry.bodies import body
from tests.support.pauses import Pauses, PausingMetadata, PausingStorage

GRACE = timedelta(hours=24)
MINUTE = timedelta(minutes=1)
MOST_STEPS = 40


def image(layer: bytes) -> bytes:
    """A manifest whose config is these bytes, which are its layer too."""
    described = {"mediaType": "a/b", "digest": str(Digest.of(layer)), "size": len(layer)}
    fields = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described,
        "layers": [described],
    }
    return json.dumps(fields).encode()


class Shop:
    """Two repositories that hold the same old blob, which a manifest named until yesterday."""

    def __init__(self, metadata: Metadata, clock: MovableClock) -> None:
        self.pauses = Pauses()
        self.metadata = metadata
        self.clock = clock
        self.storage = PausingStorage(clock, self.pauses)
        self.uploads = Uploads(metadata, self.storage, clock)
        self.manifests = Manifests(metadata, self.uploads, accept_sparse=False, now=clock)
        self.blobs = Blobs(metadata, self.storage, clock, GRACE)
        self.history = History(metadata, clock)
        self.layer = b""
        self.targets: list[PushTarget] = []

    async def stock(self, name: str) -> None:
        """Come to where the collector would free the blob."""
        self.layer = f"layer of {name}".encode()
        self.targets = []
        for each in (f"{name}/one", f"{name}/two"):
            found = await add_repository(self.metadata, each)
            self.targets.append(PushTarget(found.name, None, found.visibility, found))
            await self.push()
        digest = await self.put(["v1"])
        await self.manifests.delete(self.repository, digest, None)
        self.clock.advance(GRACE + MINUTE)

    @property
    def repository(self) -> Repository:
        """The one that was stocked last."""
        found = self.targets[-1].found
        assert found is not None
        return found

    @property
    def digest(self) -> Digest:
        """The blob's."""
        return Digest.of(self.layer)

    async def push(self) -> None:
        """Push the blob."""
        await self.uploads.put(self.targets[-1], body(self.layer), self.digest)

    async def put(self, tags: list[str] | None = None) -> Digest:
        """Push the manifest."""
        found = [Tag(tag) for tag in tags or []]
        pushed = await self.manifests.put(
            self.targets[-1], image(self.layer), None, digest=None, tags=found, by=None
        )
        return pushed.digest

    async def collect(self) -> None:
        """Run the collector, pausing at each of its steps."""
        paused = PausingMetadata(self.metadata, self.pauses)
        await Collector(paused, self.storage, self.clock, grace=GRACE).run()

    async def assert_served(self) -> None:
        """The manifest and its blob are there, with the right bytes."""
        digest = Digest.of(image(self.layer))
        assert (await self.manifests.get(self.repository, digest)).content == image(self.layer)
        found = await self.blobs.get(self.repository, self.digest)
        assert self.storage.blobs[BlobKey(found.key)] == self.layer


async def pushing(shop: Shop) -> None:
    """A client that does not ask."""
    await shop.push()


async def asking(shop: Shop) -> None:
    """A client that leaves out what it is told is there."""
    try:
        await shop.blobs.hold(shop.repository, shop.digest)
        await shop.blobs.get(shop.repository, shop.digest)
    except BlobUnknown:
        await shop.push()


async def mounting(shop: Shop) -> None:
    """A client that mounts what it can."""
    source = shop.targets[0].found
    assert source is not None
    if not await shop.blobs.mount(shop.targets[1], source, shop.digest):
        await shop.push()


async def uploading(shop: Shop) -> None:
    """A client that pushes in chunks."""
    upload = await shop.uploads.begin(shop.targets[-1], None, "sha256")
    size = await shop.uploads.append(upload, Chunk(body(shop.layer[:5])))
    grown = await shop.uploads.get(shop.repository, None, upload.id)
    await shop.uploads.finish(grown, Chunk(body(shop.layer[5:]), size), shop.digest)


CLIENTS = [pushing, asking, mounting, uploading]
Client = Callable[[Shop], Awaitable[None]]


@pytest.fixture
def shop(metadata: Metadata, clock: MovableClock) -> Shop:
    """Facts of each engine in turn, bytes in memory."""
    return Shop(metadata, clock)


async def in_another_task(shop: Shop, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    """Begin the work and let it come as far as it can, perhaps to a lock of the collector's."""

    async def run() -> None:
        await work()

    before = dict(shop.storage.committed_at)
    task = asyncio.create_task(run())
    for _ in range(200):
        if task.done() or shop.storage.committed_at != before:
            break
        await asyncio.sleep(0.0005)
    return task


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("is_slow", [False, True])
async def test_a_push_between_any_two_steps_is_kept(
    shop: Shop, client: Client, is_slow: bool
) -> None:
    tasks: list[asyncio.Task[None]] = []

    async def work() -> None:
        await client(shop)
        if not is_slow:
            await shop.put()

    async def act() -> None:
        tasks.append(await in_another_task(shop, work))

    for step in range(MOST_STEPS):
        await shop.stock(f"{client.__name__}-{step}")
        shop.pauses.arm(step, act)
        await shop.collect()
        if not shop.pauses.was_reached:
            break
        await asyncio.wait_for(tasks.pop(), 20)
        shop.clock.advance(GRACE * 0.9)
        if is_slow:
            await shop.collect()
            await shop.put()
        shop.clock.advance(GRACE)
        await shop.collect()
        await shop.assert_served()
    assert 8 < step < MOST_STEPS - 1


async def test_a_restoring_between_any_two_steps_is_kept_or_refused(shop: Shop) -> None:
    outcomes: set[bool] = set()
    tasks: list[asyncio.Task[None]] = []

    async def act() -> None:
        events = await shop.history.list_events(shop.repository, "v1", 2**62, 1)
        try:
            await shop.history.restore(shop.repository, events[0].id, None)
        except ManifestUnknown:
            outcomes.add(False)
        else:
            outcomes.add(True)

    async def begin() -> None:
        tasks.append(await in_another_task(shop, act))

    for step in range(MOST_STEPS):
        outcomes.clear()
        await shop.stock(f"restoring-{step}")
        shop.pauses.arm(step, begin)
        await shop.collect()
        if not shop.pauses.was_reached:
            break
        await asyncio.wait_for(tasks.pop(), 20)
        shop.clock.advance(GRACE * 2)
        await shop.collect()
        if True in outcomes:
            await shop.assert_served()
    assert 8 < step < MOST_STEPS - 1


@pytest.mark.parametrize("wait", [timedelta(0), GRACE * 0.9, GRACE + MINUTE])
@pytest.mark.parametrize("client", [pushing, uploading])
async def test_a_collection_between_any_two_steps_of_a_push_loses_nothing(
    shop: Shop, client: Client, wait: timedelta
) -> None:
    """A push that stood still for the whole grace period may be refused, and is repeated."""
    plain, paused = shop.uploads, PausingMetadata(shop.metadata, shop.pauses)
    refused = 0

    async def act() -> None:
        shop.clock.advance(wait)
        await Collector(shop.metadata, shop.storage, shop.clock, grace=GRACE).run()

    for step in range(MOST_STEPS):
        shop.uploads = plain
        await shop.stock(f"{client.__name__}-{step}")
        shop.uploads = Uploads(paused, shop.storage, shop.clock)
        shop.pauses.arm(step, act)
        try:
            await client(shop)
        except Unavailable:
            refused += 1
            await client(shop)
        if not shop.pauses.was_reached:
            break
        found = await rows.find_blob(shop.metadata.reader, shop.repository.id, shop.digest)
        if found is None:  # collected after the push was acknowledged, when it had grown old
            assert wait > GRACE
            await shop.push()
        await shop.put()
        await shop.assert_served()
    assert 1 < step < MOST_STEPS - 1
    assert refused == (1 if wait > GRACE else 0)


async def test_what_a_crash_at_any_step_leaves_is_freed_by_the_next_run(shop: Shop) -> None:
    async def crash() -> None:
        raise KeyError("the collector crashed here")

    for step in range(MOST_STEPS):
        await shop.stock(f"crashing-{step}")
        shop.pauses.arm(step, crash)
        with suppress(KeyError):
            await shop.collect()
        if not shop.pauses.was_reached:
            break
        await shop.collect()
        assert await rows.find_blob_anywhere(shop.metadata.reader, shop.digest) is None
        assert shop.storage.blobs == {}
    assert 8 < step < MOST_STEPS - 1
