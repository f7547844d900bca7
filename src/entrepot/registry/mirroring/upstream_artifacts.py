"""Artifacts as an upstream has them: manifests, children, blobs, and what is attached to them."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from entrepot.errors import ManifestUnknown, NotFound, UpstreamFailed
from entrepot.kinds.recognition.attachments import ATTESTED, attaching_tags
from entrepot.kinds.signatures import is_signature
from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import blobs, manifests
from entrepot.model.manifests import StoredManifest
from entrepot.model.mirroring.prefetches import AttachmentChoice, Selection
from entrepot.model.mirrors import CacheOutcome, MirroredName
from entrepot.oci import media_types
from entrepot.oci.digests import Digest, fallback_tag
from entrepot.oci.manifests import Manifest, read_manifest
from entrepot.oci.names import Reference, Tag
from entrepot.registry.manifest_references import needed_blobs
from entrepot.registry.mirroring.mirrored_lists import MirroredLists
from entrepot.registry.mirroring.mirrors import MirroredManifests

_MOST_MANIFESTS: Final = 10_000
"""Manifests of one artifact: attachments may have attachments, and an upstream may be hostile."""
_SUFFIXES: Final = {
    AttachmentChoice.ALL: (".sig", ".att", ".sbom"),
    AttachmentChoice.SIGNATURES: (".sig",),
    AttachmentChoice.NONE: (),
}


@dataclass(slots=True)
class UpstreamArtifact:
    """An artifact so far as it is wanted; `lacking` are digests of what is not here, by size."""

    digest: str = ""
    manifests: dict[str, Manifest] = field(default_factory=dict)
    blobs: dict[str, int] = field(default_factory=dict)
    lacking: dict[str, int] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    """Children that an index lists and that the upstream does not have."""


class UpstreamArtifacts:
    """Walks artifacts; the manifests that it meets are cached, or (`keep=False`) only read."""

    def __init__(
        self, metadata: Metadata, manifests: MirroredManifests, lists: MirroredLists
    ) -> None:
        self._metadata = metadata
        self._manifests = manifests
        self._lists = lists

    async def find_image(self, asked: MirroredName, tag: Tag, selection: Selection) -> Reference:
        """The first image of the tag for the platforms; the tag where it is no index."""
        repository = await repositories.find_repository(self._metadata.reader, asked.name)
        stored, _ = await self._manifests.peek(asked, repository, tag)
        manifest = await read_manifest(stored.content, stored.media_type or None)
        wanted = wanted_children(manifest, selection)
        return wanted[0] if wanted else tag

    async def walk(
        self,
        asked: MirroredName,
        reference: Reference,
        selection: Selection,
        *,
        keep: bool,
        tags: frozenset[str] | None = None,
    ) -> UpstreamArtifact:
        """The artifact as it is at the upstream now.

        `tags` are all that the repository has there, where they are known: no other is asked for.
        Raises `ManifestUnknown` where there is none, or none for the platforms, and why the
        upstream cannot be asked.
        """
        walk = _Walk(self._metadata, self._manifests, self._lists, asked, selection, keep, tags)
        return await walk.run(reference)


@dataclass(slots=True)
class _Walk:
    """One artifact that is walked."""

    metadata: Metadata
    source: MirroredManifests
    lists: MirroredLists
    asked: MirroredName
    selection: Selection
    keep: bool
    tags: frozenset[str] | None
    found: UpstreamArtifact = field(default_factory=UpstreamArtifact)

    async def run(self, reference: Reference) -> UpstreamArtifact:
        """Visit the artifact, and count what is not here."""
        stored, is_new = await self._get(reference)
        self.found.digest = stored.digest
        await self._visit(stored, is_new=is_new)
        await self._count_lacking_blobs()
        return self.found

    async def _visit(self, stored: StoredManifest, *, is_new: bool) -> None:
        """Take the manifest, then its children, then what is attached to it."""
        found = self.found
        if stored.digest in found.manifests or len(found.manifests) >= _MOST_MANIFESTS:
            return
        manifest = await read_manifest(stored.content, stored.media_type or None)
        found.manifests[stored.digest] = manifest
        if is_new:
            found.lacking[stored.digest] = len(stored.content)
        needed = set(needed_blobs(manifest))
        config = (manifest.config,) if manifest.config else ()
        for each in (*config, *manifest.layers, *manifest.children):
            if each.digest in needed:
                found.blobs[str(each.digest)] = each.size
        for digest in wanted_children(manifest, self.selection):
            await self._visit_child(digest)
        await self._visit_attached(Digest.parse(stored.digest))

    async def _visit_child(self, digest: Digest) -> None:
        try:
            stored, is_new = await self._get(digest)
        except NotFound:
            # An upstream that is a mirror itself may have a part of an index only.
            self.found.absent.append(str(digest))
            return
        await self._visit(stored, is_new=is_new)

    async def _visit_attached(self, subject: Digest) -> None:
        choice = self.selection.attachments
        if choice is AttachmentChoice.NONE:
            return
        listed = await self.lists.find_referrers_now(self.asked, subject)
        for each in listed or ():
            said, notes = each.get("artifactType"), each.get("annotations")
            if self._wants(said if isinstance(said, str) else "", notes):
                await self._visit_child(Digest.parse(str(each["digest"])))
        if listed is None:
            await self._visit_fallback(Tag(fallback_tag(subject)))
        for tag in attaching_tags(subject):
            if tag.endswith(_SUFFIXES[choice]) and (self.tags is None or tag in self.tags):
                with suppress(NotFound):
                    stored, is_new = await self._get(Tag(tag))
                    await self._visit(stored, is_new=is_new)

    async def _visit_fallback(self, tag: Tag) -> None:
        """Take the index that clients keep where a registry lists no referrers."""
        if self.tags is not None and tag.text not in self.tags:
            return
        with suppress(NotFound):
            stored, is_new = await self._get(tag)
            manifest = await read_manifest(stored.content, stored.media_type or None)
            self.found.manifests[stored.digest] = manifest
            if is_new:
                self.found.lacking[stored.digest] = len(stored.content)
            for child in manifest.children:
                if self._wants(child.artifact_type or "", child.annotations):
                    await self._visit_child(child.digest)

    def _wants(self, artifact_type: str, annotations: object) -> bool:
        if self.selection.attachments is AttachmentChoice.ALL:
            return True
        given = annotations if isinstance(annotations, dict) else {}
        said = {str(name): str(text) for name, text in given.items()}
        return is_signature(artifact_type, said)

    async def _get(self, reference: Reference) -> tuple[StoredManifest, bool]:
        """A manifest, and whether it was not here, or its tag pointed elsewhere."""
        reader = self.metadata.reader
        repository = await repositories.find_repository(reader, self.asked.name)
        if not self.keep:
            return await self.source.peek(self.asked, repository, reference)
        resolved = await self.source.resolve(self.asked, repository, reference, is_fresh=True)
        if resolved.outcome is CacheOutcome.STALE:
            raise UpstreamFailed(resolved.reason)
        digest = Digest.parse(resolved.facts.digest)
        stored = await manifests.find_manifest(reader, resolved.repository.id, digest)
        if stored is None:
            raise ManifestUnknown(f"{self.asked.name} has no {reference}")
        return stored, resolved.outcome is CacheOutcome.MISS

    async def _count_lacking_blobs(self) -> None:
        reader, found = self.metadata.reader, self.found
        repository = await repositories.find_repository(reader, self.asked.name)
        held: Sequence[Digest] = ()
        if repository is not None:
            digests = [Digest.parse(each) for each in found.blobs]
            held = list(await blobs.find_sizes(reader, repository.id, digests))
        here = {str(each) for each in held}
        found.lacking |= {each: size for each, size in found.blobs.items() if each not in here}


def wanted_children(manifest: Manifest, selection: Selection) -> list[Digest]:
    """The manifests of an index for the platforms, and what BuildKit says about those.

    Raises `ManifestUnknown` where the index is of platforms, and none of them is wanted.
    """
    listed = [each for each in manifest.children if not media_types.is_blob_type(each.media_type)]
    platforms = {each.digest: each.platform for each in listed}
    images = {key: each for key, each in platforms.items() if each and not each.is_unknown}
    kept = {str(key): key for key, each in images.items() if selection.wants(each)}
    if images and not kept:
        raise ManifestUnknown(f"no image for {', '.join(selection.platforms)}")
    others = [each for each in listed if each.digest not in images]
    if selection.platforms:
        about = kept if selection.attachments is AttachmentChoice.ALL else {}
        others = [each for each in others if each.annotations.get(ATTESTED, "") in {"", *about}]
    return [*kept.values(), *(each.digest for each in others)]
