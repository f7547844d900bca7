"""ChartMuseum's API: charts are listed, uploaded and deleted, as its own clients do it.

An upload becomes the artifact that `helm push` makes, pushed by whoever uploads it.
"""

import asyncio
import base64
import gzip
import json
import re
from collections.abc import AsyncIterator
from typing import Any, Final

from entrepot.context import RequestContext
from entrepot.errors import Conflict, Invalid, NotFound, TooLarge
from entrepot.helm.index import Indexes, find_chart, open_index, scope_of
from entrepot.http.authorize import AccessRule
from entrepot.http.bodies import join_chunks, read_body
from entrepot.http.forms import MULTIPART, media_type
from entrepot.http.messages import Response, content
from entrepot.http.multipart import read_parts
from entrepot.hub.contents.chart_packages import (
    descriptor,
    manifest_of,
    read_package,
    read_texts,
    write_manifest,
)
from entrepot.kinds.charts import PROVENANCE
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_MANIFEST
from entrepot.oci.names import RepositoryName, Tag
from entrepot.registry.manifests import Condition

LARGEST: Final = 20 * 1024 * 1024
"""Bytes of a packaged chart; Helm itself reads no larger ones."""
_LARGEST_PROVENANCE: Final = 1024 * 1024
_NAMED_IN: Final = re.compile(rb"^  ?(\S+\.tgz): sha256:([0-9a-f]{64})\s*$", re.MULTILINE)
"""The line of a provenance file that names the archive and its digest."""


def answer(status: int, document: object) -> Response:
    """Return a JSON answer."""
    body = json.dumps(document, separators=(",", ":")).encode()
    return content(status, "application/json", body, [("cache-control", "private, no-cache")])


async def show_info(request: RequestContext) -> Response:
    """The version of the server, which clients print."""
    return answer(200, {"version": request.app.version})


async def show_health(_: RequestContext) -> Response:
    """Whether the server answers."""
    return answer(200, {"healthy": True})


async def list_charts(request: RequestContext, indexes: Indexes) -> Response:
    """All versions by chart, those of one chart, or one version."""
    entries = await _read_entries(request, indexes)
    chart, version = request.values.get("chart"), request.values.get("version")
    if chart is None:
        return answer(200, entries)
    versions = entries.get(chart, [])
    if version is not None:
        versions = [each for each in versions if each["version"] == version]
    if not versions:
        raise NotFound(f"no chart version found for {'-'.join(filter(None, (chart, version)))}")
    return answer(200, versions if version is None else versions[0])


async def show_values(request: RequestContext) -> Response:
    """values.yaml of a version."""
    values = (await _read_chart_texts(request)).get("values.yaml", b"")
    return content(200, "application/yaml", values, [("cache-control", "private, no-cache")])


async def list_templates(request: RequestContext) -> Response:
    """The templates of a version: their paths, and their bytes in base 64."""
    texts = await _read_chart_texts(request)
    return answer(
        200,
        [
            {"name": path, "data": base64.b64encode(text).decode()}
            for path, text in texts.items()
            if path.startswith("templates/")
        ],
    )


async def _read_chart_texts(request: RequestContext) -> dict[str, bytes]:
    file = f"{request.values['chart']}-{request.values['version']}.tgz"
    found = await find_chart(request, file)
    app, name = request.app, RepositoryName(found.repository)
    repository = await app.permissions.repository_to_see(request.identity, name)
    blob = await app.blobs.get(repository, Digest.parse(found.content))
    if blob.size > LARGEST:
        raise TooLarge(f"a chart has at most {LARGEST} bytes")
    archive = b"".join([run async for run in app.blobs.read(blob, 0, blob.size)])
    return await asyncio.to_thread(read_texts, archive)


async def upload(request: RequestContext) -> Response:
    """Push a chart, with its provenance file where the form has one; 409 for one that is there."""
    request.app.rates.push(request.identity, request.http.address)
    archive, provenance = await _read_upload(request)
    if archive is None:
        return await _attach(request, provenance or b"")
    package = await asyncio.to_thread(read_package, archive)
    if package is None:
        raise Invalid("no chart archive: upload what `helm package` makes, with a SemVer version")
    await _authorize(request, AccessRule.PUSH, f"{scope_of(request).path}/{package.name}")
    for blob in filter(None, (archive, package.config, provenance)):
        await request.app.uploads.take(request.target, _once(blob))
    manifest = manifest_of(package, archive, provenance)
    file = f"{package.name}-{package.version}.tgz"
    await _push(request, manifest, package.tag, None if _is_forced(request) else _refuse(file))
    return answer(201, {"saved": True})


