"""A backup is whole or none, holds what its moment named, and makes the same hub again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from entrepot.errors import Conflict, Invalid, NotFound
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.metadata.registry import gc_leases, manifests
from entrepot.metadata.repositories import find_repository
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, Tag
from entrepot.registry.maintenance.backup_catalog import FACTS, MARK, BackupGeneration
from entrepot.registry.maintenance.backups import Backups
from entrepot.registry.maintenance.collector import Collector
from entrepot.registry.maintenance.restores import Restores
from entrepot.registry.maintenance.scrub import Scrub
from entrepot.storage.memory import MemoryStorage
from entrepot.storage.protocols import BlobKey
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_account
from tests.registry.test_history import Shop, history, removals, shop

__all__ = ["history", "removals", "shop"]


class Plant:
    """A hub, its backups, and what is made of them."""

    def __init__(
        self, metadata: Metadata, storage: MemoryStorage, data: Path, clock: MovableClock
    ) -> None:
        self.metadata, self.storage, self.data, self.clock = metadata, storage, data, clock
        self.place = data / "entrepot.db"
        storage.now = clock
        self.backups = Backups(data / "backups")
        self.journal = data / "restore.jsonl"

    async def make(self) -> BackupGeneration:
        """Back up."""
        made = await self.backups.make(self.metadata, self.storage, self.place, self.clock)
        self.clock.advance(timedelta(seconds=1))
        return made

    async def put(self, generation: BackupGeneration, storage: MemoryStorage, place: Path) -> int:
        """Make a hub of the backup."""
        restores = Restores(self.backups, self.journal)
        return await restores.restore(generation, storage, place)

    async def restore(
        self, generation: BackupGeneration, name: str
    ) -> tuple[Metadata, MemoryStorage]:
        """Another hub, made of the backup."""
        place, storage = self.data / name / "entrepot.db", MemoryStorage(self.clock)
        await self.put(generation, storage, place)
        return SqliteMetadata(place), storage


@pytest.fixture
def plant(metadata: Metadata, storage: MemoryStorage, tmp_path: Path, clock: MovableClock) -> Plant:
    """A hub that can be backed up."""
    return Plant(metadata, storage, tmp_path, clock)


async def test_a_restored_hub_is_the_hub_of_that_moment(plant: Plant, shop: Shop) -> None:
    await add_account(plant.metadata, "alice")
    first = await shop.image(b"first", "v1")
    generation = await plant.make()
    await shop.image(b"second", "v1", "v2")
    assert generation.problems == []
    restored, storage = await plant.restore(generation, "other")
    found = await find_repository(restored.reader, RepositoryName("a/b"))
    assert found is not None
    facts = await manifests.find_facts(restored.reader, found.id, Tag("v1"))
    assert facts is not None
    assert facts.digest == str(first)
    assert await manifests.find_facts(restored.reader, found.id, Tag("v2")) is None
    assert sorted(storage.blobs.values()) == [b"config", b"first"]
    await restored.close()


async def test_a_second_backup_copies_only_what_is_new(plant: Plant, shop: Shop) -> None:
    await add_account(plant.metadata, "alice")
    await shop.image(b"first", "v1")
    one = await plant.make()
    pool = {path: path.stat().st_ino for path in plant.data.glob("backups/blobs/*/*/*")}
    await shop.image(b"second", "v2")
    two = await plant.make()
    again = {path: path.stat().st_ino for path in plant.data.glob("backups/blobs/*/*/*")}
    assert len(again) == len(pool) + 1
    assert pool.items() <= again.items()
    assert [each.name for each in plant.backups.list_all()] == [one.name, two.name]
    assert await plant.backups.verify() == []
    assert plant.backups.keep(1) == 1
    assert await plant.backups.verify() == []
    assert plant.backups.get().name == two.name
    with pytest.raises(NotFound):
        plant.backups.get(one.name)


async def test_a_backup_that_was_ended_is_none(plant: Plant, shop: Shop) -> None:
    await shop.image(b"first", "v1")
    made = await plant.make()
    (plant.data / "backups" / "generations" / made.name / MARK).unlink()
    assert plant.backups.list_all() == []


async def test_one_backup_is_made_at_a_time(plant: Plant, shop: Shop) -> None:
    await shop.image(b"first", "v1")
    with plant.backups._alone():
        with pytest.raises(Conflict):
            await plant.make()
        with pytest.raises(Conflict):
            plant.backups.keep(1)
    await plant.make()


async def test_what_was_ended_or_is_damaged_is_cleared_and_copied_again(
    plant: Plant, shop: Shop
) -> None:
    await shop.image(b"first", "v1")
    ended = plant.data / "backups" / "generations" / "ended"
    ended.mkdir(parents=True)
    (ended / FACTS).write_bytes(b"half")
    await plant.make()
    path = next(iter(plant.data.glob(f"backups/blobs/*/*/{Digest.of(b'first').hex}")))
    path.write_bytes(b"fir5t")
    assert len(await plant.backups.verify()) == 1
    await plant.make()
    assert await plant.backups.verify() == []
    assert plant.backups.keep(1) == 1
    assert not ended.exists()
    assert list(path.parent.iterdir()) == [path]


async def test_a_blob_that_the_disk_does_not_give_is_told(
    plant: Plant, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.image(b"first", "v1")
    digest, read = str(Digest.of(b"first")), plant.storage.read

    async def failing(key: BlobKey) -> AsyncIterator[bytes]:
        if key == digest:
            raise OSError(5, "Input/output error")
        async for run in read(key):
            yield run

    monkeypatch.setattr(plant.storage, "read", failing)
    made = await plant.make()
    assert made.problems == [f"{digest}: the bytes cannot be read: Input/output error"]
    assert await plant.backups.verify() == [f"{made.name} lacks {made.problems[0]}"]
    scrub = Scrub(plant.metadata, plant.storage, plant.clock)
    await scrub.step(timedelta(days=30), 10**9)
    assert [each.digest for each in await scrub.list_damage()] == [digest]


async def test_a_damaged_backup_is_told_and_never_restored(plant: Plant, shop: Shop) -> None:
    await add_account(plant.metadata, "alice")
    await shop.image(b"first", "v1")
    made = await plant.make()
    path = next(iter(plant.data.glob(f"backups/blobs/*/*/{Digest.of(b'first').hex}")))
    path.write_bytes(b"wrong")
    with pytest.raises(Invalid, match="is damaged"):
        await plant.restore(made, "other")
    assert await plant.backups.verify() == [f"{Digest.of(b'first')} is missing or damaged"]
    with pytest.raises(Invalid, match="lacks"):
        await plant.restore(made, "another")
    path.write_bytes(b"first")
    assert await plant.backups.verify() == []
    facts = plant.data / "backups" / "generations" / made.name / FACTS
    facts.write_bytes(facts.read_bytes()[:-1])
    assert await plant.backups.verify() == [f"the database copy in {made.name} is damaged"]
    with pytest.raises(Invalid, match="database copy"):
        await plant.restore(made, "third")


async def test_bytes_that_the_hub_lacks_are_told(plant: Plant, shop: Shop) -> None:
    await add_account(plant.metadata, "alice")
    await shop.image(b"first", "v1")
    digest = Digest.of(b"first")
    plant.storage.blobs[BlobKey(str(digest))] = b"flipped"
    made = await plant.make()
    assert made.problems == [f"{digest}: the bytes do not match the digest"]
    restored, storage = await plant.restore(made, "other")
    assert b"config" in storage.blobs.values()
    await restored.close()


async def test_nothing_is_restored_over_a_hub(plant: Plant, shop: Shop) -> None:
    await add_account(plant.metadata, "alice")
    await shop.image(b"first", "v1")
    made = await plant.make()
    with pytest.raises(Invalid, match="there is a hub already"):
        await plant.put(made, plant.storage, plant.place)


async def test_the_collector_waits_for_a_backup(plant: Plant, shop: Shop) -> None:
    """Else what the facts name would be gone before it is copied."""
    first = await shop.image(b"first", "v1")
    await shop.manifests.delete(shop.repository, first, None)
    collector = Collector(plant.metadata, plant.storage, plant.clock, grace=timedelta(seconds=1))
    plant.clock.advance(timedelta(hours=1))
    async with plant.metadata.begin() as tx:
        await gc_leases.set_hold(tx, "backup", plant.clock() + timedelta(minutes=10))
    plant.clock.advance(timedelta(minutes=9))
    await collector.run()
    assert b"first" in plant.storage.blobs.values()
    plant.clock.advance(timedelta(minutes=2))
    await collector.run()
    assert b"first" not in plant.storage.blobs.values()


async def test_a_hold_ends_with_its_backup(plant: Plant, shop: Shop) -> None:
    await shop.image(b"first", "v1")
    making = asyncio.create_task(plant.make())
    await making
    assert not await gc_leases.is_held(plant.metadata.reader, plant.clock())
