"""Chores: done again and again, by one worker of all where that is enough."""

import asyncio
import logging
from datetime import datetime, timedelta

import pytest

from entrepot.errors import Unavailable
from entrepot.hub.identity.sessions import IDLE, Sessions
from entrepot.jobs import scheduler
from entrepot.jobs.clock_guard import ClockJumpGuard
from entrepot.jobs.scheduler import (
    PeriodicTask,
    Scheduler,
    collect_task,
    periodic_tasks,
    scrub_task,
)
from entrepot.metadata.engines.engine import Metadata, Transaction
from entrepot.metadata.people.sessions import list_sessions
from entrepot.metadata.people.tokens import renew_lease, take_lease
from entrepot.model.integrity import Pass
from entrepot.registry.maintenance.collector import CollectionResult, Collector
from entrepot.registry.maintenance.scrub import Scrub, ScrubResult
from entrepot.registry.pulls import Pulls
from entrepot.registry.uploads import Uploads
from entrepot.storage.memory import MemoryStorage
from entrepot.storage.protocols import BlobKey
from tests.metadata.clocks import START, MovableClock
from tests.metadata.rows import add_account, add_blob, add_repository

SOON = timedelta(milliseconds=1)


class Counter:
    """Work that counts how often it was done."""

    def __init__(self, *, fails: bool = False) -> None:
        self.count = 0
        self.begun = asyncio.Event()
        self.done = asyncio.Event()
        self._fails = fails

    async def __call__(self) -> None:
        """Do it once more."""
        self.count += 1
        self.begun.set()
        if self.count >= 3:
            self.done.set()
        if self._fails:
            raise RuntimeError("this periodic task never works")


async def test_a_periodic_task_is_done_again_and_again(
    metadata: Metadata, clock: MovableClock
) -> None:
    work = Counter()
    scheduler = Scheduler(metadata, [PeriodicTask("own", SOON, work, is_shared=False)], clock)
    scheduler.start()
    await asyncio.wait_for(work.done.wait(), 30)
    await scheduler.stop()
    assert work.count >= 4


async def test_a_periodic_task_that_fails_is_tried_again_and_ends_no_other(
    metadata: Metadata,
    clock: MovableClock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger("entrepot"), "propagate", True)
    bad, good = Counter(fails=True), Counter()
    periodic_tasks = [
        PeriodicTask("bad", SOON, bad, is_shared=False),
        PeriodicTask("good", SOON, good, is_shared=False),
    ]
    scheduler = Scheduler(metadata, periodic_tasks, clock)
    scheduler.start()
    await asyncio.wait_for(asyncio.gather(bad.done.wait(), good.done.wait()), 30)
    await scheduler.stop()
    assert "periodic task failed" in caplog.text


async def test_a_periodic_task_asks_a_busy_database_again(
    metadata: Metadata,
    clock: MovableClock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger("entrepot"), "propagate", True)
    monkeypatch.setattr(scheduler, "_PAUSES", (0.0, 0.0, 0.0))
    tries, worked = 0, asyncio.Event()

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise Unavailable("the database failed")
        worked.set()

    periodic_tasks = Scheduler(
        metadata, [PeriodicTask("shared", timedelta(seconds=0.01), work)], clock
    )
    periodic_tasks.start()
    await asyncio.wait_for(worked.wait(), 30)
    await periodic_tasks.stop()
    # The clock stands still: all tries were within the first lease.
    assert tries == 3
    assert "periodic task failed" not in caplog.text


async def test_of_several_workers_one_does_what_is_shared(
    metadata: Metadata, clock: MovableClock
) -> None:
    """The clock stands still, so the first one's lease does not end."""
    shared, own = Counter(), [Counter(), Counter()]
    workers = [
        Scheduler(
            metadata,
            [
                PeriodicTask("shared", SOON, shared),
                PeriodicTask("own", SOON, each, is_shared=False),
            ],
            clock,
        )
        for each in own
    ]
    for worker in workers:
        worker.start()
    async with asyncio.timeout(30):
        await shared.begun.wait()
        await asyncio.gather(*(each.done.wait() for each in own))
    for worker in workers:
        await worker.stop()
    assert shared.count == 1


