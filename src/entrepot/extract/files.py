"""Generic files: what layers are called, what archives hold, and texts worth a preview."""

import os
from collections.abc import Callable, Iterator
from typing import IO, Final

from entrepot.extract import limits
from entrepot.extract.archives import (
    ArchiveMember,
    is_tar,
    is_zip,
    open_stream,
    read_tar,
    read_zip,
)
from entrepot.extract.findings import Blob, ExtractionState, File, Findings, FoundDocument, Task
from entrepot.extract.limits import InputTooLarge, Unreadable, cut
from entrepot.extract.readmes.pictures import PICTURE_SIZE, Pictures
from entrepot.extract.sandbox.handing import open_regular
from entrepot.extract.texts import document, is_text
from entrepot.kinds.layer_names import layer_name

_PREVIEWED: Final = [
    ".txt",
    ".md",
    ".markdown",
    ".rst",
    ".json",
    ".yaml",
    ".yml",
    ".toml",
    ".ini",
    ".cfg",
    ".conf",
    ".csv",
    ".tsv",
    ".xml",
    ".sh",
    ".py",
    ".go",
    ".js",
    ".ts",
    ".rs",
    ".rb",
    ".java",
    ".c",
    ".h",
    ".cpp",
    ".tf",
    ".tofu",
    ".hcl",
    ".rego",
    ".cue",
    ".k",
    ".lua",
    ".sql",
    ".html",
    ".css",
    ".proto",
    ".env",
    ".properties",
    ".dockerfile",
    ".nix",
    ".bicep",
    ".jinja",
    ".gotmpl",
    ".tpl",
    ".license",
    ".sig",
    ".pem",
    ".pub",
    ".prov",
    ".spdx",
]
_NAMES: Final = frozenset(
    {"dockerfile", "makefile", "license", "copying", "notice", "readme", "chart.lock", "kitfile"}
)
_READMES: Final = (
    "readme.md",
    "readme.markdown",
    "readme",
    "readme.rst",
    "readme.txt",
    "skill.md",
    "model-card.md",
    "modelcard.md",
    "readme",
    "model-card",
    "modelcard",
)
_BY_BEGINNING: Final = 8


class CollectedFiles:
    """Files and texts as they are found, until there are enough of them."""

    def __init__(self) -> None:
        self.files: list[File] = []
        self.documents: dict[str, FoundDocument] = {}
        self.is_cut = False
        self.problem = ""
        self._previews = 0
        self._pictures = Pictures()
        self._readme = (99, 99)

    def add(self, member: ArchiveMember, layer: int) -> None:
        """List a member of an archive, and keep it where it is a text to be shown."""
        path = member.path.removeprefix("./").rstrip("/")
        if not path:
            return
        if len(self.files) >= limits.ENTRIES:
            self.is_cut = True
            return
        self.files.append(File(path, member.size, member.type, member.target, member.mode, layer))
        if member.type != "file" or member.size <= 0:
            return
        if self._pictures.wants(path, member.size):
            self._pictures.keep(path, member.read(member.size))
        elif member.size <= most_of(path) and is_previewed(path):
            self.keep(path, member.read(limits.TEXT))

    def keep(self, path: str, content: bytes) -> None:
        """Keep a text for a preview; a README or a licence also as what it is."""
        if not is_text(content):
            return
        self._keep_readme(path, content)
        if self._previews >= limits.MOST_PREVIEWS:
            return
        self._previews += 1
        self.documents[f"file:{path}"] = document(
            f"file:{path}", media_type_of(path), content, limits.PREVIEW
        )
        name = path.rpartition("/")[2].lower()
        if path.count("/") <= 1 and name.startswith(("license", "licence", "copying")):
            self.documents.setdefault("license", document("license", "text/plain", content))

    def keep_picture(self, path: str, content: bytes) -> None:
        """Keep a picture that a README may show."""
        if self._pictures.wants(path, len(content)):
            self._pictures.keep(path, content)

    def _keep_readme(self, path: str, content: bytes) -> None:
        """Of several, the one that lies highest, and of those the one with the plainest name."""
        rank = readme_rank(path)
        if rank is None or rank >= self._readme:
            return
        self._readme = rank
        text = document("readme", media_type_of(path), content)
        self.documents["readme"] = FoundDocument(
            text.name, text.media_type, text.text, text.is_cut, path
        )

    def findings(self) -> Findings:
        """All that was collected; a problem on the way leaves what came before it."""
        if self.problem and not self.files:
            return Findings(state=ExtractionState.FAILED, reason=self.problem)
        return Findings(
            state=ExtractionState.DONE,
            reason=self.problem,
            files=self.files,
            files_cut=self.is_cut or bool(self.problem),
            documents=[*self.documents.values(), *self._pictures.documents],
        )


