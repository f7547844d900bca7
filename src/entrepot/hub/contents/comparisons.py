"""Comparisons of two artifacts: what changed from one version to another."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from entrepot.errors import Invalid, ManifestUnknown
from entrepot.extract.findings import Findings
from entrepot.hub.contents.artifact_views import ArtifactViews
from entrepot.hub.contents.artifacts import Described
from entrepot.hub.contents.attachments import Attachments
from entrepot.hub.contents.differences import (
    common_start,
    differences,
    file_differences,
    package_differences,
    vulnerability_differences,
)
from entrepot.hub.contents.image_configs import config_values, steps_of
from entrepot.hub.contents.value_paths import value_paths
from entrepot.hub.people.actors import Identity
from entrepot.hub.permissions import Permissions
from entrepot.hub.security.findings import FindingsAggregator
from entrepot.kinds.recognition.catalogue import kind_of_id
from entrepot.kinds.recognition.kind import Kind
from entrepot.kinds.recognition.platforms import real_children
from entrepot.model.comparisons import (
    ComparedArtifact,
    Comparison,
    LayerInfo,
    LayersDifference,
    VulnerabilitiesDifference,
)
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.oci.names import Reference, RepositoryName, parse_reference

MOST: Final = 1000
"""Entries of a section that are listed."""
_FIRST_PLATFORM: Final = "linux/amd64"


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two: what was asked for, the manifest that is compared, and its findings."""

    repository: Repository
    reference: Reference
    whole: Described
    platform: str
    described: Described
    findings: Findings
    values: Mapping[str, str]
    attached: Sequence[Kind]

    @property
    def is_scanned(self) -> bool:
        """Whether anything says which vulnerabilities there are."""
        is_reported = any(kind.family == "report" for kind in self.attached)
        return is_reported or bool(self.findings.vulnerabilities)


class Comparisons:
    """Compares artifacts of one repository, or of two that the caller may read."""

    def __init__(
        self,
        permissions: Permissions,
        views: ArtifactViews,
        attachments: Attachments,
        findings: FindingsAggregator,
    ) -> None:
        self._permissions = permissions
        self._views = views
        self._attachments = attachments
        self._findings = findings

    async def compare(
        self, identity: Identity, repository: Repository, before: str, after: str, platform: str
    ) -> Comparison:
        """Compare two artifacts; raise `RepositoryUnknown` or `ManifestUnknown`.

        Each is a tag or a digest of the repository, or `other/name:tag` or `other/name@digest`.
        Of indexes the same platform is compared: the one asked for, else Linux on amd64 where both
        have it, else the first one that both have.
        """
        opened = [await self._open(identity, repository, text) for text in (before, after)]
        ones = [_platforms(described) for _, _, described in opened]
        common = [each for each in ones[0] if each in ones[1]]
        chosen = _choose(platform, common)
        sides = [
            await self._side(home, reference, described, chosen, platforms)
            for (home, reference, described), platforms in zip(opened, ones, strict=True)
        ]
        return await asyncio.to_thread(_compare, sides[0], sides[1], common)

    async def _open(
        self, identity: Identity, repository: Repository, text: str
    ) -> tuple[Repository, Reference, Described]:
        name, reference = _parse(text)
        if name is not None and name != repository.name:
            repository = await self._permissions.repository_to_see(identity, name)
        opened = await self._views.open(repository, reference)
        return repository, reference, opened.described

    async def _side(
        self,
        repository: Repository,
        reference: Reference,
        whole: Described,
        platform: str,
        platforms: Mapping[str, Digest],
    ) -> _Side:
        digest = platforms.get(platform) or next(iter(platforms.values()), None)
        described = whole
        if digest is not None:
            described = (await self._views.open(repository, digest)).described
            platform = next(name for name, each in platforms.items() if each == digest)
        own = await self._findings.of(described.stored.id)
        found = await self._findings.gather(repository.id, described.stored.digest, own)
        if digest is not None and not (found.packages or found.vulnerabilities):
            # Some tools attach the SBOM of one platform to the index.
            inner = await self._findings.of(whole.stored.id)
            found = await self._findings.gather(repository.id, whole.stored.digest, inner)
        values = await self._views.find_document(described.stored.id, "values")
        return _Side(
            repository,
            reference,
            whole,
            platform if digest is not None else "",
            described,
            replace(found, facts=own.facts, files=own.files, dependencies=own.dependencies),
            value_paths(values.text) if values else {},
            await self._list_kinds(repository, {whole.stored.digest, described.stored.digest}),
        )

    async def _list_kinds(self, repository: Repository, digests: set[str]) -> list[Kind]:
        """The kind of everything that is attached to one of these."""
        lists = [await self._attachments.list_of(repository.id, each) for each in sorted(digests)]
        distinct = {each.digest: each for attached in lists for each in attached}
        return [kind_of_id(each.artifact.kind) for each in distinct.values()]


