"""Clocks that are set: nothing is taken for old too soon, and nothing waits for a wrong moment."""

import logging
from datetime import timedelta

import pytest

from entrepot.jobs.clock_guard import ClockJumpGuard, bring_forward
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.events import jobs
from tests.metadata.clocks import START, MovableClock

HOUR = timedelta(hours=1)


class Times:
    """Two clocks, one of which nobody can set."""

    def __init__(self) -> None:
        self.wall = MovableClock()
        self.seconds = 100.0

    def pass_by(self, time: timedelta) -> None:
        """Let time pass on both."""
        self.wall.advance(time)
        self.seconds += time.total_seconds()


@pytest.fixture
def times() -> Times:
    """Clocks that agree."""
    return Times()


@pytest.fixture
def clock_guard(times: Times) -> ClockJumpGuard:
    """A brake that holds for an hour."""
    return ClockJumpGuard(times.wall, lambda: times.seconds, HOUR)


def test_time_that_only_passes_holds_nothing(times: Times, clock_guard: ClockJumpGuard) -> None:
    assert not clock_guard.holds()
    times.pass_by(10 * HOUR)
    assert not clock_guard.holds()


@pytest.mark.parametrize("leap", [HOUR / 5, 90 * HOUR, -HOUR, -900 * HOUR])
def test_a_leap_holds_until_all_that_was_young_is_old(
    times: Times, clock_guard: ClockJumpGuard, leap: timedelta
) -> None:
    times.pass_by(HOUR)
    times.wall.advance(leap)
    assert clock_guard.holds()
    times.pass_by(HOUR - timedelta(seconds=1))
    assert clock_guard.holds()
    times.pass_by(timedelta(seconds=1))
    assert not clock_guard.holds()


def test_a_leap_is_told(
    times: Times,
    clock_guard: ClockJumpGuard,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger("entrepot"), "propagate", True)
    times.wall.advance(2 * HOUR)
    clock_guard.holds()
    assert "the clock was set" in caplog.text


async def test_a_clock_that_was_behind_for_a_while_is_noticed(
    times: Times, clock_guard: ClockJumpGuard
) -> None:
    times.wall.advance(-2 * HOUR)
    times.pass_by(HOUR / 60)
    await clock_guard.look()
    times.wall.advance(2 * HOUR)
    times.pass_by(HOUR / 2)
    assert clock_guard.holds()


def test_a_clock_that_is_set_right_bit_by_bit_holds_nothing(
    times: Times, clock_guard: ClockJumpGuard
) -> None:
    for _ in range(100):
        times.pass_by(HOUR)
        times.wall.advance(timedelta(seconds=1))
        assert not clock_guard.holds()


async def test_work_that_a_clock_far_ahead_has_dated_is_done_now(
    metadata: Metadata, clock: MovableClock
) -> None:
    clock.advance(50 * HOUR)
    async with metadata.begin() as tx:
        await jobs.add_job(tx, "index", "1", clock())
    clock.moment = START
    assert not await jobs.is_due(metadata.reader, clock())
    await bring_forward(metadata, clock)
    assert await jobs.is_due(metadata.reader, clock())
