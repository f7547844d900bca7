"""Artifacts: manifests seen with their kinds."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from entrepot.errors import EntrepotError
from entrepot.extract.findings import ExtractionState
from entrepot.kinds.files import UNKNOWN
from entrepot.kinds.recognition.catalogue import recognize
from entrepot.kinds.recognition.kind import Description, Extractor, Kind
from entrepot.kinds.recognition.manifest_view import MAX_CONFIG, Child, ManifestView
from entrepot.kinds.recognition.platforms import real_children
from entrepot.metadata.contents import artifacts
from entrepot.metadata.contents.artifact_relations import find_children
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import blobs, manifests
from entrepot.model.artifacts import Artifact, AttachmentCounts, FoundChild
from entrepot.model.manifests import StoredManifest
from entrepot.oci.aside import aside
from entrepot.oci.descriptors import Descriptor
from entrepot.oci.digests import EMPTY_JSON_DIGEST
from entrepot.oci.manifests import Manifest, read_manifest
from entrepot.oci.media_types import INDEXES, is_blob_type
from entrepot.storage.protocols import BlobKey, Storage

_LONGEST: Final = 2000
_MOST_WORDS: Final = 200
_LONGEST_WORDS: Final = 20_000
MAX_SIZE: Final = 2**53
"""The largest size in bytes that an artifact is recorded with, whatever it claims: sums of a
thousand sizes still fit into a column."""
_CHILDREN: Final = 200
"""Children of an index that are looked at; real indexes have a dozen."""


@dataclass(frozen=True, slots=True)
class Described:
    """A manifest, the evidence of what it is, and what it is."""

    stored: StoredManifest
    view: ManifestView
    kind: Kind
    artifact: Artifact

    @property
    def manifest(self) -> Manifest:
        """The manifest, parsed."""
        return self.view.manifest

    @property
    def readable(self) -> list[tuple[int, Descriptor]]:
        """The blobs to read, at most 1,000, by the place of the layer; the config is -1."""
        found = list(enumerate(self.manifest.layers))
        if self.manifest.config is not None:
            found.append((-1, self.manifest.config))
        return found[:1000]

    @property
    def words(self) -> str:
        """The names and values of annotations and of an image's labels, to be searched for."""
        config = self.view.config.get("config")
        labels = config.get("Labels") if isinstance(config, dict) else None
        said = {**self.manifest.annotations, **(labels if isinstance(labels, dict) else {})}
        lines = [f"{name} {value}" for name, value in list(said.items())[:_MOST_WORDS]]
        return "\n".join(lines)[:_LONGEST_WORDS]

    @property
    def description(self) -> Description:
        """Return the artifact's own description, from its manifest, config or contents."""
        artifact = self.artifact
        return replace(
            self.kind.describe(self.view),
            title=artifact.title,
            description=artifact.description,
            licenses=artifact.licenses,
        )


