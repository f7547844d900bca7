"""Pulls from mirrors: as from other repositories, and what is not here is fetched on the way."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from entrepot.errors import RepositoryUnknown
from entrepot.http.blob_responses import content_range
from entrepot.http.messages import Response
from entrepot.http.paging import page_size
from entrepot.http.ranges import ByteRange, parse_ranges
from entrepot.model.blobs import StoredBlob
from entrepot.model.mirrors import CacheOutcome, MirroredName
from entrepot.oci.digests import Digest
from entrepot.registry.mirroring.mirrored_lists import PASSED_ON
from entrepot.registry.mirroring.mirrors import Resolved
from entrepot.registry.referrers import spellings
from entrepot.v2 import blobs, lists, manifests
from entrepot.v2.requests import Endpoint, Handler, RegistryRequest

Headers = list[tuple[str, str]]


async def get_manifest(request: RegistryRequest) -> Response:
    """Answer with the bytes, fetched or compared with the upstream's where that is due."""
    limits = request.app.rates.pull(request.identity, request.http.address)
    found = await _resolve(request)
    # By the digest: the tag may have moved once more.
    digest = Digest.parse(found.facts.digest)
    headers = [*limits, *_headers(request, found)]
    return await manifests.respond(request, found.repository, digest, headers)


async def head_manifest(request: RegistryRequest) -> Response:
    """Answer as `get_manifest` does, without the bytes."""
    found = await _resolve(request)
    limits = request.app.rates.look_at_pulls(request.identity, request.http.address)
    headers = [*limits, *_headers(request, found)]
    return await manifests.respond_to_head(request, found.repository, found.facts, headers)


async def get_blob(request: RegistryRequest) -> Response:
    """Answer with the blob, or with its bytes as they arrive from the upstream."""
    asked, repository = _asked(request), request.rights.repository
    digest, mirrored = Digest.parse(request.reference), request.app.mirrored_blobs
    found = await mirrored.find(repository, digest)
    if found is not None:
        return await _stored(request, found, CacheOutcome.HIT)
    opened = await mirrored.open(asked, repository, digest)
    if isinstance(opened, StoredBlob):
        return await _stored(request, opened, CacheOutcome.REVALIDATED)
    size = await mirrored.wait_for_size(asked, opened)
    ranges = parse_ranges(request.http.header("range"), size)
    part = ranges[0] if ranges is not None and len(ranges) == 1 else ByteRange(0, size - 1)
    runs = mirrored.read(asked, opened, digest, part.first, part.length)
    if runs is None:
        found = await mirrored.get_by_name(asked, digest)
        return await _stored(request, found, CacheOutcome.MISS)
    headers = [*_of_blob(digest, CacheOutcome.MISS), ("content-length", str(part.length))]
    if part.length == size:
        return Response(200, headers, runs)
    return Response(206, [*headers, ("content-range", content_range(part, size))], runs)


async def head_blob(request: RegistryRequest) -> Response:
    """Answer with the blob's size, from a manifest where the blob is not here yet."""
    asked, repository = _asked(request), request.rights.repository
    digest, mirrored = Digest.parse(request.reference), request.app.mirrored_blobs
    found = await mirrored.find(repository, digest)
    if found is not None:
        return await _stored(request, found, CacheOutcome.HIT)
    size = await mirrored.find_size(asked, repository, digest)
    return Response(200, [*_of_blob(digest, CacheOutcome.MISS), ("content-length", str(size))])


async def list_tags(request: RegistryRequest) -> Response:
    """The upstream's tags, page by page; those that are here, with a warning, while it fails."""
    http, app = request.http, request.app
    size = page_size(http)
    given = {name: http.query(name) for name in PASSED_ON}
    query = {name: text for name, text in given.items() if text}
    found = await app.mirrored_lists.list_tags(
        _asked(request), request.rights.repository, query, size
    )
    headers = _warning(request, found.reason)
    if found.next_query:
        headers.append(("link", f'</v2/{request.name}/tags/list?{found.next_query}>; rel="next"'))
    return lists.respond({"name": request.name.text, "tags": found.tags}, headers)


