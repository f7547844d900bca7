"""The state of the whole hub, for its operators."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from entrepot.extract.confinement import Confinement
from entrepot.metadata import artifacts, jobs, scrubs
from entrepot.metadata.engine import Clock, Metadata
from entrepot.metadata.statistics import find_numbers
from entrepot.model.integrity import Damage, Pass
from entrepot.model.jobs import FailedJob, JobCount
from entrepot.model.statistics import HubNumbers


@dataclass(frozen=True, slots=True)
class HubHealth:
    """Jobs that wait or failed, and what restricts the process that reads pushed bytes."""

    queued: int
    failed: int
    sandbox: Confinement


class Administration:
    """Counts, jobs and integrity of the hub. Doors let only administrators ask."""

    def __init__(
        self, metadata: Metadata, now: Clock, confinement: Callable[[], Awaitable[Confinement]]
    ) -> None:
        self._metadata = metadata
        self._now = now
        self._confinement = confinement

    async def get_health(self) -> HubHealth:
        """Return how the hub is."""
        counts = await self.count_jobs()
        return HubHealth(
            queued=sum(each.count for each in counts if each.state == jobs.QUEUED),
            failed=sum(each.count for each in counts if each.state == jobs.FAILED),
            sandbox=await self._confinement(),
        )

    async def get_numbers(self) -> HubNumbers:
        """Return the counts of all objects: for a page, not for every request."""
        return await find_numbers(self._metadata.reader)

    async def get_integrity(self, limit: int) -> tuple[Pass | None, list[Damage]]:
        """Return the last pass over all blobs, if any, and up to `limit` damaged blobs."""
        reader = self._metadata.reader
        return await scrubs.find_pass(reader), await scrubs.list_damage(reader, "", limit)

    async def count_jobs(self) -> list[JobCount]:
        """Return how many jobs there are of each kind and state, sorted by both."""
        counts = await jobs.count_jobs(self._metadata.reader)
        return [JobCount(kind, state, count) for (kind, state), count in sorted(counts.items())]

    async def has_jobs_due(self, ahead: timedelta) -> bool:
        """Return whether a job is due now, or will be within that time."""
        return await jobs.is_due(self._metadata.reader, self._now() + ahead)

    async def list_failed_jobs(self, limit: int) -> list[FailedJob]:
        """Return the failed jobs, the newest first."""
        return await jobs.list_failed(self._metadata.reader, limit)

    async def retry_job(self, number: int) -> bool:
        """Queue a failed job again; return whether there was such a job."""
        async with self._metadata.begin() as tx:
            return await jobs.requeue(tx, number)

    async def count_artifacts(self) -> dict[str, int]:
        """Return how many artifacts there are in each state of extraction."""
        return await artifacts.count_states(self._metadata.reader)
