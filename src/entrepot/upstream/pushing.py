"""Pushes to another registry, as the distribution-spec (1.1, "Push") has it; repeatable."""

import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from entrepot.errors import EntrepotError, InvalidDigest, UpstreamFailed, UpstreamUnreachable
from entrepot.oci import media_types
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import MAX_SIZE
from entrepot.upstream.client import UpstreamClient
from entrepot.upstream.failures import failure_of, parse_number
from entrepot.upstream.transport import Answer

MONOLITHIC: Final = 64 * 1024 * 1024
"""Bytes of the largest blob that is sent in one request."""
CHUNK: Final = 64 * 1024 * 1024
_RESUMED: Final = 5
"""Times that one blob's upload is taken up after it was cut."""
_MAX_ERRORS: Final = 64 * 1024
_LONGEST: Final = 300
_BYTES: Final = "application/octet-stream"
# Refusals that another attempt would not change: the manifest itself is not wanted, or the blob is
# too large. Other answers about blobs may be about an upload that the registry has forgotten.
_REFUSED_MANIFEST: Final = frozenset({400, 403, 404, 405, 409, 412, 413, 415, 422})
_REFUSED_BLOB: Final = frozenset({413})
ACCEPT: Final = ", ".join(
    (
        media_types.OCI_INDEX,
        media_types.OCI_MANIFEST,
        media_types.DOCKER_LIST,
        media_types.DOCKER_MANIFEST,
        "*/*",
    )
)

ReadFrom = Callable[[int, int], AsyncIterator[bytes]]
"""Reads a part of a blob: from an offset, with a length in bytes."""


class PushRefused(UpstreamFailed):
    """The registry does not take this, and will not take it later either."""


@dataclass(frozen=True, slots=True)
class Source:
    """A blob to push."""

    digest: Digest
    size: int
    read: ReadFrom


@dataclass(slots=True)
class Journal:
    """How far a push is; the caller may keep `upload` and begin another push with it."""

    sent: int = 0
    """Bytes of bodies."""
    upload: tuple[str, str] = ("", "")
    """The digest and the address of an upload that can be taken up."""

    def add(self, count: int) -> None:
        """Count bytes that were sent."""
        self.sent += count


@dataclass(frozen=True, slots=True)
class FoundManifest:
    """A manifest that the registry has."""

    content: bytes
    media_type: str


