"""Manifests as the specifications of each kind, or the tools that make it, describe them."""

import json
from pathlib import Path
from typing import Final

from entrepot.kinds.recognition.manifest_view import Child, ManifestView
from entrepot.oci.manifests import parse_manifest

CORPUS: Final = Path(__file__).parent.parent / "corpus"
SPECIFIED: Final = CORPUS / "specified"
MADE: Final = CORPUS / "made"
"""What real clients pushed, written down by `scripts/corpus.py`."""


def names(folder: Path = SPECIFIED) -> list[str]:
    """The name of every specimen."""
    return sorted(each.stem for each in folder.glob("*.json"))


def expected(name: str, folder: Path = SPECIFIED) -> str:
    """The id of the kind that a specimen is of."""
    return str(json.loads((folder / f"{name}.json").read_text())["kind"])


def view(name: str, folder: Path = SPECIFIED) -> ManifestView:
    """What recognition sees of a specimen."""
    document = json.loads((folder / f"{name}.json").read_text())
    manifest = parse_manifest(json.dumps(document["manifest"]).encode(), document.get("mediaType"))
    kinds = document.get("children", [])
    children = tuple(
        Child(descriptor, kind) for descriptor, kind in zip(manifest.children, kinds, strict=True)
    )
    return ManifestView(manifest, document.get("config", {}), children)
