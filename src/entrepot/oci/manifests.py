"""Manifests and indexes (image-spec 1.1; Docker's v2 schema 2), read but never rewritten."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from entrepot.errors import InvalidManifest
from entrepot.oci import media_types
from entrepot.oci.aside import QUICK, aside
from entrepot.oci.descriptors import (
    Descriptor,
    optional_text,
    parse_annotations,
    parse_descriptor,
    parse_descriptors,
)
from entrepot.oci.strict_json import (
    MAX_VALUES,
    parse_object,
    refuse_hostile,
    refuse_look_alikes,
)

MAX_SIZE: Final = 4 * 1024 * 1024
"""Bytes of the largest manifest accepted: clients stop reading there."""
MAX_DESCRIPTORS: Final = 4000
"""Layers, blobs or children that a pushed manifest may list.

Each costs a row when it is pushed, and several look-ups when it is indexed.
"""
MAX_TOTAL: Final = 2**63 - 1
"""Bytes that all content of one manifest may have: what databases can count."""
_REMEMBERED_BYTES: Final = 2 * MAX_SIZE
"""Bytes of the large manifests that each process keeps parsed, the latest used ones."""

_KEYS: Final = frozenset(
    {
        "schemaVersion",
        "mediaType",
        "artifactType",
        "config",
        "layers",
        "blobs",
        "manifests",
        "subject",
        "annotations",
    }
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest's bytes with what they say; `layers` holds an artifact manifest's blobs too."""

    content: bytes
    media_type: str
    artifact_type: str | None
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]
    subject: Descriptor | None
    annotations: dict[str, str]

    @property
    def referrer_type(self) -> str | None:
        """The `artifactType` of a referrers list (distribution-spec 1.1, "Listing Referrers")."""
        if self.artifact_type or self.media_type in media_types.INDEXES:
            return self.artifact_type
        return self.config.media_type if self.config else None


def parse_manifest(content: bytes, content_type: str | None) -> Manifest:
    """Read a manifest as the request's `Content-Type` and its own `mediaType` describe it.

    Raises `InvalidManifest` where they disagree, where it is none of the accepted types, or where
    it could be read as a manifest and as an index (CVE-2021-41190).
    """
    return _parse(content, parse_object(content), content_type)


def parse_pushed_manifest(content: bytes, content_type: str | None) -> Manifest:
    """As `parse_manifest`, and refuse what the registry could not work with later.

    Stored manifests are read without this: they stay readable when a limit becomes lower.
    """
    document = parse_object(content, MAX_VALUES)
    for key in ("layers", "blobs", "manifests"):
        listed = document.get(key)
        if isinstance(listed, list) and len(listed) > MAX_DESCRIPTORS:
            raise InvalidManifest(
                f"{key} lists {len(listed)} descriptors, and a manifest may list "
                f"{MAX_DESCRIPTORS} at most",
                {"descriptors": len(listed), "limit": MAX_DESCRIPTORS},
            )
    refuse_hostile(content, document)
    manifest = _parse(content, document, content_type)
    config = (manifest.config,) if manifest.config else ()
    total = sum(each.size for each in (*config, *manifest.layers, *manifest.children))
    if total > MAX_TOTAL:
        raise InvalidManifest(f"the sizes are {total} bytes in all, and {MAX_TOTAL} at most")
    return manifest


async def read_manifest(content: bytes, content_type: str | None) -> Manifest:
    """As `parse_manifest`; others go on while a large one is parsed, and it is parsed once."""
    key = (content, content_type or "")
    remembered = _parsed.get(key) if len(content) > QUICK else None
    if remembered is not None:
        _parsed.move_to_end(key)
        return remembered
    manifest = await aside(len(content), lambda: parse_manifest(content, content_type))
    _remember(manifest)
    return manifest


async def read_pushed_manifest(content: bytes, content_type: str | None) -> Manifest:
    """As `parse_pushed_manifest`; others go on while a large one is parsed."""
    manifest = await aside(len(content), lambda: parse_pushed_manifest(content, content_type))
    _remember(manifest)
    return manifest


# Once it is pushed, a manifest is indexed and shown: every page of its repository describes it.
_parsed: Final[OrderedDict[tuple[bytes, str], Manifest]] = OrderedDict()


def _remember(manifest: Manifest) -> None:
    if len(manifest.content) <= QUICK:
        return
    _parsed[manifest.content, manifest.media_type] = manifest
    while sum(len(content) for content, _ in _parsed) > _REMEMBERED_BYTES:
        _parsed.popitem(last=False)


def _parse(content: bytes, document: dict[str, object], content_type: str | None) -> Manifest:
    refuse_look_alikes(tuple(document), _KEYS)
    version = document.get("schemaVersion")
    if version != 2 or isinstance(version, bool):
        raise InvalidManifest("schemaVersion is not 2")
    media_type = _media_type(document, content_type)
    _refuse_ambiguity(document, media_type)
    subject = document.get("subject")
    return Manifest(
        content=content,
        media_type=media_type,
        artifact_type=_artifact_type(document),
        config=_config(document, media_type),
        layers=_layers(document, media_type),
        children=parse_descriptors(document.get("manifests"), "manifests"),
        subject=None if subject is None else parse_descriptor(subject, "subject"),
        annotations=parse_annotations(document.get("annotations"), "the manifest"),
    )


def _media_type(document: dict[str, object], content_type: str | None) -> str:
    claimed = optional_text(document, "mediaType", "the manifest")
    given = media_types.without_parameters(content_type or "") or None
    if claimed and given and claimed != given:
        raise InvalidManifest(
            "mediaType differs from Content-Type", {"mediaType": claimed, "contentType": given}
        )
    media_type = claimed or given
    if media_type not in media_types.ACCEPTED:
        raise InvalidManifest("unknown manifest media type", {"mediaType": media_type})
    return media_type


def _refuse_ambiguity(document: dict[str, object], media_type: str) -> None:
    is_index = media_type in media_types.INDEXES
    foreign = ("config", "layers", "blobs") if is_index else ("manifests",)
    if any(key in document for key in (*foreign, "fsLayers")):
        raise InvalidManifest("the document could be read as another kind of manifest")
    if is_index and "manifests" not in document:
        raise InvalidManifest("the index lacks manifests")


def _artifact_type(document: dict[str, object]) -> str | None:
    text = optional_text(document, "artifactType", "the manifest")
    if text is not None and not media_types.is_artifact_type(text):
        raise InvalidManifest("artifactType is not a media type", {"artifactType": text[:300]})
    return text


def _config(document: dict[str, object], media_type: str) -> Descriptor | None:
    if media_type not in media_types.MANIFESTS:
        return None
    if document.get("config") is None:
        raise InvalidManifest("the manifest lacks config")
    return parse_descriptor(document["config"], "config")


def _layers(document: dict[str, object], media_type: str) -> tuple[Descriptor, ...]:
    key = "blobs" if media_type == media_types.OCI_ARTIFACT else "layers"
    return parse_descriptors(document.get(key), key)