class Pushes:
    """Pushes to one registry."""

    def __init__(self, client: UpstreamClient) -> None:
        self._client = client
        self._name = client.upstream.name
        self._has_referrers: bool | None = None

    async def find_digest(self, repository: str, reference: str) -> str | None:
        """The digest of a tag or digest there; `None` where the registry has none."""
        path, headers = f"manifests/{reference}", {"accept": ACCEPT}
        async with self._client.ask("HEAD", repository, path, headers) as answer:
            if answer.status == 404:
                return None
            if answer.status != 200:
                raise failure_of(self._name, answer)
            said = answer.header("docker-content-digest")
        try:
            return str(Digest.parse(said or ""))
        except InvalidDigest:
            found = await self.find_manifest(repository, reference)
            return None if found is None else str(Digest.of(found.content))

    async def find_manifest(self, repository: str, reference: str) -> FoundManifest | None:
        """A manifest with its bytes; `None` where the registry has none."""
        path, headers = f"manifests/{reference}", {"accept": ACCEPT}
        async with self._client.ask("GET", repository, path, headers) as answer:
            if answer.status == 404:
                return None
            if answer.status != 200:
                raise failure_of(self._name, answer)
            kind = (answer.header("content-type") or "").partition(";")[0].strip()
            return FoundManifest(await answer.read(MAX_SIZE), kind)

    async def has_blob(self, repository: str, digest: Digest) -> bool:
        """Say whether the repository there holds the blob."""
        async with self._client.ask("HEAD", repository, f"blobs/{digest}") as answer:
            if answer.status in (200, 404):
                return answer.status == 200
            raise failure_of(self._name, answer)

    async def has_referrers(self, repository: str, subject: Digest) -> bool:
        """Say whether the registry lists referrers by itself (1.1, "Listing Referrers")."""
        if self._has_referrers is None:
            path = f"referrers/{subject}"
            async with self._client.ask("GET", repository, path) as answer:
                if answer.status not in (200, 400, 404, 405):
                    raise failure_of(self._name, answer)
                kind = (answer.header("content-type") or "").partition(";")[0].strip()
                self._has_referrers = answer.status == 200 and kind == media_types.OCI_INDEX
        return self._has_referrers

    async def put_manifest(
        self,
        repository: str,
        reference: str,
        content: bytes,
        media_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Put a manifest under a digest or a tag; raise `PushRefused` where it is not taken."""
        sent = {"content-type": media_type, **(headers or {})}
        path = f"manifests/{reference}"
        async with self._client.ask("PUT", repository, path, sent, content) as answer:
            if answer.status != 201:
                what = f"{repository} {reference}"
                raise await self._refusal(answer, what, _REFUSED_MANIFEST)
            if answer.header("oci-subject"):
                self._has_referrers = True

    async def delete_tag(
        self, repository: str, tag: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Delete a tag alone; one that is absent is no error."""
        path = f"manifests/{tag}"
        async with self._client.ask("DELETE", repository, path, headers) as answer:
            if answer.status not in (200, 202, 204, 404):
                what = f"to delete {repository}:{tag}"
                raise await self._refusal(answer, what, _REFUSED_MANIFEST)

    async def push_blob(
        self, repository: str, source: Source, siblings: Sequence[str], journal: Journal
    ) -> None:
        """Have the blob in the repository there: mounted, or sent.

        `siblings` are repositories there that may hold it. A large one is sent in chunks, and goes
        on where `journal.upload` or a cut left off.
        """
        if source.size > MONOLITHIC:
            await self._push_chunks(repository, source, siblings, journal)
            return
        location = await self._begin(repository, source.digest, siblings)
        if location is not None:
            await self._finish(repository, location, source, journal)

    async def _begin(self, repository: str, digest: Digest, siblings: Sequence[str]) -> str | None:
        """The address of a new upload; `None` where the blob was mounted instead."""
        for sibling in siblings:
            query = urlencode({"mount": str(digest), "from": self._client.full_name(sibling)})
            path = f"/v2/{self._client.full_name(repository)}/blobs/uploads/?{query}"
            try:
                # Its token may be for both repositories: others must not ask for that one.
                key = f"{repository}?from={sibling}"
                async with self._client.ask_at("POST", key, path) as answer:
                    if answer.status in (201, 202):
                        return None if answer.status == 201 else self._location(answer)
            except UpstreamUnreachable:
                raise
            except UpstreamFailed:
                # Nobody there may read the sibling: then the bytes are sent.
                continue
        async with self._client.ask("POST", repository, "blobs/uploads/") as answer:
            if answer.status != 202:
                raise await self._refusal(answer, f"an upload to {repository}", _REFUSED_BLOB)
            return self._location(answer)

    async def _finish(
        self, repository: str, location: str, source: Source, journal: Journal, start: int = 0
    ) -> None:
        mark = "&" if "?" in location else "?"
        url = f"{location}{mark}digest={quote(str(source.digest), safe='')}"
        length = source.size - start
        headers = {"content-type": _BYTES, "content-length": str(length)}
        if length and start:
            headers["content-range"] = f"{start}-{source.size - 1}"
        body = _counted(source, start, length, journal) if length else b""
        async with self._client.ask_at("PUT", repository, url, headers, body) as answer:
            if answer.status != 201:
                raise await self._refusal(answer, f"the blob {source.digest}", _REFUSED_BLOB)

    async def _push_chunks(
        self, repository: str, source: Source, siblings: Sequence[str], journal: Journal
    ) -> None:
        upload = await self._take_up(repository, source, journal)
        if upload is None:
            location = await self._begin(repository, source.digest, siblings)
            if location is None:
                return
            upload = _Upload(location, 0)
            journal.upload = str(source.digest), location
        cuts = 0
        while upload.offset < source.size:
            try:
                upload = await self._send_chunk(repository, source, upload, journal)
            except UpstreamUnreachable:
                cuts += 1
                kept = await self._take_up(repository, source, journal)
                if kept is None or cuts > _RESUMED:
                    raise
                upload = kept
            journal.upload = str(source.digest), upload.location
        await self._finish(repository, upload.location, source, journal, source.size)
        journal.upload = "", ""

    async def _take_up(self, repository: str, source: Source, journal: Journal) -> "_Upload | None":
        """The blob's upload that was begun before; `None` where the registry knows it no more."""
        digest, location = journal.upload
        if digest != str(source.digest):
            return None
        async with self._client.ask_at("GET", repository, location) as answer:
            if answer.status != 204:
                journal.upload = "", ""
                return None
            return _Upload(self._location(answer, location), _offset(answer))

    async def _send_chunk(
        self, repository: str, source: Source, upload: "_Upload", journal: Journal
    ) -> "_Upload":
        size = min(max(CHUNK, upload.least), source.size - upload.offset)
        last = upload.offset + size - 1
        headers = {
            "content-type": _BYTES,
            "content-length": str(size),
            "content-range": f"{upload.offset}-{last}",
        }
        body = _counted(source, upload.offset, size, journal)
        asked = self._client.ask_at("PATCH", repository, upload.location, headers, body)
        async with asked as answer:
            if answer.status != 202:
                journal.upload = "", ""
                raise await self._refusal(answer, f"the blob {source.digest}", _REFUSED_BLOB)
            least = parse_number(answer.header("oci-chunk-min-length")) or upload.least
            return _Upload(self._location(answer), _offset(answer) or last + 1, least)

    def _location(self, answer: Answer, otherwise: str = "") -> str:
        location = answer.header("location") or otherwise
        if not location:
            raise UpstreamFailed(f"{self._name} gave no address of an upload")
        return location

    async def _refusal(self, answer: Answer, what: str, final: Collection[int]) -> EntrepotError:
        """The error of a refusal, in the registry's own words where it has some."""
        status = answer.status
        if status not in final and (status in (401, 429) or status >= 500):
            return failure_of(self._name, answer)
        try:
            errors = json.loads(await answer.read(_MAX_ERRORS))["errors"]
            why = f": {errors[0].get('message') or errors[0].get('code')}"
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
            why = ""
        text = f"{self._name} refused {what} with status {status}{why}"
        printable = "".join(each if each.isprintable() else " " for each in text)[:_LONGEST]
        kind = PushRefused if status in final else UpstreamFailed
        return kind(printable, status=status)


@dataclass(frozen=True, slots=True)
class _Upload:
    """An upload of a blob, how many of its bytes are there, and the least that a chunk may be."""

    location: str
    offset: int
    least: int = 0


def _offset(answer: Answer) -> int:
    """How many bytes the registry has: `Range: 0-9` of an upload is ten, inclusive."""
    last = parse_number((answer.header("range") or "").rpartition("-")[2])
    return 0 if last is None or answer.header("range") == "0-0" else last + 1


def _counted(
    source: Source, start: int, length: int, journal: Journal
) -> Callable[[], AsyncIterator[bytes]]:
    async def runs() -> AsyncIterator[bytes]:
        async for run in source.read(start, length):
            yield run
            journal.add(len(run))

    return runs
