"""Scrubbing finds what is wrong, puts it aside, and knows when it was healed."""

from datetime import timedelta

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.oci.digests import Digest
from entrepot.registry.blobs import Blobs
from entrepot.registry.maintenance.scrub import Scrub, ScrubResult
from entrepot.storage.memory import MemoryStorage
from entrepot.storage.protocols import BlobKey
from tests.metadata.clocks import MovableClock
from tests.registry.test_history import Shop, history, removals, shop

__all__ = ["history", "removals", "shop"]
RIGHT = b"the bytes"
DIGEST = Digest.of(RIGHT)
KEY = BlobKey(str(DIGEST))
DAY = timedelta(days=1)
MONTH = timedelta(days=30)


@pytest.fixture
def scrub(metadata: Metadata, storage: MemoryStorage, clock: MovableClock) -> Scrub:
    """What looks at every blob."""
    return Scrub(metadata, storage, clock)


async def damaged(scrub: Scrub) -> list[ScrubResult]:
    """What a whole pass finds wrong."""
    return [each async for each in scrub.run() if each.problem is not None]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (b"the Bytes", "the bytes do not match the digest"),
        (b"\0" * len(RIGHT), "the bytes do not match the digest"),
        (RIGHT[:-1], "8 bytes instead of 9"),
        (RIGHT + b"!", "10 bytes instead of 9"),
        (b"", "0 bytes instead of 9"),
        (None, "the bytes are missing"),
    ],
)
async def test_what_is_wrong_is_put_aside_and_healed_by_a_push(
    scrub: Scrub,
    shop: Shop,
    storage: MemoryStorage,
    blobs: Blobs,
    wrong: bytes | None,
    problem: str,
) -> None:
    await shop.image(RIGHT, "v1")
    assert await damaged(scrub) == []
    if wrong is None:
        del storage.blobs[KEY]
    else:
        storage.blobs[KEY] = wrong
    assert await damaged(scrub) == [ScrubResult(str(DIGEST), len(RIGHT), problem, ("a/b",))]
    assert KEY not in storage.blobs
    assert storage.quarantined == ({} if wrong is None else {KEY: wrong})
    assert [each.digest for each in await scrub.list_damage()] == [str(DIGEST)]
    await shop.image(RIGHT, "v1")
    assert await damaged(scrub) == []
    assert await scrub.list_damage() == []
    assert storage.blobs[KEY] == RIGHT


async def test_swapped_blobs_are_both_found(
    scrub: Scrub, shop: Shop, storage: MemoryStorage
) -> None:
    await shop.image(b"one", "v1")
    await shop.image(b"two", "v2")
    keys = [BlobKey(str(Digest.of(each))) for each in (b"one", b"two")]
    storage.blobs[keys[0]], storage.blobs[keys[1]] = b"two", b"one"
    assert {each.digest for each in await damaged(scrub)} == set(keys)


async def test_steps_go_on_where_they_ended_and_begin_again_in_time(
    scrub: Scrub, shop: Shop, clock: MovableClock
) -> None:
    for number in range(3):
        await shop.image(b"%d" % number, f"v{number}")
    seen = []
    for _ in range(6):
        await scrub.step(MONTH, 10**9, lasts=timedelta(0))
        found = await scrub.find_pass()
        assert found is not None
        seen.append((found.blobs, found.ended_at is not None))
    # Four blobs, the config among them: one a step, and one more that finds the end.
    assert seen == [(1, False), (2, False), (3, False), (4, False), (4, True), (4, True)]
    clock.advance(MONTH)
    await scrub.step(MONTH, 10**9)
    found = await scrub.find_pass()
    assert found is not None
    assert (found.blobs, found.began_at) == (4, clock())


async def test_a_step_notices_what_was_healed_meanwhile(
    scrub: Scrub, shop: Shop, storage: MemoryStorage, clock: MovableClock
) -> None:
    await shop.image(RIGHT, "v1")
    storage.blobs[KEY] = b"wrong"
    await scrub.step(MONTH, 10**9)
    assert len(await scrub.list_damage()) == 1
    storage.blobs[KEY] = RIGHT
    clock.advance(DAY)
    await scrub.step(DAY, 10**9)
    assert await scrub.list_damage() == []
