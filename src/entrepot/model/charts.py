"""Versions of Helm charts, as a chart repository lists them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class NewChart:
    """A version of a chart, read from a manifest and its config.

    `entry` is Chart.yaml as one JSON object; `order` sorts by bytes as versions sort.
    `content` and `provenance` are the digests of the archive and of its signature.
    """

    name: str
    version: str
    order: bytes
    entry: str
    content: str
    provenance: str | None

    @property
    def filename(self) -> str:
        """`NAME-VERSION`: the name of the archive without its ending."""
        return f"{self.name}-{self.version}"


@dataclass(frozen=True, slots=True)
class ChartScope:
    """Repositories whose charts are listed together: all (empty), or one and those below it."""

    path: str = ""


@dataclass(frozen=True, slots=True)
class ChartState:
    """Counts and sums that change whenever the charts of a repository change."""

    repository_id: int
    count: int
    manifests: int
    latest: int
    size: int


@dataclass(frozen=True, slots=True)
class ChartEntry:
    """A version of a chart in an index, which has about `size` bytes there."""

    manifest_id: int
    repository: str
    name: str
    version: str
    order: bytes
    entry: str
    size: int
    content: str
    pushed_at: datetime


@dataclass(frozen=True, slots=True)
class ChartFile:
    """A version of a chart, to be downloaded or deleted. `tag` is one of its tags."""

    manifest_id: int
    digest: str
    repository_id: int
    repository: str
    name: str
    version: str
    entry: str
    content: str
    provenance: str | None
    tag: str
    pushed_at: datetime