async def list_referrers(request: RegistryRequest) -> Response:
    """The upstream's referrers, united with those that are here."""
    subject = Digest.parse(request.reference)
    asked = frozenset(filter(None, request.http.query_all("artifactType")))
    upstream = await request.app.mirrored_lists.list_referrers(
        _asked(request), request.rights.repository, subject
    )
    page = await lists.find_referrers(request, subject, asked)
    headers = _warning(request, upstream.reason)
    if asked:
        headers.append(("oci-filters-applied", "artifactType"))
    if page.next_after is not None:
        headers.append(lists.more_referrers(request.name, subject, asked, page.next_after))
    known = {str(json.loads(each)["digest"]) for each in page.descriptors}
    wanted = spellings(asked)
    more = [
        json.dumps(each, separators=(",", ":"))
        for each in upstream.descriptors
        if each["digest"] not in known and (not wanted or each.get("artifactType") in wanted)
    ]
    # Once: later pages are of what is here alone.
    is_first = request.http.query("after") is None
    return lists.respond_with_index([*page.descriptors, *(more if is_first else ())], headers)


def _warning(request: RegistryRequest, reason: str) -> Headers:
    if not reason:
        return []
    return [("entrepot-cache", CacheOutcome.STALE), *stale_headers(reason, None, request.app.now())]


def _asked(request: RegistryRequest) -> MirroredName:
    mirrored = request.rights.mirrored
    if mirrored is None:
        raise RepositoryUnknown
    return mirrored


async def _resolve(request: RegistryRequest) -> Resolved:
    reference = manifests.reference_to_read(request.reference)
    mirrored = request.app.mirrored_manifests
    return await mirrored.resolve(_asked(request), request.rights.repository, reference)


async def _stored(request: RegistryRequest, blob: StoredBlob, outcome: CacheOutcome) -> Response:
    response = await blobs.respond(request, blob)
    response.headers.append(("entrepot-cache", outcome))
    return response


def _of_blob(digest: Digest, outcome: CacheOutcome) -> Headers:
    return [
        ("docker-content-digest", str(digest)),
        ("etag", f'"{digest}"'),
        ("accept-ranges", "bytes"),
        ("content-type", "application/octet-stream"),
        ("entrepot-cache", outcome),
    ]


def _headers(request: RegistryRequest, found: Resolved) -> Headers:
    """How the answer came, and how old it is where it could not be compared (RFC 9111)."""
    headers: Headers = [("entrepot-cache", found.outcome)]
    if found.outcome is CacheOutcome.STALE:
        headers += stale_headers(found.reason, found.checked_at, request.app.now())
    return headers


def stale_headers(reason: str, since: datetime | None, now: datetime) -> Headers:
    """Say that an answer is not as fresh as it should be, and why."""
    text = "".join(char if " " <= char <= "~" and char not in '"\\' else "?" for char in reason)
    headers = [("warning", f'299 - "{text[:300]}"')]
    if since is not None:
        headers.append(("age", str(max(0, int((now - since).total_seconds())))))
    return headers


HANDLERS: Final[Mapping[tuple[str, Endpoint], Handler]] = {
    ("GET", Endpoint.MANIFEST): get_manifest,
    ("HEAD", Endpoint.MANIFEST): head_manifest,
    ("GET", Endpoint.BLOB): get_blob,
    ("HEAD", Endpoint.BLOB): head_blob,
    ("GET", Endpoint.TAGS): list_tags,
    ("HEAD", Endpoint.TAGS): list_tags,
    ("GET", Endpoint.REFERRERS): list_referrers,
    ("HEAD", Endpoint.REFERRERS): list_referrers,
}
