"""Attachments of an artifact in every form: signatures, SBOMs, attestations, reports.

A referrer names its subject itself. Older clients attach by tags (`sha256-HEX.sig`, or an index
at `sha256-HEX`), and BuildKit by an index that lists the attestation beside the image.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from entrepot.errors import EntrepotError
from entrepot.kinds.recognition.attachments import (
    ATTESTED,
    attached_to,
    digests_among,
    subjects_said,
)
from entrepot.metadata.contents import artifact_relations, artifacts
from entrepot.metadata.engines.engine import Metadata, Reader
from entrepot.metadata.registry import history, manifests
from entrepot.model.artifacts import Artifact
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import Manifest, read_manifest

MAX_LISTED: Final = 500
"""Attachments of one manifest that are listed; all of them are counted."""
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
        """List the attachments of a digest, each once, at most `MAX_LISTED` of `count_of`."""
        found: dict[str, Attached] = {}
        for other, artifact in await artifacts.list_attached(self._reader, repository_id, digest):
            found[other] = Attached(other, artifact, "subject")
        named = await self._named(repository_id, digest)
        wanted = [other for other in named if other not in found]
        here = await artifact_relations.find_children(self._reader, repository_id, wanted)
        for other in wanted:
            artifact_here = here[other].artifact if other in here else None
            if artifact_here is not None:
                found[other] = Attached(other, artifact_here, named[other])
        return list(found.values())[:MAX_LISTED]

    async def count_of(self, repository_id: int, digest: str) -> int:
        """How many manifests are attached to a digest, without reading what they are."""
        reader = self._reader
        count = await artifact_relations.count_attached(reader, repository_id, digest)
        named = await self._named(repository_id, digest)
        if not named:
            return count
        here = await artifact_relations.find_children(reader, repository_id, named)
        known = {Digest.parse(other) for other, child in here.items() if child.artifact}
        subjects = await artifact_relations.find_subjects(reader, repository_id, known)
        return count + sum(subject != digest for subject in subjects.values())

    async def list_having(self, repository_id: int, digests: Sequence[str]) -> list[str]:
        """Those of the digests that something may be attached to, in their order."""
        reader = self._reader
        among = await artifact_relations.list_subjects_among(reader, repository_id, digests)
        parents = await artifact_relations.list_parents_among(reader, repository_id, digests)
        for parent_id, parent in _within_bounds(parents):
            among |= {subject for _, subject in await self._entries(parent_id, parent)}
        return [digest for digest in digests if digest in among]

    async def tree_of(
        self, repository_id: int, digest: str, *, offset: int = 0, limit: int = MAX_NODES
    ) -> tuple[Node, ...]:
        """Return the tree of attachments from `offset` on, at most `limit`.

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

    async def _named(self, repository_id: int, digest: str) -> dict[str, str]:
        """The digests that tags and indexes attach to this one, and how each one is attached."""
        algorithm, _, encoded = digest.partition(":")
        prefix = f"{algorithm}-{encoded[:64]}"
        found: dict[str, str] = {}
        for tag, facts in await manifests.list_tagged_like(
            self._reader, repository_id, prefix, MAX_LISTED
        ):
            listed: list[str] = [facts.digest]
            if tag == prefix:
                is_short = facts.size <= _MAX_BYTES
                entries = await self._entries(facts.id, facts.digest) if is_short else ()
                listed = [child for child, _ in entries[:MAX_LISTED]]
            found |= dict.fromkeys(listed, "tag")
        for parent_id, parent in await self._parents(repository_id, digest):
            for child, subject in await self._entries(parent_id, parent):
                if subject == digest:
                    found.setdefault(child, "index")
        return found

    async def _parents(self, repository_id: int, digest: str) -> list[tuple[int, str]]:
        """The id and digest of indexes that list the manifest, the oldest first, within bounds."""
        return _within_bounds(
            await artifact_relations.list_parents_with_sizes(self._reader, repository_id, digest)
        )

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


def _within_bounds(parents: Sequence[tuple[int, str, int]]) -> list[tuple[int, str]]:
    left, found = _MAX_BYTES, []
    for manifest_id, parent, size in parents:
        left -= size
        if left < 0:
            break
        found.append((manifest_id, parent))
    return found


def _shortened(attached: Attached) -> Attached:
    """The same with texts of a few words: a tree has many, and each has its own page."""
    artifact = attached.artifact
    texts = {name: getattr(artifact, name)[:most] for name, most in _TEXTS.items()}
    platforms = tuple(each[:_PLATFORM] for each in artifact.platforms[:_PLATFORMS])
    return replace(attached, artifact=replace(artifact, **texts, platforms=platforms))
