"""The differences of two artifacts."""

from dataclasses import dataclass, field
from enum import StrEnum


class PackageChange(StrEnum):
    """How a package differs; `changed` where its versions have no known order."""

    ADDED = "added"
    REMOVED = "removed"
    UPGRADED = "upgraded"
    DOWNGRADED = "downgraded"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """A named value that differs; `None` where one of the artifacts has none."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class PackageDifference:
    """A package that differs, with its versions."""

    name: str
    change: PackageChange
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """A layer, and the build step that made it where the config says so."""

    digest: str
    size: int
    instruction: str


@dataclass(frozen=True, slots=True)
class LayersDifference:
    """Layers in order; `shared` are common ones at the start, which is the base of both.

    `bytes_to_pull` is what somebody who has the first artifact downloads for the second.
    """

    shared: int
    removed: list[LayerInfo]
    added: list[LayerInfo]
    bytes_to_pull: int


@dataclass(frozen=True, slots=True)
class FoundVulnerability:
    """A vulnerability of a package; `fixed_in` is empty where no version is known."""

    id: str
    severity: str
    package: str
    version: str
    fixed_in: str


@dataclass(frozen=True, slots=True)
class VulnerabilitiesDifference:
    """Vulnerabilities by id and package; what is not affected counts as absent."""

    new: list[FoundVulnerability]
    fixed: list[FoundVulnerability]
    still: list[FoundVulnerability]


@dataclass(frozen=True, slots=True)
class FileDifference:
    """A file that differs in size, or that only one of the artifacts has."""

    path: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class ComparedArtifact:
    """One of the two: `reference` as it was asked for, and what it is."""

    repository: str
    reference: str
    digest: str
    kind: str
    size: int
    platform: str
    """The platform that was compared, empty where the artifact has none."""
    manifest: str
    """The digest of the manifest that was compared: an index's child, else `digest`."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every section; an empty one means that both artifacts are equal there.

    `left_out` counts entries past the first 1,000 of a section, by its name.
    """

    before: ComparedArtifact
    after: ComparedArtifact
    platforms: list[str]
    """Platforms that both have."""
    facts: list[Difference]
    config: list[Difference]
    layers: LayersDifference
    packages: list[PackageDifference]
    package_counts: dict[str, int]
    vulnerabilities: VulnerabilitiesDifference
    files: list[FileDifference]
    values: list[Difference]
    dependencies: list[Difference]
    attachments: list[Difference]
    missing: list[str] = field(default_factory=list)
    """Sections about which one of the artifacts says nothing, such as `packages`."""
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def is_same(self) -> bool:
        """Whether both references lead to the same manifest."""
        return self.before.digest == self.after.digest
