"""Questions to the registries that are mirrored, and a record of their failures."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, Protocol

from entrepot.errors import (
    BlobUnknown,
    EntrepotError,
    InvalidDigest,
    ManifestUnknown,
    OutOfSpace,
    TooMany,
    Unavailable,
    UpstreamFailed,
    UpstreamUnreachable,
)
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.registry import mirrors
from entrepot.model.mirrors import Mirror, MirroredName
from entrepot.oci import media_types
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import MAX_SIZE
from entrepot.oci.names import Reference, Tag
from entrepot.registry.mirroring.fetches import Part
from entrepot.registry.mirroring.mirror_decisions import next_back_off
from entrepot.upstream.client import UpstreamClient
from entrepot.upstream.failures import failure_of, parse_number
from entrepot.upstream.transport import Answer, Timeouts, Upstream

ACCEPT: Final = ", ".join(
    (
        media_types.OCI_INDEX,
        media_types.OCI_MANIFEST,
        media_types.DOCKER_LIST,
        media_types.DOCKER_MANIFEST,
        "*/*",
    )
)
"""Asked of every upstream, whatever the client accepts: there is one cache for all."""
MAX_LIST: Final = 16 * 1024 * 1024


class UnwrapsSecrets(Protocol):
    """Gives back secrets that were encrypted for the database."""

    def unwrap(self, purpose: str, stored: str) -> str:
        """The secret; `Unavailable` without the right key."""


@dataclass(frozen=True, slots=True)
class FetchedManifest:
    """A manifest as the upstream sent it; `digest` is what it says it is, if it does."""

    content: bytes
    media_type: str | None
    digest: Digest | None


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of an upstream's list, and the `Link` to the next one."""

    body: dict[str, object]
    link: str | None


class Upstreams:
    """The registries that are mirrored: one client each, for as long as its settings stay."""

    def __init__(
        self, metadata: Metadata, keyring: UnwrapsSecrets, version: str, now: Clock
    ) -> None:
        self._metadata = metadata
        self._keyring = keyring
        self._version = version
        self._now = now
        self._clients: dict[int, UpstreamClient] = {}
        self._retired: list[UpstreamClient] = []
        self.timeouts = Timeouts()

    async def close(self) -> None:
        """Close every connection."""
        for client in (*self._clients.values(), *self._retired):
            await client.close()
        self._clients.clear()

    async def find_digest(self, asked: MirroredName, tag: Tag) -> str | None:
        """The digest that the tag has at the upstream; `None` where a HEAD does not say it."""
        client = await self._client(asked.mirror)
        path = f"manifests/{tag}"
        async with client.ask("HEAD", asked.upstream_name, path, {"accept": ACCEPT}) as answer:
            _check(asked, answer, tag)
            digest = _claimed_digest(answer)
            return None if digest is None else str(digest)

    async def fetch_manifest(self, asked: MirroredName, reference: Reference) -> FetchedManifest:
        """The manifest's bytes; `ManifestUnknown` where the upstream has none."""
        client = await self._client(asked.mirror)
        path = f"manifests/{reference}"
        async with client.ask("GET", asked.upstream_name, path, {"accept": ACCEPT}) as answer:
            _check(asked, answer, reference)
            content = await answer.read(MAX_SIZE)
            kind = (answer.header("content-type") or "").partition(";")[0].strip() or None
            return FetchedManifest(content, kind, _claimed_digest(answer))

    async def find_blob_size(self, asked: MirroredName, digest: Digest) -> int | None:
        """The blob's size in bytes, 0 where it is not said; `None` where there is none."""
        client = await self._client(asked.mirror)
        async with client.ask("HEAD", asked.upstream_name, f"blobs/{digest}") as answer:
            if answer.status in (404, 401, 403):
                return None
            _check(asked, answer, digest)
            return parse_number(answer.header("content-length")) or 0

    @asynccontextmanager
    async def open_blob(
        self, asked: MirroredName, digest: Digest, start: int, size: int | None, end: int = -1
    ) -> AsyncIterator[Part]:
        """The blob's bytes from `start` on, or earlier where the upstream knows no ranges.

        `size` is that of the whole, as far as it is known; `end` the last byte that is wanted.
        """
        client = await self._client(asked.mirror)
        until = "" if end < 0 else str(end)
        headers = {"range": f"bytes={start}-{until}"} if start or until else {}
        path = f"blobs/{digest}"
        async with client.ask("GET", asked.upstream_name, path, headers) as answer:
            if answer.status in (404, 401, 403):
                raise BlobUnknown(_absent(asked, str(digest), answer.status))
            _check(asked, answer, digest)
            yield _part(asked, answer, start, size)

    async def list_page(self, asked: MirroredName, path: str) -> ListPage | None:
        """A page of a list such as `tags/list?n=5`; `None` where the upstream has no such list."""
        client = await self._client(asked.mirror)
        async with client.ask("GET", asked.upstream_name, path) as answer:
            if answer.status in (404, 405):
                return None
            _check(asked, answer, None)
            try:
                body = json.loads(await answer.read(MAX_LIST))
            except (ValueError, RecursionError) as error:
                raise UpstreamFailed(f"{asked.mirror.name} sent a list that is no JSON") from error
            if not isinstance(body, dict):
                raise UpstreamFailed(f"{asked.mirror.name} sent a list that is no object")
            return ListPage(body, answer.header("link"))

    async def test(self, mirror: Mirror) -> str:
        """Ask `/v2/` and return what the upstream said; raise what is wrong."""
        client = await self._client(mirror)
        async with client.ping() as answer:
            # Some registries let nobody ask for nothing in particular, with a token or without.
            if answer.status == 200 or (answer.status == 401 and not mirror.username):
                return f"{mirror.url} answers"
            if answer.status in (401, 403):
                raise UpstreamFailed(
                    f"{mirror.name} refused the credentials with status {answer.status}",
                    status=answer.status,
                )
            raise failure_of(mirror.name, answer)

    async def note_failure(self, mirror: Mirror, error: EntrepotError) -> None:
        """Leave an upstream alone for a while that cannot be reached, or that limits us."""
        if isinstance(error, TooMany):
            back_off = next_back_off(mirror, error.message, self._now(), error.wait)
        elif isinstance(error, UpstreamUnreachable):
            back_off = next_back_off(mirror, error.message, self._now())
        else:
            return
        # What is cached is served although it cannot be written down.
        with suppress(OutOfSpace, Unavailable):
            async with self._metadata.begin() as tx:
                await mirrors.set_back_off(tx, mirror.id, back_off)

    async def note_answer(self, mirror: Mirror) -> None:
        """Forget the failures of an upstream that answers."""
        if mirror.back_off is not None:
            with suppress(OutOfSpace, Unavailable):
                async with self._metadata.begin() as tx:
                    await mirrors.set_back_off(tx, mirror.id, None)

    async def _client(self, mirror: Mirror) -> UpstreamClient:
        secret = self._keyring.unwrap("mirror", mirror.secret) if mirror.secret else ""
        upstream = Upstream(
            name=mirror.name,
            url=mirror.url,
            username=mirror.username,
            secret=secret,
            token_hosts=mirror.token_hosts,
            networks=mirror.networks,
            allows_private=mirror.allows_private,
            timeouts=self.timeouts,
        )
        known = self._clients.get(mirror.id)
        if known is None or known.upstream != upstream:
            if known is not None:
                # Requests that run finish with the old one.
                self._retired.append(known)
            self._clients[mirror.id] = UpstreamClient(upstream, self._version)
        return self._clients[mirror.id]


