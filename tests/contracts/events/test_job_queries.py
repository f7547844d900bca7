"""Work that waits, as every engine keeps it."""

from datetime import timedelta

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.events import jobs
from entrepot.metadata.events.jobs import LEASE
from entrepot.model.jobs import Job
from tests.metadata.clocks import START

SECOND = timedelta(seconds=1)
LATER = START + LEASE


async def add(metadata: Metadata, *subjects: str, after: timedelta = timedelta()) -> None:
    """Ask for indexing these."""
    async with metadata.begin() as tx:
        for subject in subjects:
            await jobs.add_job(tx, "index", subject, START + after)


async def take(metadata: Metadata, limit: int = 10, now: timedelta = timedelta()) -> list[Job]:
    """Take what is due at that moment."""
    async with metadata.begin() as tx:
        return await jobs.take_jobs(tx, START + now + LEASE, START + now, limit)


async def finish(metadata: Metadata, job: Job) -> None:
    """Say that work which was taken at the start is done."""
    async with metadata.begin() as tx:
        await jobs.finish_job(tx, job, LATER)


async def waiting(metadata: Metadata) -> int:
    """How much there is to do, now or later."""
    return sum((await jobs.count_jobs(metadata.reader)).values())


async def test_work_is_taken_in_order_and_once(metadata: Metadata) -> None:
    await add(metadata, "later", after=SECOND)
    await add(metadata, "b", "a")
    assert await jobs.is_due(metadata.reader, START)
    assert not await jobs.is_due(metadata.reader, START - SECOND)
    assert [job.subject for job in await take(metadata, limit=1)] == ["b"]
    assert [job.subject for job in await take(metadata)] == ["a"]
    assert await take(metadata) == []
    assert not await jobs.is_due(metadata.reader, START)
    assert [job.subject for job in await take(metadata, now=SECOND)] == ["later"]


async def test_work_that_is_done_is_forgotten(metadata: Metadata) -> None:
    await add(metadata, "a", "b")
    first, second = await take(metadata)
    await finish(metadata, first)
    assert await jobs.count_jobs(metadata.reader) == {("index", "queued"): 1}
    await finish(metadata, second)
    assert await jobs.count_jobs(metadata.reader) == {}


async def test_asking_again_for_what_waits_keeps_the_earlier_moment(metadata: Metadata) -> None:
    await add(metadata, "a", after=2 * SECOND)
    await add(metadata, "a", after=3 * SECOND)
    assert await waiting(metadata) == 1
    assert await take(metadata, now=SECOND) == []
    await add(metadata, "a", after=SECOND)
    assert len(await take(metadata, now=SECOND)) == 1


async def test_what_is_asked_for_while_it_runs_runs_again_afterwards(metadata: Metadata) -> None:
    await add(metadata, "a")
    (job,) = await take(metadata)
    await add(metadata, "a")
    assert await take(metadata) == []
    await finish(metadata, job)
    (again,) = await take(metadata)
    assert (again.subject, again.attempts) == ("a", 0)
    await finish(metadata, again)
    assert await waiting(metadata) == 0


@pytest.mark.parametrize("again", [START + SECOND, None])
async def test_what_is_asked_for_while_it_fails_runs_again(
    metadata: Metadata, again: object
) -> None:
    await add(metadata, "a")
    (job,) = await take(metadata)
    await add(metadata, "a")
    async with metadata.begin() as tx:
        moment = START + SECOND if again else None
        await jobs.put_back(tx, job, LATER, moment, "it failed")
    assert [each.attempts for each in await take(metadata)] == [0]


async def test_a_lease_that_is_over_lets_another_begin(metadata: Metadata) -> None:
    await add(metadata, "a")
    (lost,) = await take(metadata)
    assert await take(metadata, now=LEASE - SECOND) == []
    (taken,) = await take(metadata, now=LEASE)
    assert taken.attempts == 1
    # The one who was too slow changes nothing any more.
    await finish(metadata, lost)
    async with metadata.begin() as tx:
        await jobs.put_back(tx, lost, LATER, None, "too late")
        await jobs.release_job(tx, lost, LATER)
    assert await jobs.count_jobs(metadata.reader) == {("index", "queued"): 1}
    assert await take(metadata, now=LEASE) == []


async def test_a_lease_is_renewed_by_whoever_has_it(metadata: Metadata) -> None:
    await add(metadata, "a")
    (job,) = await take(metadata)
    async with metadata.begin() as tx:
        assert await jobs.renew_job(tx, job, LATER, LATER + LEASE)
        assert not await jobs.renew_job(tx, job, LATER, LATER + LEASE)
    assert await take(metadata, now=LEASE) == []
    async with metadata.begin() as tx:
        await jobs.finish_job(tx, job, LATER + LEASE)
    assert await waiting(metadata) == 0


async def test_work_that_is_left_to_others_counts_as_no_attempt(metadata: Metadata) -> None:
    await add(metadata, "a")
    (job,) = await take(metadata)
    async with metadata.begin() as tx:
        await jobs.release_job(tx, job, LATER)
    assert await take(metadata) == [job]


async def test_work_that_fails_is_tried_again_then_given_up(metadata: Metadata) -> None:
    await add(metadata, "a", "fine")
    job, _ = await take(metadata)
    async with metadata.begin() as tx:
        await jobs.put_back(tx, job, LATER, START + SECOND, "first")
    assert await jobs.list_failed(metadata.reader, 10) == []
    (job,) = await take(metadata, now=SECOND)
    assert job.attempts == 1
    async with metadata.begin() as tx:
        await jobs.put_back(tx, job, LATER + SECOND, None, "x" * 5000)
    (failed,) = await jobs.list_failed(metadata.reader, 10)
    assert (failed.id, failed.kind, failed.subject) == (job.id, "index", "a")
    assert (failed.attempts, failed.error, failed.created_at) == (2, "x" * 2000, START)
    assert await jobs.list_failed(metadata.reader, 0) == []
    assert await take(metadata, now=LEASE / 2) == []


async def test_only_work_that_was_given_up_is_queued_by_hand(metadata: Metadata) -> None:
    await add(metadata, "a")
    (job,) = await take(metadata)
    async with metadata.begin() as tx:
        assert not await jobs.requeue(tx, job.id)
        assert not await jobs.requeue(tx, job.id + 1)
        await jobs.put_back(tx, job, LATER, None, "it failed")
        assert await jobs.requeue(tx, job.id)
    assert await take(metadata) == [job]


async def test_what_was_given_up_is_tried_again_when_asked_for(metadata: Metadata) -> None:
    await add(metadata, "a")
    (job,) = await take(metadata)
    async with metadata.begin() as tx:
        await jobs.put_back(tx, job, LATER, None, "it failed")
    await add(metadata, "a", after=SECOND)
    assert await take(metadata, now=SECOND) == [job]


async def test_work_dated_by_a_clock_that_was_ahead_is_brought_forward(metadata: Metadata) -> None:
    days = timedelta(days=3)
    await add(metadata, "dated", after=days)
    await add(metadata, "soon", after=5 * LEASE / 4)
    await add(metadata, "kept by somebody")
    [kept] = await take(metadata, now=timedelta())
    async with metadata.begin() as tx:
        await jobs.release_job(tx, kept, LATER)
        await jobs.take_jobs(tx, START + days + LEASE, START, 1)
        await jobs.add_job(tx, jobs.DELIVER, "1 2", START + days)
    async with metadata.begin() as tx:
        assert await jobs.bring_forward(tx, START) == 2
        assert await jobs.bring_forward(tx, START) == 0
    assert [job.subject for job in await take(metadata)] == ["dated", "kept by somebody"]
