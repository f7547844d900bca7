"""Transfers of one tag to another registry: only what is lacking there, the tag last.

Blobs go before manifests, children before their index, subjects before what is attached to them:
whoever pulls from the other registry meanwhile finds no tag without its content.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from entrepot.errors import BlobUnknown, UpstreamFailed
from entrepot.kinds.recognition.attachments import attaching_tags
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import blobs
from entrepot.model.replication import ReplicationRule
from entrepot.model.repositories import Repository
from entrepot.oci import media_types
from entrepot.oci.digests import EMPTY_JSON_DIGEST, Digest
from entrepot.oci.names import RepositoryName, Tag
from entrepot.registry.copying.closures import Closure, gather, lists_all
from entrepot.registry.manifest_references import needed_blobs, new_manifest
from entrepot.storage.protocols import BlobKey, Storage
from entrepot.upstream.pushing import Journal, Pushes, Source

_AT_ONCE: Final = 6
"""Questions to a registry at a time, for one tag."""
_HOLDERS: Final = 20
_RACES: Final = 5
"""Times that a list of attachments is written again because another has written it meanwhile."""

K = TypeVar("K")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Transferred:
    """The effect of a transfer: how much was not there before."""

    digest: str
    is_moved: bool
    """Whether the tag was set there; else it was where it should be."""
    manifests: int
    attachments: int
    blobs: int
    kept: tuple[str, ...] = ()
    """Tags of signatures that were left alone: the destination's hold more than ours."""

    @property
    def is_changed(self) -> bool:
        """Whether anything was not there before."""
        return self.is_moved or self.manifests + self.attachments > 0


class Transfers:
    """Transfers from this hub's repositories."""

    def __init__(self, metadata: Metadata, storage: Storage) -> None:
        self._metadata = metadata
        self._storage = storage

    async def transfer(
        self,
        rule: ReplicationRule,
        repository: Repository,
        tag: Tag,
        pushes: Pushes,
        journal: Journal,
        headers: Mapping[str, str] | None = None,
    ) -> Transferred:
        """Have the tag at the destination, with all that belongs to it; repeating sends nothing.

        `headers` go with the tag. Raises `ManifestUnknown` where the hub has no such tag, and
        `PushRefused` where the destination does not want it.
        """
        closure = await gather(
            self._metadata.reader, repository, [tag], with_attachments=rule.with_attachments
        )
        target = rule.target(repository.name).text
        run = _Transfer(
            self._metadata, self._storage, rule, repository, closure, target, pushes, journal
        )
        return await run.run(tag, headers or {})


