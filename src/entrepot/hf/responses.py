"""The answer with a model's file: a blob, or a part of one that is an archive."""

from pathlib import Path
from urllib.parse import quote

from entrepot.context import RequestContext
from entrepot.hf.files import ModelFile
from entrepot.http.blob_responses import blob_response, content_range
from entrepot.http.conditions import matches_etag
from entrepot.http.messages import Body, FileBody, Response, empty
from entrepot.http.ranges import ByteRange, parse_ranges
from entrepot.model.blobs import StoredBlob
from entrepot.model.repositories import Repository


async def file_response(
    request: RequestContext, repository: Repository, file: ModelFile
) -> Response:
    """The bytes that are asked for, with the headers that clients name their cache by."""
    app, http = request.app, request.http
    blob = await app.blobs.get(repository, file.blob)
    if file.start is None:
        response = await blob_response(http, app.blobs, blob, app.origins, app.proxied_files)
    else:
        response = await _member_response(request, blob, file, file.start)
    name = file.path.rpartition("/")[2]
    kept = [pair for pair in response.headers if pair[0] != "etag"]
    response.headers = [
        *kept,
        ("etag", f'"{file.etag}"'),
        ("x-linked-etag", f'"{file.etag}"'),
        ("x-linked-size", str(file.size)),
        ("content-disposition", f"attachment; filename*=UTF-8''{quote(name, safe='')}"),
    ]
    return response


async def _member_response(
    request: RequestContext, blob: StoredBlob, file: ModelFile, start: int
) -> Response:
    """A part of the archive, or a part of that part."""
    http = request.http
    if matches_etag(http, file.etag):
        return empty(304)
    condition = http.header("if-range")
    is_same = condition is None or condition.strip() == f'"{file.etag}"'
    ranges = parse_ranges(http.header("range"), file.size) if is_same else None
    is_part = ranges is not None and len(ranges) == 1
    part = ranges[0] if ranges and is_part else ByteRange(0, file.size - 1)
    headers = [
        ("accept-ranges", "bytes"),
        ("content-type", "application/octet-stream"),
        ("content-length", str(part.length)),
    ]
    body = await _read(request, blob, start + part.first, part.length)
    if is_part:
        return Response(206, [*headers, ("content-range", content_range(part, file.size))], body)
    return Response(200, headers, body)


async def _read(request: RequestContext, blob: StoredBlob, start: int, length: int) -> Body:
    if request.http.method == "HEAD" or not length:
        return b""
    found = await request.app.blobs.find_file(blob)
    if isinstance(found, Path):
        return FileBody(found, start, length, whole=False)
    if found is not None:
        return found.read(start, length)
    return request.app.blobs.read(blob, start, length)