def readme_rank(path: str) -> tuple[int, int] | None:
    """How far a file is from being *the* README: by depth and name; `None` where it is none."""
    depth, name = path.count("/"), path.rpartition("/")[2].lower()
    if depth > 1:
        return None
    for rank, each in enumerate(_READMES):
        if name == each or (rank >= _BY_BEGINNING and name.startswith(each)):
            return depth, rank
    return None


def most_of(path: str) -> int:
    """Bytes of a text up to which it is kept: READMEs are longer than other files may be."""
    return limits.PREVIEW if readme_rank(path) is None else limits.TEXT


def is_previewed(path: str) -> bool:
    """Say whether a file of this name is likely a text that people want to see."""
    name = path.rpartition("/")[2].lower()
    stem, dot, extension = name.rpartition(".")
    is_text_by_name = (bool(dot) and f".{extension}" in _PREVIEWED) or stem in _NAMES
    # Bundles of Tekton and the like call files as the resource in them, without an ending.
    return name in _NAMES or is_text_by_name or (not dot and path.count("/") == 0)


def media_type_of(path: str) -> str:
    """The media type by which a preview is drawn."""
    lowered = path.lower()
    if lowered.endswith((".md", ".markdown")) or lowered.rpartition("/")[2] == "readme":
        return "text/markdown"
    if lowered.endswith(".json"):
        return "application/json"
    return "application/yaml" if lowered.endswith((".yaml", ".yml")) else "text/plain"


def read_files(task: Task) -> Findings:
    """Every layer: its own name, and what is in it where it is an archive."""
    collected = CollectedFiles()
    for blob in task.blobs:
        if blob.index >= 0 and blob.path:
            read_blob(blob, collected)
    return collected.findings()


def read_blob(blob: Blob, collected: CollectedFiles) -> None:
    """One layer; what cannot be read of it is told, and the others are read all the same."""
    try:
        with open_blob(blob) as file:
            _read(file, blob, collected)
    except InputTooLarge as error:
        collected.is_cut = True
        collected.problem = str(error)
    except Unreadable as error:
        collected.problem = str(error)


def _read(file: IO[bytes], blob: Blob, collected: CollectedFiles) -> None:
    start = file.read(limits.PREVIEW + 1)
    title = cut(blob.title, limits.PATH) or layer_name(
        blob.media_type, blob.annotations, blob.index
    )
    if is_zip(start):
        file.seek(0)
        for member in read_zip(file, blob.size):
            collected.add(member, blob.index)
        return
    if is_compressed(start) or is_tar(start):
        file.seek(0)
        for member in members_of(file, blob.size):
            collected.add(member, blob.index)
        return
    if blob.size <= PICTURE_SIZE:
        collected.keep_picture(title, start)
    if blob.size <= most_of(title) and (is_previewed(title) or "text" in blob.media_type):
        collected.keep(title or "layer", start + file.read(limits.TEXT))


def is_compressed(start: bytes) -> bool:
    """Say whether bytes begin as gzip, zstd, bzip2 or xz do."""
    return start.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ"))


def members_of(file: IO[bytes], size: int) -> Iterator[ArchiveMember]:
    """The members of a tar, compressed or not; nothing of what is no tar."""
    stream = open_stream(file, size)
    first = stream.read(1024)
    return read_tar(stream, first) if is_tar(first) else iter(())


def open_blob(blob: Blob) -> IO[bytes]:
    """The blob's file: a plain one, and no link to anywhere."""
    try:
        return _open(blob.path)
    except OSError as error:
        raise Unreadable("the blob is not here") from error


def open_by(opener: Callable[[str], IO[bytes]]) -> None:
    """Open blobs by this from now on: a process that may open no file is handed them."""
    global _open
    _open = opener


def _open_path(path: str) -> IO[bytes]:
    return os.fdopen(open_regular(path), "rb")


_open: Callable[[str], IO[bytes]] = _open_path


def read_whole(blob: Blob, most: int) -> bytes:
    """Return a blob's bytes up to a limit, decompressed where they are gzipped."""
    with open_blob(blob) as file:
        start = file.read(6)
        file.seek(0)
        if is_compressed(start):
            content = open_stream(file, blob.size).read(most + 1)
        else:
            content = file.read(most + 1)
    if len(content) > most:
        raise InputTooLarge("the document is larger than what is read")
    return content
