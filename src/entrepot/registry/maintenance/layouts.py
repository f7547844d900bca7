"""Repositories as OCI image layouts (image-spec 1.1, "OCI Image Layout"): written and read.

A layout is a directory, or the same in a tar archive that is not compressed. What is read is
checked by the rules of a push, and nothing of an archive is ever unpacked onto the disk.
"""

import asyncio
import json
import secrets
import shutil
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from entrepot.errors import EntrepotError, Invalid
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import blobs as blob_rows
from entrepot.metadata.registry import manifests
from entrepot.metadata.repositories import PushTarget
from entrepot.model.manifests import StoredManifest
from entrepot.model.repositories import Repository
from entrepot.oci import media_types
from entrepot.oci.digests import Digest, new_hasher
from entrepot.oci.manifests import MAX_SIZE, parse_manifest
from entrepot.oci.names import Reference, Tag
from entrepot.registry.copying.closures import Closure, gather
from entrepot.registry.manifest_references import needed_blobs
from entrepot.registry.manifests import Manifests
from entrepot.registry.uploads import Uploads
from entrepot.storage.protocols import BlobKey, Storage

NAME: Final = "org.opencontainers.image.ref.name"
_PAGE: Final = 1000
_RUN: Final = 1024 * 1024
_LAYOUT: Final = b'{"imageLayoutVersion":"1.0.0"}'

Watch = Callable[[int], None]
"""Told how many more bytes are done."""


class Exports:
    """Writes layouts."""

    def __init__(self, metadata: Metadata, storage: Storage) -> None:
        self._metadata = metadata
        self._storage = storage

    async def gather(self, repository: Repository, reference: Reference | None) -> Closure:
        """Return a reference's manifests, or every tag's (`None`), with children and referrers."""
        reader, last = self._metadata.reader, ""
        wanted: list[Reference] = [reference] if reference else []
        while reference is None and (
            page := await manifests.list_tags(reader, repository.id, last, _PAGE)
        ):
            last = page[-1]
            wanted += [Tag(each) for each in page]
        return await gather(reader, repository, wanted)

    async def measure(self, found: Closure) -> int:
        """Bytes that an export of it writes, about."""
        size = sum(len(each.content) for each in found.manifests.values())
        for digest in found.blobs:
            blob = await blob_rows.find_blob_anywhere(self._metadata.reader, Digest.parse(digest))
            size += blob.size if blob else 0
        return size

    async def write(self, found: Closure, path: Path, watch: Watch = lambda _: None) -> None:
        """Write the layout to a directory that is not there yet, or a file `….tar`.

        It is there as a whole, or not at all.
        """
        with _passing(path) as directory:
            await self._write_into(found, directory, watch)
            await asyncio.to_thread(_settle, directory, path)

    async def _write_into(self, found: Closure, directory: Path, watch: Watch) -> None:
        for digest, stored in found.manifests.items():
            _place(directory, Digest.parse(digest)).write_bytes(stored.content)
            watch(len(stored.content))
        for digest in sorted(found.blobs - found.manifests.keys()):
            parsed = Digest.parse(digest)
            await self._copy(parsed, _place(directory, parsed), watch)
        (directory / "oci-layout").write_bytes(_LAYOUT)
        (directory / "index.json").write_text(json.dumps(_index(found), indent=1))

    async def _copy(self, digest: Digest, path: Path, watch: Watch) -> None:
        blob = await blob_rows.find_blob_anywhere(self._metadata.reader, digest)
        if blob is None:
            return
        hasher = new_hasher(digest.algorithm)
        with path.open("wb") as file:
            async for run in self._storage.read(BlobKey(blob.key)):
                hasher.update(run)
                file.write(run)
                watch(len(run))
        if hasher.hexdigest() != digest.hex:
            raise Invalid(f"the hub's blob {digest} is damaged")


