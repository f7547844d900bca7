"""The view of a manifest that recognition uses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from entrepot.oci.descriptors import Descriptor
from entrepot.oci.manifests import Manifest

MAX_CONFIG: Final = 1024 * 1024
"""Bytes of the largest config blob that is read to recognise an artifact."""


@dataclass(frozen=True, slots=True)
class Child:
    """An entry of an index; `kind` is the id of what it was recognised as, where it is here."""

    descriptor: Descriptor
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class ManifestView:
    """A manifest, its config as far as it is a small JSON object, and the children of an index."""

    manifest: Manifest
    config: Mapping[str, object] = field(default_factory=dict)
    children: tuple[Child, ...] = ()
