"""The chores of a running hub: counters written down, idle uploads and old tokens forgotten."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from entrepot.errors import EntrepotError, Unavailable
from entrepot.hub.sessions import IDLE
from entrepot.jobs.leaps import Brake, bring_forward
from entrepot.metadata.engine import Clock, Metadata
from entrepot.metadata.limits import delete_refilled
from entrepot.metadata.scrubs import Pass
from entrepot.metadata.sessions import delete_sessions_over
from entrepot.metadata.tokens import delete_expired_refresh_tokens, renew_lease, take_lease
from entrepot.registry.collector import Collected, Collector
from entrepot.registry.pulls import Pulls
from entrepot.registry.scrub import Found, Scrub
from entrepot.registry.uploads import Uploads

_log = logging.getLogger(__name__)
_LEASE: Final = 0.9
"""How long a chore is one worker's, of the time after which it is done again."""
_RENEWAL: Final = 0.3
_PAUSES: Final = (0.1, 0.5, 2.0)
"""Seconds before a chore asks a database again that had no time for it."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Chore:
    """Something done again and again; a shared one by one worker of all at a time."""

    name: str
    every: timedelta
    work: Callable[[], Awaitable[object]]
    is_shared: bool = True


class Upkeep:
    """Does the chores until it is stopped; a chore that fails is tried again the next time."""

    def __init__(self, metadata: Metadata, chores: list[Chore], now: Clock) -> None:
        self._metadata = metadata
        self._chores = chores
        self._now = now
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._tasks = [asyncio.create_task(self._repeat(chore)) for chore in self._chores]

    async def stop(self) -> None:
        """Stop, and do once more what only this worker can."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for chore in self._chores:
            if not chore.is_shared:
                await self._do(chore)

    async def _repeat(self, chore: Chore) -> None:
        while True:
            await asyncio.sleep(chore.every.total_seconds())
            await self._do(chore)

    async def _do(self, chore: Chore) -> None:
        try:
            if not chore.is_shared:
                await _patiently(chore.work)
            elif (until := await _patiently(partial(self._take, chore))) is not None:
                await self._work(chore, until)
        except Exception as error:  # a chore must not end the others
            _log.warning("chore failed", extra={"chore": chore.name, "error": str(error)})

    async def _take(self, chore: Chore) -> datetime | None:
        """Until when the chore is ours; `None` where it is another worker's."""
        now = self._now()
        until = now + chore.every * _LEASE
        async with self._metadata.begin() as tx:
            return until if await take_lease(tx, chore.name, until, now) else None

    async def _work(self, chore: Chore, until: datetime) -> None:
        holding = asyncio.create_task(self._hold(chore, until))
        try:
            await _patiently(chore.work)
        finally:
            holding.cancel()

    async def _hold(self, chore: Chore, until: datetime) -> None:
        """Keep others from the chore for as long as it takes."""
        while True:
            await asyncio.sleep((chore.every * _RENEWAL).total_seconds())
            later = self._now() + chore.every * _LEASE
            # A database that is away for a moment does not end the work.
            with suppress(EntrepotError):
                async with self._metadata.begin() as tx:
                    if not await renew_lease(tx, chore.name, until, later):
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
SCRUB: Final = timedelta(minutes=1)
REST: Final = timedelta(seconds=30)


def chores_of(
    metadata: Metadata, pulls: Pulls, uploads: Uploads, upload_expiry: timedelta, now: Clock
) -> list[Chore]:
    """Every chore of a hub."""

    async def expire_uploads() -> None:
        count = await uploads.expire(upload_expiry)
        if count:
            _log.info("uploads expired", extra={"count": count})

    async def expire_tokens() -> None:
        async with metadata.begin() as tx:
            await delete_expired_refresh_tokens(tx, now() - timedelta(days=1))

    async def expire_sessions() -> None:
        moment = now()
        async with metadata.begin() as tx:
            await delete_sessions_over(tx, moment, moment - IDLE)
            await delete_refilled(tx, moment)

    return [
        Chore("flush-pulls", FLUSH_PULLS, pulls.flush, is_shared=False),
        Chore("bring-forward", FORWARD, partial(bring_forward, metadata, now)),
        Chore("expire-uploads", min(EXPIRE, upload_expiry), expire_uploads),
        Chore("expire-tokens", timedelta(hours=6), expire_tokens),
        Chore("expire-sessions", timedelta(hours=1), expire_sessions),
    ]


def scrub_chore(
    scrub: Scrub,
    every: timedelta,
    rate: int,
    note: Callable[[Found], None],
    note_pass: Callable[[Pass], None],
) -> list[Chore]:
    """The chore of looking at every blob; none where nobody wants that.

    `note` is told of every blob, `note_pass` how far it came.
    """

    async def step() -> None:
        note_pass(await scrub.step(every, rate, note))

    return [Chore("scrub", min(SCRUB, every), step)] if every else []


def collect_chore(
    retain: Callable[[], Awaitable[int]],
    collector: Collector,
    measure: Callable[[], Awaitable[None]],
    every: timedelta,
    note: Callable[[Collected], None],
    brake: Brake,
) -> Chore:
    """Delete the tags that retention rules do not keep, then unreferenced blobs.

    Nothing goes while the brake holds. `note` is told what was freed; `measure` counts anew what
    is left.
    """

    async def collect() -> None:
        if brake.holds():
            return
        count = await retain()
        if count:
            _log.info("retention", extra={"tags": count})
        if brake.holds():
            return
        note(await collector.run())
        await measure()

    return Chore("collect", every, collect)
