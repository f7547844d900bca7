"""Artifacts as their pages show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from msgspec import json

from entrepot.errors import ManifestUnknown
from entrepot.extract.findings import Findings
from entrepot.hub.artifacts import Artifacts, Described
from entrepot.hub.attachments import Attachments
from entrepot.hub.contributions import Counted
from entrepot.hub.findings import FindingsAggregator
from entrepot.metadata import artifacts
from entrepot.metadata.artifact_relations import find_children
from entrepot.metadata.engine import Metadata
from entrepot.metadata.manifests import find_manifest
from entrepot.metadata.tag_listing import find_row, list_aliases
from entrepot.model.artifacts import FoundChild, StoredDocument
from entrepot.model.repositories import Repository
from entrepot.model.tags import TagRow
from entrepot.oci.names import Reference, Tag

_INTERNAL: Final = frozenset({"findings", "marks", "counted"})
"""Documents that are lists of their own, and no texts."""


@dataclass(frozen=True, slots=True)
class OpenedArtifact:
    """An artifact with the findings of its own contents; `row` is the tag's, if asked by tag."""

    described: Described
    row: TagRow | None
    findings: Findings


@dataclass(frozen=True, slots=True)
class ArtifactSurroundings:
    """An artifact's documents, tags, attachments, and its issues counted by category."""

    documents: list[str]
    aliases: list[str]
    attached: int
    issues: Mapping[str, object]


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

    async def get_surroundings(
        self, repository: Repository, described: Described
    ) -> ArtifactSurroundings:
        """Return what the artifact has beside its own manifest."""
        stored = described.stored
        counted = await artifacts.find_document(self._reader, stored.id, "counted")
        return ArtifactSurroundings(
            documents=await self.list_documents(stored.id),
            aliases=await list_aliases(self._reader, stored.id),
            attached=await self._attachments.count_of(repository.id, stored.digest),
            issues=json.decode(counted.text, type=Counted).issues if counted else {},
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
