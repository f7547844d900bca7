"""The history of tags and manifests, kept so that changes can be undone."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from entrepot.errors import EntrepotError, ManifestUnknown
from entrepot.kinds.recognition.attachments import (
    attached_to,
    attaching_tags,
    digests_among,
    subjects_said,
)
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.events import jobs
from entrepot.metadata.registry import blobs, deletion_impact, history, manifests
from entrepot.metadata.repositories import ChangeListener, lock_repository
from entrepot.model.manifests import StoredManifest
from entrepot.model.repositories import ChangeType, Repository, RepositoryChange
from entrepot.model.tags import Author, TagAction, TagEvent
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import read_manifest
from entrepot.oci.names import Tag
from entrepot.registry.history_entries import HistoryEntry, list_entries
from entrepot.registry.manifest_references import needed_blobs, new_manifest
from entrepot.registry.push_verdicts import judge_push
from entrepot.registry.tag_rules import check_may_change

_MOST: Final = 5000
"""Manifests that one restoring brings back."""
_NEWEST: Final = 2**62


class History:
    """Remembers inside the transaction that changes; restores in one of its own."""

    def __init__(self, metadata: Metadata, now: Clock) -> None:
        self._metadata = metadata
        self._now = now

    async def list_events(
        self, repository: Repository, tag: str | None, before: int, limit: int
    ) -> Sequence[TagEvent]:
        """The newest events with an id below `before`, of one tag or of all."""
        reader = self._metadata.reader
        return await history.list_events(reader, repository.id, tag, before, limit)

    async def list_entries(
        self, repository: Repository, events: Sequence[TagEvent]
    ) -> list[HistoryEntry]:
        """Return the entries of some events, in their order: one for each action."""
        return await list_entries(self._metadata.reader, repository.id, events)

    async def check_push(self, repository: Repository, tag: Tag) -> bool:
        """Return whether a push would move the tag; `TagImmutable` where it is to stay."""
        reader = self._metadata.reader
        if await history.find_pointed_at(reader, repository.id, tag) is None:
            return False
        await check_may_change(reader, repository.id, tag.text)
        return True

    async def note_push(
        self,
        tx: Transaction,
        repository_id: int,
        tag: Tag,
        digest: Digest,
        by: Author,
        promoted_from: str = "",
    ) -> str:
        """Remember where a tag is about to point; pushing the same again is no event.

        Return where it points so far, "" for a new tag. Raises `TagImmutable` for a tag that is
        to stay where it points, as all here do.
        """
        previous = await history.find_pointed_at(tx, repository_id, tag)
        if previous == str(digest):
            return previous
        if previous is not None:
            await check_may_change(tx, repository_id, tag.text)
        action = TagAction.PUSHED if previous is None else TagAction.MOVED
        await self._note(tx, repository_id, tag.text, action, digest, previous, by, promoted_from)
        return previous or ""

    async def note_untag(self, tx: Transaction, repository_id: int, tag: Tag, by: Author) -> str:
        """Remember where a tag pointed that is about to be removed; return that, "" for none."""
        digest = await history.find_pointed_at(tx, repository_id, tag)
        if digest is not None:
            await check_may_change(tx, repository_id, tag.text)
            gone = Digest.parse(digest)
            await self._note(tx, repository_id, tag.text, TagAction.DELETED, gone, digest, by)
            await self._recount(tx, repository_id, [attached_to(tag.text) or ""])
        return digest or ""

    async def note_delete(
        self, tx: Transaction, repository_id: int, manifest: StoredManifest, by: Author
    ) -> tuple[str, ...]:
        """Keep a manifest that is about to be deleted; remember and return the tags on it."""
        digest, now = manifest.digest, self._now()
        tags = await history.list_tags_of(tx, manifest.id)
        for tag in tags:
            await check_may_change(tx, repository_id, tag)
            # One moment for all of them: they are one action, and undone as one.
            await history.note_tag(
                tx, repository_id, tag, TagAction.DELETED, digest, digest, by, now
            )
        await history.keep_deleted(
            tx, repository_id, digest, manifest.media_type, manifest.content, by, now
        )
        await self._recount(tx, repository_id, await _subjects_of(manifest, tags))
        return tuple(tags)

    async def restore(
        self,
        repository: Repository,
        event_id: int,
        by: Author,
        listener: ChangeListener | None = None,
    ) -> TagEvent:
        """Point the event's tag at the digest that it pointed at before the event.

        For a tag's first push, and for a deletion, that is the event's own digest. What an index
        lists and what was attached comes back with it, as far as it is kept. Raises
        `ManifestUnknown` where the manifest, or content that it names, is gone for good.
        """
        async with self._metadata.begin() as tx:
            await lock_repository(tx, repository)
            event = await self._get_event(tx, repository, event_id)
            await self._undo(tx, repository, event, by, listener)
        return event

    async def restore_action(
        self,
        repository: Repository,
        event_id: int,
        by: Author,
        listener: ChangeListener | None = None,
    ) -> Sequence[TagEvent]:
        """Restore every tag that was deleted in the action that the event is part of.

        All come back or none, as by `restore`; an event that is no deletion is undone alone.
        """
        async with self._metadata.begin() as tx:
            await lock_repository(tx, repository)
            event = await self._get_event(tx, repository, event_id)
            events = [event]
            if event.action is TagAction.DELETED:
                events = await history.list_together(tx, repository.id, event)
            for each in events:
                await self._undo(tx, repository, each, by, listener)
        return events

    async def _get_event(self, tx: Transaction, repository: Repository, event_id: int) -> TagEvent:
        event = await history.find_event(tx, repository.id, event_id)
        if event is None:
            raise ManifestUnknown("no such event")
        return event

    async def _undo(
        self,
        tx: Transaction,
        repository: Repository,
        event: TagEvent,
        by: Author,
        listener: ChangeListener | None,
    ) -> None:
        digest = Digest.parse(event.previous or event.digest)
        since = await deletion_impact.find_deleted_at(tx, repository.id, digest)
        if await self._bring_back(tx, repository, digest, by) and since is not None:
            await self._bring_back_rest(tx, repository, digest, since, by)
        before = await self._point(tx, repository, Tag(event.tag), digest, by)
        if listener is not None:
            tags = (event.tag,)
            change = RepositoryChange(
                ChangeType.PUSHED, repository, str(digest), tags, (before,), is_restored=True
            )
            await listener(tx, change)

    async def _bring_back(
        self, tx: Transaction, repository: Repository, digest: Digest, by: Author
    ) -> bool:
        """Store a deleted manifest as it was; `False` where it is there."""
        if await manifests.find_facts(tx, repository.id, digest) is not None:
            return False
        kept = await history.find_deleted(tx, repository.id, digest)
        if kept is None:
            raise ManifestUnknown("the manifest was permanently deleted", {"digest": str(digest)})
        manifest = await read_manifest(*kept)
        for each in needed_blobs(manifest):
            if not await blobs.is_linked(tx, repository.id, each):
                raise ManifestUnknown("a blob of the manifest was permanently deleted")
        new, now = new_manifest(manifest, digest), self._now()
        await history.forget_deleted(tx, repository.id, digest)
        manifest_id = await manifests.insert_manifest(tx, repository.id, new, by, now)
        await jobs.add_job(tx, jobs.INDEX, str(manifest_id), now)
        return True

    async def _bring_back_rest(
        self,
        tx: Transaction,
        repository: Repository,
        root: Digest,
        since: datetime,
        by: Author,
    ) -> None:
        """Children of what came back, and what was attached and went with it, as far as kept."""
        queue, seen = [root], {root}
        while queue and len(seen) < _MOST:
            digest = queue.pop()
            stored = await manifests.find_manifest(tx, repository.id, digest)
            if stored is None:
                continue
            manifest = await read_manifest(stored.content, stored.media_type)
            rest = {each.digest for each in manifest.children}
            rest |= await deletion_impact.list_deleted_referrers(tx, repository.id, digest, since)
            rest |= await self._untag_undone(tx, repository, digest, since, by)
            for each in rest - seen:
                seen.add(each)
                with suppress(ManifestUnknown):
                    await self._bring_back(tx, repository, each, by)
                    queue.append(each)

    async def _untag_undone(
        self,
        tx: Transaction,
        repository: Repository,
        digest: Digest,
        since: datetime,
        by: Author,
    ) -> set[Digest]:
        """Set the tags again by which things were attached; say where they point."""
        found = set()
        for tag in attaching_tags(digest):
            events = await history.list_events(tx, repository.id, tag, _NEWEST, 1)
            for event in events:
                if event.action is TagAction.DELETED and event.at >= since:
                    with suppress(ManifestUnknown):
                        target = Digest.parse(event.digest)
                        await self._bring_back(tx, repository, target, by)
                        await self._point(tx, repository, Tag(tag), target, by)
                        found.add(target)
        return found

    async def _point(
        self, tx: Transaction, repository: Repository, tag: Tag, digest: Digest, by: Author
    ) -> str:
        """Point a tag at a manifest that is there; remember and return where it pointed."""
        facts = await manifests.find_facts(tx, repository.id, digest)
        if facts is None:
            raise ManifestUnknown
        now, previous = self._now(), await history.find_pointed_at(tx, repository.id, tag)
        if previous not in (None, str(digest)):
            await check_may_change(tx, repository.id, tag.text)
        await self._note(tx, repository.id, tag.text, TagAction.RESTORED, digest, previous, by)
        verdicts = await judge_push(tx, repository.id, facts.id, digest, [tag.text], now)
        verdict = verdicts.get(tag.text)
        await manifests.move_tag(tx, repository.id, tag, facts.id, by, now, verdict)
        await jobs.add_job(tx, jobs.INDEX, str(facts.id), now)
        return previous or ""

    async def _recount(self, tx: Transaction, repository_id: int, subjects: Iterable[str]) -> None:
        for each in sorted(digests_among(subjects)):
            await jobs.add_job(tx, jobs.RECOUNT, f"{repository_id} {each}", self._now())

    async def _note(
        self,
        tx: Transaction,
        repository_id: int,
        tag: str,
        action: TagAction,
        digest: Digest,
        previous: str | None,
        by: Author,
        promoted_from: str = "",
    ) -> None:
        now = self._now()
        await history.note_tag(
            tx, repository_id, tag, action, str(digest), previous, by, now, promoted_from
        )


async def _subjects_of(manifest: StoredManifest, tags: Sequence[str]) -> set[str]:
    try:
        return subjects_said(await read_manifest(manifest.content, manifest.media_type), tags)
    except EntrepotError:
        return set()
