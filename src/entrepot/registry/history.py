"""What became of tags and manifests, remembered so that it can be undone."""

from collections.abc import Iterable, Sequence
from typing import Final

from entrepot.errors import EntrepotError, ManifestUnknown
from entrepot.kinds.attachments import attached_to, digests_among, subjects_said
from entrepot.metadata import blobs, history, jobs, manifests
from entrepot.metadata.engine import Clock, Metadata, Transaction
from entrepot.metadata.history import TagAction, TagEvent
from entrepot.metadata.manifests import ManifestFacts, StoredManifest
from entrepot.metadata.repositories import Change, Event, Repository, Witness, lock_repository
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import parse_manifest
from entrepot.oci.names import Tag
from entrepot.registry.contents import needed_blobs, new_manifest

RECOUNT: Final = "recount"
"""The job of counting anew what is attached; its subject is the repository's id and a digest."""


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

    async def note_push(
        self, tx: Transaction, repository_id: int, tag: Tag, digest: Digest, by: int | None
    ) -> None:
        """Remember where a tag is about to point; pushing the same again is no event."""
        previous = await history.find_pointed_at(tx, repository_id, tag)
        if previous == str(digest):
            return
        action = TagAction.PUSHED if previous is None else TagAction.MOVED
        await self._note(tx, repository_id, tag.text, action, str(digest), previous, by)

    async def note_untag(
        self, tx: Transaction, repository_id: int, tag: Tag, by: int | None
    ) -> None:
        """Remember where a tag pointed that is about to be removed."""
        digest = await history.find_pointed_at(tx, repository_id, tag)
        if digest is not None:
            await self._note(tx, repository_id, tag.text, TagAction.DELETED, digest, digest, by)
            await self._recount(tx, repository_id, [attached_to(tag.text) or ""])

    async def note_delete(
        self, tx: Transaction, repository_id: int, manifest: StoredManifest, by: int | None
    ) -> None:
        """Keep a manifest that is about to be deleted, and remember the tags that go with it."""
        digest = manifest.digest
        tags = await history.list_tags_of(tx, manifest.id)
        for tag in tags:
            await self._note(tx, repository_id, tag, TagAction.DELETED, digest, digest, by)
        await history.keep_deleted(
            tx, repository_id, digest, manifest.media_type, manifest.content, by, self._now()
        )
        await self._recount(tx, repository_id, _subjects_of(manifest, tags))

    async def restore(
        self,
        repository: Repository,
        event_id: int,
        by: int | None,
        witness: Witness | None = None,
    ) -> TagEvent:
        """Point the event's tag at the digest that it pointed at before the event.

        For a tag's first push, and for a deletion, that is the event's own digest. Raises
        `ManifestUnknown` where the manifest, or content that it names, is gone for good.
        """
        async with self._metadata.begin() as tx:
            await lock_repository(tx, repository)
            event = await history.find_event(tx, repository.id, event_id)
            if event is None:
                raise ManifestUnknown("there is no such event")
            digest = Digest.parse(event.previous or event.digest)
            manifest_id = await self._bring_back(tx, repository, digest, by)
            tag = Tag(event.tag)
            now = self._now()
            previous = await history.find_pointed_at(tx, repository.id, tag)
            await self._note(
                tx, repository.id, tag.text, TagAction.RESTORED, str(digest), previous, by
            )
            await manifests.move_tag(tx, repository.id, tag, manifest_id, by, now)
            await jobs.add_job(tx, "index", str(manifest_id), now)
            if witness is not None:
                await witness(tx, Change(Event.PUSHED, repository, str(digest), (tag.text,)))
        return event

    async def _bring_back(
        self, tx: Transaction, repository: Repository, digest: Digest, by: int | None
    ) -> int:
        found: ManifestFacts | None = await manifests.find_facts(tx, repository.id, digest)
        if found is not None:
            return found.id
        kept = await history.find_deleted(tx, repository.id, digest)
        if kept is None:
            raise ManifestUnknown("the manifest is gone for good", {"digest": str(digest)})
        manifest = parse_manifest(*kept)
        for each in needed_blobs(manifest):
            if not await blobs.is_linked(tx, repository.id, each):
                raise ManifestUnknown("content of the manifest is gone for good")
        new = new_manifest(manifest, digest)
        await history.forget_deleted(tx, repository.id, digest)
        return await manifests.insert_manifest(tx, repository.id, new, by, self._now())

    async def _recount(self, tx: Transaction, repository_id: int, subjects: Iterable[str]) -> None:
        for each in sorted(digests_among(subjects)):
            await jobs.add_job(tx, RECOUNT, f"{repository_id} {each}", self._now())

    async def _note(
        self,
        tx: Transaction,
        repository_id: int,
        tag: str,
        action: TagAction,
        digest: str,
        previous: str | None,
        by: int | None,
    ) -> None:
        now = self._now()
        await history.note_tag(tx, repository_id, tag, action, digest, previous, by, now)


def _subjects_of(manifest: StoredManifest, tags: Sequence[str]) -> set[str]:
    try:
        return subjects_said(parse_manifest(manifest.content, manifest.media_type), tags)
    except EntrepotError:
        return set()
