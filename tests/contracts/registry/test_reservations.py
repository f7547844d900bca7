"""Room for bytes that are still arriving: what is on the disk never exceeds the quota."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest

from entrepot.errors import (
    BodyCut,
    DigestMismatch,
    QuotaExceeded,
    TooMany,
    UploadUnknown,
)
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import policies, reservations
from entrepot.metadata.registry import uploads as upload_rows
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from entrepot.registry import quotas
from entrepot.registry import uploads as uploads_module
from entrepot.registry.blobs import Blobs
from entrepot.registry.manifests import Manifests
from entrepot.registry.quotas import Quotas
from entrepot.registry.uploads import Chunk, Uploads
from entrepot.storage.memory import MemoryStorage
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_account, add_organization, add_repository
from tests.registry.bodies import body, cut_body
from tests.registry.conftest import target_of
from tests.wire.content import index

LIMIT = 10_000


class Shop:
    """A repository in a namespace whose room is limited, and what is on the disk."""

    def __init__(self, metadata: Metadata, acme: int, repository: Repository) -> None:
        self.metadata = metadata
        self.acme = acme
        self.repository = repository
        self.clock = MovableClock()
        self.storage = MemoryStorage(self.clock)
        self.target = target_of(repository)
        self.peak = 0

    @property
    def on_disk(self) -> int:
        """Bytes that are staged, and bytes of blobs."""
        staged = sum(len(each) for each in self.storage.staged.values())
        return staged + sum(len(each) for each in self.storage.blobs.values())

    def worker(self) -> Uploads:
        """The uploads of one more worker."""
        return Uploads(self.metadata, self.storage, self.clock)

    async def content(self, *runs: bytes) -> AsyncIterator[bytes]:
        """A body, during which the disk is looked at."""
        for run in runs:
            yield run
            self.peak = max(self.peak, self.on_disk)
            await asyncio.sleep(0)

    async def reserved(self) -> int:
        """Bytes that are reserved."""
        return await reservations.sum_reserved(self.metadata.reader, self.acme)

    async def used(self) -> int:
        """Bytes that count, which are always what is there."""
        found = await policies.find_quota(self.metadata.reader, self.acme)
        assert found is not None
        assert found.used == await policies.measure_namespace(self.metadata.reader, self.acme)
        return found.used

    async def limit(self, size: int | None) -> None:
        """Limit the room."""
        async with self.metadata.begin() as tx:
            await policies.set_quota(tx, self.acme, size)


@pytest.fixture
async def shop(metadata: Metadata) -> Shop:
    """The shop, empty."""
    acme = await add_organization(metadata, "acme")
    shop = Shop(metadata, acme, await add_repository(metadata, "acme/one", namespace_id=acme))
    await shop.limit(LIMIT)
    return shop


@pytest.fixture
def few_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reservations of bytes that are not announced go a little ahead only."""
    monkeypatch.setattr(quotas, "AHEAD", 64)


async def test_unfinished_uploads_count(shop: Shop) -> None:
    worker = shop.worker()
    refused = 0
    for _ in range(30):
        begun = await worker.begin(shop.target, None, "sha256")
        try:
            await worker.append(begun, Chunk(shop.content(b"x" * 1000), announced=1000))
        except QuotaExceeded:
            refused += 1
    assert (refused, shop.on_disk, await shop.reserved()) == (20, LIMIT, LIMIT)
    with pytest.raises(QuotaExceeded, match="reserved for unfinished uploads"):
        (await Quotas(shop.metadata).find_room(shop.acme)).check(1)
    shop.clock.advance(timedelta(days=2))
    assert await worker.expire(timedelta(days=1)) == 10
    assert (shop.on_disk, await shop.reserved(), await shop.used()) == (0, 0, 0)


@pytest.mark.usefixtures("few_ahead")
@pytest.mark.parametrize("announced", [True, False])
async def test_uploads_at_once_never_pass_the_quota_together(
    shop: Shop, *, announced: bool
) -> None:
    workers = [shop.worker() for _ in range(4)]

    async def push(number: int) -> bool:
        runs = [bytes([number]) * 500] * 6
        digest, worker = Digest.of(b"".join(runs)), workers[number % 4]
        size = 3000 if announced else None
        try:
            if number % 2:
                await worker.put(shop.target, shop.content(*runs), digest, size)
            else:
                begun = await worker.begin(shop.target, None, "sha256")
                await worker.finish(begun, Chunk(shop.content(*runs), announced=size), digest)
        except QuotaExceeded:
            return False
        return True

    done = await asyncio.gather(*(push(number) for number in range(20)))
    assert shop.peak <= LIMIT
    assert shop.on_disk == sum(done) * 3000 == await shop.used()
    assert await shop.reserved() == 0


@pytest.mark.usefixtures("few_ahead")
async def test_what_is_not_announced_ends_where_there_is_no_more_room(shop: Shop) -> None:
    sent = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            sent.append(1000)
            yield b"x" * 1000

    worker = shop.worker()
    begun = await worker.begin(shop.target, None, "sha256")
    for push in (
        worker.append(begun, Chunk(endless())),
        worker.take(shop.target, endless()),
        worker.put(shop.target, endless(), Digest.of(b"x")),
    ):
        sent.clear()
        with pytest.raises(QuotaExceeded):
            await push
        assert sum(sent) == LIMIT + 1000
        assert (shop.on_disk, await shop.reserved(), await shop.used()) == (0, 0, 0)
    with pytest.raises(UploadUnknown):
        await worker.get(shop.repository, None, begun.id)


