"""Does the work that commits left behind: one loop a worker, each piece of work once at a time."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from entrepot.errors import EntrepotError
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.events import jobs
from entrepot.metadata.events.jobs import LEASE, Turns
from entrepot.model.jobs import Job

_log = logging.getLogger(__name__)

Work = Callable[[str], Awaitable[None]]
"""Does one piece of work, told its subject; may be called again for the same."""

LOOK_EVERY: Final = 0.5
"""Seconds between looks for work; a look at an idle queue is one read."""
RENEW_EVERY: Final = LEASE.total_seconds() / 3
"""Seconds after which work that still runs is kept for longer: nobody else begins it."""
_AT_ONCE: Final = 16
TURN = 0.25
BUSY_TURN = 0.05
"""Seconds of work after which a worker looks again whose turn it is; longer work is not cut. A busy
worker then pauses for nine times as long, and what comes meanwhile waits for that."""
BUDGET = 15 * 60.0
"""Seconds after which one piece of work is cut, and counts as failed."""
_MOST_PAUSE: Final = 3.0
_FIRST_PAUSE: Final = 0.1
_ATTEMPTS: Final = 5


class JobWorker:
    """Takes work from the queue until it is stopped."""

    def __init__(
        self,
        metadata: Metadata,
        works: Mapping[str, Work],
        now: Clock,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._metadata = metadata
        self._is_busy = is_busy
        self._works = works
        self._now = now
        self._turns = Turns()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop; work that is cut short is taken up by whoever comes next."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def drain(self) -> int:
        """Do everything that is due now, on the caller's time; say how much it was."""
        done = 0
        while taken := await self.do_some():
            done += taken
        return done

    async def _run(self) -> None:
        while True:
            began = time.monotonic()
            try:
                taken = await self.do_some()
            except Exception as error:  # the loop outlives a database that is away
                _log.warning("looking for work failed", extra={"error": str(error)})
                taken = 0
            if not taken:
                await asyncio.sleep(LOOK_EVERY)
            elif self._is_busy():
                # Whoever pushes or pulls comes first: work takes a tenth of a busy worker's time.
                await asyncio.sleep(min(_MOST_PAUSE, 9 * (time.monotonic() - began)))

    async def do_some(self) -> int:
        """Do a little of what is due; say how much, nothing where nothing is."""
        now = self._now()
        if not await jobs.is_due(self._metadata.reader, now):
            return 0
        until, began = now + LEASE, time.monotonic()
        async with self._metadata.begin() as tx:
            taken = await jobs.take_jobs(tx, until, now, _AT_ONCE, self._turns)
        done: list[tuple[Job, str | None]] = []
        over = asyncio.Event()
        keeping = asyncio.create_task(self._keep(taken, until, over))
        try:
            for job in taken:
                # The rest is left: others may have come whose turn it is now, and whatever is
                # begun must end within the lease.
                turn = BUSY_TURN if self._is_busy() else TURN
                is_over = time.monotonic() - began > turn or self._now() - now > LEASE / 2
                if done and is_over:
                    break
                done.append((job, await self._do(job)))
                self._turns.served(job.lane)
        finally:
            over.set()
            until = await keeping
            await self._give_back(done, taken[len(done) :], until)
        return len(done)

    async def _give_back(
        self, done: Sequence[tuple[Job, str | None]], left: Sequence[Job], until: datetime
    ) -> None:
        """Settle all jobs; where the database refuses, again until their lease is over."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._settle(done, left, until)
                return
            except EntrepotError:
                # Given up here, jobs that nobody works on would be kept from all until then.
                if self._now() + timedelta(seconds=pause) > until:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MOST_PAUSE)

    async def _keep(self, taken: Sequence[Job], until: datetime, over: asyncio.Event) -> datetime:
        """Renew the lease of all of them until they are over; return how long it lasts then."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_EVERY):
                    await over.wait()
                    return until
            later = self._now() + LEASE
            # A database that is away for a moment does not end the work.
            with suppress(EntrepotError):
                async with self._metadata.begin() as tx:
                    for job in _in_order(taken):
                        await jobs.renew_job(tx, job, until, later)
                until = later

    async def _settle(
        self, done: Sequence[tuple[Job, str | None]], left: Sequence[Job], until: datetime
    ) -> None:
        # Together: work that a crash leaves here is done again, which gives the same.
        async with self._metadata.begin() as tx:
            errors = {job.id: error for job, error in done}
            for job in _in_order([*(job for job, _ in done), *left]):
                if job.id not in errors:
                    await jobs.release_job(tx, job, until)
                elif (error := errors[job.id]) is None:
                    await jobs.finish_job(tx, job, until)
                else:
                    last = job.attempts + 1 >= _ATTEMPTS
                    again = None if last else self._now() + timedelta(seconds=5 * 4**job.attempts)
                    await jobs.put_back(tx, job, until, again, error)

    async def _do(self, job: Job) -> str | None:
        work = self._works.get(job.kind)
        if work is None:
            return f"this version has no handler for jobs of kind {job.kind}"
        try:
            # Its lease is renewed for as long as it runs: what hangs must end, and be tried again.
            async with asyncio.timeout(BUDGET):
                await work(job.subject)
        except Exception as error:  # whatever went wrong is told, and tried again
            _log.exception("job failed", extra={"job": job.kind, "subject": job.subject})
            return f"{type(error).__name__}: {error}"
        return None


def _in_order(some: Iterable[Job]) -> list[Job]:
    """In the order in which rules ask for work: no two transactions wait for one another's rows."""
    return sorted(some, key=lambda job: (job.kind, job.subject))
