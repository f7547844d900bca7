"""The one clock that all nodes of a hub go by: that of their database.

Nodes compare instants that others wrote: how old a blob is, whether a lease is over. So the clocks
of their machines do not matter; each asks the database for the time now and then, and counts on
from there with the monotonic clock.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import func, select

from entrepot.metadata.engines.engine import Reader, SqlStatement

_NOW: Final = SqlStatement(select(func.clock_timestamp()))


# Unlike the monotonic clock, Linux's goes on while the machine sleeps; macOS's does so anyway.
_COUNTER: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _count() -> float:
    return time.clock_gettime(_COUNTER)


class SharedClock:
    """The time of the database, known after the first `set`."""

    def __init__(self, reader: Reader, count: Callable[[], float] = _count) -> None:
        self._reader = reader
        self._count = count
        self._moment = datetime.min.replace(tzinfo=UTC)
        self._at = 0.0

    def __call__(self) -> datetime:
        """The time."""
        return self._moment + timedelta(seconds=self._count() - self._at)

    async def set(self) -> None:
        """Ask the database for the time."""
        asked = self._count()
        row = await self._reader.one(_NOW)
        if row is not None:
            # In the middle, as far as one can know.
            self._moment, self._at = row[0].astimezone(UTC), (asked + self._count()) / 2