async def test_a_periodic_task_that_takes_long_stays_with_its_worker(
    metadata: Metadata, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed, renewed = asyncio.Event(), asyncio.Event()

    async def renew(tx: Transaction, name: str, until: datetime, later: datetime) -> bool:
        if not failed.is_set():
            failed.set()
            raise Unavailable("the database is away")
        is_ours = await renew_lease(tx, name, until, later)
        if later > START + SOON:
            renewed.set()
        return is_ours

    async def others_may() -> bool:
        async with metadata.begin() as tx:
            return await take_lease(tx, "long", clock() + SOON, clock())

    async def work() -> None:
        await failed.wait()
        clock.advance(SOON)
        await renewed.wait()
        seen.append(await others_may())
        over.set()

    seen: list[bool] = []
    over = asyncio.Event()
    monkeypatch.setattr(scheduler, "renew_lease", renew)
    worker = Scheduler(metadata, [PeriodicTask("long", SOON, work)], clock)
    worker.start()
    await asyncio.wait_for(over.wait(), 30)
    await worker.stop()
    assert seen[0] is False


async def test_a_hub_has_periodic_tasks_that_all_work(
    metadata: Metadata, storage: MemoryStorage, clock: MovableClock
) -> None:
    pulls, uploads = Pulls(metadata, clock), Uploads(metadata, storage, clock)
    tasks = periodic_tasks(metadata, pulls, uploads, timedelta(hours=1), clock)
    assert len({each.name for each in tasks}) == len(tasks)
    for each in tasks:
        assert each.every > timedelta(0)
        await each.work()


async def test_sessions_that_are_over_are_forgotten_by_a_task(
    metadata: Metadata, storage: MemoryStorage, clock: MovableClock
) -> None:
    alice = await add_account(metadata, "alice")
    sessions = Sessions(metadata, clock)
    await sessions.begin(alice, address="::1", client="Browser")
    clock.advance(IDLE)
    kept = await sessions.begin(alice, address="::1", client="Browser")
    pulls, uploads = Pulls(metadata, clock), Uploads(metadata, storage, clock)
    for each in periodic_tasks(metadata, pulls, uploads, timedelta(hours=1), clock):
        await each.work()
    assert len(await list_sessions(metadata.reader, alice.id)) == 1
    assert await sessions.find(kept) is not None


async def test_space_is_freed_by_a_periodic_task_that_says_how_much(
    metadata: Metadata, clock: MovableClock
) -> None:
    storage = MemoryStorage(clock)
    storage.blobs[BlobKey("stray")], storage.committed_at[BlobKey("stray")] = b"abc", clock()
    clock.advance(timedelta(hours=2))
    noted: list[CollectionResult] = []
    collector = Collector(metadata, storage, clock, grace=timedelta(hours=1))
    steps: list[str] = []

    async def retain() -> int:
        steps.append("retain")
        return 0

    async def measure() -> None:
        steps.append("measure")

    ticks = [0.0]
    clock_guard = ClockJumpGuard(clock, lambda: ticks[0], timedelta(hours=1))
    periodic_task = collect_task(
        retain, collector, measure, timedelta(minutes=5), noted.append, clock_guard
    )
    assert (periodic_task.every, periodic_task.is_shared) == (timedelta(minutes=5), True)
    clock.advance(timedelta(hours=2))
    await periodic_task.work()
    assert (noted, steps) == ([], []), "the clock was set"
    ticks[0] += 3600
    clock.advance(timedelta(hours=1))
    await periodic_task.work()
    assert noted == [CollectionResult(strays=1, size=3)]
    assert steps == ["retain", "measure"]


async def test_blobs_are_compared_by_a_periodic_task_that_says_what_it_found(
    metadata: Metadata, clock: MovableClock
) -> None:
    digest = str(await add_blob(metadata, await add_repository(metadata, "a/b"), b"abc"))
    noted: list[ScrubResult] = []
    passes: list[Pass] = []
    scrub = Scrub(metadata, MemoryStorage(clock), clock)
    assert scrub_task(scrub, timedelta(0), 1, noted.append, passes.append) == []
    (periodic_task,) = scrub_task(scrub, timedelta(days=30), 10**9, noted.append, passes.append)
    for _ in range(2):
        await periodic_task.work()
    assert noted == [ScrubResult(digest, 3, "the bytes are missing", ("a/b",))]
    assert passes == [Pass(digest, 1, 3, clock(), clock())] * 2
