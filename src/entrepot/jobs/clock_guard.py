"""Handling of a clock that is set: wait, and correct times in the future."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.events import deliveries, jobs

_log = logging.getLogger(__name__)
_TENTH: Final = 10


class ClockJumpGuard:
    """Notices that the clock was set, and then holds for a while.

    What was written before a leap ahead looks older than it is, by as much as the leap. So nothing
    is taken for old until all that was young at the leap has really grown old. It has to be asked
    often: a clock that was behind for a while, and is right again, shows no leap afterwards.
    """

    def __init__(self, now: Clock, tick: Callable[[], float], hold_for: timedelta) -> None:
        self._now = now
        self._tick = tick
        self._hold_for = hold_for
        self._start = self._find_start()
        self._until = tick()

    def holds(self) -> bool:
        """Whether the clock was set a while ago, or since this was asked last."""
        start = self._find_start()
        leap, self._start = start - self._start, start
        # A clock that is set right bit by bit, or a second that is added, is no leap.
        if abs(leap) > self._hold_for / _TENTH:
            self._until = self._tick() + self._hold_for.total_seconds()
            _log.warning(
                "the clock was set: nothing is collected for a while",
                extra={
                    "seconds": round(leap.total_seconds()),
                    "wait": round(self._hold_for.total_seconds()),
                },
            )
        return self._tick() < self._until

    async def look(self) -> None:
        """Ask once more, as a periodic task."""
        self.holds()

    def _find_start(self) -> datetime:
        """When the clock that only goes forward began, as the other one has it now."""
        return self._now() - timedelta(seconds=self._tick())


async def bring_forward(metadata: Metadata, now: Clock) -> None:
    """Have done now what waits for a moment that a clock which was ahead has set."""
    moment = now()
    async with metadata.begin() as tx:
        count = await jobs.bring_forward(tx, moment)
        for webhook_id, repository_id in sorted(await deliveries.bring_forward(tx, moment)):
            await jobs.add_job(tx, jobs.DELIVER, f"{webhook_id} {repository_id}", moment)
            count += 1
    if count:
        _log.warning("work was dated by a clock that was ahead", extra={"count": count})
