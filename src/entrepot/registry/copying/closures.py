"""Closures: manifests with all that belongs to them, as exports and copies take them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from entrepot.errors import EntrepotError, ManifestUnknown
from entrepot.kinds.recognition.attachments import attaching_tags
from entrepot.metadata.engines.engine import Reader
from entrepot.metadata.registry import history, manifests
from entrepot.model.manifests import StoredManifest
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import Manifest, parse_manifest
from entrepot.oci.names import Reference, Tag
from entrepot.registry.manifest_references import needed_blobs

_PAGE: Final = 1000


@dataclass(slots=True)
class Closure:
    """Manifests with all that they need, each once, those that lead to others first."""

    tags: dict[str, str] = field(default_factory=dict)
    manifests: dict[str, StoredManifest] = field(default_factory=dict)
    parsed: dict[str, Manifest] = field(default_factory=dict)
    blobs: set[str] = field(default_factory=set)
    children: set[str] = field(default_factory=set)
    attached: set[str] = field(default_factory=set)

    def in_order(self) -> list[str]:
        """The digests: children before their index, subjects before what is attached to them."""
        ordered: dict[str, None] = {}

        def visit(digest: str) -> None:
            if digest in ordered or digest not in self.parsed:
                return
            for child in self.parsed[digest].children:
                visit(str(child.digest))
            ordered[digest] = None

        for digest in self.manifests:
            visit(digest)
        return list(ordered)


async def gather(
    reader: Reader,
    repository: Repository,
    references: Iterable[Reference],
    *,
    with_attachments: bool = True,
    only: frozenset[str] | None = None,
) -> Closure:
    """The references' manifests with their children, and with all that is attached to them.

    `only` are the digests that are taken; `None`: all.

    Raises `ManifestUnknown` where a reference names nothing. An index may list what is not there.
    """
    found, waiting = Closure(), list[Digest]()
    for reference in references:
        facts = await manifests.find_facts(reader, repository.id, reference)
        if facts is None:
            raise ManifestUnknown(f"{repository.name} has no {reference}")
        if isinstance(reference, Tag):
            found.tags[reference.text] = facts.digest
        waiting.append(Digest.parse(facts.digest))
    while waiting:
        digest = waiting.pop()
        if str(digest) in found.manifests or (only is not None and str(digest) not in only):
            continue
        stored = await manifests.find_manifest(reader, repository.id, digest)
        if stored is None:
            # An index may list what was never pushed: mirrors do so.
            continue
        waiting += _add(found, digest, stored)
        if with_attachments:
            attached = await _list_attached(reader, repository, digest, found)
            found.attached |= {str(each) for each in attached}
            waiting += attached
    return found


def _add(found: Closure, digest: Digest, stored: StoredManifest) -> list[Digest]:
    """Take a manifest; return its children."""
    manifest = parse_manifest(stored.content, stored.media_type)
    found.manifests[str(digest)] = stored
    found.parsed[str(digest)] = manifest
    found.blobs |= {str(each) for each in needed_blobs(manifest)}
    children = [each.digest for each in manifest.children]
    found.children |= {str(each) for each in children}
    return children


async def _list_attached(
    reader: Reader, repository: Repository, digest: Digest, found: Closure
) -> list[Digest]:
    """List the referrers of a manifest, and the targets of the tags that attach to it."""
    after, attached = 0, list[Digest]()
    while page := await manifests.list_referrers(reader, repository.id, digest, after, _PAGE):
        after = page[-1].id
        attached += [Digest.parse(each.digest) for each in page]
    tagged = await history.list_pointed_at(reader, repository.id, attaching_tags(digest))
    found.tags |= tagged
    return [*attached, *(Digest.parse(each) for each in tagged.values())]


def lists_all(manifest: Manifest, content: bytes, media_type: str) -> bool:
    """Whether the manifest lists everything that another one, stored elsewhere, lists."""
    try:
        other = parse_manifest(content, media_type)
    except EntrepotError:
        return False
    listed = {each.digest for each in (*manifest.layers, *manifest.children)}
    return {each.digest for each in (*other.layers, *other.children)} <= listed