@pytest.mark.parametrize("harm", ["wrong digest", "cut", "too large"])
async def test_nothing_is_left_of_a_whole_body_that_is_refused(shop: Shop, harm: str) -> None:
    content = {"cut": cut_body(b"abc"), "too large": body(b"x" * LIMIT, b"y")}
    with pytest.raises((DigestMismatch, BodyCut, QuotaExceeded)):
        await shop.worker().put(shop.target, content.get(harm, body(b"abc")), Digest.of(b"x"))
    assert (shop.on_disk, await shop.reserved(), await shop.used()) == (0, 0, 0)


async def test_a_chunk_that_is_cut_keeps_room_for_what_arrived(shop: Shop) -> None:
    worker = shop.worker()
    begun = await worker.begin(shop.target, None, "sha256")
    with pytest.raises(BodyCut):
        await worker.append(begun, Chunk(cut_body(b"abc"), announced=1000))
    assert (shop.on_disk, await shop.reserved()) == (3, 3)
    await worker.cancel(await worker.get(shop.repository, None, begun.id))
    assert (shop.on_disk, await shop.reserved()) == (0, 0)


async def test_what_a_namespace_holds_is_compared_where_there_is_no_room_for_it_twice(
    shop: Shop,
) -> None:
    worker, content = shop.worker(), b"x" * 6000
    digest = Digest.of(content)
    await worker.put(shop.target, body(content), digest)
    shop.peak = 0
    await worker.put(shop.target, shop.content(content[:3000], content[3000:]), digest)
    begun = await worker.begin(shop.target, None, "sha256")
    await worker.finish(begun, Chunk(shop.content(content)), digest)
    assert (shop.peak, await shop.used()) == (6000, 6000)
    with pytest.raises(DigestMismatch):
        await worker.put(shop.target, shop.content(b"y" * 6000), digest)
    begun = await worker.begin(shop.target, None, "sha256")
    with pytest.raises(DigestMismatch):
        await worker.finish(begun, Chunk(shop.content(b"y" * 6000)), digest)
    assert (shop.on_disk, await shop.reserved()) == (6000, 0)


async def test_bytes_of_a_limit_that_fell_meanwhile_are_not_left(shop: Shop) -> None:
    worker, was_told = shop.worker(), False

    async def content() -> AsyncIterator[bytes]:
        yield b"abc"
        await shop.limit(2)

    # Another worker of the version before knows of no reservation.
    async def forget() -> AsyncIterator[bytes]:
        nonlocal was_told
        async for run in content():
            yield run
        async with shop.metadata.begin() as tx:
            await reservations.delete_idle_reservations(tx, shop.clock() + timedelta(seconds=1))
        was_told = True

    with pytest.raises(QuotaExceeded):
        await worker.put(shop.target, forget(), Digest.of(b"abc"))
    assert (was_told, shop.on_disk, await shop.used()) == (True, 0, 0)


async def test_manifests_count_with_what_they_name_until_they_are_forgotten(shop: Shop) -> None:
    manifests = Manifests(shop.metadata, shop.worker(), accept_sparse=True, now=shop.clock)
    stored = 0
    for number in range(100):
        content = index(annotations={"n": f"{number:03}" + "x" * 500})
        with suppress(QuotaExceeded):
            await manifests.put(
                shop.target,
                content,
                None,
                digest=None,
                tags=[Tag(f"v{number}")],
                by=None,
            )
            stored += len(content)
    assert 0 < stored <= await shop.used() <= LIMIT
    again = await shop.used()
    await manifests.put(
        shop.target,
        index(annotations={"n": "000" + "x" * 500}),
        None,
        digest=None,
        tags=[Tag("again")],
        by=None,
    )
    assert await shop.used() == again
    digest = Digest.of(index(annotations={"n": "000" + "x" * 500}))
    await manifests.delete(shop.repository, digest, None)
    await Quotas(shop.metadata).measure_all()
    assert await shop.used() == again


async def test_blobs_that_are_mounted_find_no_room_that_uploads_have_taken(
    shop: Shop, metadata: Metadata
) -> None:
    other = await add_repository(metadata, "b/other")
    worker = shop.worker()
    await worker.put(target_of(other), body(b"x" * 100), Digest.of(b"x" * 100))
    begun = await worker.begin(shop.target, None, "sha256")
    await worker.append(begun, Chunk(body(b"y" * LIMIT)))
    blobs = Blobs(metadata, shop.storage, shop.clock)
    with pytest.raises(QuotaExceeded):
        await blobs.mount(shop.target, other, Digest.of(b"x" * 100))


async def test_an_account_has_so_many_unfinished_uploads_and_no_more(
    shop: Shop, metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads_module, "MOST_UNFINISHED", 5)
    alice, bob = await add_account(metadata, "alice"), await add_account(metadata, "bob")
    worker, begun = shop.worker(), []
    for who in (alice.id, None):
        begun = [await worker.begin(shop.target, who, "sha256") for _ in range(5)]
        with pytest.raises(TooMany, match="finish or cancel"):
            await worker.begin(shop.target, who, "sha256")
    await worker.begin(shop.target, bob.id, "sha256")
    await worker.cancel(begun[0])
    await worker.begin(shop.target, None, "sha256")
    assert await upload_rows.count_uploads(metadata.reader, alice.id, 0) == 5


async def test_room_that_is_not_limited_costs_no_row(shop: Shop) -> None:
    await shop.limit(None)
    worker = shop.worker()
    begun = await worker.begin(shop.target, None, "sha256")
    await worker.append(begun, Chunk(body(b"abc")))
    await worker.put(shop.target, body(b"abc"), Digest.of(b"abc"))
    assert (await shop.reserved(), shop.on_disk) == (0, 6)
