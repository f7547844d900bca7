"""What kinds are told apart by: types, layers, annotations and labels, as predicates."""

from collections.abc import Callable, Mapping
from typing import Final

from entrepot.kinds.evidence import Child, Evidence
from entrepot.oci.media_types import INDEXES, OCI_EMPTY

Recognizes = Callable[[Evidence], bool]

IMAGE_CONFIGS: Final = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    }
)
_LAYERS: Final = (
    "application/vnd.oci.image.layer.",
    "application/vnd.docker.image.rootfs.",
    "application/vnd.erofs.layer.v1",
    "application/vnd.sylabs.image.layer.v1.",
)
_NO_TYPE: Final = ("application/vnd.unknown.",)


def normal(media_type: str) -> str:
    """A media type as it is compared: lower-case, trimmed, with its parameters."""
    return media_type.strip().lower()


def is_image_layer(media_type: str) -> bool:
    """Say whether a layer of this type is part of a file system."""
    return normal(media_type).startswith(_LAYERS)


def type_key(evidence: Evidence) -> str:
    """What an artifact says it is: `artifactType`, else the config's media type.

    An `artifactType` that is an image's or a layer's type says nothing, nor does the empty config's
    (image-spec 1.1, "Guidelines for Artifact Usage"). `application/vnd.unknown…` is nothing too.
    """
    manifest = evidence.manifest
    said = normal(manifest.artifact_type or "")
    if _says_nothing(said):
        said = normal(manifest.config.media_type) if manifest.config else ""
    return "" if said == OCI_EMPTY or said.startswith(_NO_TYPE) else said


def _says_nothing(said: str) -> bool:
    return (
        not said
        or said == OCI_EMPTY
        or said in IMAGE_CONFIGS
        or said.startswith((*_LAYERS, *_NO_TYPE))
    )


def is_index(evidence: Evidence) -> bool:
    """Say whether the manifest is an index."""
    return evidence.manifest.media_type in INDEXES


def _matches(text: str, wanted: tuple[str, ...]) -> bool:
    return any(
        text.startswith(each[:-1]) if each.endswith("*") else text == each for each in wanted
    )


def typed(*types: str) -> Recognizes:
    """The type key, or the config's media type, is one of these; `*` at an end is any rest."""

    def recognizes(evidence: Evidence) -> bool:
        config = evidence.manifest.config
        keys = (type_key(evidence), normal(config.media_type) if config else "")
        return any(key and _matches(key, types) for key in keys)

    return recognizes


def layered(*types: str) -> Recognizes:
    """A layer is of one of these types."""
    return lambda evidence: any(
        _matches(normal(layer.media_type), types) for layer in evidence.manifest.layers
    )


def annotated(*keys: str) -> Recognizes:
    """The manifest has an annotation, or its config a label, of one of these names."""

    def recognizes(evidence: Evidence) -> bool:
        names = [*evidence.manifest.annotations, *labels_of(evidence.config)]
        return any(_matches(name, keys) for name in names)

    return recognizes


def annotated_as(key: str, *values: str) -> Recognizes:
    """The manifest's annotation has one of these values."""
    return lambda evidence: evidence.manifest.annotations.get(key) in values


def layer_annotated(*keys: str) -> Recognizes:
    """A layer has an annotation of one of these names."""
    return lambda evidence: any(
        _matches(name, keys) for layer in evidence.manifest.layers for name in layer.annotations
    )


def configured(*keys: str) -> Recognizes:
    """The config has every one of these keys."""
    return lambda evidence: all(key in evidence.config for key in keys)


def any_of(*predicates: Recognizes) -> Recognizes:
    """One of them recognises it."""
    return lambda evidence: any(each(evidence) for each in predicates)


def all_of(*predicates: Recognizes) -> Recognizes:
    """All of them recognise it."""
    return lambda evidence: all(each(evidence) for each in predicates)


def children_are(kind: str) -> Recognizes:
    """An index that says nothing itself, whose children are all of that kind."""

    def recognizes(evidence: Evidence) -> bool:
        if not is_index(evidence) or evidence.manifest.artifact_type:
            return False
        known = {each.kind for each in real_children(evidence) if each.kind}
        return known == {kind}

    return recognizes


def real_children(evidence: Evidence) -> tuple[Child, ...]:
    """An index's children without attestations, and twins made for lazy pulling."""
    return tuple(each for each in evidence.children if not _is_beside(each))


def _is_beside(child: Child) -> bool:
    descriptor = child.descriptor
    platform = descriptor.platform
    return (
        "vnd.docker.reference.type" in descriptor.annotations
        or (platform is not None and platform.is_unknown)
        or normal(descriptor.artifact_type or "").startswith(
            ("application/vnd.amazon.soci.index.", "application/vnd.nydus.")
        )
        or (platform is not None and "nydus.remoteimage.v1" in platform.os_features)
    )


def labels_of(config: Mapping[str, object]) -> dict[str, str]:
    """The labels of an image config."""
    inner = config.get("config")
    found = inner.get("Labels") if isinstance(inner, Mapping) else None
    if not isinstance(found, Mapping):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)}
