"""Work that a commit left behind is done: once at a time, again when asked, and given up last."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from entrepot.errors import OutOfSpace, Unavailable
from entrepot.jobs.worker import JobWorker
from entrepot.metadata.engines.engine import Metadata, Transaction
from entrepot.metadata.events import jobs
from entrepot.metadata.events.jobs import LEASE
from entrepot.model.jobs import Job
from tests.metadata.clocks import MovableClock

Step = Callable[[str], Awaitable[None]]


class Works:
    """Work that writes down its subjects, and does one step more where a test says so."""

    def __init__(self, step: Step | None = None) -> None:
        self.done: list[str] = []
        self._step = step

    async def __call__(self, subject: str) -> None:
        """Do it."""
        self.done.append(subject)
        if self._step is not None:
            await self._step(subject)


def worker(metadata: Metadata, clock: MovableClock, works: Works) -> JobWorker:
    """A worker that knows one kind of work."""
    return JobWorker(metadata, {"work": works}, clock)


async def add(metadata: Metadata, clock: MovableClock, *subjects: str) -> None:
    """Ask for work on these subjects, now."""
    async with metadata.begin() as tx:
        for subject in subjects:
            await jobs.add_job(tx, "work", subject, clock())


async def left(metadata: Metadata) -> dict[tuple[str, str], int]:
    """What is still to be done, or was given up."""
    return await jobs.count_jobs(metadata.reader)


async def test_everything_that_is_due_is_done_and_forgotten(
    metadata: Metadata, clock: MovableClock
) -> None:
    subjects = [str(number) for number in range(40)]
    await add(metadata, clock, *subjects)
    works = Works()
    assert await worker(metadata, clock, works).drain() == 40
    assert works.done == subjects
    assert await left(metadata) == {}
    assert await worker(metadata, clock, works).drain() == 0


async def test_what_is_asked_for_while_it_runs_runs_again(
    metadata: Metadata, clock: MovableClock
) -> None:
    async def ask_again(subject: str) -> None:
        if len(works.done) == 1:
            await add(metadata, clock, subject)

    works = Works(ask_again)
    await add(metadata, clock, "a")
    assert await worker(metadata, clock, works).drain() == 2
    assert works.done == ["a", "a"]
    assert await left(metadata) == {}


async def test_no_two_workers_do_the_same_at_once(metadata: Metadata, clock: MovableClock) -> None:
    async def let_the_other_try(subject: str) -> None:
        await add(metadata, clock, subject)
        if len(works.done) <= 3:
            assert await worker(metadata, clock, others).drain() == 0

    works, others = Works(let_the_other_try), Works()
    await add(metadata, clock, "a", "b", "c")
    first = worker(metadata, clock, works)
    assert await first.do_some() == 3
    assert others.done == []
    assert await worker(metadata, clock, others).drain() == 3


async def test_several_workers_share_what_there_is(metadata: Metadata, clock: MovableClock) -> None:
    subjects = [str(number) for number in range(100)]
    await add(metadata, clock, *subjects)
    works = Works()
    counts = await asyncio.gather(*(worker(metadata, clock, works).drain() for _ in range(4)))
    assert sum(counts) == 100
    assert sorted(works.done) == sorted(subjects)


async def test_what_fails_is_tried_again_later_and_later_then_given_up(
    metadata: Metadata, clock: MovableClock
) -> None:
    async def fail(_: str) -> None:
        raise RuntimeError("it is broken")

    works = Works(fail)
    await add(metadata, clock, "a")
    for count, pause in enumerate((5, 20, 80, 320), start=1):
        assert await worker(metadata, clock, works).drain() == 1
        assert len(works.done) == count
        clock.advance(timedelta(seconds=pause - 1))
        assert await worker(metadata, clock, works).drain() == 0
        clock.advance(timedelta(seconds=1))
    assert await worker(metadata, clock, works).drain() == 1
    clock.advance(timedelta(days=1))
    assert await worker(metadata, clock, works).drain() == 0
    (given_up,) = await jobs.list_failed(metadata.reader, 10)
    assert (given_up.attempts, given_up.error) == (5, "RuntimeError: it is broken")
    assert await left(metadata) == {("work", "failed"): 1}


async def test_work_that_hangs_is_cut_and_tried_again(
    metadata: Metadata, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrepot.jobs.worker.BUDGET", 0.01)

    async def hang_once(_: str) -> None:
        if len(works.done) == 1:
            await asyncio.Event().wait()

    works = Works(hang_once)
    await add(metadata, clock, "a")
    assert await worker(metadata, clock, works).do_some() == 1
    assert await left(metadata) == {("work", "queued"): 1}
    clock.advance(timedelta(seconds=5))
    assert await worker(metadata, clock, works).do_some() == 1
    assert await left(metadata) == {}


async def test_what_fails_holds_up_nothing_else(metadata: Metadata, clock: MovableClock) -> None:
    async def fail_some(subject: str) -> None:
        if subject == "bad":
            raise ValueError(subject)

    works = Works(fail_some)
    await add(metadata, clock, "bad", "good")
    assert await worker(metadata, clock, works).drain() == 2
    assert await left(metadata) == {("work", "queued"): 1}


async def test_work_that_nobody_knows_is_given_up_in_the_end(
    metadata: Metadata, clock: MovableClock
) -> None:
    async with metadata.begin() as tx:
        await jobs.add_job(tx, "of a newer version", "1", clock())
    for _ in range(5):
        await worker(metadata, clock, Works()).drain()
        clock.advance(timedelta(hours=1))
    (failed,) = await jobs.list_failed(metadata.reader, 10)
    assert failed.error == "this version has no handler for jobs of kind of a newer version"


async def test_a_crash_leaves_work_to_others_once_the_lease_is_over(
    metadata: Metadata, clock: MovableClock
) -> None:
    await add(metadata, clock, "a")
    async with metadata.begin() as tx:
        await jobs.take_jobs(tx, clock() + LEASE, clock(), 16)
    works = Works()
    assert await worker(metadata, clock, works).drain() == 0
    clock.advance(LEASE)
    assert await worker(metadata, clock, works).drain() == 1
    assert works.done == ["a"]


async def test_slow_work_leaves_the_rest_to_others_within_its_lease(
    metadata: Metadata, clock: MovableClock
) -> None:
    async def be_slow(_: str) -> None:
        clock.advance(LEASE * 0.4)

    works, others = Works(be_slow), Works()
    await add(metadata, clock, "a", "b", "c", "d")
    assert await worker(metadata, clock, works).do_some() == 2
    assert await worker(metadata, clock, others).drain() == 2
    assert works.done + others.done == ["a", "b", "c", "d"]
    assert await left(metadata) == {}


async def test_work_that_a_stop_cuts_short_is_taken_up_at_once(
    metadata: Metadata, clock: MovableClock
) -> None:
    begun = asyncio.Event()

    async def hang(subject: str) -> None:
        if subject == "b":
            begun.set()
            await asyncio.Event().wait()

    works, others = Works(hang), Works()
    await add(metadata, clock, "a", "b", "c")
    first = worker(metadata, clock, works)
    first.start()
    await asyncio.wait_for(begun.wait(), 30)
    await first.stop()
    assert works.done == ["a", "b"]
    assert await worker(metadata, clock, others).drain() == 2
    assert others.done == ["b", "c"]


async def test_a_database_that_is_away_at_the_end_keeps_no_work_from_others(
    metadata: Metadata, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([Unavailable("away"), OutOfSpace()])
    begin = metadata.begin

    @asynccontextmanager
    async def begin_or_fail() -> AsyncIterator[Transaction]:
        async with begin() as tx:
            yield tx
            # In the commit: those who share it fail with whoever is refused.
            if works.done and (failure := next(failures, None)) is not None:
                raise failure

    works = Works()
    await add(metadata, clock, "a", "b")
    monkeypatch.setattr(metadata, "begin", begin_or_fail)
    assert await worker(metadata, clock, works).do_some() == 2
    assert next(failures, None) is None
    assert await left(metadata) == {}


async def test_a_database_that_stays_away_ends_the_try_with_the_lease(
    metadata: Metadata, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = metadata.begin

    @asynccontextmanager
    async def begin_or_fail() -> AsyncIterator[Transaction]:
        async with begin() as tx:
            yield tx
            if works.done:
                clock.advance(LEASE)
                raise Unavailable("away")

    works, others = Works(), Works()
    await add(metadata, clock, "a")
    with monkeypatch.context() as patch:
        patch.setattr(metadata, "begin", begin_or_fail)
        with pytest.raises(Unavailable):
            await worker(metadata, clock, works).do_some()
    assert await worker(metadata, clock, others).drain() == 1
    assert others.done == ["a"]


async def test_work_that_takes_long_stays_the_workers_own(
    metadata: Metadata, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrepot.jobs.worker.RENEW_EVERY", 0.001)
    until = clock() + LEASE

    async def be_slow(_: str) -> None:
        clock.advance(LEASE * 0.9)
        for _attempt in range(10_000):
            if await renewed():
                break
            await asyncio.sleep(0.001)
        clock.advance(LEASE * 0.9)
        assert await worker(metadata, clock, others).drain() == 0

    async def renewed() -> bool:
        async with metadata.begin() as tx:
            held = await jobs.renew_job(tx, Job(1, "work", "a", 0), until, until)
        return not held

    works, others = Works(be_slow), Works()
    await add(metadata, clock, "a")
    assert await worker(metadata, clock, works).do_some() == 1
    assert others.done == []
    assert await left(metadata) == {}


async def test_a_worker_that_never_started_stops(metadata: Metadata, clock: MovableClock) -> None:
    await worker(metadata, clock, Works()).stop()
    assert await left(metadata) == {}


@pytest.mark.parametrize("is_busy", [True, False])
async def test_a_started_worker_looks_again_and_again(
    metadata: Metadata, clock: MovableClock, monkeypatch: pytest.MonkeyPatch, is_busy: bool
) -> None:
    monkeypatch.setattr("entrepot.jobs.worker.LOOK_EVERY", 0.001)
    done = asyncio.Event()

    async def tell(subject: str) -> None:
        if subject == "last":
            done.set()

    works = Works(tell)
    started = JobWorker(metadata, {"work": works}, clock, lambda: is_busy)
    started.start()
    await add(metadata, clock, "first")
    await add(metadata, clock, "last")
    await asyncio.wait_for(done.wait(), 30)
    await started.stop()
    assert works.done == ["first", "last"]
