"""All files of an artifact as one ZIP archive, made while it is sent."""

import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from entrepot.errors import NotFound
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.kinds.shell import title_of
from entrepot.model.blobs import StoredBlob
from entrepot.oci.descriptors import Descriptor
from entrepot.registry.blobs import Blobs
from entrepot.web.contents.artifacts import open_artifact
from entrepot.web.contents.downloads import disposition
from entrepot.web.requests import PageRequest, PageRoute

if TYPE_CHECKING:
    from zipfile import ZipInfo

_LARGE: Final = 2**31
"""Bytes from which on a file's entry has sizes of 64 bits (APPNOTE 4.3.9.2)."""


async def download_all(request: PageRequest) -> Response:
    """The layers that have a title, stored as they are; 404 where an artifact has none.

    The archive has no length beforehand: its answer ends with its last byte.
    """
    opened = await open_artifact(request)
    request.app.rates.pull(request.identity, request.http.address)
    stored = opened.described.stored
    await request.app.pull_verdicts.check(request.repository.id, stored, request.values.get("tag"))
    layers = [each for each in opened.described.manifest.layers if title_of(each)]
    if not layers:
        raise NotFound("this artifact has no files with names")
    blobs = request.app.blobs
    found = [await blobs.get(request.repository, each.digest) for each in layers]
    name = request.repository.name.text.rpartition("/")[2]
    tag = request.values.get("tag") or stored.digest[7:19]
    headers = [
        ("content-type", "application/zip"),
        ("content-disposition", disposition(f"{name}-{tag}.zip")),
        ("cache-control", "private, no-cache"),
    ]
    return Response(200, headers, _zipped(blobs, list(zip(names_of(layers), found, strict=True))))


def names_of(layers: Iterable[Descriptor]) -> list[str]:
    """Return a path for each layer, no two alike where case does not count; titles are safe."""
    names: list[str] = []
    taken: set[str] = set()
    for layer in layers:
        name, number = title_of(layer), 1
        stem, dot, suffix = name.rpartition(".")
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}.{suffix}" if stem else f"{dot}{suffix}-{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


class _Sink(io.RawIOBase):
    """Takes what is written, until it is sent; cannot go back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """Nothing else can be done with it."""
        return True

    def write(self, data: object) -> int:
        """Keep a copy."""
        part = bytes(memoryview(data))  # type: ignore[arg-type]
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken, self._parts = b"".join(self._parts), []
        return taken


async def _zipped(blobs: Blobs, files: Sequence[tuple[str, StoredBlob]]) -> AsyncIterator[bytes]:
    from zipfile import ZIP_STORED, ZipFile

    sink = _Sink()
    with ZipFile(sink, "w", ZIP_STORED) as archive:
        for name, blob in files:
            with archive.open(_entry(name), "w", force_zip64=blob.size >= _LARGE) as entry:
                if blob.size:
                    async for run in blobs.read(blob, 0, blob.size):
                        entry.write(run)
                        yield sink.take()
            yield sink.take()
    yield sink.take()


def _entry(name: str) -> "ZipInfo":
    """An entry of the first day that the format knows: blobs have no date."""
    from zipfile import ZipInfo

    entry = ZipInfo(name)
    entry.external_attr = 0o644 << 16
    return entry


ROUTES: Final = (PageRoute("GET", "/r/{artifact}/files.zip", AccessRule.PULL, download_all),)
