"""Periodic tasks of a running hub: write counters, expire idle uploads and old tokens."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from entrepot.errors import EntrepotError, Unavailable
from entrepot.hub.identity.sessions import IDLE
from entrepot.jobs.clock_guard import ClockJumpGuard, bring_forward
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.engines.limits import delete_refilled
from entrepot.metadata.people.grants import delete_expired_grants
from entrepot.metadata.people.sessions import delete_sessions_over
from entrepot.metadata.people.tokens import delete_expired_refresh_tokens, renew_lease, take_lease
from entrepot.model.integrity import Pass
from entrepot.registry.maintenance.collector import CollectionResult, Collector
from entrepot.registry.maintenance.scrub import Scrub, ScrubResult
from entrepot.registry.pulls import Pulls
from entrepot.registry.uploads import Uploads

_log = logging.getLogger(__name__)
_LEASE: Final = 0.9
"""How long a periodic task is one worker's, of the time after which it is done again."""
_RENEWAL: Final = 0.3
_GRANTS_KEPT: Final = timedelta(days=30)
"""How long a grant is listed after it has expired."""
_PAUSES: Final = (0.1, 0.5, 2.0)
"""Seconds before a periodic task asks a database again that had no time for it."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """Something done again and again; a shared one by one worker of all at a time."""

    name: str
    every: timedelta
    work: Callable[[], Awaitable[object]]
    is_shared: bool = True


class Scheduler:
    """Run periodic tasks until stopped; one that fails runs again at its next time."""

    def __init__(self, metadata: Metadata, periodic_tasks: list[PeriodicTask], now: Clock) -> None:
        self._metadata = metadata
        self._periodic_tasks = periodic_tasks
        self._now = now
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._tasks = [
            asyncio.create_task(self._repeat(periodic_task))
            for periodic_task in self._periodic_tasks
        ]

    async def stop(self) -> None:
        """Stop, and do once more what only this worker can."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for periodic_task in self._periodic_tasks:
            if not periodic_task.is_shared:
                await self._do(periodic_task)

    async def _repeat(self, periodic_task: PeriodicTask) -> None:
        while True:
            await asyncio.sleep(periodic_task.every.total_seconds())
            await self._do(periodic_task)

    async def _do(self, periodic_task: PeriodicTask) -> None:
        try:
            if not periodic_task.is_shared:
                await _patiently(periodic_task.work)
            elif (until := await _patiently(partial(self._take, periodic_task))) is not None:
                await self._work(periodic_task, until)
        except Exception as error:  # a periodic task must not end the others
            _log.warning(
                "periodic task failed", extra={"task": periodic_task.name, "error": str(error)}
            )

    async def _take(self, periodic_task: PeriodicTask) -> datetime | None:
        """Until when the periodic task is ours; `None` where it is another worker's."""
        now = self._now()
        until = now + periodic_task.every * _LEASE
        async with self._metadata.begin() as tx:
            return until if await take_lease(tx, periodic_task.name, until, now) else None

    async def _work(self, periodic_task: PeriodicTask, until: datetime) -> None:
        holding = asyncio.create_task(self._hold(periodic_task, until))
        try:
            await _patiently(periodic_task.work)
        finally:
            holding.cancel()

    async def _hold(self, periodic_task: PeriodicTask, until: datetime) -> None:
        """Keep others from the periodic task for as long as it takes."""
        while True:
            await asyncio.sleep((periodic_task.every * _RENEWAL).total_seconds())
            later = self._now() + periodic_task.every * _LEASE
            # A database that is away for a moment does not end the work.
            with suppress(EntrepotError):
                async with self._metadata.begin() as tx:
                    if not await renew_lease(tx, periodic_task.name, until, later):
                        return
                until = later


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    """What the work gives; a database that is busy for a moment is asked again."""
    for pause in _PAUSES:
        try:
            return await work()
        except Unavailable:
            await asyncio.sleep(pause)
    return await work()


FLUSH_PULLS: Final = timedelta(seconds=5)
SET_CLOCK: Final = timedelta(seconds=30)
WATCH_CLOCK: Final = timedelta(seconds=1)
FORWARD: Final = timedelta(seconds=20)
EXPIRE: Final = timedelta(minutes=5)
PRUNE: Final = timedelta(hours=1)
DRAW: Final = timedelta(minutes=1)
MATCH: Final = timedelta(minutes=1)
JUDGE: Final = timedelta(minutes=1)
REPLICATE: Final = timedelta(minutes=1)
SCRUB: Final = timedelta(minutes=1)
REST: Final = timedelta(seconds=30)
PULL: Final = timedelta(seconds=15)


def periodic_tasks(
    metadata: Metadata, pulls: Pulls, uploads: Uploads, upload_expiry: timedelta, now: Clock
) -> list[PeriodicTask]:
    """Every periodic task of a hub."""

    async def expire_uploads() -> None:
        count = await uploads.expire(upload_expiry)
        if count:
            _log.info("uploads expired", extra={"count": count})

    async def expire_tokens() -> None:
        async with metadata.begin() as tx:
            await delete_expired_refresh_tokens(tx, now() - timedelta(days=1))
            await delete_expired_grants(tx, now() - _GRANTS_KEPT)

    async def expire_sessions() -> None:
        moment = now()
        async with metadata.begin() as tx:
            await delete_sessions_over(tx, moment, moment - IDLE)
            await delete_refilled(tx, moment)

    return [
        PeriodicTask("flush-pulls", FLUSH_PULLS, pulls.flush, is_shared=False),
        PeriodicTask("bring-forward", FORWARD, partial(bring_forward, metadata, now)),
        PeriodicTask("expire-uploads", min(EXPIRE, upload_expiry), expire_uploads),
        PeriodicTask("expire-tokens", timedelta(hours=6), expire_tokens),
        PeriodicTask("expire-sessions", timedelta(hours=1), expire_sessions),
    ]


def scrub_task(
    scrub: Scrub,
    every: timedelta,
    rate: int,
    note: Callable[[ScrubResult], None],
    note_pass: Callable[[Pass], None],
) -> list[PeriodicTask]:
    """The periodic task of looking at every blob; none where nobody wants that.

    `note` is told of every blob, `note_pass` how far it came.
    """

    async def step() -> None:
        note_pass(await scrub.step(every, rate, note))

    return [PeriodicTask("scrub", min(SCRUB, every), step)] if every else []


def collect_task(
    retain: Callable[[], Awaitable[int]],
    collector: Collector,
    measure: Callable[[], Awaitable[None]],
    every: timedelta,
    note: Callable[[CollectionResult], None],
    clock_guard: ClockJumpGuard,
) -> PeriodicTask:
    """Delete the tags that retention rules do not keep, then unreferenced blobs.

    Deletes nothing while the clock guard holds. `note` receives what was freed; `measure` counts
    what is left.
    """

    async def collect() -> None:
        if clock_guard.holds():
            return
        count = await retain()
        if count:
            _log.info("retention", extra={"tags": count})
        if clock_guard.holds():
            return
        note(await collector.run())
        await measure()

    return PeriodicTask("collect", every, collect)
