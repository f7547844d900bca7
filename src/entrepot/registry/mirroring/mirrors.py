"""Pulls through a mirror: from what is cached while it is good, from the upstream otherwise."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from entrepot.errors import (
    Denied,
    EntrepotError,
    Invalid,
    ManifestUnknown,
    NotFound,
    OutOfSpace,
    TooMany,
    Unavailable,
    UpstreamFailed,
    UpstreamUnreachable,
)
from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.registry import manifests, mirrors
from entrepot.metadata.repositories import PushTarget
from entrepot.model.manifests import ManifestFacts, StoredManifest
from entrepot.model.mirrors import CacheOutcome, Mirror, MirroredName
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.oci.names import Reference, Tag
from entrepot.registry.manifests import Manifests
from entrepot.registry.mirroring.mirror_decisions import CacheState, Decision, decide
from entrepot.registry.mirroring.upstreams import Upstreams

_NEGATIVE: Final = 60.0
"""Seconds for which the same failure is answered without asking again."""
_MOST_NEGATIVE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Resolved:
    """A manifest that is here now, and how it came; `reason` is why it is stale."""

    repository: Repository
    facts: ManifestFacts
    outcome: CacheOutcome
    checked_at: datetime | None = None
    reason: str = ""


def push_target(asked: MirroredName, found: Repository | None) -> PushTarget:
    """Where what is fetched goes."""
    mirror = asked.mirror
    return PushTarget(asked.name, mirror.id, mirror.repository_visibility, found, is_mirrored=True)


def check_offline(mirror: Mirror) -> None:
    """Raise `NotFound` where the upstream must not be asked."""
    if mirror.is_offline:
        raise ManifestUnknown(f"{mirror.name} is offline here, and this is not cached")


def check_allowed(asked: MirroredName) -> None:
    """Raise `Denied` for a repository that the mirror's patterns leave out."""
    if not asked.mirror.may_fetch(asked.upstream_name):
        raise Denied(f"{asked.mirror.name} does not mirror {asked.upstream_name} here")


