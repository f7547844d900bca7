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
