"""Deleting many tags at once, after a look at what goes and what it frees."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from entrepot.errors import EntrepotError, ManifestUnknown
from entrepot.metadata import artifacts, history, jobs, manifests, removals
from entrepot.metadata.engine import Clock, Metadata, Reader, Transaction
from entrepot.metadata.manifests import StoredManifest
from entrepot.metadata.repositories import Change, Event, Repository, Witness, lock_repository
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import parse_manifest
from entrepot.oci.names import Tag
from entrepot.registry.history import History

_MOST: Final = 5000
"""Manifests that one removal looks at."""


@dataclass(frozen=True, slots=True)
class Going:
    """A tag that was selected, where it points, and the other tags on the same manifest."""

    tag: str
    digest: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Removal:
    """What a removal takes away: `manifests` with all that only they hold; `freed` in bytes."""

    going: tuple[Going, ...]
    manifests: tuple[str, ...] = ()
    attachments: int = 0
    freed: int = 0


class Removals:
    """Shows what a removal would do, and does it."""

    def __init__(self, metadata: Metadata, now: Clock) -> None:
        self._metadata = metadata
        self._now = now
        self._history = History(metadata, now)

    async def preview(self, repository: Repository, tags: Sequence[Tag], *, whole: bool) -> Removal:
        """What would go: the tags alone, or (`whole`) what they point at too."""
        reader = self._metadata.reader
        going = []
        for tag in tags:
            found = await manifests.find_facts(reader, repository.id, tag)
            if found is not None:
                aliases = await history.list_tags_of(reader, found.id)
                others = tuple(each for each in aliases if each != tag.text)
                going.append(Going(tag.text, found.digest, others))
        if not whole:
            return Removal(tuple(going))
        roots = [each.digest for each in going]
        closure, attachments = await self._closure(reader, repository.id, roots)
        freed = await removals.measure_freed(reader, repository.id, [each.id for each in closure])
        return Removal(tuple(going), tuple(each.digest for each in closure), attachments, freed)

    async def remove(
        self,
        repository: Repository,
        chosen: Sequence[tuple[Tag, Digest]],
        *,
        whole: bool,
        by: int | None,
        witness: Witness | None,
    ) -> None:
        """Remove the tags that still point where they did, or all that `preview` showed of them."""
        async with self._metadata.begin() as tx:
            await lock_repository(tx, repository)
            still = [
                (tag, digest)
                for tag, digest in chosen
                if await history.find_pointed_at(tx, repository.id, tag) == str(digest)
            ]
            for tag, _ in still:
                await self._history.note_untag(tx, repository.id, tag, by)
                await manifests.delete_tag(tx, repository.id, tag)
            digests: list[str] = []
            if whole:
                roots = [str(digest) for _, digest in still]
                closure, _ = await self._closure(tx, repository.id, roots)
                for each in closure:
                    await self._history.note_delete(tx, repository.id, each, by)
                    await manifests.delete_manifest(tx, each.id)
                digests = [each.digest for each in closure]
            await jobs.add_job(tx, "summarize", str(repository.id), self._now())
            await _witnessed(tx, witness, repository, [tag.text for tag, _ in still], digests)

    async def _closure(
        self, reader: Reader, repository_id: int, roots: Iterable[str]
    ) -> tuple[list[StoredManifest], int]:
        """The roots, children that nothing else holds, and what is attached to any of them."""
        found: dict[str, StoredManifest] = {}
        attachments = 0
        queue = list(dict.fromkeys(roots))
        while queue and len(found) < _MOST:
            digest = queue.pop()
            stored = await manifests.find_manifest(reader, repository_id, Digest.parse(digest))
            if stored is None or digest in found:
                continue
            found[digest] = stored
            for child in _children_of(stored):
                if await self._is_free(reader, repository_id, child, found):
                    queue.append(child)
            attached = await artifacts.list_attached(reader, repository_id, digest)
            attachments += len(attached)
            queue += [each for each, _ in attached]
        return list(found.values()), attachments

    async def _is_free(
        self, reader: Reader, repository_id: int, digest: str, going: dict[str, StoredManifest]
    ) -> bool:
        """Say whether no tag and no other index holds the child."""
        facts = await manifests.find_facts(reader, repository_id, Digest.parse(digest))
        if facts is None or await history.list_tags_of(reader, facts.id):
            return False
        parents = await artifacts.list_parents(reader, repository_id, digest)
        return all(parent in going for _, parent in parents)


async def _witnessed(
    tx: Transaction,
    witness: Witness | None,
    repository: Repository,
    tags: Sequence[str],
    digests: Sequence[str],
) -> None:
    if witness is None:
        return
    for tag in tags:
        await witness(tx, Change(Event.UNTAGGED, repository, tags=(tag,)))
    for digest in digests:
        await witness(tx, Change(Event.DELETED, repository, digest))


def _children_of(stored: StoredManifest) -> list[str]:
    try:
        children = parse_manifest(stored.content, stored.media_type).children
    except EntrepotError as error:
        raise ManifestUnknown("a manifest cannot be read") from error
    return [str(each.digest) for each in children]
