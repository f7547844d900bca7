"""The files of an artifact as a model library names them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from entrepot.app import App
from entrepot.hf.archives import Budget, list_members
from entrepot.kinds.recognition.predicates import normal
from entrepot.model.blobs import StoredBlob
from entrepot.model.repositories import Repository
from entrepot.oci.descriptors import Descriptor
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import Manifest

COMMIT: Final = 40
"""Hexadecimal digits of a revision: as many as a commit of Git has."""
_TITLES: Final = ("org.opencontainers.image.title", "org.cncf.model.filepath")
_NAMES: Final = {
    "application/vnd.docker.ai.gguf.v3": "model.gguf",
    "application/vnd.docker.ai.gguf.v3.mmproj": "mmproj.gguf",
    "application/vnd.docker.ai.license": "LICENSE",
    "application/vnd.docker.ai.chat.template.jinja": "chat_template.jinja",
    "application/vnd.ollama.image.model": "model.gguf",
    "application/vnd.ollama.image.projector": "mmproj.gguf",
    "application/vnd.ollama.image.license": "LICENSE",
    "application/vnd.ollama.image.template": "template.txt",
    "application/vnd.ollama.image.system": "system.txt",
    "application/vnd.ollama.image.params": "params.json",
}
"""Names of files whose media type says what they are."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file: a whole blob, or `size` bytes of one from `start` on."""

    path: str
    size: int
    blob: Digest
    start: int | None = None

    @property
    def etag(self) -> str:
        """The SHA-256 of the file, or of where it is in its archive."""
        if self.start is None:
            return self.blob.hex
        return Digest.of(f"{self.blob} {self.start} {self.size}".encode()).hex[:COMMIT]

    @property
    def is_whole(self) -> bool:
        """Whether the file is a blob of its own, and its SHA-256 is known."""
        return self.start is None and self.blob.algorithm == "sha256"


async def list_files(app: App, repository: Repository, manifest: Manifest) -> list[ModelFile]:
    """Return the files of the manifest's layers by path; of archives that are not compressed, the
    members."""
    found: dict[str, ModelFile] = {}
    budget = Budget()
    for number, layer in enumerate(manifest.layers):
        for file in await _files_of(app, repository, layer, number, budget):
            path = _plain(file.path)
            if path is not None and path not in found:
                found[path] = ModelFile(path, file.size, file.blob, file.start)
    return [found[path] for path in sorted(found)]


async def _files_of(
    app: App, repository: Repository, layer: Descriptor, number: int, budget: Budget
) -> list[ModelFile]:
    media_type = normal(layer.media_type)
    title = next(filter(None, (layer.annotations.get(name) for name in _TITLES)), "")
    # A file may itself be called `weights.tar`: then it is that file.
    if media_type.endswith((".tar", "+tar")) and not title.endswith(".tar"):
        blob = await app.blobs.get(repository, layer.digest)
        members = await list_members(partial(_read, app, blob), blob.size, budget)
        if members:
            return [ModelFile(each.path, each.size, layer.digest, each.start) for each in members]
    name = title or _NAMES.get(media_type) or f"layer-{number}"
    if media_type.endswith("gzip") and not name.endswith(("gz", "tgz")) and ".tar" in media_type:
        name += ".tar.gz"
    return [ModelFile(name, layer.size, layer.digest)]


async def _read(app: App, blob: StoredBlob, start: int, length: int) -> bytes:
    return b"".join([run async for run in app.blobs.read(blob, start, length)])


def _plain(path: str) -> str | None:
    """The path without a way up or out; `None` where nothing is left."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or ".." in parts or not all(part.isprintable() for part in parts):
        return None
    return "/".join(parts)


def directories_of(files: list[ModelFile]) -> Iterator[str]:
    """Return the directories that the files are in, each once."""
    seen = set[str]()
    for file in files:
        parts = file.path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            if path not in seen:
                seen.add(path)
                yield path