@dataclass(slots=True)
class _Transfer:
    """One transfer."""

    metadata: Metadata
    storage: Storage
    rule: ReplicationRule
    repository: Repository
    closure: Closure
    target: str
    pushes: Pushes
    journal: Journal
    kept: list[str] = field(default_factory=list)

    async def run(self, tag: Tag, headers: Mapping[str, str]) -> Transferred:
        root = self.closure.tags[tag.text]
        lacking = await self._find_lacking()
        blobs_sent = await self._push_blobs(lacking)
        for digest in self.closure.in_order():
            if digest in lacking:
                await self._put(digest, digest)
        await self._list_attached()
        for name, digest in self.closure.tags.items():
            if name != tag.text:
                await self._put_attaching(name, digest)
        # Last: whoever finds the tag finds all of it.
        is_moved = await self.pushes.find_digest(self.target, tag.text) != root
        if is_moved:
            await self._put(tag.text, root, headers)
        attachments = len(lacking & self.closure.attached)
        return Transferred(
            root, is_moved, len(lacking) - attachments, attachments, blobs_sent, tuple(self.kept)
        )

    async def _find_lacking(self) -> set[str]:
        """The digests of the manifests that the destination does not have."""

        async def find(digest: str) -> str | None:
            return await self.pushes.find_digest(self.target, digest)

        found = await _each(self.closure.parsed, find)
        return {digest for digest, there in found.items() if there is None}

    async def _push_blobs(self, lacking: Collection[str]) -> int:
        """Push the blobs that the lacking manifests name and the destination does not hold."""
        named = (each for digest in lacking for each in needed_blobs(self.closure.parsed[digest]))
        needed = list(dict.fromkeys(named))

        async def has(digest: Digest) -> bool:
            return await self.pushes.has_blob(self.target, digest)

        there = await _each(needed, has)
        missing = [digest for digest in needed if not there[digest]]
        found = await blobs.list_held(self.metadata.reader, self.repository.id, missing)
        held = {each.digest: each for each in found}
        for digest in missing:
            blob = held.get(str(digest))
            if digest == EMPTY_JSON_DIGEST:
                # Every repository may name it without holding it.
                blob = await blobs.find_blob_anywhere(self.metadata.reader, digest)
            if blob is None:
                raise BlobUnknown(f"{self.repository.name} does not hold the blob {digest}")
            source = Source(digest, blob.size, partial(self.storage.read, BlobKey(blob.key)))
            siblings = await self._list_siblings(digest)
            await self.pushes.push_blob(self.target, source, siblings, self.journal)
        return len(missing)

    async def _list_siblings(self, digest: Digest) -> list[str]:
        """A repository of the destination that may hold the blob, by what this hub holds."""
        for holder in await blobs.list_holders(self.metadata.reader, digest, _HOLDERS):
            if holder.repository_id != self.repository.id and self.rule.covers(holder.name):
                sibling = self.rule.target(RepositoryName(holder.name)).text
                return [sibling] if sibling != self.target else []
        return []

    async def _put(
        self, reference: str, digest: str, headers: Mapping[str, str] | None = None
    ) -> None:
        stored = self.closure.manifests[digest]
        await self.pushes.put_manifest(
            self.target, reference, stored.content, stored.media_type, headers
        )

    async def _put_attaching(self, name: str, digest: str) -> None:
        """Set a tag of signatures, unless the destination's lists some that ours does not."""
        there = await self.pushes.find_digest(self.target, name)
        if there == digest:
            return
        if there is not None:
            found = await self.pushes.find_manifest(self.target, name)
            ours = self.closure.parsed[digest]
            if found is not None and not lists_all(ours, found.content, found.media_type):
                self.kept.append(name)
                return
        await self._put(name, digest)

    async def _list_attached(self) -> None:
        """List what is attached, where the destination lists no referrers by itself."""
        attached: dict[Digest, list[str]] = {}
        for digest, manifest in self.closure.parsed.items():
            descriptor = new_manifest(manifest, Digest.parse(digest)).descriptor
            if manifest.subject is not None and descriptor is not None:
                attached.setdefault(manifest.subject.digest, []).append(descriptor)
        for subject, descriptors in attached.items():
            if not await self.pushes.has_referrers(self.target, subject):
                await self._add_to_index(attaching_tags(subject)[0], descriptors)

    async def _add_to_index(self, tag: str, descriptors: Iterable[str]) -> None:
        """Have the descriptors in an index (1.1, "Referrers Tag Schema"), beside others' entries.

        A registry without referrers has no conditional writes either: it is looked at again.
        """
        ours = {each["digest"]: each for each in map(json.loads, descriptors)}
        for _ in range(_RACES):
            found = await self.pushes.find_manifest(self.target, tag)
            listed = _entries(found.content) if found is not None else []
            known = {each.get("digest") for each in listed}
            missing = [each for digest, each in sorted(ours.items()) if digest not in known]
            if not missing:
                return
            index = {
                "schemaVersion": 2,
                "mediaType": media_types.OCI_INDEX,
                "manifests": [*listed, *missing],
            }
            content = json.dumps(index, separators=(",", ":")).encode()
            await self.pushes.put_manifest(self.target, tag, content, media_types.OCI_INDEX)
        raise UpstreamFailed(f"others write {self.target}:{tag} at the same time")


def _entries(content: bytes) -> list[dict[str, object]]:
    """The entries of an index; none where it is no index."""
    try:
        listed = json.loads(content).get("manifests")
    except (ValueError, AttributeError, RecursionError):
        return []
    entries = listed if isinstance(listed, list) else []
    return [each for each in entries if isinstance(each, dict)]


async def _each(keys: Iterable[K], work: Callable[[K], Awaitable[T]]) -> dict[K, T]:
    """Return the result of `work` for each key; a few run at a time."""
    keys, found = list(keys), dict[K, T]()
    waiting = iter(keys)

    async def run() -> None:
        for key in waiting:
            found[key] = await work(key)

    tasks = [asyncio.create_task(run()) for _ in range(min(_AT_ONCE, len(keys)))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return found
