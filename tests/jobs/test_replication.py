"""Tags are pushed until the destination has them: tried again for days, and then put aside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from entrepot.errors import EntrepotError, TooMany, UpstreamFailed, UpstreamUnreachable
from entrepot.jobs.replication import GIVEN_UP_AFTER, LEASE, Attempt, ReplicationLane
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.replication import replication_rules, replication_tasks
from entrepot.model.replication import (
    ReplicationRule,
    ReplicationStatus,
    ReplicationTask,
    TaskLine,
    TaskState,
)
from entrepot.registry.replication.transfers import Transferred
from entrepot.upstream.pushing import Journal, PushRefused
from tests.metadata.clocks import START, MovableClock
from tests.metadata.rows import add_repository

DONE = Transferred("sha256:1", is_moved=True, manifests=1, attachments=0, blobs=1)


class Runner:
    """Does tasks as a test says: raises `error` while there is one."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.done: list[str] = []
        self.begun = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def run(
        self, rule: ReplicationRule, task: ReplicationTask, journal: Journal
    ) -> Transferred | None:
        """Do one task."""
        self.begun.set()
        journal.upload = "sha256:1", "/upload"
        journal.add(7)
        await self.goes_on.wait()
        if self.error is not None:
            raise self.error
        self.done.append(task.tag)
        return DONE


class Bench:
    """A rule with tags that wait, and a lane that does them."""

    def __init__(self, metadata: Metadata, clock: MovableClock) -> None:
        self.metadata = metadata
        self.clock = clock
        self.runner = Runner()
        self.attempts: list[Attempt] = []
        self.rule_id = 0
        self.repository_id = 0

    async def ask(self, *tags: str) -> None:
        """Queue tags that changed now."""
        async with self.metadata.begin() as tx:
            for tag in tags:
                await replication_tasks.ask(
                    tx, self.rule_id, self.repository_id, tag, self.clock(), self.clock()
                )

    def lane(self) -> ReplicationLane:
        """A worker's lane."""
        return ReplicationLane(
            self.metadata, self.runner, self.clock, lambda: 0.5, self.attempts.append
        )

    async def drain(self) -> ReplicationStatus:
        """Do all that is due; say what is left."""
        await self.lane().drain(self.rule_id)
        return await self.status()

    async def status(self) -> ReplicationStatus:
        """The state of the rule."""
        (found,) = await replication_tasks.list_status(self.metadata.reader, self.clock())
        return found

    async def lines(self) -> list[TaskLine]:
        """What is left."""
        reader = self.metadata.reader
        return list(await replication_tasks.list_lines(reader, self.rule_id, self.clock(), 10))


@pytest.fixture
async def bench(metadata: Metadata, clock: MovableClock) -> Bench:
    """A rule, a repository and no tags."""
    made = Bench(metadata, clock)
    made.repository_id = (await add_repository(metadata, "a/b")).id
    async with metadata.begin() as tx:
        rule = ReplicationRule(0, "there", "https://there.test", START)
        made.rule_id = await replication_rules.insert_rule(tx, rule)
    return made


@asynccontextmanager
async def started(lane: ReplicationLane) -> AsyncIterator[None]:
    """The lane runs meanwhile."""
    lane.start()
    try:
        yield
    finally:
        await lane.stop()


async def test_what_is_done_is_forgotten_and_counted(bench: Bench) -> None:
    await bench.ask("v1", "v2", "v3")
    status = await bench.drain()
    assert sorted(bench.runner.done) == ["v1", "v2", "v3"]
    assert (status.waiting, status.lag(bench.clock())) == (0, 0)
    assert (status.rule.sent_tags, status.rule.sent_bytes) == (3, 21)


async def test_a_failure_is_tried_again_later_and_given_up_after_days(bench: Bench) -> None:
    await bench.ask("v1")
    bench.runner.error = UpstreamFailed("there failed with status 500")
    waits = []
    while (status := await bench.drain()).waiting:
        (line,) = await bench.lines()
        waits.append((line.run_at - bench.clock()).total_seconds())
        bench.clock.moment = line.run_at
    assert waits[:5] == [10, 40, 160, 640, 2560]
    assert set(waits[5:]) == {3600}
    assert timedelta() <= bench.clock() - START - GIVEN_UP_AFTER <= timedelta(hours=1)
    assert (status.failed, status.behind) == (1, 1)
    (line,) = await bench.lines()
    assert (line.state, line.error) == (TaskState.FAILED, "there failed with status 500")
    # A new push is tried as if nothing had been.
    bench.runner.error = None
    await bench.ask("v1")
    assert (await bench.drain()).failed == 0


async def test_a_refusal_is_shown_and_not_tried_again(bench: Bench) -> None:
    await bench.ask("v1", "v2")
    bench.runner.error = PushRefused("there refused v1", status=403)
    status = await bench.drain()
    assert (status.waiting, status.conflicts) == (0, 2)
    assert all(attempt.is_conflict for attempt in bench.attempts)
    bench.clock.advance(timedelta(days=30))
    bench.runner.error = None
    assert (await bench.drain()).conflicts == 2


@pytest.mark.parametrize(
    ("error", "wait"),
    [(UpstreamUnreachable("there is away"), 5), (TooMany("there limits requests", wait=90), 90)],
)
async def test_a_destination_that_is_away_is_asked_for_one_tag_and_not_for_all(
    bench: Bench, error: EntrepotError, wait: int
) -> None:
    await bench.ask(*(f"v{number}" for number in range(50)))
    bench.runner.error = error
    status = await bench.drain()
    assert (status.waiting, len(bench.attempts)) == (50, 2)
    assert status.rule.problem == error.message
    assert status.rule.backs_off_until == START + timedelta(seconds=wait)
    bench.runner.error = None
    assert (await bench.drain()).waiting == 50
    bench.clock.advance(timedelta(minutes=2))
    status = await bench.drain()
    assert (status.waiting, status.rule.problem) == (0, "")


async def test_a_tag_that_changes_while_it_is_pushed_is_pushed_once_more(bench: Bench) -> None:
    await bench.ask("v1")
    bench.runner.goes_on.clear()
    draining = asyncio.create_task(bench.drain())
    await bench.runner.begun.wait()
    await bench.ask("v1")
    bench.runner.goes_on.set()
    await draining
    assert bench.runner.done == ["v1", "v1"]


async def test_what_a_worker_leaves_is_taken_up_by_another(bench: Bench) -> None:
    await bench.ask("v1")
    bench.runner.goes_on.clear()
    lane = bench.lane()
    async with started(lane):
        await bench.runner.begun.wait()
        assert (await bench.status()).running == 1
    status = await bench.status()
    assert (status.waiting, status.running) == (1, 0)
    bench.runner.goes_on.set()
    async with bench.metadata.begin() as tx:
        until = bench.clock() + LEASE
        (task,) = await replication_tasks.take(tx, bench.rule_id, until, bench.clock(), 1)
    assert (task.upload_digest, task.upload_location) == ("sha256:1", "/upload")
    # That one died: its lease ends by itself.
    bench.clock.advance(LEASE)
    await bench.drain()
    assert bench.runner.done == ["v1"]


async def test_a_rule_that_is_removed_ends_its_work(bench: Bench) -> None:
    await bench.ask("v1")
    other = replace(ReplicationRule(0, "other", "https://there.test", START))
    async with bench.metadata.begin() as tx:
        await replication_rules.insert_rule(tx, other)
        await replication_rules.delete_rule(tx, bench.rule_id)
    await bench.lane().drain(bench.rule_id)
    assert bench.runner.done == []
