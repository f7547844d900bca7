"""Who has a vulnerability, over all that somebody may pull, and how the hub as a whole is."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from entrepot.hub.contents.search import Search
from entrepot.hub.people.actors import Identity
from entrepot.metadata.contents import artifact_findings
from entrepot.metadata.engines import data_sets
from entrepot.metadata.engines.engine import Clock, Reader
from entrepot.metadata.security import advisories
from entrepot.model.security.advisories import AdvisoryNumbers, AffectedArtifact, DataSet

MOST: Final = artifact_findings.MOST
"""How far a list of affected artifacts goes."""
_LONGEST: Final = 255
_WEEK: Final = timedelta(days=7)
_NEWEST: Final = 100


@dataclass(frozen=True, slots=True)
class AffectedPage:
    """One page of the artifacts that have a vulnerability, and how many there are in all."""

    total: int
    entries: list[AffectedArtifact]


@dataclass(frozen=True, slots=True)
class SecurityOverview:
    """The vulnerabilities of the whole hub; counts are of vulnerabilities and of findings."""

    data_sets: list[DataSet]
    numbers: AdvisoryNumbers
    counts: dict[str, tuple[int, int]]
    new_counts: dict[str, tuple[int, int]]
    newest: list[AffectedArtifact]
    most_counted: int = artifact_findings.MOST_COUNTED
    """Of more findings only the newest are counted."""


class Vulnerabilities:
    """Finds artifacts by their vulnerabilities."""

    def __init__(self, reader: Reader, search: Search, now: Clock) -> None:
        self._reader = reader
        self._search = search
        self._now = now

    async def find(
        self, identity: Identity, identifier: str, *, limit: int = 50, offset: int = 0
    ) -> AffectedPage:
        """The visible artifacts with this vulnerability, whichever of its ids is given.

        VEX statements do not remove an artifact from the list: its `state` says what they say.
        """
        identifier = identifier.replace("\0", "").strip()
        if not identifier or len(identifier) > _LONGEST:
            return AffectedPage(0, [])
        ids = await advisories.list_same(self._reader, identifier)
        ids |= set(await artifact_findings.list_same(self._reader, identifier))
        visible_to = await self._search.sight_of(identity)
        total = await artifact_findings.count_affected(self._reader, ids, visible_to)
        entries = await artifact_findings.list_affected(
            self._reader, ids, visible_to, limit, offset
        )
        return AffectedPage(total, entries)

    async def get_overview(self) -> SecurityOverview:
        """Return the state of the whole hub, with what was found in the last seven days."""
        since = self._now() - _WEEK
        return SecurityOverview(
            await data_sets.list_data_sets(self._reader),
            await advisories.count_all(self._reader),
            await artifact_findings.count_by_severity(self._reader, None),
            await artifact_findings.count_by_severity(self._reader, since),
            await artifact_findings.list_newest(self._reader, since, _NEWEST),
        )