class Artifacts:
    """Says what manifests are, from their own bytes and their config's."""

    def __init__(self, metadata: Metadata, storage: Storage) -> None:
        self._metadata = metadata
        self._storage = storage

    async def describe(self, repository_id: int, stored: StoredManifest) -> Described:
        """Return the artifact of a manifest, with the stored findings of its contents."""
        manifest = await read_manifest(stored.content, stored.media_type)
        sizes, children = await self._children(repository_id, manifest)
        view = ManifestView(manifest, await self._config(repository_id, manifest), children)
        # Not aside: it would wait for documents that are parsed, and looks at short lists only.
        kind = recognize(view)
        written = await artifacts.find_artifact(self._metadata.reader, stored.id)
        size = stored.size + _own_bytes(manifest) + sizes
        artifact = _artifact(stored, repository_id, view, kind, size, written)
        return Described(stored, view, kind, artifact)

    async def read_json(self, repository_id: int, blob: Descriptor) -> Mapping[str, object]:
        """A small blob as a JSON object; empty where it is anything else."""
        content = await self.read_small(repository_id, blob)
        return await aside(len(content), lambda: _json_object(content)) if content else {}

    async def read_small(self, repository_id: int, blob: Descriptor) -> bytes | None:
        """The bytes of a blob of at most `MAX_CONFIG` bytes; `None` where it cannot be had."""
        if blob.digest == EMPTY_JSON_DIGEST or blob.size > MAX_CONFIG:
            return b"{}" if blob.digest == EMPTY_JSON_DIGEST else None
        found = await blobs.find_blob(self._metadata.reader, repository_id, blob.digest)
        if found is None or found.size > MAX_CONFIG:
            return None
        try:
            return b"".join([run async for run in self._storage.read(BlobKey(found.key))])
        except EntrepotError:
            return None

    async def _config(self, repository_id: int, manifest: Manifest) -> Mapping[str, object]:
        if manifest.config is None:
            return {}
        return await self.read_json(repository_id, manifest.config)

    async def _children(
        self, repository_id: int, manifest: Manifest
    ) -> tuple[int, tuple[Child, ...]]:
        """The bytes of all children that are here, and what each one is."""
        listed = manifest.children[:_CHILDREN]
        digests = {str(each.digest) for each in listed}
        found = await find_children(self._metadata.reader, repository_id, digests)
        total, children = 0, []
        for descriptor in listed:
            kind, size = None, 0
            here = found.get(str(descriptor.digest))
            if is_blob_type(descriptor.media_type):
                size = descriptor.size
            elif here is not None:
                kind, size = await self._child(repository_id, here)
            total += size
            children.append(Child(descriptor, kind))
        return total, tuple(children)

    async def _child(self, repository_id: int, child: FoundChild) -> tuple[str | None, int]:
        """The kind and the size of a child, recognized here where that has not been done yet."""
        if child.artifact is not None:
            return child.artifact.kind, child.artifact.size
        if child.media_type in INDEXES:
            return None, 0
        stored = await manifests.find_by_id(self._metadata.reader, child.manifest_id)
        if stored is None:
            return None, 0
        await asyncio.sleep(0)  # requests come first
        described = await self.describe(repository_id, stored[0])
        return described.kind.id, described.artifact.size


def _json_object(content: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def unknown_artifact(stored: StoredManifest, repository_id: int) -> Artifact:
    """An artifact of which nothing is known but its manifest's size."""
    return Artifact(
        manifest_id=stored.id,
        repository_id=repository_id,
        kind=UNKNOWN.id,
        size=stored.size,
        title="",
        version="",
        description="",
        licenses="",
        created="",
        platforms=(),
        state=ExtractionState.QUEUED,
        reason="",
        reader=0,
    )


def platforms_of(view: ManifestView) -> tuple[str, ...]:
    """Return the artifact's platforms: of an index's children, or of the config."""
    found = [
        child.descriptor.platform.whole
        for child in real_children(view)
        if child.descriptor.platform and not child.descriptor.platform.is_unknown
    ]
    if not view.children:
        os, architecture = view.config.get("os"), view.config.get("architecture")
        if isinstance(os, str) and isinstance(architecture, str) and os and architecture:
            variant = view.config.get("variant")
            tail = f"/{variant}" if isinstance(variant, str) and variant else ""
            version = view.config.get("os.version")
            build = f":{version}" if isinstance(version, str) and version else ""
            found = [f"{os}/{architecture}{tail}{build}"[:_LONGEST]]
    return tuple(dict.fromkeys(found))


def _own_bytes(manifest: Manifest) -> int:
    """Bytes of all layers and the config; what is listed twice counts once."""
    described = [*manifest.layers, *([manifest.config] if manifest.config else [])]
    return sum({each.digest.hex: each.size for each in described}.values())


def _artifact(
    stored: StoredManifest,
    repository_id: int,
    view: ManifestView,
    kind: Kind,
    size: int,
    written: Artifact | None,
) -> Artifact:
    said = kind.describe(view)
    first = ExtractionState.DONE if kind.extractor is Extractor.NOTHING else ExtractionState.QUEUED
    return Artifact(
        manifest_id=stored.id,
        repository_id=repository_id,
        kind=kind.id,
        size=min(size, MAX_SIZE),
        # What its manifest does not say may have been read out of its contents.
        title=(said.title or (written.title if written else ""))[:_LONGEST],
        version=said.version[:_LONGEST],
        description=(said.description or (written.description if written else ""))[:_LONGEST],
        licenses=(said.licenses or (written.licenses if written else ""))[:_LONGEST],
        created=said.created[:64],
        platforms=platforms_of(view),
        state=written.state if written else first,
        reason=written.reason if written else "",
        reader=written.reader if written else 0,
        marks=written.marks if written else AttachmentCounts(),
    )
