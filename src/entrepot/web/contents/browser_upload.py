"""Uploading from a browser: files, a folder or a chart become an artifact under a tag."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from entrepot.errors import Invalid, TooLarge
from entrepot.http.authorize import AccessRule
from entrepot.http.bodies import join_chunks
from entrepot.http.messages import Response
from entrepot.http.multipart import LONGEST_FIELD, Part, read_parts
from entrepot.hub.contents.chart_packages import CONFIG, CONTENT
from entrepot.oci.digests import EMPTY_JSON_DIGEST, Digest
from entrepot.oci.media_types import OCI_EMPTY, OCI_MANIFEST
from entrepot.oci.names import Tag
from entrepot.web.contents.chart_upload import chart_config
from entrepot.web.pages import Page, redirect
from entrepot.web.repositories import RepositoryPage, facts_of, is_starred
from entrepot.web.requests import PageRequest, PageRoute

_MOST_FILES: Final = 1000
_MOST_FIELDS: Final = 100
_LONGEST_TITLE: Final = 255
_LARGEST_CHART: Final = 20 * 1024 * 1024
_VOLUME: Final = "application/vnd.docker.volume.v1+tar.gz"
_UNKNOWN: Final = "application/vnd.unknown.artifact.v1"
_TITLE: Final = "org.opencontainers.image.title"
_TYPES: Final = {
    "txt": "text/plain",
    "md": "text/markdown",
    "json": "application/json",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "csv": "text/csv",
    "html": "text/html",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "zip": "application/zip",
    "gz": "application/gzip",
    "tgz": "application/gzip",
    "tar": "application/x-tar",
    "wasm": "application/wasm",
}


@dataclass(kw_only=True)
class UploadPage(RepositoryPage):
    """`/r/NAME/-/upload`."""

    template: ClassVar[str] = "repositories/upload.html"


@dataclass(frozen=True, slots=True)
class _Uploaded:
    """A file that has become a blob; a small chart's bytes are kept for a look into it."""

    title: str
    digest: Digest
    size: int
    start: bytes


async def show_upload(request: PageRequest) -> Page:
    """The form."""
    return UploadPage(
        title=f"{request.repository.name}: upload",
        name=request.repository.name.text,
        facts=await facts_of(request),
        current="upload",
        is_starred=await is_starred(request),
    )


async def upload(request: PageRequest) -> Response:
    """Take the files as they come, each into a blob, then tag one manifest of them all."""
    fields: dict[str, str] = {}
    files: list[_Uploaded] = []
    async for part, chunks in read_parts(request.http):
        if len(files) >= _MOST_FILES or len(fields) >= _MOST_FIELDS:
            raise TooLarge(f"at most {_MOST_FILES} files at once")
        if part.filename:
            file = await _store(request, part, chunks)
            if any(each.title == file.title for each in files):
                raise Invalid(f"two files have the name {file.title}: rename one")
            files.append(file)
        else:
            text = await join_chunks(chunks, LONGEST_FIELD)
            fields[part.name] = text.decode(errors="replace").replace("\0", "")
    if not files:
        raise Invalid("choose at least one file")
    tag = await _tag(request, fields, files)
    return redirect(f"/r/{request.repository.name}:{tag}", said="uploaded")


async def _store(request: PageRequest, part: Part, chunks: AsyncIterator[bytes]) -> _Uploaded:
    """One file as a blob of the repository."""
    uploads = request.app.uploads
    kept = bytearray()
    is_chart = part.filename.endswith(".tgz")

    async def watched() -> AsyncIterator[bytes]:
        async for chunk in chunks:
            if is_chart and len(kept) <= _LARGEST_CHART:
                kept.extend(chunk)
            yield chunk

    digest, size = await uploads.take(request.target, watched())
    start = bytes(kept) if len(kept) <= _LARGEST_CHART else b""
    return _Uploaded(safe_title(part.filename), digest, size, start)


def safe_title(filename: str) -> str:
    """The name that clients restore the file as: below the directory they pull into."""
    text = "".join(each if each.isprintable() else "_" for each in filename.replace("\\", "/"))
    # Cut first: a cut name may end in what leads out of the directory.
    parts = [each for each in text[:_LONGEST_TITLE].split("/") if each.strip(" .")]
    return "/".join(parts) or "file"


async def _tag(request: PageRequest, fields: dict[str, str], files: list[_Uploaded]) -> Tag:
    """Put the manifest; a chart that comes alone is one, with its own version as its tag."""
    chart = chart_config(files[0].start) if len(files) == 1 else None
    if chart is not None:
        # Tags hold no plus: Helm writes an underscore, and knows it again.
        tag = Tag(chart.version.replace("+", "_"))
        config = chart.content
        manifest = {
            "config": _descriptor(CONFIG, Digest.of(config), len(config)),
            "layers": [_descriptor(CONTENT, files[0].digest, files[0].size)],
        }
        await request.app.uploads.take(request.target, _once(config))
    else:
        tag = Tag(fields.get("tag", "").strip() or "latest")
        manifest = _of_files(files, _VOLUME if fields.get("kind") == "volume" else _UNKNOWN)
    created = request.app.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    whole = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        **manifest,
        "annotations": {"org.opencontainers.image.created": created},
    }
    body = json.dumps(whole, separators=(",", ":")).encode()
    by = request.identity.author
    await request.app.manifests.put(
        request.target, body, OCI_MANIFEST, digest=None, tags=[tag], by=by
    )
    return tag


def _of_files(files: list[_Uploaded], kind: str) -> dict[str, Any]:
    """What ORAS makes of files: each a layer, with its name."""
    return {
        "artifactType": kind,
        "config": _descriptor(OCI_EMPTY, EMPTY_JSON_DIGEST, 2),
        "layers": [_layer(each) for each in files],
    }


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _descriptor(kind: str, digest: Digest, size: int) -> dict[str, Any]:
    return {"mediaType": kind, "digest": str(digest), "size": size}


def _layer(file: _Uploaded) -> dict[str, Any]:
    described = _descriptor(type_of(file.title), file.digest, file.size)
    return {**described, "annotations": {_TITLE: file.title}}


def type_of(title: str) -> str:
    """The media type of a file by its name."""
    return _TYPES.get(title.rpartition(".")[2].lower(), "application/octet-stream")


ROUTES: Final = (
    PageRoute("GET", "/r/{repository}/-/upload", AccessRule.PUSH, show_upload),
    PageRoute("POST", "/r/{repository}/-/upload", AccessRule.PUSH, upload),
)
