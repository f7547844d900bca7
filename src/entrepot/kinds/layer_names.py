"""Names of layers: by title, by kind, or by media type."""

from collections.abc import Mapping
from typing import Final

TITLE: Final = "org.opencontainers.image.title"
_NAMES: Final = {
    "com.docker.compose.file": "",
    "com.docker.compose.envfile": "",
    "org.cncf.model.filepath": "",
    "io.kyverno.image.name": ".yaml",
    "dev.tekton.image.name": ".yaml",
}
"""Annotations that hold a name, and what is missing behind it."""
_TYPES: Final = {
    "+yaml": ".yaml",
    "/yaml": ".yaml",
    "+json": ".json",
    "/json": ".json",
    "+xml": ".xml",
    "/xml": ".xml",
    "/markdown": ".md",
    "/plain": ".txt",
    "/html": ".html",
    "/toml": ".toml",
}
_LONGEST: Final = 255


def layer_name(media_type: str, annotations: Mapping[str, str], index: int) -> str:
    """A name for a layer that has no title; empty for one that is no single text.

    It is for people to read: what a file is restored as is its title alone.
    """
    extension = _extension(media_type)
    for key, ending in _NAMES.items():
        name = annotations.get(key, "").rpartition("/")[2][:_LONGEST]
        if name and name.isprintable():
            return name if "." in name else f"{name}{ending or extension}"
    return f"layer-{index}{extension}" if extension else ""


def _extension(media_type: str) -> str:
    plain = media_type.partition(";")[0].strip().lower()
    return next((each for ending, each in _TYPES.items() if plain.endswith(ending)), "")
