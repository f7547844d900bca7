"""Prefetches: artifacts of mirrors are fetched whole before anybody pulls them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from entrepot.errors import EntrepotError, Invalid, NotFound
from entrepot.kinds.recognition.attachments import is_hidden_tag
from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.blobs import StoredBlob
from entrepot.model.mirroring.prefetches import FetchAction, Prefetched, Selection
from entrepot.model.mirrors import MirroredName
from entrepot.oci.digests import Digest
from entrepot.oci.names import Reference, Tag, parse_reference
from entrepot.oci.tag_patterns import matches_any
from entrepot.registry.mirroring.fetches import Fetch
from entrepot.registry.mirroring.mirrored_blobs import MirroredBlobs
from entrepot.registry.mirroring.mirrored_lists import MirroredLists
from entrepot.registry.mirroring.mirrors import check_offline
from entrepot.registry.mirroring.upstream_artifacts import UpstreamArtifact, UpstreamArtifacts

_AT_ONCE: Final = 3
"""Blobs of an artifact that are fetched at a time, as docker does."""

Watch = Callable[[int], None]
"""Told how many more bytes have come."""


class Prefetches:
    """Fetches artifacts through the cache, by the same downloads that pulls wait for."""

    def __init__(
        self,
        metadata: Metadata,
        artifacts: UpstreamArtifacts,
        lists: MirroredLists,
        blobs: MirroredBlobs,
    ) -> None:
        self._metadata = metadata
        self._artifacts = artifacts
        self._lists = lists
        self._blobs = blobs

    async def list_tags(self, asked: MirroredName) -> list[str]:
        """Every tag that the repository has at the upstream; raises as a pull does."""
        check_offline(asked.mirror)
        return await self._lists.list_all_tags(asked)

    async def run(
        self,
        asked: MirroredName,
        pattern: str,
        selection: Selection,
        *,
        dry_run: bool = False,
        most: int | None = None,
        watch: Watch = lambda _: None,
    ) -> AsyncIterator[Prefetched]:
        """Fetch, or preview, the tag or digest, or each tag that matches where it has `*` or `?`.

        One that fails ends none of the others. Where more than `most` match, none is fetched.
        """
        tags = None
        try:
            references: Sequence[Reference] = ()
            if {"*", "?"} & set(pattern):
                tags = frozenset(await self.list_tags(asked))
                references = _matching(asked, tags, pattern, most)
            else:
                references = [parse_reference(pattern)]
        except EntrepotError as error:
            yield failed(f"{asked.name}:{pattern}", error)
            return
        work = self.preview if dry_run else partial(self.fetch, watch=watch)
        for reference in references:
            try:
                yield await work(asked, reference, selection, tags)
            except EntrepotError as error:
                yield failed(name_of(asked, reference), error)

    async def find_image(self, asked: MirroredName, tag: Tag, selection: Selection) -> Reference:
        """The first image of the tag for the platforms; the tag where it is no index.

        Raises `ManifestUnknown` where it has none for them.
        """
        return await self._artifacts.find_image(asked, tag, selection)

    async def preview(
        self,
        asked: MirroredName,
        reference: Reference,
        selection: Selection,
        tags: frozenset[str] | None = None,
    ) -> Prefetched:
        """Return the outcome that `fetch` would have; manifests are read, and nothing is kept."""
        found = await self._artifacts.walk(asked, reference, selection, keep=False, tags=tags)
        return _described(asked, reference, found)

    async def fetch(
        self,
        asked: MirroredName,
        reference: Reference,
        selection: Selection,
        tags: frozenset[str] | None = None,
        watch: Watch = lambda _: None,
    ) -> Prefetched:
        """Have the artifact here with its children, blobs and attachments, as they are now.

        What is here is not fetched again, and a blob that was cut goes on where it ended. `tags`
        are all that the upstream's repository has, where they are known. Raises what a pull does.
        """
        check_offline(asked.mirror)
        found = await self._artifacts.walk(asked, reference, selection, keep=True, tags=tags)
        done = _described(asked, reference, found)
        lacking = [Digest.parse(each) for each in found.lacking if each in found.blobs]
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(digest: Digest) -> None:
            async with turns:
                await self._fetch_blob(asked, digest, watch)

        outcomes = await asyncio.gather(*map(one, lacking), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return done

    async def _fetch_blob(self, asked: MirroredName, digest: Digest, watch: Watch) -> None:
        repository = await repositories.find_repository(self._metadata.reader, asked.name)
        if await self._blobs.find(repository, digest) is not None:
            return
        opened = await self._blobs.open(asked, repository, digest)
        if isinstance(opened, StoredBlob):
            watch(opened.size)
            return
        await self._blobs.wait_for_size(asked, opened)
        await _follow(opened, watch)


async def _follow(fetch: Fetch, watch: Watch) -> None:
    """Wait for the end of a fetch; tell of its bytes as they come."""
    seen = 0
    while not fetch.is_done and fetch.error is None:
        watch(fetch.received - seen)
        seen = fetch.received
        await fetch.wait_for_change()
    await fetch.wait_until_done()
    watch(fetch.received - seen)


def name_of(asked: MirroredName, reference: Reference) -> str:
    """The whole reference, as clients write it."""
    return f"{asked.name}{':' if isinstance(reference, Tag) else '@'}{reference}"


def failed(reference: str, error: EntrepotError) -> Prefetched:
    """The outcome of an artifact that could not be fetched."""
    return Prefetched(reference, FetchAction.FAIL, reason=error.message)


def _described(asked: MirroredName, reference: Reference, found: UpstreamArtifact) -> Prefetched:
    absent = len(found.absent)
    return Prefetched(
        name_of(asked, reference),
        FetchAction.COPY if found.lacking else FetchAction.SKIP,
        found.digest,
        sum(found.lacking.values()),
        sum(each in found.blobs for each in found.lacking),
        f"{asked.mirror.name} lacks {absent} of its manifests" if absent else "",
        frozenset(found.manifests),
    )


def _matching(
    asked: MirroredName, tags: Collection[str], pattern: str, most: int | None
) -> list[Tag]:
    """The tags that people gave and that match; raises where there are none, or too many."""
    found = []
    for text in sorted(tags):
        if matches_any([pattern], text) and not is_hidden_tag(text):
            with suppress(Invalid):
                found.append(Tag(text))
    if not found:
        raise NotFound(f"no tag of {asked.name} matches {pattern}")
    if most is not None and len(found) > most:
        raise Invalid(f"{len(found):,} tags match, and at most {most:,} are fetched at once")
    return found
