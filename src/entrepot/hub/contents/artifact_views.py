"""Artifacts as their pages show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from msgspec import json

from entrepot.errors import ManifestUnknown
from entrepot.extract.findings import SEVERITIES, Findings, Vulnerability
from entrepot.hub.contents.artifacts import Artifacts, Described
from entrepot.hub.contents.attachments import Attachments
from entrepot.hub.contents.contributions import Counted
from entrepot.hub.recommended import list_versions
from entrepot.hub.security.findings import FindingsAggregator, Origin
from entrepot.kinds.recognition.platforms import real_children
from entrepot.metadata.contents import artifacts
from entrepot.metadata.contents.artifact_relations import find_children
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry.manifests import find_manifest
from entrepot.metadata.registry.tag_listing import find_row, list_aliases
from entrepot.model.artifacts import FoundChild, StoredDocument
from entrepot.model.repositories import Repository
from entrepot.model.tags import TagRow
from entrepot.oci.descriptors import Descriptor
from entrepot.oci.names import Reference, Tag

_INTERNAL: Final = frozenset({"findings", "marks", "counted"})
"""Documents that are lists of their own, and no texts."""
_FIRST_PLATFORM: Final = "linux/amd64"
_WORST: Final = 5
_VERSIONS: Final = 12


@dataclass(frozen=True, slots=True)
class OpenedArtifact:
    """An artifact with the findings of its own contents; `row` is the tag's, if asked by tag."""

    described: Described
    row: TagRow | None
    findings: Findings


@dataclass(frozen=True, slots=True)
class ArtifactSurroundings:
    """An artifact's documents, tags, attachments, issues by category, and worst vulnerabilities."""

    documents: list[str]
    aliases: list[str]
    attached: int
    issues: Mapping[str, object]
    worst: list[Vulnerability]


class ArtifactViews:
    """Answers what the pages and the API show of an artifact."""

    def __init__(
        self,
        metadata: Metadata,
        artifacts: Artifacts,
        attachments: Attachments,
        findings: FindingsAggregator,
    ) -> None:
        self._reader = metadata.reader
        self._artifacts = artifacts
        self._attachments = attachments
        self._findings = findings

    async def open(self, repository: Repository, reference: Reference) -> OpenedArtifact:
        """Return the artifact of a tag or digest; raise `ManifestUnknown` if it is absent."""
        stored = await find_manifest(self._reader, repository.id, reference)
        if stored is None:
            raise ManifestUnknown(f"{repository.name} has no {reference}")
        described = await self._artifacts.describe(repository.id, stored)
        by_tag = isinstance(reference, Tag)
        row = await find_row(self._reader, repository.id, str(reference)) if by_tag else None
        return OpenedArtifact(described, row, await self._findings.of(stored.id))

    async def open_platform(
        self, repository: Repository, index: Described, platform: str
    ) -> OpenedArtifact | None:
        """Return the artifact of an index for a platform; `None` if it is absent, or no index.

        Without such a platform it is the one for Linux on amd64, else the first.
        """
        child = _choose([each.descriptor for each in real_children(index.view)], platform)
        if child is None:
            return None
        stored = await find_manifest(self._reader, repository.id, child.digest)
        if stored is None:
            return None
        described = await self._artifacts.describe(repository.id, stored)
        return OpenedArtifact(described, None, await self._findings.of(stored.id))

    async def get_origin(self, repository: Repository, parts: list[Described]) -> Origin:
        """Return who built and who signed an artifact; `parts` are it and one platform of it."""
        marks = [each.artifact.marks for each in parts]
        is_told = any(each.signatures or each.invalid or each.attestations for each in marks)
        digests = [each.stored.digest for each in parts] if is_told else []
        return await self._findings.get_origin(repository.id, digests)

    async def list_versions(self, repository: Repository) -> list[TagRow]:
        """Return a tag of each of the greatest versions, to choose another one from."""
        return await list_versions(self._reader, repository.id, _VERSIONS)

    async def list_changes(self, repository: Repository) -> list[tuple[TagRow, list[str]]]:
        """Return what the greatest versions say that each of them changed, if they say so."""
        found = []
        for row in await self.list_versions(repository):
            changes = changes_of(await self._findings.of(row.manifest_id))
            if changes:
                found.append((row, changes))
        return found

    async def get_surroundings(
        self, repository: Repository, described: Described
    ) -> ArtifactSurroundings:
        """Return what the artifact has beside its own manifest."""
        stored = described.stored
        document = await artifacts.find_document(self._reader, stored.id, "counted")
        counted = json.decode(document.text, type=Counted) if document else Counted()
        return ArtifactSurroundings(
            documents=await self.list_documents(stored.id),
            aliases=await list_aliases(self._reader, stored.id),
            attached=await self._attachments.count_of(repository.id, stored.digest),
            issues=counted.issues,
            worst=_worst(counted.found),
        )

    async def find_document(self, manifest_id: int, name: str) -> StoredDocument | None:
        """Return a text that was read from the artifact, `None` if it is absent."""
        if name in _INTERNAL:
            return None
        return await artifacts.find_document(self._reader, manifest_id, name)

    async def list_documents(self, manifest_id: int) -> list[str]:
        """Return the names of the texts that were read from the artifact."""
        names = await artifacts.list_document_names(self._reader, manifest_id)
        return [name for name in names if name not in _INTERNAL]

    async def find_children(
        self, repository: Repository, digests: set[str]
    ) -> Mapping[str, FoundChild]:
        """Return the manifests of these digests that the repository has, by digest."""
        return await find_children(self._reader, repository.id, digests)


def changes_of(findings: Findings) -> list[str]:
    """Return the changes that an artifact lists, each as `kind: text` or a text."""
    return [each for each in findings.facts.get("Changes", "").split("; ") if each]


def _choose(children: list[Descriptor], platform: str) -> Descriptor | None:
    for wanted in (platform, _FIRST_PLATFORM):
        for each in children:
            if wanted and wanted == str(each.platform):
                return each
    return children[0] if children else None


def _worst(found: list[Vulnerability]) -> list[Vulnerability]:
    ranks = {severity: rank for rank, severity in enumerate(SEVERITIES)}
    counting = [each for each in found if each.counts]
    counting.sort(key=lambda each: (ranks.get(each.severity, len(ranks)), each.id))
    return counting[:_WORST]
