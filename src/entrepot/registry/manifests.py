"""Manifests: checked, stored as they came, tagged, deleted."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from entrepot.errors import (
    DigestMismatch,
    ManifestBlobUnknown,
    ManifestUnknown,
    RepositoryUnknown,
    TooManyTags,
)
from entrepot.metadata import repositories
from entrepot.metadata.contents.unindexing import unindexed
from entrepot.metadata.engines.engine import Clock, Metadata, Reader, Transaction
from entrepot.metadata.events import jobs
from entrepot.metadata.registry import blobs, manifests, policies
from entrepot.metadata.repositories import ChangeListener, PushTarget, lock_repository
from entrepot.model.manifests import ManifestFacts, NewManifest, StoredManifest
from entrepot.model.repositories import ChangeType, Repository, RepositoryChange
from entrepot.model.tags import Author
from entrepot.oci.digests import EMPTY_JSON, EMPTY_JSON_DIGEST, Digest
from entrepot.oci.manifests import Manifest, read_pushed_manifest
from entrepot.oci.names import Reference, Tag
from entrepot.registry.history import History
from entrepot.registry.manifest_references import check_sizes, needed_blobs, new_manifest
from entrepot.registry.push_verdicts import judge_push
from entrepot.registry.quotas import charge_manifest
from entrepot.registry.replication.arrivals import check_arrival, note_arrival
from entrepot.registry.uploads import Uploads

Condition = Callable[[str | None], None]
"""Given the digest of what is there (`None`: nothing), raises what refuses the change."""

_DIGITS: Final = re.compile(r"[0-9a-f]{12,64}")
MAX_TAGS: Final = 100
"""Tags that one request may set."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """The record of a push."""

    digest: Digest
    subject: Digest | None
    tags: tuple[Tag, ...]


class Manifests:
    """Every manifest of a repository, by tag and by digest."""

    def __init__(
        self,
        metadata: Metadata,
        uploads: Uploads,
        *,
        accept_sparse: bool,
        now: Clock,
        are_fetched: bool = False,
    ) -> None:
        """`are_fetched`: what manifests name comes later, when it is pulled, or never."""
        self._are_fetched = are_fetched
        self._metadata = metadata
        self._uploads = uploads
        self._accept_sparse = accept_sparse
        self._now = now
        self._history = History(metadata, now)

    async def get(self, repository: Repository, reference: Reference) -> StoredManifest:
        """The manifest with its bytes; else `ManifestUnknown`."""
        found = await manifests.find_manifest(self._metadata.reader, repository.id, reference)
        if found is None:
            raise ManifestUnknown(detail={"reference": str(reference)})
        return found

    async def find_by_prefix(self, repository: Repository, digits: str) -> StoredManifest | None:
        """The one manifest whose digest has these first hexadecimal digits; `None` without."""
        if not _DIGITS.fullmatch(digits):
            return None
        reader = self._metadata.reader
        for algorithm in ("sha256", "sha512"):
            found = await manifests.find_by_prefix(reader, repository.id, f"{algorithm}:{digits}")
            if found is not None:
                return found
        return None

    async def get_facts(self, repository: Repository, reference: Reference) -> ManifestFacts:
        """The manifest without its bytes; else `ManifestUnknown`."""
        found = await manifests.find_facts(self._metadata.reader, repository.id, reference)
        if found is None:
            raise ManifestUnknown(detail={"reference": str(reference)})
        return found

    async def put(
        self,
        target: PushTarget,
        content: bytes,
        content_type: str | None,
        *,
        digest: Digest | None,
        tags: Sequence[Tag],
        by: Author,
        condition: Condition | None = None,
        authored_at: datetime | None = None,
    ) -> Pushed:
        """Store a manifest and point the tags at it, all or nothing.

        `condition` is given the digest that the only tag points at, or `digest` itself where that
        is there, when no other transaction can change it any more; it may raise.
        `authored_at` is when the tags were set at another hub, which replicates them: it raises
        `PreconditionFailed` where they were changed here after that.
        Raises `InvalidManifest`, `DigestMismatch`, `TooManyTags`, and `ManifestBlobUnknown` where
        the repository lacks content that the manifest names.
        """
        if len(tags) > MAX_TAGS:
            raise TooManyTags(f"at most {MAX_TAGS} tags can be set at once")
        actual = Digest.of(content, digest.algorithm if digest else "sha256")
        if digest is not None and digest != actual:
            raise DigestMismatch(detail={"digest": str(digest)})
        manifest = await read_pushed_manifest(content, content_type)
        new = new_manifest(manifest, actual)
        if not self._are_fetched:
            if EMPTY_JSON_DIGEST in new.blobs:
                await self._uploads.ensure_empty_json()
            await self._check(target, manifest, new)
        about = tags[0] if digest is None and tags else actual
        guard = _Guard(about, condition, authored_at)
        await self._store(target, manifest, new, tags, by, guard)
        return Pushed(actual, new.subject, tuple(tags))

    async def _store(
        self,
        target: PushTarget,
        manifest: Manifest,
        new: NewManifest,
        tags: Sequence[Tag],
        by: Author,
        guard: "_Guard",
    ) -> None:
        now = self._now()
        async with self._metadata.begin() as tx:
            repository, is_limited, has_pull_rules = await _lock(tx, target, now)
            await guard.check(tx, repository)
            if not self._are_fetched:
                await self._check_references(tx, repository, manifest)
            if is_limited:
                await charge_manifest(tx, repository.id, new)
            manifest_id = await manifests.insert_manifest(tx, repository.id, new, by, now)
            verdicts = {}
            if has_pull_rules and new.subject is None:
                verdicts = await judge_push(
                    tx, repository.id, manifest_id, new.digest, [tag.text for tag in tags], now
                )
            previous = []
            for tag in tags:
                await guard.admit(tx, repository, tag, new.digest, now)
                before = await self._history.note_push(tx, repository.id, tag, new.digest, by)
                previous.append(before)
                verdict = verdicts.get(tag.text)
                await manifests.move_tag(tx, repository.id, tag, manifest_id, by, now, verdict)
            await jobs.add_job(tx, jobs.INDEX, str(manifest_id), now)
            if target.listener is not None:
                texts = tuple(tag.text for tag in tags)
                change = RepositoryChange(
                    ChangeType.PUSHED, repository, str(new.digest), texts, tuple(previous), manifest
                )
                await target.listener(tx, change)

    async def untag(
        self,
        repository: Repository,
        tag: Tag,
        by: Author,
        listener: ChangeListener | None = None,
        condition: Condition | None = None,
        authored_at: datetime | None = None,
    ) -> None:
        """Remove only the tag; `ManifestUnknown` where there is none.

        `condition` and `authored_at` are as those of `put`.
        """
        async with self._metadata.begin() as tx:
            await lock_repository(tx, repository)
            await _Guard(tag, condition).check(tx, repository)
            if authored_at is not None:
                await check_arrival(tx, repository.id, tag.text, "", authored_at)
            previous = await self._history.note_untag(tx, repository.id, tag, by)
            if not await manifests.delete_tag(tx, repository.id, tag):
                raise ManifestUnknown(detail={"tag": tag.text})
            if authored_at is not None:
                now = self._now()
                await note_arrival(tx, repository.id, tag.text, "", authored_at, now)
            await jobs.add_job(tx, jobs.SUMMARIZE, str(repository.id), self._now())
            if listener is not None:
                texts = (tag.text,)
                change = RepositoryChange(
                    ChangeType.UNTAGGED, repository, tags=texts, previous=(previous,)
                )
                await listener(tx, change)

    async def delete(
        self,
        repository: Repository,
        digest: Digest,
        by: Author,
        listener: ChangeListener | None = None,
        condition: Condition | None = None,
    ) -> None:
        """Remove the manifest and every tag on it; `ManifestUnknown` where there is none.

        Its bytes are kept for `History.restore` until the collector's grace period is over.
        `condition` is as that of `put`.
        """
        guard, reader = _Guard(digest, condition), self._metadata.reader
        await guard.check(reader, repository)
        going = await manifests.find_facts(reader, repository.id, digest)
        facts = [going] if going is not None else []
        async with (
            unindexed(self._metadata, repository.id, facts, self._now),
            self._metadata.begin() as tx,
        ):
            await lock_repository(tx, repository)
            await guard.check(tx, repository)
            found = await manifests.find_manifest(tx, repository.id, digest)
            if found is None:
                raise ManifestUnknown(detail={"digest": str(digest)})
            tags = await self._history.note_delete(tx, repository.id, found, by)
            await manifests.delete_manifest(tx, found.id)
            await jobs.add_job(tx, jobs.SUMMARIZE, str(repository.id), self._now())
            if listener is not None:
                change = RepositoryChange(
                    ChangeType.DELETED, repository, str(digest), untagged=tags
                )
                await listener(tx, change)

    async def list_tags(self, repository: Repository, last: str, limit: int) -> list[str]:
        """The first `limit` tags after `last` in byte order."""
        return await manifests.list_tags(self._metadata.reader, repository.id, last, limit)

    async def _check(self, target: PushTarget, manifest: Manifest, new: NewManifest) -> None:
        """Refuse what names absent content, or content of another size, before others wait."""
        blob_sizes: dict[Digest, int] = {}
        sizes: dict[Digest, int] = {EMPTY_JSON_DIGEST: len(EMPTY_JSON)}
        reader = self._metadata.reader
        # Its blobs, pushed with the same target, may have created it: an import does so.
        found = target.found or await repositories.find_repository(reader, target.name)
        if found is not None:
            blob_sizes = await blobs.find_sizes(reader, found.id, new.blobs)
            sizes |= await manifests.find_sizes(reader, found.id, new.children) | blob_sizes
        _check_present(needed_blobs(manifest, accept_sparse=self._accept_sparse), blob_sizes)
        check_sizes(manifest, sizes)

    async def _check_references(
        self, tx: Transaction, repository: Repository, manifest: Manifest
    ) -> None:
        """Once more, by one statement: the collector or a deletion may have been quicker."""
        needed = needed_blobs(manifest, accept_sparse=self._accept_sparse)
        held = await blobs.find_sizes(tx, repository.id, needed)
        if EMPTY_JSON_DIGEST in needed and EMPTY_JSON_DIGEST not in held:
            await blobs.link_blob(tx, repository.id, EMPTY_JSON_DIGEST, self._now())
        _check_present(needed, held)


async def _lock(
    tx: Transaction, target: PushTarget, now: datetime
) -> tuple[Repository, bool, bool]:
    """Lock the repository, and record the push.

    Say whether its namespace's room is limited, and whether there are rules about pulls.
    """
    repository = target.found or await target.ensure(tx, now)
    found = await policies.lock_for_manifest(tx, repository.id, now)
    if found is None:
        raise RepositoryUnknown
    return repository, *found


@dataclass(frozen=True, slots=True)
class _Guard:
    """A condition on what a reference points at; without one it costs nothing."""

    reference: Reference
    condition: Condition | None
    authored_at: datetime | None = None

    async def check(self, reader: Reader, repository: Repository) -> None:
        """Ask the condition; where the repository is locked, what it is told stays true."""
        if self.condition is not None:
            found = await manifests.find_facts(reader, repository.id, self.reference)
            self.condition(None if found is None else found.digest)

    async def admit(
        self, tx: Transaction, repository: Repository, tag: Tag, digest: Digest, now: datetime
    ) -> None:
        """Raise where a tag that another hub replicates was changed here after it was set there."""
        if self.authored_at is not None:
            arrival = repository.id, tag.text, str(digest), self.authored_at
            await check_arrival(tx, *arrival)
            await note_arrival(tx, *arrival, now)


def _check_present(needed: Sequence[Digest], held: Collection[Digest]) -> None:
    missing = tuple(
        str(digest) for digest in needed if digest not in held and digest != EMPTY_JSON_DIGEST
    )
    if missing:
        raise ManifestBlobUnknown(missing)
