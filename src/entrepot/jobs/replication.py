"""Pushes tags to other registries: a few at a time, each once, until the destination has them.

A task is a row that says which tag is to be compared, and not what changed: however often a tag
moves while a destination is away, one transfer brings where it points then.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

from entrepot.errors import EntrepotError, TooMany, UpstreamUnreachable
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.replication import replication_rules, replication_tasks
from entrepot.model.replication import ReplicationRule, ReplicationTask, TaskState
from entrepot.registry.replication.transfers import Transferred
from entrepot.upstream.pushing import Journal, PushRefused

_log = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=1)
"""How long a task is one worker's unless it is renewed; another takes it after that."""
GIVEN_UP_AFTER: Final = timedelta(days=3)
"""After so long a task that fails is put aside, until the rule runs the next time."""
_LOOK_EVERY: Final = 0.5
_RENEW_EVERY: Final = LEASE.total_seconds() / 3
_WRITE_EVERY: Final = 2.0
"""Seconds after which the address of a new upload is written down: a crash loses no more."""
_AT_ONCE: Final = 4
_AT_ONCE_OF_ONE: Final = 2
_FIRST_WAIT: Final = timedelta(seconds=10)
_LONGEST_WAIT: Final = timedelta(hours=1)
_LONGEST_BACK_OFF: Final = timedelta(minutes=10)
_FIRST_BACK_OFF: Final = timedelta(seconds=5)

T = TypeVar("T")


class RunsTasks(Protocol):
    """Does one task."""

    async def run(
        self, rule: ReplicationRule, task: ReplicationTask, journal: Journal
    ) -> Transferred | None:
        """Have the destination as the hub is now; `None` where there was nothing to push."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The end of an attempt: what was transferred, or why nothing was."""

    rule: ReplicationRule
    task: ReplicationTask
    transferred: Transferred | None
    sent: int
    """Bytes of content."""
    error: EntrepotError | None = None

    @property
    def is_conflict(self) -> bool:
        """Whether the destination does not want it, now or later."""
        return isinstance(self.error, PushRefused)


Note = Callable[[Attempt], None]