def _check(asked: MirroredName, answer: Answer, reference: Reference | None) -> None:
    """Raise what an answer means that is not the thing itself."""
    if answer.status in (200, 206):
        return
    if answer.status in (404, 405):
        raise ManifestUnknown(_absent(asked, str(reference), answer.status))
    raise failure_of(asked.mirror.name, answer)


def _absent(asked: MirroredName, reference: str, status: int) -> str:
    return f"{asked.mirror.name} has no {asked.upstream_name} {reference} (status {status})"


def _claimed_digest(answer: Answer) -> Digest | None:
    try:
        return Digest.parse(answer.header("docker-content-digest") or "")
    except InvalidDigest:
        return None


def _part(asked: MirroredName, answer: Answer, start: int, size: int | None) -> Part:
    """The bytes that were sent, and their place in the blob."""
    length = parse_number(answer.header("content-length"))
    if answer.status == 200:
        whole = length if length is not None else size
        if whole is None:
            raise UpstreamFailed(f"{asked.mirror.name} did not say how large a blob is")
        return Part(0, whole, answer.runs())
    unit, _, rest = (answer.header("content-range") or "").partition(" ")
    ends, _, total = rest.partition("/")
    first = parse_number(ends.partition("-")[0])
    whole = parse_number(total)
    if unit != "bytes" or first != start or whole is None:
        raise UpstreamFailed(f"{asked.mirror.name} sent another part of a blob than was asked for")
    return Part(first, whole, answer.runs())


def referrers_of(page: ListPage) -> Sequence[dict[str, object]]:
    """The descriptors in a list of referrers; nonsense gives none."""
    listed = page.body.get("manifests")
    found = listed if isinstance(listed, list) else []
    return [each for each in found if isinstance(each, dict)]
