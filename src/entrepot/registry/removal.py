"""Deleting many tags at once, after a look at what goes and what it frees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from entrepot.errors import EntrepotError, ManifestUnknown, OtherTags
from entrepot.kinds.recognition.attachments import attached_to, attaching_tags
from entrepot.metadata.contents import artifacts
from entrepot.metadata.contents.unindexing import unindexed
from entrepot.metadata.engines.engine import Clock, Metadata, Reader, Transaction
from entrepot.metadata.events import jobs
from entrepot.metadata.registry import deletion_impact, history, manifests
from entrepot.metadata.repositories import ChangeListener, lock_repository
from entrepot.model.manifests import StoredManifest
from entrepot.model.repositories import ChangeType, Repository, RepositoryChange
from entrepot.model.tags import Author
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import read_manifest
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
    """The effect of a deletion: `manifests` that would be deleted; `freed` in bytes."""

    going: tuple[Going, ...]
    manifests: tuple[str, ...] = ()
    attachments: int = 0
    freed: int = 0

    @property
    def other_tags(self) -> list[str]:
        """Tags that were not selected, and that go with the manifests they point at; by name."""
        selected = {each.tag for each in self.going}
        return sorted({tag for each in self.going for tag in each.others} - selected)


class Removals:
    """Shows what a removal would do, and does it."""

    def __init__(self, metadata: Metadata, now: Clock) -> None:
        self._metadata = metadata
        self._now = now

    async def preview(self, repository: Repository, tags: Sequence[Tag], *, whole: bool) -> Removal:
        """Preview a deletion: of the tags alone, or (`whole`) with their manifests."""
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
        freed = await deletion_impact.measure_freed(
            reader, repository.id, [each.id for each in closure]
        )
        return Removal(tuple(going), tuple(each.digest for each in closure), attachments, freed)

    async def remove(
        self,
        repository: Repository,
        chosen: Sequence[tuple[Tag, Digest]],
        *,
        whole: bool,
        others: frozenset[str] = frozenset(),
        by: Author,
        listener: ChangeListener | None,
        spare_held: bool = False,
    ) -> None:
        """Remove the tags that still point where they did, or all that `preview` showed of them.

        `others` are tags that were not chosen and may go with their manifests, as `preview` names
        them. Raises `OtherTags`, and removes nothing, where a manifest that goes has still another.
        With `spare_held`, a manifest stays that a tag which was not chosen points at, and one that
        is attached to something goes with that alone.
        """
        # One moment for all of it: the history shows, and undoes, one action.
        moment = self._now()
        notes = History(self._metadata, lambda: moment)
        going = await self._closure_of(repository.id, chosen) if whole else []
        async with (
            unindexed(self._metadata, repository.id, going, self._now),
            self._metadata.begin() as tx,
        ):
            await lock_repository(tx, repository)
            still = await _still_there(tx, repository.id, chosen)
            if whole and not spare_held:
                await _check_others(tx, repository.id, still, others)
            for tag, _ in still:
                await notes.note_untag(tx, repository.id, tag, by)
                await manifests.delete_tag(tx, repository.id, tag)
            roots = [str(digest) for _, digest in still] if whole else []
            if spare_held:
                roots = await self._not_held(tx, repository.id, roots)
            gone = await self._delete_all(tx, repository.id, roots, notes, by)
            await jobs.add_job(tx, jobs.SUMMARIZE, str(repository.id), moment)
            await _witnessed(tx, listener, repository, still, gone)

    async def _closure_of(
        self, repository_id: int, chosen: Sequence[tuple[Tag, Digest]]
    ) -> list[StoredManifest]:
        """The manifests that will probably be deleted; they are found again under the lock."""
        roots = [str(digest) for _, digest in chosen]
        return (await self._closure(self._metadata.reader, repository_id, roots))[0]

    async def _delete_all(
        self,
        tx: Transaction,
        repository_id: int,
        roots: Sequence[str],
        notes: History,
        by: Author,
    ) -> list[tuple[str, tuple[str, ...]]]:
        """Delete manifests with all that only they hold; their digests and the tags they had."""
        closure, _ = await self._closure(tx, repository_id, roots)
        gone = []
        for stored in closure:
            gone.append((stored.digest, await notes.note_delete(tx, repository_id, stored, by)))
            await manifests.delete_manifest(tx, stored.id)
        return gone

    async def _not_held(
        self, tx: Transaction, repository_id: int, digests: Sequence[str]
    ) -> list[str]:
        """Those of the manifests that no tag leads to any more, and that have no subject here."""
        free = []
        for digest in dict.fromkeys(digests):
            facts = await manifests.find_facts(tx, repository_id, Digest.parse(digest))
            if facts is None or await history.list_tags_of(tx, facts.id):
                continue
            if await manifests.find_subject(tx, facts.id) is None:
                free.append(digest)
        return free

    async def _closure(
        self, reader: Reader, repository_id: int, roots: Sequence[str]
    ) -> tuple[list[StoredManifest], int]:
        """Roots, children and attachments that nothing else holds, and how many are attached."""
        chosen = frozenset(roots)
        waiting, going, attached = dict.fromkeys(roots), dict[str, StoredManifest](), set[str]()
        is_growing = True
        while is_growing and len(going) < _MOST:
            is_growing = False
            for digest in list(waiting):
                stored = await manifests.find_manifest(reader, repository_id, Digest.parse(digest))
                if stored is None:
                    waiting.pop(digest, None)
                    continue
                is_chosen = digest in chosen
                if await self._is_held(reader, repository_id, stored, going, is_chosen=is_chosen):
                    continue
                is_growing = True
                going[digest] = stored
                found = await self._attached(reader, repository_id, Digest.parse(digest))
                attached |= found
                waiting |= dict.fromkeys([*await _children_of(stored), *sorted(found)])
                waiting = {each: None for each in waiting if each not in going}
        return list(going.values()), len(attached & going.keys())

    async def _is_held(
        self,
        reader: Reader,
        repository_id: int,
        stored: StoredManifest,
        going: Mapping[str, StoredManifest],
        *,
        is_chosen: bool,
    ) -> bool:
        """Say whether an index that stays lists it, or a tag holds it that was not chosen."""
        parents = await artifacts.list_parents(reader, repository_id, stored.digest)
        if any(parent not in going for _, parent in parents):
            return True
        tags = await history.list_tags_of(reader, stored.id)
        return not is_chosen and any(attached_to(tag) not in going for tag in tags)

    async def _attached(self, reader: Reader, repository_id: int, digest: Digest) -> set[str]:
        """Digests of what names this one as its subject, or is attached to it by a tag."""
        referrers = await manifests.list_referrers(reader, repository_id, digest, 0, _MOST)
        found = {each.digest for each in referrers}
        for tag in attaching_tags(digest):
            pointed_at = await history.find_pointed_at(reader, repository_id, Tag(tag))
            found |= {pointed_at} if pointed_at else set()
        return found


async def _still_there(
    tx: Transaction, repository_id: int, chosen: Sequence[tuple[Tag, Digest]]
) -> list[tuple[Tag, Digest]]:
    """Those of the tags that point where they did."""
    return [
        (tag, digest)
        for tag, digest in chosen
        if await history.find_pointed_at(tx, repository_id, tag) == str(digest)
    ]


async def _check_others(
    tx: Transaction,
    repository_id: int,
    chosen: Sequence[tuple[Tag, Digest]],
    others: frozenset[str],
) -> None:
    """Raise `OtherTags` where a manifest has tags that are neither chosen nor among the others."""
    known = others | {tag.text for tag, _ in chosen}
    unknown: set[str] = set()
    for digest in {digest for _, digest in chosen}:
        facts = await manifests.find_facts(tx, repository_id, digest)
        if facts is not None:
            unknown |= set(await history.list_tags_of(tx, facts.id)) - known
    if unknown:
        raise OtherTags(sorted(unknown))


async def _witnessed(
    tx: Transaction,
    listener: ChangeListener | None,
    repository: Repository,
    tags: Sequence[tuple[Tag, Digest]],
    manifests: Sequence[tuple[str, tuple[str, ...]]],
) -> None:
    if listener is None:
        return
    for tag, pointed_at in tags:
        texts = (tag.text,)
        change = RepositoryChange(
            ChangeType.UNTAGGED, repository, tags=texts, previous=(str(pointed_at),)
        )
        await listener(tx, change)
    for digest, others in manifests:
        await listener(
            tx, RepositoryChange(ChangeType.DELETED, repository, digest, untagged=others)
        )


async def _children_of(stored: StoredManifest) -> list[str]:
    try:
        manifest = await read_manifest(stored.content, stored.media_type)
    except EntrepotError as error:
        raise ManifestUnknown("a manifest cannot be read") from error
    return [str(each.digest) for each in manifest.children]