class MirroredManifests:
    """Manifests of mirrors, by tag and by digest."""

    def __init__(
        self, metadata: Metadata, manifests: Manifests, upstreams: Upstreams, now: Clock
    ) -> None:
        self._metadata = metadata
        self._manifests = manifests
        self._upstreams = upstreams
        self._now = now
        self._asking: dict[tuple[str, str], asyncio.Task[Resolved]] = {}
        self._negative: OrderedDict[tuple[int, str, str], tuple[float, str]] = OrderedDict()

    async def resolve(
        self,
        asked: MirroredName,
        repository: Repository | None,
        reference: Reference,
        *,
        is_fresh: bool = False,
    ) -> Resolved:
        """The manifest, fetched or compared with the upstream's where that is due.

        With `is_fresh` a tag is always compared. Raises `ManifestUnknown`, `TooMany` and
        `UpstreamFailed`, which name the upstream.
        """
        facts, checked_at, reader = None, None, self._metadata.reader
        if repository is not None:
            facts = await manifests.find_facts(reader, repository.id, reference)
            if facts is not None and isinstance(reference, Tag):
                checked_at = await mirrors.find_checked_at(reader, repository.id, reference.text)
        known_at = None if is_fresh else checked_at
        state = CacheState(facts is not None, isinstance(reference, Digest), known_at)
        decision = decide(asked.mirror, state, self._now())
        if facts is not None and repository is not None:
            if decision is Decision.SERVE:
                return Resolved(repository, facts, CacheOutcome.HIT, checked_at)
            if decision is Decision.SERVE_STALE:
                reason = asked.mirror.backs_off_reason
                return Resolved(repository, facts, CacheOutcome.STALE, checked_at, reason)
        refuse(decision, asked.mirror, self._now())
        check_allowed(asked)
        if not is_fresh:
            self._check_negative(asked, reference)
        return await self._once(
            (asked.name.text, str(reference)),
            lambda: self._ask(asked, repository, reference, facts, checked_at),
        )

    async def peek(
        self, asked: MirroredName, repository: Repository | None, reference: Reference
    ) -> tuple[StoredManifest, bool]:
        """The manifest as the upstream has it now, and whether it is new here; nothing is kept.

        Raises as `resolve` does.
        """
        reader, here = self._metadata.reader, None
        if repository is not None:
            here = await manifests.find_manifest(reader, repository.id, reference)
        if here is not None and isinstance(reference, Digest):
            return here, False
        check_offline(asked.mirror)
        check_allowed(asked)
        try:
            known = None
            if here is not None and isinstance(reference, Tag):
                known = await self._upstreams.find_digest(asked, reference)
            if here is not None and here.digest == known:
                return here, False
            fetched = await self._upstreams.fetch_manifest(asked, reference)
        except (UpstreamFailed, TooMany) as error:
            await self._upstreams.note_failure(asked.mirror, error)
            raise _as_missing(error) from error
        claimed = reference if isinstance(reference, Digest) else fetched.digest
        digest = Digest.of(fetched.content, claimed.algorithm if claimed else "sha256")
        if claimed is not None and digest != claimed:
            raise UpstreamFailed(f"{asked.mirror.name} sent other bytes than {claimed}")
        kind, size = fetched.media_type or "", len(fetched.content)
        return StoredManifest(0, str(digest), kind, size, fetched.content), True

    async def _once(
        self, key: tuple[str, str], work: Callable[[], Awaitable[Resolved]]
    ) -> Resolved:
        """The outcome of work that is done once for all who want it, and goes on without them."""
        task = self._asking.get(key)
        if task is None:

            async def run() -> Resolved:
                return await work()

            task = self._asking[key] = asyncio.create_task(run())
            task.add_done_callback(lambda _: self._asking.pop(key, None))
            # Nobody may be left to hear of its failure.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _ask(
        self,
        asked: MirroredName,
        repository: Repository | None,
        reference: Reference,
        facts: ManifestFacts | None,
        checked_at: datetime | None,
    ) -> Resolved:
        try:
            resolved = await self._ask_upstream(asked, repository, reference, facts)
        except (UpstreamFailed, TooMany) as error:
            await self._upstreams.note_failure(asked.mirror, error)
            if facts is None or repository is None:
                raise self._remembered(asked, reference, _as_missing(error)) from error
            return Resolved(repository, facts, CacheOutcome.STALE, checked_at, error.message)
        except NotFound as error:
            await self._upstreams.note_answer(asked.mirror)
            raise self._remembered(asked, reference, error) from error
        await self._upstreams.note_answer(asked.mirror)
        return resolved

    async def _ask_upstream(
        self,
        asked: MirroredName,
        repository: Repository | None,
        reference: Reference,
        facts: ManifestFacts | None,
    ) -> Resolved:
        if facts is not None and repository is not None and isinstance(reference, Tag):
            digest = await self._upstreams.find_digest(asked, reference)
            if digest == facts.digest:
                now = self._now()
                # A full disk ends no pull: the upstream is but asked once more.
                with suppress(OutOfSpace, Unavailable):
                    async with self._metadata.begin() as tx:
                        await mirrors.set_checked_at(tx, repository.id, reference.text, now)
                return Resolved(repository, facts, CacheOutcome.REVALIDATED, now)
        return await self._fetch(asked, repository, reference)

    async def _fetch(
        self, asked: MirroredName, repository: Repository | None, reference: Reference
    ) -> Resolved:
        fetched = await self._upstreams.fetch_manifest(asked, reference)
        try:
            pushed = await self._manifests.put(
                push_target(asked, repository),
                fetched.content,
                fetched.media_type,
                digest=reference if isinstance(reference, Digest) else fetched.digest,
                tags=[reference] if isinstance(reference, Tag) else [],
                by=None,
            )
        except Invalid as error:
            raise UpstreamFailed(
                f"{asked.mirror.name} sent a manifest that cannot be kept: {error.message}"
            ) from error
        now, reader = self._now(), self._metadata.reader
        made = repository or await repositories.find_repository(reader, asked.name)
        if made is None:
            raise ManifestUnknown
        if isinstance(reference, Tag):
            async with self._metadata.begin() as tx:
                await mirrors.set_checked_at(tx, made.id, reference.text, now)
        facts = await manifests.find_facts(reader, made.id, pushed.digest)
        if facts is None:
            raise ManifestUnknown
        return Resolved(made, facts, CacheOutcome.MISS, now)

    def _check_negative(self, asked: MirroredName, reference: Reference) -> None:
        found = self._negative.get((asked.mirror.id, asked.name.text, str(reference)))
        if found is not None and time.monotonic() < found[0]:
            raise ManifestUnknown(found[1])

    def _remembered(
        self, asked: MirroredName, reference: Reference, error: EntrepotError
    ) -> EntrepotError:
        """The error; that there is nothing is answered to the next who ask too."""
        if isinstance(error, NotFound):
            until = time.monotonic() + _NEGATIVE
            self._negative[asked.mirror.id, asked.name.text, str(reference)] = until, error.message
            if len(self._negative) > _MOST_NEGATIVE:
                self._negative.popitem(last=False)
        return error


def _as_missing(error: UpstreamFailed | TooMany) -> EntrepotError:
    """As an upstream means it that refuses: Docker Hub says 401 of what is not there."""
    if isinstance(error, UpstreamFailed) and error.status in (401, 403):
        return ManifestUnknown(error.message)
    return error


def refuse(decision: Decision, mirror: Mirror, now: datetime) -> None:
    """Raise where the decision is to refuse: offline, limited, or failing for long."""
    if decision is Decision.REFUSE_OFFLINE:
        check_offline(mirror)
    back_off = mirror.back_off
    if decision is Decision.REFUSE_FAILING and back_off is not None:
        wait = max(1, round((back_off.until - now).total_seconds()))
        if back_off.status:
            raise TooMany(back_off.reason, wait=wait)
        raise UpstreamUnreachable(back_off.reason, wait=wait)
