"""Advisories about vulnerable packages, and the packages that they match."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AffectedRange:
    """The versions of a package from `low` up to and without `high`, as sort keys.

    `ecosystem` is as OSV names it, with a release (`Debian:12`); `fixed` is the version that mends
    it, empty where none is known.
    """

    ecosystem: str
    name: str
    low: bytes
    high: bytes
    fixed: str


@dataclass(frozen=True, slots=True)
class Advisory:
    """An advisory as its source published it; `hash` changes with any byte of the document."""

    identifier: str
    aliases: tuple[str, ...]
    modified: str
    published: str
    summary: str
    severity: str
    score: float
    url: str
    is_withdrawn: bool
    hash: bytes
    ranges: tuple[AffectedRange, ...]


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Where advisories look for a package: an ecosystem, a name in it, and the version's key."""

    ecosystem: str
    name: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Match:
    """A package of an SBOM that an advisory says is vulnerable."""

    manifest_id: int
    identifier: str
    aliases: tuple[str, ...]
    severity: str
    score: float
    summary: str
    url: str
    package: str
    version: str
    purl: str
    fixed: str


@dataclass(frozen=True, slots=True)
class ArtifactFinding:
    """A finding that is stored for an artifact; `state` is `affected` or a status of VEX.

    `source` is `hub` where the hub's own advisories say so, else `report`.
    """

    identifier: str
    package: str
    version: str
    aliases: tuple[str, ...]
    fixed: str
    severity: str
    state: str
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Return id, package and version, which tell an artifact's findings from one another."""
        return self.identifier, self.package, self.version


@dataclass(frozen=True, slots=True)
class AffectedArtifact:
    """An artifact that has a vulnerability; once for each of its tags."""

    repository: str
    tag: str | None
    digest: str
    id: str
    package: str
    version: str
    aliases: tuple[str, ...]
    fixed: str
    severity: str
    state: str
    source: str
    first_seen: datetime


@dataclass(frozen=True, slots=True)
class DataSet:
    """A file of advisories that was imported; `finished_at` is `None` while it is."""

    name: str
    documents: int
    changed: int
    skipped: int
    newest: str
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class AdvisoryNumbers:
    """Counts of what the hub matches: advisories, and packages of SBOMs.

    `unplaced` packages have no ecosystem or distribution that advisories speak of; `waiting` ones
    are matched soon.
    """

    advisories: int
    ranges: int
    packages: int
    unplaced: int
    waiting: int
    matches: int
