"""Copies artifacts from one repository of the hub to another: links blobs, and moves no byte."""

from dataclasses import dataclass, field
from datetime import datetime

from entrepot.errors import BlobUnknown, ManifestUnknown, RepositoryUnknown
from entrepot.kinds.recognition.attachments import attached_to
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.events import jobs
from entrepot.metadata.registry import blobs, manifests, policies
from entrepot.metadata.repositories import PushTarget
from entrepot.model.copies import Copied, CopyOrder
from entrepot.model.repositories import ChangeType, Repository, RepositoryChange
from entrepot.model.tags import Author
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import Manifest
from entrepot.oci.names import Tag
from entrepot.registry.copying.closures import Closure, gather, lists_all
from entrepot.registry.history import History
from entrepot.registry.manifest_references import new_manifest
from entrepot.registry.push_verdicts import judge_push
from entrepot.registry.quotas import charge, charge_manifest


class _DryRun(Exception):
    """Undoes a transaction whose effect was only to be seen."""


class Copies:
    """Copies within the hub."""

    def __init__(self, metadata: Metadata, now: Clock) -> None:
        self._metadata = metadata
        self._now = now
        self._history = History(metadata, now)

    async def link(self, order: CopyOrder, target: PushTarget, by: Author) -> Copied:
        """Have the artifact in the target with all its children and attachments, or none of it.

        One transaction: readers see all of it or nothing. A dry run is the same, undone. Raises
        `ManifestUnknown` and `BlobUnknown` where the source lacks something, `TagImmutable` and
        `QuotaExceeded` as a push does.
        """
        closure = await gather(
            self._metadata.reader,
            order.source,
            [order.reference],
            with_attachments=order.with_attachments,
            only=order.only,
        )
        try:
            async with self._metadata.begin() as tx:
                repository = await target.ensure(tx, self._now())
                linking = _Linking(tx, self._history, order, repository, target, closure, by)
                copied = await linking.run(self._now())
                if order.dry_run:
                    raise _DryRun
        except _DryRun:
            pass
        return copied


@dataclass(slots=True)
class _Linking:
    """One copy, inside its transaction."""

    tx: Transaction
    history: History
    order: CopyOrder
    repository: Repository
    target: PushTarget
    closure: Closure
    by: Author
    changes: list[RepositoryChange] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    has_pull_rules: bool = False

    async def run(self, now: datetime) -> Copied:
        """Link, insert and tag; then tell the target's listener."""
        tx, repository = self.tx, self.repository
        found = await policies.lock_for_manifest(tx, repository.id, now)
        if found is None:
            raise RepositoryUnknown
        is_limited, self.has_pull_rules = found
        linked = await self._link_blobs(now, is_limited=is_limited)
        new = await self._insert_manifests(now, is_limited=is_limited)
        root = next(iter(self.closure.manifests))
        for tag, digest in self.closure.tags.items():
            is_copied = digest in self.closure.parsed and digest != root
            if is_copied and attached_to(tag) is not None:
                await self._attach(Tag(tag), digest, now)
        # A late attachment of what is there and tagged is no push of that.
        if self.order.tags or root in new:
            await self._point(root, self.order.tags, self.order.origin, now)
        if self.target.listener is not None:
            for change in self.changes:
                await self.target.listener(tx, change)
        attachments = len(new & self.closure.attached)
        return Copied(
            Digest.parse(root),
            self.order.tags,
            manifests=len(new) - attachments,
            attachments=attachments,
            blobs=linked,
            kept=tuple(self.kept),
        )

    async def _link_blobs(self, now: datetime, *, is_limited: bool) -> int:
        """Link what the target lacks; say how many blobs that was."""
        tx, source = self.tx, self.order.source
        needed = [Digest.parse(each) for each in sorted(self.closure.blobs)]
        held = await blobs.find_sizes(tx, self.repository.id, needed)
        lacking = [each for each in needed if each not in held]
        found = await blobs.list_held(tx, source.id, lacking)
        # Else the source's links may go, and the bytes after them, before the new ones are there.
        await blobs.lock_keys(tx, *(blob.key for blob in found))
        linked = await blobs.find_sizes(tx, source.id, lacking)
        for digest in lacking:
            if digest not in linked:
                raise BlobUnknown(f"{source.name} does not hold the blob {digest}")
            if is_limited:
                await charge(tx, self.repository.id, digest, linked[digest])
        await blobs.link_blobs(tx, self.repository.id, lacking, now)
        return len(lacking)

    async def _insert_manifests(self, now: datetime, *, is_limited: bool) -> set[str]:
        """Insert the manifests that the target lacks; return their digests."""
        tx, repository, inserted = self.tx, self.repository, set[str]()
        ordered = {each: Digest.parse(each) for each in self.closure.in_order()}
        there = await manifests.find_sizes(tx, repository.id, ordered.values())
        # What is tagged next is told of then.
        tagged = {*self.closure.tags.values(), next(iter(self.closure.manifests))}
        for text, digest in ordered.items():
            if digest in there:
                continue
            manifest = self.closure.parsed[text]
            new = new_manifest(manifest, digest)
            if is_limited:
                await charge_manifest(tx, repository.id, new)
            manifest_id = await manifests.insert_manifest(tx, repository.id, new, self.by, now)
            if self.has_pull_rules and new.subject is None:
                await judge_push(tx, repository.id, manifest_id, digest, [], now)
            await jobs.add_job(tx, jobs.INDEX, str(manifest_id), now)
            inserted.add(text)
            if text not in tagged:
                self._note(manifest, text)
        return inserted

    async def _attach(self, tag: Tag, digest: str, now: datetime) -> None:
        """Point a tag of signatures at what it points at in the source, unless that loses some."""
        stored = await manifests.find_manifest(self.tx, self.repository.id, tag)
        if stored is not None and stored.digest == digest:
            return
        manifest = self.closure.parsed[digest]
        if stored is not None and not lists_all(manifest, stored.content, stored.media_type):
            self.kept.append(tag.text)
            return
        await self._point(digest, (tag,), "", now)

    async def _point(self, digest: str, tags: tuple[Tag, ...], origin: str, now: datetime) -> None:
        tx, repository, parsed = self.tx, self.repository, Digest.parse(digest)
        facts = await manifests.find_facts(tx, repository.id, parsed)
        if facts is None:
            raise ManifestUnknown
        verdicts = {}
        if self.has_pull_rules and self.closure.parsed[digest].subject is None:
            texts = [tag.text for tag in tags]
            verdicts = await judge_push(tx, repository.id, facts.id, parsed, texts, now)
        previous = []
        for tag in tags:
            before = await self.history.note_push(
                tx, repository.id, tag, parsed, self.by, promoted_from=origin
            )
            previous.append(before)
            verdict = verdicts.get(tag.text)
            await manifests.move_tag(tx, repository.id, tag, facts.id, self.by, now, verdict)
        # Its tags are a part of what is found out about it.
        await jobs.add_job(tx, jobs.INDEX, str(facts.id), now)
        named = tuple(tag.text for tag in tags)
        self._note(self.closure.parsed[digest], digest, named, tuple(previous), origin)

    def _note(
        self,
        manifest: Manifest,
        digest: str,
        tags: tuple[str, ...] = (),
        previous: tuple[str, ...] = (),
        origin: str = "",
    ) -> None:
        self.changes.append(
            RepositoryChange(
                ChangeType.PUSHED,
                self.repository,
                digest,
                tags,
                previous,
                manifest,
                promoted_from=origin,
            )
        )
