"""`index.yaml` of a chart repository, and the archives that it lists.

The index is JSON, which is YAML too: Helm reads it many times faster. Addresses in it are
relative, so that Helm sends the credentials of the repository with them.
"""

import asyncio
import gzip
import hashlib
import json
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from entrepot.context import RequestContext
from entrepot.errors import Invalid, NamespaceUnknown, NotFound, Unauthenticated
from entrepot.http.blob_responses import blob_response
from entrepot.http.conditions import matches_etag
from entrepot.http.messages import Response, content, empty
from entrepot.hub.contents.charts import DESCRIPTION, ChartIndex
from entrepot.kinds.recognition.predicates import normal
from entrepot.model.charts import ChartEntry, ChartFile, ChartScope
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import read_manifest
from entrepot.oci.names import RepositoryName

_USUAL_VERSIONS: Final = 100
_MOST_VERSIONS: Final = 10_000
_REMEMBERED: Final = 32
_REMEMBERED_BYTES: Final = 16 * 1024 * 1024
_LEVEL: Final = 1
"""Ten times smaller, in a fraction of the time of the usual level."""
_GZIP: Final = 31
"""Tells zlib to write the form of gzip."""
_DESCRIPTION: Final = "application/vnd.cncf.artifacthub.repository-metadata.layer.v1.yaml"
_ARCHIVE, _PROVENANCE = ".tgz", ".tgz.prov"


@dataclass(frozen=True, slots=True)
class Packed:
    """An index, compressed, and how many versions are not in it."""

    body: bytes
    left_out: int


@dataclass(frozen=True, slots=True)
class _Form:
    """How an index names charts: of the whole hub by namespace, and by OCI where there is a host.

    Tags of OCI are those that Helm pushes: the version, with `_` for `+`.
    """

    is_whole_hub: bool
    oci_host: str

    def address(self, chart: ChartEntry) -> str:
        """Where the archive of a version is; relative to the index, or by OCI."""
        if self.oci_host:
            tag = chart.version.replace("+", "_")
            return f"oci://{self.oci_host}/{chart.repository}:{tag}"
        prefix = f"{chart.repository.partition('/')[0]}/" if self.is_whole_hub else ""
        return f"{prefix}charts/{chart.name}-{chart.version}.tgz"


class Indexes:
    """The indexes that were made last, by all that they depend on."""

    def __init__(self) -> None:
        self._packed: OrderedDict[str, Packed] = OrderedDict()

    async def get(self, request: RequestContext, index: ChartIndex, etag: str, most: int) -> Packed:
        """The index; it is made where it was not made before."""
        found = self._packed.get(etag)
        if found is None:
            entries = await request.app.charts.list_entries(index, most)
            form = _Form("name" not in request.values, oci_host(request))
            body = await asyncio.to_thread(_pack, entries, request.app.now(), form)
            found = self._packed[etag] = Packed(body, index.count - len(entries))
        self._packed.move_to_end(etag)
        while len(self._packed) > 1 and self._is_too_much():
            self._packed.popitem(last=False)
        return found

    def _is_too_much(self) -> bool:
        total = sum(len(each.body) for each in self._packed.values())
        return len(self._packed) > _REMEMBERED or total > _REMEMBERED_BYTES


async def show_index(request: RequestContext, indexes: Indexes) -> Response:
    """The charts that the caller may pull: of the hub, of a namespace, or below a name."""
    index, etag, most = await open_index(request)
    headers = [
        ("etag", f'"{etag}"'),
        ("cache-control", "private, no-cache"),
        ("vary", "authorization, accept-encoding"),
    ]
    if matches_etag(request.http, etag):
        return empty(304, headers)
    packed = await indexes.get(request, index, etag, most)
    if packed.left_out:
        headers.append(("x-entrepot-dropped", str(packed.left_out)))
    body = packed.body
    if "gzip" in (request.http.header("accept-encoding") or ""):
        headers.append(("content-encoding", "gzip"))
    else:
        body = await asyncio.to_thread(gzip.decompress, body)
    return content(200, "application/json", body, headers)


async def open_index(request: RequestContext) -> tuple[ChartIndex, str, int]:
    """The charts that the caller may pull, their `ETag`, and how many versions are asked for."""
    scope, most = scope_of(request), _most_versions(request)
    index = await request.app.charts.find_index(request.identity, scope)
    if index.is_empty:
        await _check_empty(request, scope)
    named = repr((scope, index.revision, most, oci_host(request))).encode()
    return index, hashlib.sha256(named).hexdigest(), most


async def download(request: RequestContext) -> Response:
    """The archive of a chart as it was pushed, or its provenance file; counts as a pull."""
    app, http = request.app, request.http
    limits = app.rates.pull(request.identity, http.address)
    is_provenance = request.values["file"].endswith(_PROVENANCE)
    found = await find_chart(request, request.values["file"].removesuffix(".prov"))
    digest = found.provenance if is_provenance else found.content
    if digest is None:
        raise NotFound(f"{found.name} {found.version} has no provenance file")
    name = RepositoryName(found.repository)
    repository = await app.permissions.repository_to_see(request.identity, name)
    facts = await app.manifests.get_facts(repository, Digest.parse(found.digest))
    await app.pull_verdicts.check(repository.id, facts, found.tag)
    blob = await app.blobs.get(repository, Digest.parse(digest))
    headers = [
        ("content-disposition", f'attachment; filename="{request.values["file"]}"'),
        *limits,
    ]
    response = await blob_response(http, app.blobs, blob, app.origins, app.proxied_files, headers)
    if http.method == "GET" and not is_provenance:
        who = request.identity.name
        app.pulls.count(repository.id, found.manifest_id, found.digest, who, found.tag)
    return response


