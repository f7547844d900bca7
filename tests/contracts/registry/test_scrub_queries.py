"""Passes, damage and holds, as every engine keeps them."""

from dataclasses import replace
from datetime import timedelta

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import gc_leases, scrubs
from entrepot.model.integrity import Damage, Pass
from tests.metadata.clocks import START
from tests.metadata.rows import add_blob, add_repository


async def test_a_pass_is_remembered(metadata: Metadata) -> None:
    assert await scrubs.find_pass(metadata.reader) is None
    first = Pass("sha256:a", 3, 99, START, None)
    for each in (first, replace(first, last="", blobs=4, ended_at=START)):
        async with metadata.begin() as tx:
            await scrubs.save_pass(tx, each)
        assert await scrubs.find_pass(metadata.reader) == each


async def test_damage_is_known_since_the_first_time(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "a/b")
    digest = str(await add_blob(metadata, repository, b"abc"))
    async with metadata.begin() as tx:
        await scrubs.note_damage(tx, digest, "gone", START)
        await scrubs.note_damage(tx, digest, "wrong", START + timedelta(days=1))
    assert await scrubs.list_damage(metadata.reader, "", 9) == [Damage(digest, "wrong", START)]
    assert await scrubs.list_damage(metadata.reader, digest, 9) == []
    assert await scrubs.count_damage(metadata.reader) == 1
    assert await scrubs.list_holder_names(metadata.reader, digest, 9) == ["a/b"]
    async with metadata.begin() as tx:
        assert await scrubs.forget_damage(tx, digest)
        assert not await scrubs.forget_damage(tx, digest)
    assert await scrubs.count_damage(metadata.reader) == 0


async def test_a_hold_lasts_until_it_is_dropped_or_over(metadata: Metadata) -> None:
    later = START + timedelta(minutes=1)
    assert not await gc_leases.is_held(metadata.reader, START)
    async with metadata.begin() as tx:
        await gc_leases.lock_holds(tx)
        await gc_leases.set_hold(tx, "one", START)
        await gc_leases.set_hold(tx, "one", later)
        await gc_leases.set_hold(tx, "two", later)
    assert await gc_leases.is_held(metadata.reader, START)
    assert not await gc_leases.is_held(metadata.reader, later)
    async with metadata.begin() as tx:
        await gc_leases.drop_hold(tx, "one")
        assert await gc_leases.is_held(tx, START)
        await gc_leases.drop_hold(tx, "two")
        await gc_leases.drop_hold(tx, "two")
    assert not await gc_leases.is_held(metadata.reader, START)


async def test_a_hold_of_a_clock_that_was_ahead_is_over(metadata: Metadata) -> None:
    async with metadata.begin() as tx:
        await gc_leases.set_hold(tx, "a backup", START + 2 * gc_leases.LONGEST)
    assert not await gc_leases.is_held(metadata.reader, START)
    assert await gc_leases.is_held(metadata.reader, START + 3 * gc_leases.LONGEST / 2)