async def upload_provenance(request: RequestContext) -> Response:
    """Attach a provenance file to the chart that it names."""
    request.app.rates.push(request.identity, request.http.address)
    _, provenance = await _read_upload(request, is_provenance=True)
    return await _attach(request, provenance or b"")


async def delete(request: RequestContext) -> Response:
    """Delete a version of a chart, as deleting its manifest does."""
    file = f"{request.values['chart']}-{request.values['version']}.tgz"
    found = await find_chart(request, file)
    await _authorize(request, AccessRule.DELETE, found.repository)
    await request.app.manifests.delete(
        request.repository,
        Digest.parse(found.digest),
        request.identity.author,
        request.listener,
    )
    return answer(200, {"deleted": True})


async def _attach(request: RequestContext, provenance: bytes) -> Response:
    named = _NAMED_IN.search(provenance)
    if named is None:
        raise Invalid("no provenance file: upload what `helm package --sign` makes")
    file = named[1].decode(errors="replace")
    found = await find_chart(request, file)
    if found.content != f"sha256:{named[2].decode()}":
        raise Invalid(f"the provenance file is of another {file}")
    if found.provenance is not None and not _is_forced(request):
        raise Conflict(f"{file}.prov already exists")
    await _authorize(request, AccessRule.PUSH, found.repository)
    digest = Digest.parse(found.digest)
    stored = await request.app.manifests.get(request.repository, digest)
    manifest = json.loads(stored.content)
    layers = [each for each in manifest["layers"] if each["mediaType"] != PROVENANCE]
    layers.append(descriptor(PROVENANCE, provenance))
    await request.app.uploads.take(request.target, _once(provenance))
    body = write_manifest(manifest["config"], layers, manifest.get("annotations", {}))
    await _push(request, body, found.tag, None)
    return answer(201, {"saved": True})


async def _push(
    request: RequestContext, manifest: bytes, tag: str, condition: Condition | None
) -> None:
    await request.app.manifests.put(
        request.target,
        manifest,
        OCI_MANIFEST,
        digest=None,
        tags=[Tag(tag)],
        by=request.identity.author,
        condition=condition,
    )


async def _read_upload(
    request: RequestContext, *, is_provenance: bool = False
) -> tuple[bytes | None, bytes | None]:
    """The archive and the provenance file of a form, or the one of them that is the body."""
    http = request.http
    if media_type(http) != MULTIPART:
        body = await read_body(http, LARGEST, TooLarge(f"a chart has at most {LARGEST} bytes"))
        return (None, body) if is_provenance else (body, None)
    files: dict[str, bytes] = {}
    async for part, chunks in read_parts(http):
        if part.name in ("chart", "prov"):
            most = LARGEST if part.name == "chart" else _LARGEST_PROVENANCE
            files[part.name] = await join_chunks(chunks, most)
    if not files:
        raise Invalid("the form has neither a field `chart` nor a field `prov`")
    return files.get("chart"), files.get("prov")


async def _read_entries(request: RequestContext, indexes: Indexes) -> dict[str, Any]:
    index, etag, most = await open_index(request)
    packed = await indexes.get(request, index, etag, most)
    document: dict[str, Any] = await asyncio.to_thread(
        lambda: json.loads(gzip.decompress(packed.body))
    )
    return dict(document["entries"])


async def _authorize(request: RequestContext, rule: AccessRule, name: str) -> None:
    """Let the request go on for that repository, or raise what refuses it."""
    request.http.facts["repository"] = name
    request.authorized = await request.app.authorizer.authorize_client(
        request.http, rule, RepositoryName(name)
    )


def _is_forced(request: RequestContext) -> bool:
    return request.http.query("force") is not None


def _refuse(file: str) -> Condition:
    def check(digest: str | None) -> None:
        if digest is not None:
            raise Conflict(f"{file} already exists")

    return check


async def _once(blob: bytes) -> AsyncIterator[bytes]:
    yield blob
