"""Layers for images that need no base and no build."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def write_layer(path: Path, files: Mapping[str, bytes]) -> Path:
    """A tar of these files, the same bytes every time."""
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def files_in(tar: Path) -> dict[str, bytes]:
    """The files of a tar, by name."""
    found = {}
    with tarfile.open(tar) as archive:
        for entry in archive:
            stream = archive.extractfile(entry) if entry.isreg() else None
            if stream is not None:
                found[entry.name] = stream.read()
    return found
