"""What is attached to an artifact: signatures, SBOMs, attestations, reports; in every form.

A referrer names its subject itself. Older clients attach by tags (`sha256-HEX.sig`, or an index
at `sha256-HEX`), and BuildKit by an index that lists the attestation beside the image.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Final

from entrepot.errors import EntrepotError
from entrepot.kinds.attachments import ATTESTED, attached_to, digests_among, subjects_said
from entrepot.metadata import artifact_relations, artifacts, history, manifests
from entrepot.metadata.artifacts import Artifact
from entrepot.metadata.engine import Metadata, Reader
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import Manifest, read_manifest

_MOST: Final = 500
MAX_NODES: Final = 100
"""Nodes of one tree, however its attachments name each other."""
_DEPTH: Final = 4
_MAX_BYTES: Final = 1024 * 1024
"""Bytes of the indexes that list a manifest, as far as they are looked at; they have a few KB."""
_REMEMBERED: Final = 256
_TEXTS: Final = {"title": 100, "version": 64, "description": 200, "licenses": 100}
_PLATFORMS: Final = 5
_PLATFORM: Final = 40
_Entries = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Attached:
    """Something attached; `how` is `subject`, `tag` or `index`."""

    digest: str
    artifact: Artifact
    how: str


@dataclass(frozen=True, slots=True)
class Node:
    """An attachment with what is attached to it in turn, its texts shortened.

    `truncated`: more is attached to it than is here; its own tree begins with all of that.
    """

    attached: Attached
    children: tuple["Node", ...]
    truncated: bool = False


@dataclass(slots=True)
class _Branch:
    """A node while its tree grows."""

    attached: Attached
    children: list["_Branch"] = field(default_factory=list)
    truncated: bool = False

    def node(self) -> Node:
        """The node with all below it."""
        return Node(self.attached, tuple(each.node() for each in self.children), self.truncated)


class Attachments:
    """Finds what is attached to what, within one repository."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self._remembered: OrderedDict[str, _Entries] = OrderedDict()

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
        self, repository_id: int, digest: str, *, offset: int = 0, limit: int = MAX_NODES
    ) -> tuple[Node, ...]:
        """What is attached from `offset` on, at most `limit`, with what is attached to that.

        Level by level: each manifest is there once, at most four levels and `MAX_NODES` in all.
        """
        everything = await self.list_of(repository_id, digest)
        seen = {digest, *(each.digest for each in everything)}
        first = everything[offset : offset + min(limit, MAX_NODES + 1)]
        roots = [_Branch(_shortened(each)) for each in first]
        level, left = roots, max(MAX_NODES - len(roots), 0)
        for depth in range(_DEPTH):
            below: list[_Branch] = []
            for branch in level:
                found = await self.list_of(repository_id, branch.attached.digest)
                new = [each for each in found if each.digest not in seen]
                room = left if depth + 1 < _DEPTH else 0
                branch.children = [_Branch(_shortened(each)) for each in new[:room]]
                branch.truncated = len(new) > room
                seen |= {each.attached.digest for each in branch.children}
                left -= len(branch.children)
                below += branch.children
            level = below
        return tuple(each.node() for each in roots)

    async def subjects_of(
        self, repository_id: int, manifest_id: int, digest: str, manifest: Manifest
    ) -> set[str]:
        """Every digest that a manifest, or an entry of it, is attached to."""
        found = subjects_said(manifest, await history.list_tags_of(self._reader, manifest_id))
        for parent_id, parent in await self._parents(repository_id, digest):
            entries = await self._entries(parent_id, parent)
            found |= {subject for child, subject in entries if child == digest and subject}
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
                if facts.size > _MAX_BYTES:
                    continue
                for child, _ in (await self._entries(facts.id, facts.digest))[:_MOST]:
                    found = await self._find(repository_id, Digest.parse(child), "tag")
                    if found is not None:
                        yield found
                continue
            found = await self._find(repository_id, Digest.parse(facts.digest), "tag")
            if found is not None:
                yield found

    async def _by_index(self, repository_id: int, digest: str) -> AsyncIterator[Attached]:
        for parent_id, parent in await self._parents(repository_id, digest):
            for child, subject in await self._entries(parent_id, parent):
                if subject != digest:
                    continue
                found = await self._find(repository_id, Digest.parse(child), "index")
                if found is not None:
                    yield found

    async def _find(self, repository_id: int, digest: Digest, how: str) -> Attached | None:
        facts = await manifests.find_facts(self._reader, repository_id, digest)
        found = facts and await artifacts.find_artifact(self._reader, facts.id)
        return Attached(str(digest), found, how) if found else None

    async def _parents(self, repository_id: int, digest: str) -> list[tuple[int, str]]:
        """The id and digest of indexes that list the manifest, the oldest first, within bounds."""
        left, found = _MAX_BYTES, []
        for manifest_id, parent, size in await artifact_relations.list_parents_with_sizes(
            self._reader, repository_id, digest
        ):
            left -= size
            if left < 0:
                break
            found.append((manifest_id, parent))
        return found

    async def _entries(self, manifest_id: int, digest: str) -> _Entries:
        """The digests that an index lists, each with the one that it says this is attached to.

        Remembered: a digest's bytes never change, and many children have the same index.
        """
        known = self._remembered.get(digest)
        if known is None:
            known = self._remembered[digest] = await self._read_entries(manifest_id)
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return known

    async def _read_entries(self, manifest_id: int) -> _Entries:
        found = await manifests.find_by_id(self._reader, manifest_id)
        if found is None:
            return ()
        try:
            children = (await read_manifest(found[0].content, found[0].media_type)).children
        except EntrepotError:
            return ()
        return tuple((str(child.digest), child.annotations.get(ATTESTED, "")) for child in children)


def _shortened(attached: Attached) -> Attached:
    """The same with texts of a few words: a tree has many, and each has its own page."""
    artifact = attached.artifact
    texts = {name: getattr(artifact, name)[:most] for name, most in _TEXTS.items()}
    platforms = tuple(each[:_PLATFORM] for each in artifact.platforms[:_PLATFORMS])
    return replace(attached, artifact=replace(artifact, **texts, platforms=platforms))