class ReplicationLane:
    """Takes tasks that are due until it is stopped."""

    def __init__(
        self,
        metadata: Metadata,
        tasks: RunsTasks,
        now: Clock,
        jitter: Callable[[], float],
        note: Note = lambda _: None,
    ) -> None:
        self._metadata = metadata
        self._tasks = tasks
        self._now = now
        self._jitter = jitter
        self._note = note
        self._loop: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._busy: Counter[int] = Counter()

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._loop = asyncio.create_task(self.run())

    async def stop(self) -> None:
        """Stop; what is being sent is taken up by whoever comes next."""
        tasks = [*self._running, *([self._loop] if self._loop else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self, rule_id: int) -> None:
        """Do all of a rule's tasks that are due, on the caller's time; other workers help."""
        while True:
            await self._begin_some({rule_id})
            if self._running:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            elif not await self._goes_on(rule_id):
                return

    async def _goes_on(self, rule_id: int) -> bool:
        """Whether there is more to do for the rule; waits a little where others do it."""
        reader, now = self._metadata.reader, self._now()
        if rule_id in await replication_tasks.list_due(reader, now):
            return True
        listed = await replication_tasks.list_status(reader, now)
        if not any(each.rule.id == rule_id and each.running for each in listed):
            return False
        await asyncio.sleep(_LOOK_EVERY)
        return True

    async def run(self) -> None:
        """Do tasks as they become due, until this is cancelled."""
        while True:
            try:
                begun = len(self._running) < _AT_ONCE and await self._begin_some()
            except Exception as error:  # the loop outlives a database that is away
                _log.warning("looking for tags to replicate failed", extra={"error": str(error)})
                begun = False
            if not begun:
                await asyncio.sleep(_LOOK_EVERY)

    async def _begin_some(self, only: set[int] | None = None) -> bool:
        """Take some tasks that are due; say whether there were any."""
        now, begun = self._now(), False
        for rule_id in await replication_tasks.list_due(self._metadata.reader, now):
            free = min(_AT_ONCE_OF_ONE - self._busy[rule_id], _AT_ONCE - len(self._running))
            if free <= 0 or (only is not None and rule_id not in only):
                continue
            until = now + LEASE
            async with self._metadata.begin() as tx:
                rule = await replication_rules.find_rule(tx, rule_id)
                taken = await replication_tasks.take(tx, rule_id, until, now, free)
            if rule is None:
                continue
            for task in taken:
                begun = True
                self._busy[task.rule_id] += 1
                running = asyncio.create_task(self._work(rule, task, until))
                self._running.add(running)
                running.add_done_callback(self._running.discard)
        return begun

    async def _work(self, rule: ReplicationRule, task: ReplicationTask, until: datetime) -> None:
        lease = _Lease(self._metadata, self._now, task, until)
        attempt: Attempt | None = None
        try:
            attempt = await self._attempt(rule, task, lease)
        finally:
            self._busy[rule.id] -= 1
            # A worker that stops gives back what it has not finished.
            await asyncio.shield(self._settle(rule, task, lease, attempt))

    async def _attempt(
        self, rule: ReplicationRule, task: ReplicationTask, lease: "_Lease"
    ) -> Attempt:
        error: EntrepotError
        try:
            transferred = await lease.hold(self._tasks.run(rule, task, lease.journal))
            return Attempt(rule, task, transferred, lease.journal.sent)
        except EntrepotError as failure:
            error = failure
        except Exception as failure:  # whatever went wrong is told, and tried again
            _log.exception("a tag was not replicated", extra={"tag": task.tag})
            error = EntrepotError(f"{type(failure).__name__}: {failure}")
        return Attempt(rule, task, None, lease.journal.sent, error)

    async def _settle(
        self,
        rule: ReplicationRule,
        task: ReplicationTask,
        lease: "_Lease",
        attempt: Attempt | None,
    ) -> None:
        try:
            await lease.renew()
            async with self._metadata.begin() as tx:
                if attempt is None:
                    await replication_tasks.release(tx, task, lease.until)
                elif attempt.error is None:
                    is_changed = attempt.transferred is not None and attempt.transferred.is_changed
                    await replication_tasks.finish(tx, task, lease.until)
                    await replication_rules.note_success(
                        tx, rule.id, self._now(), count=int(is_changed), size=attempt.sent
                    )
                else:
                    await self._put_back(tx, rule, task, lease.until, attempt.error)
        except EntrepotError as error:  # the lease ends by itself
            _log.warning("a task was not given back", extra={"error": error.message})
        if attempt is not None:
            self._note(attempt)

    async def _put_back(
        self,
        tx: Transaction,
        rule: ReplicationRule,
        task: ReplicationTask,
        until: datetime,
        error: EntrepotError,
    ) -> None:
        now = self._now()
        failing_since = min(task.failing_since or now, now)
        state, again = TaskState.WAITING, now + self._wait(task.attempts)
        if isinstance(error, PushRefused):
            state = TaskState.CONFLICT
        elif now - failing_since >= GIVEN_UP_AFTER:
            state = TaskState.FAILED
        elif isinstance(error, UpstreamUnreachable | TooMany):
            # All of its tags wait for the destination, and none for longer than others.
            wait = min(_FIRST_BACK_OFF * 2 ** min(rule.failures, 10), _LONGEST_BACK_OFF)
            if isinstance(error, TooMany):
                wait = max(wait, timedelta(seconds=error.wait))
            await replication_rules.set_back_off(tx, rule.id, now + wait, error.message)
            again = now
        await replication_tasks.put_back(
            tx, task, until, state, again, error.message, failing_since
        )

    def _wait(self, attempts: int) -> timedelta:
        """10 seconds, 40, 160 and so on to an hour, each a fifth more or less."""
        exact: timedelta = min(_FIRST_WAIT * 4 ** min(attempts, 6), _LONGEST_WAIT)
        return exact * (0.8 + 0.4 * self._jitter())


class _Lease:
    """A task that is kept while it runs, and how far it is."""

    def __init__(
        self, metadata: Metadata, now: Clock, task: ReplicationTask, until: datetime
    ) -> None:
        self._metadata = metadata
        self._now = now
        self._task = task
        self.until = until
        self.journal = Journal(upload=(task.upload_digest, task.upload_location))

    async def hold(self, work: Coroutine[None, None, T]) -> T:
        """Return the result of the work; cancel it where the task becomes another's."""
        working = asyncio.ensure_future(work)
        keeping = asyncio.create_task(self._keep(working))
        try:
            return await working
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def renew(self) -> bool:
        """Keep the task for longer and write down how far it is; say whether it was still kept."""
        later = self._now() + LEASE
        async with self._metadata.begin() as tx:
            is_kept = await replication_tasks.renew(
                tx,
                self._task,
                self.until,
                later,
                sent=self.journal.sent,
                upload=self.journal.upload,
            )
        self.until = later
        return is_kept

    async def _keep(self, working: "asyncio.Future[T]") -> None:
        written, elapsed = self.journal.upload, 0.0
        while True:
            await asyncio.sleep(_WRITE_EVERY)
            elapsed += _WRITE_EVERY
            if self.journal.upload == written and elapsed < _RENEW_EVERY:
                continue
            # A database that is away for a moment does not end the work.
            with suppress(EntrepotError):
                if not await self.renew():
                    working.cancel()
                    return
                written, elapsed = self.journal.upload, 0.0
