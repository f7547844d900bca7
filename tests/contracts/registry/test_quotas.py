"""What counts against a quota is what is there, however pushes and deletions meet."""

import asyncio
import random
from contextlib import suppress
from datetime import timedelta

from entrepot.errors import BlobUnknown, Unavailable
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import policies
from entrepot.oci.digests import Digest
from entrepot.registry.blobs import Blobs
from entrepot.registry.maintenance.collector import Collector
from entrepot.registry.uploads import Uploads
from entrepot.storage.memory import MemoryStorage
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_organization, add_repository
from tests.registry.bodies import body
from tests.registry.conftest import target_of

_CONTENTS = [b"x" * size for size in (1, 10, 100, 1000)]


async def test_what_counts_is_what_is_there(metadata: Metadata) -> None:
    clock = MovableClock()
    storage = MemoryStorage(clock)
    uploads, blobs = Uploads(metadata, storage, clock), Blobs(metadata, storage, clock)
    collector = Collector(metadata, storage, clock, grace=timedelta(seconds=1))
    acme = await add_organization(metadata, "acme")
    shops = [await add_repository(metadata, f"acme/{each}", namespace_id=acme) for each in range(3)]
    async with metadata.begin() as tx:
        await policies.set_quota(tx, acme, 10**6)

    async def work(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(20):
            shop, content = chance.choice(shops), chance.choice(_CONTENTS)
            # What is not there, or was collected meanwhile: the clock goes fast.
            with suppress(BlobUnknown, Unavailable):
                if chance.random() < 0.5:
                    await uploads.put(target_of(shop), body(content), Digest.of(content))
                else:
                    await blobs.unlink(shop, Digest.of(content))

    async def collect() -> None:
        for _ in range(3):
            clock.advance(timedelta(seconds=2))
            await collector.run()

    await asyncio.gather(*(work(seed) for seed in range(6)), collect())
    found = await policies.find_quota(metadata.reader, acme)
    assert found is not None
    assert found.used == await policies.measure_namespace(metadata.reader, acme)
