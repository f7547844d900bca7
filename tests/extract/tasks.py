"""Tasks over bytes that a test makes."""

from pathlib import Path

from entrepot.extract.findings import Blob, Findings, Task
from entrepot.extract.read import read_task


def blob(
    directory: Path,
    content: bytes,
    media_type: str = "application/vnd.oci.image.layer.v1.tar",
    title: str = "data.tar",
    **annotations: str,
) -> Blob:
    """A layer with this content."""
    path = directory / f"blob-{len(list(directory.iterdir()))}"
    path.write_bytes(content)
    named = {name.replace("_", "/"): value for name, value in annotations.items()}
    return Blob(0, media_type, len(content), str(path), title, named)


def read(extractor: str, *blobs: Blob, **more: object) -> Findings:
    """What is found in the layers."""
    numbered = [
        Blob(index, each.media_type, each.size, each.path, each.title, each.annotations)
        for index, each in enumerate(blobs)
    ]
    return read_task(Task(extractor, extractor, numbered, **more))  # type: ignore[arg-type]


def found_in(place: Path, content: str | bytes, media_type: str = "application/json") -> Findings:
    """What one layer says as a document."""
    raw = content.encode() if isinstance(content, str) else content
    return read("documents", blob(place, raw, media_type))


def names(found: Findings) -> list[str]:
    """The packages."""
    return [each.name for each in found.packages]
