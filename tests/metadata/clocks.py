"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)


class MovableClock:
    """Tells the time that the test says it is."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        """The time."""
        return self.moment

    def advance(self, step: timedelta) -> None:
        """Let time pass."""
        self.moment += step
