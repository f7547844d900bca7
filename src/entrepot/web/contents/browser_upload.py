"""Uploading from a browser: files, a folder or a chart become an artifact under a tag."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import msgspec

from entrepot.errors import Invalid, TooLarge
from entrepot.http.authorize import AccessRule
from entrepot.http.bodies import join_chunks
from entrepot.http.messages import Response, content
from entrepot.http.multipart import LONGEST_FIELD, Part, read_parts
from entrepot.hub.contents.chart_packages import manifest_of, read_package
from entrepot.oci.digests import EMPTY_JSON_DIGEST, Digest
from entrepot.oci.media_types import OCI_EMPTY, OCI_MANIFEST
from entrepot.oci.names import Tag
from entrepot.web.pages import JSON, Page, redirect
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
    """A file that has become a blob of the repository."""

    title: str
    digest: Digest
    size: int


class _Named(msgspec.Struct, frozen=True):
    """A file that was taken before, as the page names it."""

    title: str
    digest: str


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
    """Take the files of a form as they come, each into a blob, then tag one manifest of them."""
    fields: dict[str, str] = {}
    files: list[_Uploaded] = []
    async for part, chunks in read_parts(request.http):
        if len(files) >= _MOST_FILES or len(fields) >= _MOST_FIELDS:
            raise TooLarge(f"at most {_MOST_FILES} files at once")
        if part.filename:
            files.append(await _store(request, part, chunks))
        else:
            text = await join_chunks(chunks, LONGEST_FIELD)
            fields[part.name] = text.decode(errors="replace").replace("\0", "")
    tag = await _publish(request, fields.get("tag", ""), fields.get("kind", ""), files)
    return redirect(_address(request, tag), said="uploaded")


async def check(request: PageRequest) -> Response:
    """Say whether a push may set the tag, before anything is sent, and whether that moves it."""
    tag = _tag_of(request.form.get("tag"))
    moves = await request.app.history.check_push(request.repository, tag)
    return _said(200, {"tag": tag.text, "moves": moves})


async def take_file(request: PageRequest) -> Response:
    """Take one file into a blob, which `finish` names: pages send many, each with its progress."""
    async for part, chunks in read_parts(request.http):
        if part.filename:
            file = await _store(request, part, chunks)
            said = {"title": file.title, "digest": str(file.digest), "size": file.size}
            return _said(201, said)
    raise Invalid("choose at least one file")


async def finish(request: PageRequest) -> Response:
    """Tag one manifest of the files that were taken before, which the field `files` names."""
    try:
        named = msgspec.json.decode(request.form.get("files"), type=list[_Named])
    except msgspec.DecodeError as error:
        raise Invalid("files must be a list of titles and digests, in JSON") from error
    if len(named) > _MOST_FILES:
        raise TooLarge(f"at most {_MOST_FILES} files at once")
    files = []
    for each in named:
        digest = Digest.parse(each.digest)
        blob = await request.app.blobs.get(request.repository, digest)
        files.append(_Uploaded(safe_title(each.title), digest, blob.size))
    tag = await _publish(request, request.form.get("tag"), request.form.get("kind"), files)
    return _said(201, {"tag": tag.text, "address": f"{_address(request, tag)}?said=uploaded"})


def _said(status: int, value: Mapping[str, object]) -> Response:
    return content(status, JSON, json.dumps(value).encode(), [("cache-control", "no-store")])


def _address(request: PageRequest, tag: Tag) -> str:
    return f"/r/{request.repository.name}:{tag}"


async def _store(request: PageRequest, part: Part, chunks: AsyncIterator[bytes]) -> _Uploaded:
    """One file as a blob of the repository."""
    digest, size = await request.app.uploads.take(request.target, chunks)
    return _Uploaded(safe_title(part.filename), digest, size)


def safe_title(filename: str) -> str:
    """The name that clients restore the file as: below the directory they pull into."""
    text = "".join(each if each.isprintable() else "_" for each in filename.replace("\\", "/"))
    # Cut first: a cut name may end in what leads out of the directory.
    parts = [each for each in text[:_LONGEST_TITLE].split("/") if each.strip(" .")]
    return "/".join(parts) or "file"


def _tag_of(text: str) -> Tag:
    return Tag(text.strip() or "latest")


async def _publish(
    request: PageRequest, tag_text: str, kind: str, files: Sequence[_Uploaded]
) -> Tag:
    """Put the manifest; a chart that comes alone is what Helm pushes, under its own version."""
    if not files:
        raise Invalid("choose at least one file")
    titles = Counter(each.title for each in files)
    twice = next((title for title, count in titles.items() if count > 1), "")
    if twice:
        raise Invalid(f"two files have the name {twice}: rename one")
    archive = await _read_chart(request, files)
    package = read_package(archive) if archive else None
    if package is not None:
        tag = Tag(package.tag)
        await request.app.uploads.take(request.target, _once(package.config))
        body = manifest_of(package, archive, None)
    else:
        tag = _tag_of(tag_text)
        body = _manifest_of_files(request, files, _VOLUME if kind == "volume" else _UNKNOWN)
    by = request.identity.author
    await request.app.manifests.put(
        request.target, body, OCI_MANIFEST, digest=None, tags=[tag], by=by
    )
    return tag


async def _read_chart(request: PageRequest, files: Sequence[_Uploaded]) -> bytes:
    """The bytes of what may be a chart: a `.tgz` alone, and not too large; else none."""
    if len(files) != 1 or not files[0].title.endswith(".tgz") or files[0].size > _LARGEST_CHART:
        return b""
    blobs = request.app.blobs
    blob = await blobs.get(request.repository, files[0].digest)
    return b"".join([run async for run in blobs.read(blob, 0, blob.size)])


def _manifest_of_files(request: PageRequest, files: Sequence[_Uploaded], kind: str) -> bytes:
    """What ORAS makes of files: each a layer, with its name."""
    created = request.app.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    whole = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": kind,
        "config": _descriptor(OCI_EMPTY, EMPTY_JSON_DIGEST, 2),
        "layers": [_layer(each) for each in files],
        "annotations": {"org.opencontainers.image.created": created},
    }
    return json.dumps(whole, separators=(",", ":")).encode()


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
    PageRoute("POST", "/r/{repository}/-/upload/check", AccessRule.PUSH, check),
    PageRoute("POST", "/r/{repository}/-/upload/file", AccessRule.PUSH, take_file),
    PageRoute("POST", "/r/{repository}/-/upload/finish", AccessRule.PUSH, finish),
)