class Imports:
    """Reads layouts."""

    def __init__(self, metadata: Metadata, uploads: Uploads, manifests: Manifests) -> None:
        self._metadata = metadata
        self._uploads = uploads
        self._manifests = manifests

    async def read(
        self, layout: "Layout", target: PushTarget, watch: Watch = lambda _: None
    ) -> dict[str, str]:
        """Push all of a layout; return where its tags point. Doing so again changes nothing.

        Raises `Invalid` where the layout lacks what it names, and the errors of a refused push.
        """
        document = layout.read_json("index.json")
        entries = document.get("manifests")
        if not isinstance(entries, list):
            raise Invalid("index.json lists no manifests")
        tags: dict[str, str] = {}
        done: set[str] = set()
        # What something is attached to comes before what is attached: the order of the list.
        for entry in entries:
            digest, tag = _digest_of(entry), _tag_of(entry)
            await self._push(layout, target, digest, entry.get("mediaType"), done, watch)
            if tag is not None and await self._is_there(target, tag, digest):
                tags[tag.text] = str(digest)
            elif tag is not None:
                content = layout.read(digest, MAX_SIZE)
                media_type = parse_manifest(content, entry.get("mediaType")).media_type
                await self._manifests.put(
                    target, content, media_type, digest=digest, tags=[tag], by=None
                )
                tags[tag.text] = str(digest)
        return tags

    async def _push(
        self,
        layout: "Layout",
        target: PushTarget,
        digest: Digest,
        media_type: object,
        done: set[str],
        watch: Watch,
        depth: int = 0,
    ) -> None:
        if str(digest) in done or depth > 8:
            return
        done.add(str(digest))
        content = layout.read(digest, MAX_SIZE)
        manifest = parse_manifest(content, media_type if isinstance(media_type, str) else None)
        for child in manifest.children:
            if media_types.is_blob_type(child.media_type) or not layout.has(child.digest):
                continue
            await self._push(layout, target, child.digest, child.media_type, done, watch, depth + 1)
        for each in needed_blobs(manifest):
            if str(each) not in done and layout.has(each):
                done.add(str(each))
                await self._uploads.put(target, _watched(layout.runs(each), watch), each)
        if not await self._is_there(target, digest, digest):
            await self._manifests.put(
                target, content, manifest.media_type, digest=digest, tags=(), by=None
            )
        watch(len(content))

    async def _is_there(self, target: PushTarget, reference: Tag | Digest, digest: Digest) -> bool:
        """Whether a push would change nothing, and so has nothing to tell."""
        if target.found is None:
            return False
        facts = await manifests.find_facts(self._metadata.reader, target.found.id, reference)
        return facts is not None and facts.digest == str(digest)


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout that is open: where each of its files is, and how large."""

    files: dict[str, tuple[Path, int, int]]

    @property
    def size(self) -> int:
        """Bytes of all of its files."""
        return sum(size for _, _, size in self.files.values())

    def has(self, digest: Digest) -> bool:
        """Whether the layout holds the bytes."""
        return _name(digest) in self.files

    def read(self, digest: Digest, most: int) -> bytes:
        """All bytes of a small blob, compared with the digest."""
        content = self._content(_name(digest), most)
        if Digest.of(content, digest.algorithm) != digest:
            raise Invalid(f"the layout's blob {digest} is damaged")
        return content

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON object among its files."""
        try:
            document = json.loads(self._content(name, MAX_SIZE))
        except (ValueError, RecursionError) as error:
            raise Invalid(f"{name} is not JSON") from error
        if not isinstance(document, dict):
            raise Invalid(f"{name} is not a JSON object")
        return document

    def runs(self, digest: Digest) -> Iterator[bytes]:
        """The bytes of a blob, a run at a time."""
        path, start, left = self.files[_name(digest)]
        with path.open("rb") as file:
            file.seek(start)
            while left > 0:
                run = file.read(min(left, _RUN))
                if not run:
                    raise Invalid("the layout is cut short")
                left -= len(run)
                yield run

    def _content(self, name: str, most: int) -> bytes:
        if name not in self.files:
            raise Invalid(f"the layout lacks {name}")
        path, start, size = self.files[name]
        if size > most:
            raise Invalid(f"{name} is too large to be a manifest")
        with path.open("rb") as file:
            file.seek(start)
            return file.read(size)


def open_layout(path: Path) -> Layout:
    """Find the files of a layout in a directory or a tar archive; else `Invalid`."""
    files = _files_in(path) if path.is_dir() else _files_of(path)
    if "index.json" not in files:
        raise Invalid(f"{path} is not an OCI image layout: index.json is missing")
    return Layout(files)


def _files_in(path: Path) -> dict[str, tuple[Path, int, int]]:
    found = {}
    for name in ("index.json", "oci-layout"):
        if (path / name).is_file():
            found[name] = (path / name, 0, (path / name).stat().st_size)
    for each in path.glob("blobs/*/*"):
        if each.is_file() and not each.is_symlink():
            found[str(each.relative_to(path))] = (each, 0, each.stat().st_size)
    return found


def _files_of(path: Path) -> dict[str, tuple[Path, int, int]]:
    found = {}
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            for each in archive:
                if each.isreg() and not each.issparse():
                    found[each.name.removeprefix("./")] = (path, each.offset_data, each.size)
    except (OSError, tarfile.TarError) as error:
        raise Invalid(f"{path} is neither a directory nor a plain tar archive: {error}") from error
    return found


@contextmanager
def _passing(path: Path) -> Iterator[Path]:
    """A directory beside the path that is gone at the end."""
    if path.exists():
        raise Invalid(f"{path} exists")
    passing = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    (passing / "layout").mkdir(parents=True)
    try:
        yield passing / "layout"
    finally:
        shutil.rmtree(passing, ignore_errors=True)


def _settle(directory: Path, path: Path) -> None:
    """Give a layout that is whole its name, as a directory or an archive."""
    if path.suffix != ".tar":
        directory.rename(path)
        return
    packed = directory.with_name("layout.tar")
    with tarfile.open(packed, "w") as archive:
        for each in ("oci-layout", "index.json", "blobs"):
            archive.add(directory / each, each)
    packed.rename(path)


def _index(found: Closure) -> dict[str, object]:
    named = set(found.tags.values())
    entries = [
        {**_descriptor(found.manifests[digest]), "annotations": {NAME: tag}}
        for tag, digest in found.tags.items()
    ]
    # Children come with their index; the rest is attached, or was asked for by its digest.
    entries += [
        _descriptor(stored)
        for digest, stored in found.manifests.items()
        if digest not in named and digest not in found.children
    ]
    return {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": entries}


def _descriptor(stored: StoredManifest) -> dict[str, object]:
    return {
        "mediaType": stored.media_type,
        "digest": stored.digest,
        "size": len(stored.content),
    }


def _digest_of(entry: object) -> Digest:
    text = entry.get("digest") if isinstance(entry, dict) else None
    if not isinstance(text, str):
        raise Invalid("an entry of index.json has no digest")
    return Digest.parse(text)


def _tag_of(entry: dict[str, Any]) -> Tag | None:
    """The entry's tag; docker names the whole reference, of which the tag is the end."""
    annotations = entry.get("annotations")
    text = annotations.get(NAME) if isinstance(annotations, dict) else None
    if not isinstance(text, str):
        return None
    try:
        return Tag(text.rpartition(":")[2])
    except EntrepotError:
        return None


def _name(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _place(directory: Path, digest: Digest) -> Path:
    path = directory / _name(digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


async def _watched(runs: Iterator[bytes], watch: Watch) -> AsyncIterator[bytes]:
    for run in runs:
        watch(len(run))
        yield run
