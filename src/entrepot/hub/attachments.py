"""What is attached to an artifact: signatures, SBOMs, attestations, reports; in every form.

A referrer names its subject itself. Older clients attach by tags (`sha256-HEX.sig`, or an index
at `sha256-HEX`), and BuildKit by an index that lists the attestation beside the image.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from entrepot.errors import EntrepotError
from entrepot.kinds.attachments import ATTESTED, attached_to, digests_among, subjects_said
from entrepot.metadata import artifacts, history, manifests
from entrepot.metadata.artifacts import Artifact
from entrepot.metadata.engine import Metadata, Reader
from entrepot.oci.descriptors import Descriptor
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import Manifest, parse_manifest

_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Attached:
    """Something attached; `how` is `subject`, `tag` or `index`."""

    digest: str
    artifact: Artifact
    how: str


@dataclass(frozen=True, slots=True)
class Node:
    """An attachment with what is attached to it in turn."""

    attached: Attached
    children: tuple["Node", ...]


class Attachments:
    """Finds what is attached to what, within one repository."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    @property
    def _reader(self) -> Reader:
        return self._metadata.reader

    async def list_of(self, repository_id: int, digest: str) -> list[Attached]:
        """Everything attached to a digest, each once, at most 500."""
        found: dict[str, Attached] = {}
        for other, artifact in await artifacts.list_attached(self._reader, repository_id, digest):
            found[other] = Attached(other, artifact, "subject")
        async for each in self._by_tags(repository_id, digest):
            found.setdefault(each.digest, each)
        async for each in self._by_index(repository_id, digest):
            found.setdefault(each.digest, each)
        return list(found.values())[:_MOST]

    async def tree_of(
        self, repository_id: int, digest: str, depth: int = 4, seen: frozenset[str] = frozenset()
    ) -> tuple[Node, ...]:
        """Everything attached, with what is attached to that; cycles are cut."""
        if depth == 0:
            return ()
        seen |= {digest}
        return tuple(
            [
                Node(each, await self.tree_of(repository_id, each.digest, depth - 1, seen))
                for each in await self.list_of(repository_id, digest)
                if each.digest not in seen
            ]
        )

    async def subjects_of(
        self, repository_id: int, manifest_id: int, digest: str, manifest: Manifest
    ) -> set[str]:
        """Every digest that a manifest, or an entry of it, is attached to."""
        found = subjects_said(manifest, await history.list_tags_of(self._reader, manifest_id))
        for parent_id, _ in await artifacts.list_parents(self._reader, repository_id, digest):
            for child in await self._children(parent_id):
                if str(child.digest) == digest and ATTESTED in child.annotations:
                    found.add(child.annotations[ATTESTED])
            for tag in await history.list_tags_of(self._reader, parent_id):
                found |= {digest for digest in (attached_to(tag),) if digest}
        return digests_among(found) - {digest}

    async def subject_of(
        self, repository_id: int, manifest_id: int, digest: str, manifest: Manifest
    ) -> str:
        """The one digest that a manifest itself is attached to; empty where it is none or many."""
        if manifest.subject is not None:
            return str(manifest.subject.digest)
        if manifest.children:
            return ""
        found = await self.subjects_of(repository_id, manifest_id, digest, manifest)
        return next(iter(found)) if len(found) == 1 else ""

    async def _by_tags(self, repository_id: int, digest: str) -> AsyncIterator[Attached]:
        algorithm, _, encoded = digest.partition(":")
        prefix = f"{algorithm}-{encoded[:64]}"
        tagged = await manifests.list_tagged_like(self._reader, repository_id, prefix, _MOST)
        for tag, facts in tagged:
            if tag == prefix:
                for child in await self._children(facts.id):
                    found = await self._find(repository_id, child.digest, "tag")
                    if found is not None:
                        yield found
                continue
            found = await self._find(repository_id, Digest.parse(facts.digest), "tag")
            if found is not None:
                yield found

    async def _by_index(self, repository_id: int, digest: str) -> AsyncIterator[Attached]:
        for parent_id, _ in await artifacts.list_parents(self._reader, repository_id, digest):
            for child in await self._children(parent_id):
                if child.annotations.get(ATTESTED) != digest:
                    continue
                found = await self._find(repository_id, child.digest, "index")
                if found is not None:
                    yield found

    async def _find(self, repository_id: int, digest: Digest, how: str) -> Attached | None:
        facts = await manifests.find_facts(self._reader, repository_id, digest)
        found = facts and await artifacts.find_artifact(self._reader, facts.id)
        return Attached(str(digest), found, how) if found else None

    async def _children(self, manifest_id: int) -> tuple[Descriptor, ...]:
        found = await manifests.find_by_id(self._reader, manifest_id)
        if found is None:
            return ()
        try:
            return parse_manifest(found[0].content, found[0].media_type).children
        except EntrepotError:
            return ()
