"""Matches packages of SBOMs with advisories: when an SBOM comes, and when advisories change.

Packages get coordinates once: an ecosystem, a name, and a key that sorts like their version. One
join then finds what advisories say of them, and is repeated only for what has changed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from entrepot.extract.findings import HUB, Vulnerability
from entrepot.extract.security.coordinates import coordinates_of
from entrepot.extract.security.identifiers import is_cve
from entrepot.metadata.contents import artifacts
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.engines.slices import Pace
from entrepot.metadata.events import jobs
from entrepot.metadata.security import advisories, package_matches
from entrepot.model.security.advisories import Coordinates, Match

_RULES: Final = 1
"""The version of the rules by which packages get coordinates."""
_PAGE: Final = 500
_ANY: Final = 2**31
"""Greater than the version of any reader: every artifact is meant."""
_ALL: Final = "all"

_Package = tuple[int, str, str, str]


class Matching:
    """Keeps what the packages of SBOMs match; any number of processes may do so at once."""

    def __init__(self, metadata: Metadata, now: Clock) -> None:
        self._metadata = metadata
        self._now = now

    async def match_manifest(self, manifest_id: int) -> bool:
        """Match the packages of a manifest that are new; say whether any of all is vulnerable."""
        reader = self._metadata.reader

        async def list_new(limit: int) -> list[_Package]:
            return await package_matches.list_unplaced_of(reader, manifest_id, limit)

        await self._place(list_new)
        return bool(await package_matches.list_matches(reader, [manifest_id]))

    async def match_waiting(self) -> int:
        """Match all packages and advisories that wait for it; return how many advisories."""
        reader = self._metadata.reader

        async def list_old(limit: int) -> list[_Package]:
            return await package_matches.list_unplaced(reader, limit)

        await self._place(list_old, is_counted_anew=True)
        done, pace, count = 0, Pace(), 1
        while count:
            began = time.monotonic()
            async with self._metadata.begin() as tx:
                count = await advisories.match_pending(tx, pace.size, self._now())
                if count:
                    await jobs.add_job(tx, jobs.SPREAD, _ALL, self._now())
            done += count
            await pace.rest(began)
        return done

    async def rematch(self) -> int:
        """Match and count everything again, by today's rules; return how many advisories there are.

        Artifacts whose findings come from reports alone are counted too: older versions did not
        keep those findings one by one.
        """
        steps = (package_matches.forget_places, advisories.set_pending)
        for step in steps:
            after, until, pace = -1, 0, Pace()
            while until > after:
                began, after = time.monotonic(), until
                async with self._metadata.begin() as tx:
                    until = await step(tx, after, pace.size)
                await pace.rest(began)
        await self._count_everything()
        return await self.match_waiting()

    async def _count_everything(self) -> None:
        after, pace = 0, Pace()
        while some := await artifacts.list_to_read(self._metadata.reader, _ANY, after, pace.size):
            began, after = time.monotonic(), some[-1]
            await self._reassess(some)
            await pace.rest(began)

    async def _reassess(self, manifest_ids: Sequence[int]) -> None:
        """Have manifests and their subjects counted anew."""
        async with self._metadata.begin() as tx:
            for manifest_id in sorted(manifest_ids, key=str):
                await jobs.add_job(tx, jobs.REASSESS, str(manifest_id), self._now())

    async def spread(self) -> None:
        """Have everything counted anew that lists a package whose matches have changed."""
        reader = self._metadata.reader
        while changes := await package_matches.list_changes(reader, _PAGE):
            after, pace = 0, Pace()
            while holders := await package_matches.list_holders(reader, changes, after, pace.size):
                began = time.monotonic()
                await self._reassess(holders)
                after = holders[-1]
                await pace.rest(began)
            async with self._metadata.begin() as tx:
                await package_matches.drop_changes(tx, changes)

    async def list_of(self, manifest_ids: Sequence[int]) -> dict[int, list[Vulnerability]]:
        """The findings of the hub itself in the packages of each of these manifests."""
        found: dict[int, list[Vulnerability]] = {}
        for match in await package_matches.list_matches(self._metadata.reader, manifest_ids):
            found.setdefault(match.manifest_id, []).append(_finding(match))
        return found

    async def _place(
        self,
        list_some: Callable[[int], Awaitable[list[_Package]]],
        *,
        is_counted_anew: bool = False,
    ) -> None:
        """Give packages their coordinates, and match them, a few at a time."""
        pace = Pace()
        while some := await list_some(pace.size):
            # In a thread: some hundred keys take longer than a request may wait.
            placed = await asyncio.to_thread(_placed, some)
            began = time.monotonic()
            async with self._metadata.begin() as tx:
                await package_matches.place(tx, placed, _RULES)
                matched = await advisories.match_packages(tx, list(placed), self._now())
                if is_counted_anew and matched:
                    await advisories.add_changes(tx, matched)
                    await jobs.add_job(tx, jobs.SPREAD, _ALL, self._now())
            await pace.rest(began)


def _placed(some: Sequence[_Package]) -> dict[int, list[Coordinates]]:
    return {number: coordinates_of(name, version, purl) for number, name, version, purl in some}


def _finding(match: Match) -> Vulnerability:
    """The match as a finding, by the id of its CVE where it has one."""
    ids = [match.identifier, *match.aliases]
    cves = [each for each in ids if is_cve(each)]
    own = cves[0] if len(cves) == 1 else match.identifier
    return Vulnerability(
        own,
        match.severity,
        match.package,
        match.version,
        match.fixed,
        match.summary,
        match.url,
        match.score,
        aliases=[each for each in ids if each != own],
        purl=match.purl,
        sources=[HUB],
    )
