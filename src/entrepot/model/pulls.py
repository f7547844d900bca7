"""Pulls by day."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class PullDays:
    """Pulls of each day from `first` on, days without any included; days end at midnight UTC."""

    first: date
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """All pulls of these days."""
        return sum(self.counts)

    @property
    def last(self) -> date:
        """The last of the days."""
        return self.first + timedelta(days=len(self.counts) - 1)

    @property
    def busiest(self) -> tuple[date, int]:
        """The day with most pulls, the latest of several, and its pulls."""
        most = max(self.counts)
        last = len(self.counts) - 1 - self.counts[::-1].index(most)
        return self.first + timedelta(days=last), most