async def show_description(request: RequestContext) -> Response:
    """`artifacthub-repo.yml`: who owns the charts, as it was pushed for Artifact Hub."""
    app = request.app
    repository = await app.charts.find_described(request.identity, scope_of(request))
    if repository is None:
        if not request.identity.is_authenticated:
            raise Unauthenticated
        raise NotFound(f"no chart repository has a tag {DESCRIPTION}")
    stored = await app.manifests.get(repository, DESCRIPTION)
    manifest = await read_manifest(stored.content, stored.media_type)
    layers = [each for each in manifest.layers if normal(each.media_type) == _DESCRIPTION]
    if not layers:
        raise NotFound(f"{repository.name}:{DESCRIPTION} has no layer of type {_DESCRIPTION}")
    blob = await app.blobs.get(repository, layers[0].digest)
    disposition = ("content-disposition", 'attachment; filename="artifacthub-repo.yml"')
    return await blob_response(
        request.http, app.blobs, blob, app.origins, app.proxied_files, [disposition]
    )


async def find_chart(request: RequestContext, file: str) -> ChartFile:
    """Return the chart of the scope whose archive has that name.

    Raises `NotFound`, and `Unauthenticated` for whoever is not signed in.
    """
    name = file.removesuffix(_ARCHIVE)
    found = None
    if name != file:
        found = await request.app.charts.find_file(request.identity, scope_of(request), name)
    if found is None:
        if not request.identity.is_authenticated:
            raise Unauthenticated
        raise NotFound(f"no such chart: {file}")
    return found


def scope_of(request: RequestContext) -> ChartScope:
    """The repositories that the address is about: all, or those of a name."""
    namespace, slash, rest = request.values.get("name", "").partition("/")
    return ChartScope(namespace.lower() + slash + rest)


async def _check_empty(request: RequestContext, scope: ChartScope) -> None:
    """Ask strangers who they are; tell others where there is no such namespace."""
    if not request.identity.is_authenticated and not request.app.permissions.is_open:
        raise Unauthenticated
    namespace = scope.path.partition("/")[0]
    if namespace:
        rights = await request.app.permissions.namespace_rights(request.identity, namespace)
        if rights.namespace is None:
            raise NamespaceUnknown(f"no such user or organization: {namespace}")


def oci_host(request: RequestContext) -> str:
    """The host of `oci://` addresses, where `?urls=oci` asks for them; else ""."""
    text = request.http.query("urls")
    if text not in (None, "oci", "http"):
        raise Invalid(f"urls={text[:20]}: `oci` or `http`")
    return request.host if text == "oci" else ""


def _most_versions(request: RequestContext) -> int:
    text = request.http.query("versions")
    if text is None:
        return _USUAL_VERSIONS
    if not (text.isascii() and text.isdigit()) or not 0 < int(text[:9]) <= _MOST_VERSIONS:
        raise Invalid(f"versions={text[:20]}: a number from 1 to {_MOST_VERSIONS}")
    return int(text)


def _pack(entries: Iterable[ChartEntry], now: datetime, form: _Form) -> bytes:
    """The index, compressed. That of the whole hub names charts and archives by namespace."""
    listed: dict[str, list[ChartEntry]] = {}
    for entry in entries:
        space, slash, _ = entry.repository.partition("/")
        key = f"{space}/{entry.name}" if form.is_whole_hub and slash else entry.name
        listed.setdefault(key, []).append(entry)
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    head = f'{{"apiVersion":"v1","generated":"{now.isoformat()}",'
    parts = [packer.compress(f'{head}"serverInfo":{{"contextPath":"/helm"}},"entries":{{'.encode())]
    for place, (key, versions) in enumerate(sorted(listed.items())):
        printed = ",\n".join(_print(versions, form))
        before = ",\n" if place else ""
        parts.append(packer.compress(f"{before}{json.dumps(key)}:[{printed}]".encode()))
    return b"".join([*parts, packer.compress(b"}}\n"), packer.flush()])


def _print(versions: Sequence[ChartEntry], form: _Form) -> Iterator[str]:
    """Each version: Chart.yaml, and where and what the archive is."""
    is_merged = len({each.repository for each in versions}) > 1
    for chart in versions:
        entry = _with_repository(chart) if is_merged else chart.entry
        address = form.address(chart)
        yield (
            f'{entry[:-1]},"urls":["{address}"],"created":"{chart.pushed_at.isoformat()}",'
            f'"digest":"{chart.content.rpartition(":")[2]}"}}'
        )


def _with_repository(chart: ChartEntry) -> str:
    """The entry of a chart that more than one repository holds."""
    said = json.loads(chart.entry)
    annotations = {**said.get("annotations", {}), "entrepot/repository": chart.repository}
    return json.dumps({**said, "annotations": annotations}, separators=(",", ":"))
