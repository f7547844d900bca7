"""`/v2/NAME/blobs/DIGEST`."""

import secrets
from collections.abc import AsyncIterator

from entrepot.http.gate import Gate
from entrepot.http.messages import Body, FileBody, Request, Response, empty
from entrepot.http.origin import Origins, may_follow
from entrepot.http.ranges import ByteRange, parse_ranges
from entrepot.hub.permissions import Action
from entrepot.metadata.blobs import StoredBlob
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from entrepot.registry.blobs import READ_WHOLE, Blobs
from entrepot.v2.manifests import matches_etag

_SEVERAL_AT_MOST = 64 * 1024 * 1024
_STEP = 32 * 1024
_JOINED = 256 * 1024
"""Bytes of several ranges up to which the answer is made in memory."""
_TYPE = ("content-type", "application/octet-stream")


class BlobDoor:
    """Blobs by digest, whole or in parts."""

    def __init__(self, gate: Gate, blobs: Blobs, origins: Origins) -> None:
        self._gate = gate
        self._blobs = blobs
        self._origins = origins

    async def get(self, request: Request, name: RepositoryName, reference: str) -> Response:
        """Answer with the bytes that the client asks for, or with where they are."""
        admission = await self._gate.admit(request, name, Action.PULL)
        blob = await self._blobs.get(admission.repository, Digest.parse(reference))
        validators = _validators(blob)
        if matches_etag(request, blob.digest):
            return empty(304, validators)
        ranges = parse_ranges(_range_header(request, blob), blob.size)
        if ranges is not None and _is_too_much(ranges, blob.size):
            ranges = None
        if ranges is not None and len(ranges) > 1:
            return await self._several_ranges(blob, ranges)
        part = ranges[0] if ranges else ByteRange(0, blob.size - 1)
        url = await self._find_url(request, blob, part)
        if url is not None:
            return empty(307, [*validators, ("location", url), ("cache-control", "no-store")])
        headers = [*validators, _TYPE, _length(part.length)]
        body = await self._body(request, blob, part)
        if ranges is None:
            return Response(200, headers, body)
        return Response(206, [*headers, ("content-range", _content_range(part, blob))], body)

    async def head(self, request: Request, name: RepositoryName, reference: str) -> Response:
        """Answer as `get` does, without the bytes; who may push then finds it there for a while."""
        admission = await self._gate.admit(request, name, Action.PULL)
        if Action.PUSH in admission.actions and not admission.repository.is_archived:
            await self._blobs.hold(admission.repository, Digest.parse(reference))
        response = await self.get(request, name, reference)
        return Response(response.status, response.headers)

    async def delete(self, request: Request, name: RepositoryName, reference: str) -> Response:
        """Take the blob out of this repository."""
        admission = await self._gate.admit(request, name, Action.DELETE)
        await self._blobs.unlink(admission.repository, Digest.parse(reference))
        return empty(202)

    async def _several_ranges(self, blob: StoredBlob, parts: list[ByteRange]) -> Response:
        """RFC 9110 section 14.6; podman asks so for parts of a zstd:chunked layer."""
        boundary = secrets.token_hex(12)
        heads = [_part_head(boundary, part, blob, first=i == 0) for i, part in enumerate(parts)]
        tail = f"\r\n--{boundary}--\r\n".encode()
        length = sum(map(len, heads)) + sum(part.length for part in parts) + len(tail)
        headers = [
            *_validators(blob),
            ("content-type", f"multipart/byteranges; boundary={boundary}"),
            _length(length),
        ]
        runs = self._parts(blob, list(zip(heads, parts, strict=True)), tail)
        if length <= _JOINED:
            return Response(206, headers, b"".join([run async for run in runs]))
        return Response(206, headers, runs)

    async def _parts(
        self, blob: StoredBlob, parts: list[tuple[bytes, ByteRange]], tail: bytes
    ) -> AsyncIterator[bytes]:
        # A file is read a little at a time: what was read waits here for a slow reader.
        step = _STEP if self._blobs.path_of(blob) is not None else blob.size
        for head, part in parts:
            yield head
            for first in range(part.first, part.last + 1, step):
                length = min(step, part.last + 1 - first)
                async for run in self._blobs.read(blob, first, length):
                    yield run
        yield tail

    async def _find_url(self, request: Request, blob: StoredBlob, part: ByteRange) -> str | None:
        """Where the client finds a large part, `None` where it is to have it from here."""
        if request.method == "HEAD" or part.length <= READ_WHOLE:
            return None
        url = await self._blobs.find_url(blob)
        if url is None or not may_follow(self._origins.origin(request), url):
            return None
        await self._blobs.ensure_whole(blob)
        return url

    async def _body(self, request: Request, blob: StoredBlob, part: ByteRange) -> Body:
        small = await self._blobs.find_small(blob)
        if small is not None:
            whole = part.length == blob.size
            return small if whole else small[part.first : part.last + 1]
        if request.method == "HEAD":
            await self._blobs.ensure_whole(blob)
            return b""
        content = await self._blobs.find_part(blob, part.first, part.length)
        if content is not None:
            return content
        path = await self._blobs.find_file(blob)
        if path is None:
            return self._blobs.read(blob, part.first, part.length)
        return FileBody(path, part.first, part.length, whole=part.length == blob.size)


def _is_too_much(ranges: list[ByteRange], size: int) -> bool:
    """Whether the whole blob, which the server sends by itself, costs less than several ranges."""
    if len(ranges) == 1:
        return False
    total = sum(each.length for each in ranges)
    return total > _SEVERAL_AT_MOST or (total > _JOINED and total > size // 2)


def _range_header(request: Request, blob: StoredBlob) -> str | None:
    condition = request.header("if-range")
    if condition is not None and condition.strip() != f'"{blob.digest}"':
        return None
    return request.header("range")


def _validators(blob: StoredBlob) -> list[tuple[str, str]]:
    return [
        ("docker-content-digest", blob.digest),
        ("etag", f'"{blob.digest}"'),
        ("accept-ranges", "bytes"),
    ]


def _length(length: int) -> tuple[str, str]:
    return ("content-length", str(length))


def _content_range(part: ByteRange, blob: StoredBlob) -> str:
    return f"bytes {part.first}-{part.last}/{blob.size}"


def _part_head(boundary: str, part: ByteRange, blob: StoredBlob, *, first: bool) -> bytes:
    start = "" if first else "\r\n"
    return (
        f"{start}--{boundary}\r\ncontent-type: application/octet-stream\r\n"
        f"content-range: {_content_range(part, blob)}\r\n\r\n"
    ).encode()
