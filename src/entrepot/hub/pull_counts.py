"""Pulls of a repository or a tag, day by day."""

from datetime import timedelta
from typing import Final

from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.registry import pull_days
from entrepot.model.pulls import PullDays
from entrepot.model.repositories import Repository
from entrepot.oci.names import Tag

MAX_DAYS: Final = 366
"""Days that can be asked for."""
_KEPT: Final = timedelta(days=400)


class PullCounts:
    """Reads what `registry.pulls` wrote down, and forgets it after 400 days."""

    def __init__(self, metadata: Metadata, now: Clock) -> None:
        self._metadata = metadata
        self._now = now

    async def list_days(
        self, repository: Repository, days: int, tag: Tag | None = None
    ) -> PullDays:
        """Return the pulls of the last `days` days, today included.

        A tag's are those that asked for the tag; a repository's are all, by digest too.
        """
        first = self._now().date() - timedelta(days=days - 1)
        name = tag.text if tag else pull_days.WHOLE
        found = await pull_days.list_days(self._metadata.reader, repository.id, name, first)
        moments = (first + timedelta(days=number) for number in range(days))
        return PullDays(first, tuple(found.get(day, 0) for day in moments))

    async def forget(self) -> None:
        """Delete the counts of days that are too long ago."""
        async with self._metadata.begin() as tx:
            await pull_days.delete_days(tx, self._now().date() - _KEPT)