def _parse(text: str) -> tuple[RepositoryName | None, Reference]:
    """`tag`, `sha256:…`, `name:tag` or `name@digest`."""
    try:
        name, separator, digest = text.partition("@")
        if separator:
            return RepositoryName(name), parse_reference(digest)
        name, separator, tag = text.rpartition(":")
        if separator and "/" in name:
            return RepositoryName(name), parse_reference(tag)
        return None, parse_reference(text)
    except Invalid as error:
        raise ManifestUnknown(f"{text[:100]} is not a tag or a digest") from error


def _platforms(described: Described) -> dict[str, Digest]:
    """The children of an index by platform; the first of several for one."""
    found: dict[str, Digest] = {}
    for child in real_children(described.view):
        if child.descriptor.platform is not None and child.kind is not None:
            found.setdefault(child.descriptor.platform.whole, child.descriptor.digest)
    return found


def _choose(platform: str, common: list[str]) -> str:
    if platform in common:
        return platform
    return _FIRST_PLATFORM if _FIRST_PLATFORM in common else next(iter(common), "")


def _compare(before: _Side, after: _Side, common: list[str]) -> Comparison:
    missing = _missing(before, after)
    one, other = before.findings, after.findings
    # Against nothing known, everything would look new, or fixed.
    packages = [] if "packages" in missing else package_differences(one.packages, other.packages)
    vulnerabilities = (
        VulnerabilitiesDifference([], [], [])
        if "vulnerabilities" in missing
        else vulnerability_differences(one.vulnerabilities, other.vulnerabilities)
    )
    files = file_differences(one.files, other.files)
    values = differences(before.values, after.values)
    return Comparison(
        before=_compared(before),
        after=_compared(after),
        platforms=common,
        facts=differences(_facts(before), _facts(after)),
        config=differences(_config(before), _config(after)),
        layers=_layers(before.described, after.described),
        packages=packages[:MOST],
        package_counts=dict(Counter(each.change.value for each in packages)),
        vulnerabilities=_cut(vulnerabilities),
        files=files[:MOST],
        values=values[:MOST],
        dependencies=differences(_dependencies(before), _dependencies(after)),
        attachments=differences(_attachments(before), _attachments(after)),
        missing=missing,
        left_out=_left_out(
            packages=packages,
            files=files,
            values=values,
            new=vulnerabilities.new,
            fixed=vulnerabilities.fixed,
            still=vulnerabilities.still,
        ),
    )


def _cut(found: VulnerabilitiesDifference) -> VulnerabilitiesDifference:
    return VulnerabilitiesDifference(found.new[:MOST], found.fixed[:MOST], found.still[:MOST])


def _left_out(**lists: Sequence[object]) -> dict[str, int]:
    return {name: len(each) - MOST for name, each in lists.items() if len(each) > MOST}


def _config(side: _Side) -> dict[str, str]:
    return config_values(side.described.view.config)


def _compared(side: _Side) -> ComparedArtifact:
    return ComparedArtifact(
        side.repository.name.text,
        str(side.reference),
        side.whole.stored.digest,
        side.whole.kind.id,
        side.described.artifact.size,
        side.platform,
        side.described.stored.digest,
    )


def _facts(side: _Side) -> dict[str, str]:
    artifact, whole = side.described.artifact, side.whole.artifact
    said = {
        "Kind": side.whole.kind.name,
        "Title": whole.title,
        "Version": whole.version,
        "Licence": artifact.licenses or whole.licenses,
        "Created": artifact.created or whole.created,
        "Platforms": ", ".join(whole.platforms),
        **side.findings.facts,
    }
    return {name: value for name, value in said.items() if value}


def _layers(before: Described, after: Described) -> LayersDifference:
    one = [str(each.digest) for each in before.manifest.layers]
    other = [str(each.digest) for each in after.manifest.layers]
    shared = common_start(one, other)
    held = {*one, str(before.manifest.config.digest) if before.manifest.config else ""}
    config = [after.manifest.config] if after.manifest.config else []
    missing = {str(each.digest): each.size for each in (*after.manifest.layers, *config)}
    return LayersDifference(
        shared,
        _infos(before)[shared:][:MOST],
        _infos(after)[shared:][:MOST],
        sum(size for digest, size in missing.items() if digest not in held),
    )


def _infos(described: Described) -> list[LayerInfo]:
    layers = described.manifest.layers
    steps = steps_of(described.view.config)
    steps += [""] * (len(layers) - len(steps))
    return [
        LayerInfo(str(layer.digest), layer.size, step)
        for layer, step in zip(layers, steps, strict=False)
    ]


def _attachments(side: _Side) -> dict[str, str]:
    counts = Counter(kind.name for kind in side.attached)
    return {name: str(count) for name, count in sorted(counts.items())}


def _dependencies(side: _Side) -> dict[str, str]:
    return {
        each.get("name", ""): each.get("version", "")
        for each in side.findings.dependencies
        if each.get("name")
    }


def _missing(before: _Side, after: _Side) -> list[str]:
    """Sections that cannot be compared because one side brings nothing to read them from."""
    found = {
        "packages": [bool(side.findings.packages) for side in (before, after)],
        "vulnerabilities": [side.is_scanned for side in (before, after)],
        "values": [bool(side.values) for side in (before, after)],
        "files": [bool(side.findings.files) for side in (before, after)],
    }
    return [name for name, both in found.items() if any(both) and not all(both)]
