"""The answer with a blob's bytes, whole or in parts: of `/v2/` and of downloads from pages."""

import re
import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from entrepot.http.conditions import matches_etag
from entrepot.http.messages import Body, FileBody, Request, Response, empty
from entrepot.http.origin import Origins, may_follow
from entrepot.http.proxied_files import ProxiedFiles
from entrepot.http.ranges import ByteRange, parse_ranges
from entrepot.model.blobs import StoredBlob
from entrepot.registry.blobs import READ_WHOLE, SMALL, Blobs

_MOST_IN_RANGES: Final = 64 * 1024 * 1024
_STEP: Final = 32 * 1024
_JOINED: Final = 256 * 1024
"""Bytes of several ranges up to which the answer is made in memory."""
_ONE_RANGE: Final = re.compile(r"bytes=(?:[0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})")
_TYPE: Final = ("content-type", "application/octet-stream")


async def blob_response(
    request: Request,
    blobs: Blobs,
    blob: StoredBlob,
    origins: Origins,
    proxied: ProxiedFiles,
    extra: Sequence[tuple[str, str]] = (),
) -> Response:
    """The bytes that the client asks for in the way that costs least, or where they are.

    `extra` headers go with the bytes, not with a redirect. Raises `RangeUnsatisfiable`.
    """
    validators = _validators(blob)
    if matches_etag(request, blob.digest):
        return empty(304, validators)
    ranges = parse_ranges(_range_header(request, blob), blob.size)
    if ranges is not None and _is_too_much(ranges, blob.size):
        ranges = None
    headers = [*validators, *extra]
    if ranges is not None and len(ranges) > 1:
        return await _several_ranges(blobs, blob, ranges, headers)
    part = ranges[0] if ranges else ByteRange(0, blob.size - 1)
    url = await _find_url(request, blobs, blob, part, origins)
    if url is not None:
        return empty(307, [*validators, ("location", url), ("cache-control", "no-store")])
    header = _header_of_file(request, blobs, blob, proxied, is_part=ranges is not None)
    if header is not None:
        # Of whole files proxies say by themselves that they take ranges.
        kept = [pair for pair in headers if ranges is not None or pair[0] != "accept-ranges"]
        return Response(200, [*kept, _TYPE, header], b"")
    headers += [_TYPE, ("content-length", str(part.length))]
    body = await _body(request, blobs, blob, part)
    if ranges is None:
        return Response(200, headers, body)
    return Response(206, [*headers, ("content-range", content_range(part, blob.size))], body)


def _header_of_file(
    request: Request, blobs: Blobs, blob: StoredBlob, proxied: ProxiedFiles, *, is_part: bool
) -> tuple[str, str] | None:
    """The header that has a proxy send the blob; `None` where it would not send the same.

    A proxy reads `Range` and conditions itself, the latter about the file: it is asked only for
    one range as all understand it.
    """
    text = request.header("range")
    if request.method != "GET" or blob.size <= SMALL or _is_conditional(request):
        return None
    if text is not None and not (is_part and _ONE_RANGE.fullmatch(text)):
        return None
    # Raises where the file is not there whole, before nginx is told of it.
    return None if blobs.path_of(blob) is None else proxied.find_header(request, blob.key)


def _is_conditional(request: Request) -> bool:
    return "if-match" in request.headers or "if-unmodified-since" in request.headers


async def _several_ranges(
    blobs: Blobs, blob: StoredBlob, parts: list[ByteRange], headers: list[tuple[str, str]]
) -> Response:
    """RFC 9110 section 14.6; podman asks so for parts of a zstd:chunked layer."""
    boundary = secrets.token_hex(12)
    heads = [_part_head(boundary, part, blob, first=i == 0) for i, part in enumerate(parts)]
    tail = f"\r\n--{boundary}--\r\n".encode()
    length = sum(map(len, heads)) + sum(part.length for part in parts) + len(tail)
    headers += [
        ("content-type", f"multipart/byteranges; boundary={boundary}"),
        ("content-length", str(length)),
    ]
    runs = _read_parts(blobs, blob, list(zip(heads, parts, strict=True)), tail)
    if length <= _JOINED:
        return Response(206, headers, b"".join([run async for run in runs]))
    return Response(206, headers, runs)


async def _read_parts(
    blobs: Blobs, blob: StoredBlob, parts: list[tuple[bytes, ByteRange]], tail: bytes
) -> AsyncIterator[bytes]:
    # A file is read a little at a time: what was read waits here for a slow reader.
    step = _STEP if blobs.path_of(blob) is not None else blob.size
    for head, part in parts:
        yield head
        for first in range(part.first, part.last + 1, step):
            length = min(step, part.last + 1 - first)
            async for run in blobs.read(blob, first, length):
                yield run
    yield tail


async def _find_url(
    request: Request, blobs: Blobs, blob: StoredBlob, part: ByteRange, origins: Origins
) -> str | None:
    """Where the client finds a large part; `None` where it is to have it from here."""
    if request.method == "HEAD" or part.length <= READ_WHOLE:
        return None
    url = await blobs.find_url(blob)
    if url is None or not may_follow(origins.origin(request), url):
        return None
    await blobs.ensure_whole(blob)
    return url


async def _body(request: Request, blobs: Blobs, blob: StoredBlob, part: ByteRange) -> Body:
    small = await blobs.find_small(blob)
    if small is not None:
        whole = part.length == blob.size
        return small if whole else small[part.first : part.last + 1]
    if request.method == "HEAD":
        await blobs.ensure_whole(blob)
        return b""
    content = await blobs.find_part(blob, part.first, part.length)
    if content is not None:
        return content
    found = await blobs.find_file(blob)
    if found is None:
        return blobs.read(blob, part.first, part.length)
    if not isinstance(found, Path):
        return found.read(part.first, part.length)
    return FileBody(found, part.first, part.length, whole=part.length == blob.size)


def _is_too_much(ranges: list[ByteRange], size: int) -> bool:
    """Whether the whole blob, which the server sends by itself, costs less than several ranges."""
    if len(ranges) == 1:
        return False
    total = sum(each.length for each in ranges)
    return total > _MOST_IN_RANGES or (total > _JOINED and total > size // 2)


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


def content_range(part: ByteRange, size: int) -> str:
    """The value of `Content-Range` for a part of a blob of that size."""
    return f"bytes {part.first}-{part.last}/{size}"


def _part_head(boundary: str, part: ByteRange, blob: StoredBlob, *, first: bool) -> bytes:
    start = "" if first else "\r\n"
    return (
        f"{start}--{boundary}\r\ncontent-type: application/octet-stream\r\n"
        f"content-range: {content_range(part, blob.size)}\r\n\r\n"
    ).encode()
