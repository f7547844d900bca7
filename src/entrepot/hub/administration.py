"""The state of the whole hub, for its operators."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from entrepot.extract.sandbox.confinement import Confinement
from entrepot.hub.directory.directory import Directory
from entrepot.metadata.contents import artifacts
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.events import jobs
from entrepot.metadata.people import accounts
from entrepot.metadata.registry import scrubs, usage
from entrepot.metadata.registry.statistics import find_numbers
from entrepot.model.integrity import Damage, Pass
from entrepot.model.jobs import FailedJob, JobCount
from entrepot.model.operators.statistics import HubNumbers
from entrepot.model.operators.usage import (
    AccountUsage,
    DailyNumbers,
    KindUsage,
    Lease,
    NamespaceUsage,
    RepositoryUsage,
    UsageOrder,
)

DAYS: Final = 90
"""Days that the dashboard's pictures show."""
_KINDS: Final = 200
_KEPT: Final = timedelta(minutes=1)
_FOREVER: Final = 3650


@dataclass(frozen=True, slots=True)
class HubHealth:
    """Jobs that wait or failed, and what restricts the process that reads pushed bytes.

    `directory` is what is wrong with the directory, empty where nothing is; `None` without one.
    """

    queued: int
    failed: int
    sandbox: Confinement
    directory: str | None = None


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk that the data directory is on, in bytes."""

    total: int
    free: int

    @property
    def used_percent(self) -> int:
        """How much of it is used, by anybody."""
        return 100 * (self.total - self.free) // self.total if self.total else 0


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The numbers of the dashboard at a moment; adding them up looks at every blob.

    `storage` is how many bytes of what is stored now were there at the end of each day.
    """

    at: datetime
    numbers: HubNumbers
    storage: DailyNumbers
    pulls: DailyNumbers
    kinds: list[KindUsage]
    leases: list[Lease]
    disk: Disk

    @property
    def daily_growth(self) -> int:
        """Bytes that came on each of the last 30 days, on average."""
        sizes = self.storage.counts
        return max(0, (sizes[-1] - sizes[-31]) // 30)

    @property
    def days_left(self) -> int | None:
        """In how many days the disk is full if it goes on so; `None` in more than ten years."""
        days = self.disk.free // self.daily_growth if self.daily_growth else _FOREVER
        return days if days < _FOREVER else None


class Administration:
    """Counts, jobs and integrity of the hub. Doors let only administrators ask."""

    def __init__(
        self,
        metadata: Metadata,
        now: Clock,
        confinement: Callable[[], Awaitable[Confinement]],
        data: Path,
        directory: Directory | None = None,
    ) -> None:
        self._directory = directory
        self._metadata = metadata
        self._now = now
        self._confinement = confinement
        self._data = data
        self._dashboard: Dashboard | None = None

    async def get_health(self) -> HubHealth:
        """Return how the hub is."""
        counts = await self.count_jobs()
        return HubHealth(
            queued=sum(each.count for each in counts if each.state == jobs.QUEUED),
            failed=sum(each.count for each in counts if each.state == jobs.FAILED),
            sandbox=await self._confinement(),
            directory=await self._directory.client.probe() if self._directory else None,
        )

    async def get_numbers(self) -> HubNumbers:
        """Return the counts of all objects: for a page, not for every request."""
        return await find_numbers(self._metadata.reader)

    async def get_dashboard(self) -> Dashboard:
        """Return what is used, by day and by namespace; added up at most once a minute."""
        now, known = self._now(), self._dashboard
        if known is None or not known.at <= now < known.at + _KEPT:
            reader, first = self._metadata.reader, now.date() - timedelta(days=DAYS - 1)
            pulls = await usage.list_pulls_by_day(reader, first)
            disk = await asyncio.to_thread(shutil.disk_usage, self._data)
            known = self._dashboard = Dashboard(
                at=now,
                numbers=await self.get_numbers(),
                storage=_grown(await usage.list_bytes_by_day(reader), first),
                pulls=DailyNumbers(first, tuple(pulls.get(day, 0) for day in _days(first))),
                kinds=await usage.list_kinds(reader, _KINDS),
                leases=await usage.list_leases(reader),
                disk=Disk(disk.total, disk.free),
            )
        return known

    async def list_repositories(
        self, order: UsageOrder, text: str, limit: int, offset: int
    ) -> tuple[list[RepositoryUsage], int]:
        """Return a page of the repositories with the text in their names, and their number."""
        reader = self._metadata.reader
        found = await usage.list_repositories(reader, order, text, limit, offset)
        return found, await usage.count_repositories(reader, text)

    async def list_organizations(
        self, order: UsageOrder, text: str, limit: int, offset: int
    ) -> tuple[list[NamespaceUsage], int]:
        """Return a page of all organizations with the text in their names, and their number."""
        reader = self._metadata.reader
        found = await usage.list_organizations(reader, order, text, limit, offset)
        return found, await usage.count_organizations(reader, text)

    async def list_accounts(
        self, order: UsageOrder, text: str, limit: int, offset: int
    ) -> tuple[list[AccountUsage], int]:
        """Return a page of the accounts with the text in one of their names, and their number."""
        reader = self._metadata.reader
        found = await usage.list_accounts(reader, order, text, limit, offset)
        return found, await accounts.count_accounts(reader, text)

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


def _days(first: date) -> list[date]:
    return [first + timedelta(days=number) for number in range(DAYS)]


def _grown(added: dict[date, int], first: date) -> DailyNumbers:
    """The sums of what came up to each day."""
    total = sum(size for day, size in added.items() if day < first)
    sizes = []
    for day in _days(first):
        total += added.get(day, 0)
        sizes.append(total)
    return DailyNumbers(first, tuple(sizes))
