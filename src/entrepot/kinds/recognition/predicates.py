"""Predicates that tell kinds apart: types, layers, annotations and labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.oci.media_types import INDEXES, OCI_EMPTY, without_parameters

Recognizes = Callable[[ManifestView], bool]

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


def type_key(view: ManifestView) -> str:
    """Return the artifact's declared type: `artifactType`, else the config's media type.

    An `artifactType` that is an image's or a layer's type says nothing, nor does the empty config's
    (image-spec 1.1, "Guidelines for Artifact Usage"). `application/vnd.unknown…` is nothing too.
    """
    manifest = view.manifest
    said = normal(manifest.artifact_type or "")
    if (
        not said
        or said == OCI_EMPTY
        or said in IMAGE_CONFIGS
        or said.startswith((*_LAYERS, *_NO_TYPE))
    ):
        said = normal(manifest.config.media_type) if manifest.config else ""
    return "" if said == OCI_EMPTY or said.startswith(_NO_TYPE) else said


def is_index(view: ManifestView) -> bool:
    """Say whether the manifest is an index."""
    return view.manifest.media_type in INDEXES


def layer_types(view: ManifestView) -> set[str]:
    """The media types of the layers as they are compared: a thousand layers have but a few."""
    return {normal(said) for said in {layer.media_type for layer in view.manifest.layers}}


def _matches(text: str, wanted: tuple[str, ...]) -> bool:
    return any(
        text.startswith(each[:-1]) if each.endswith("*") else text == each for each in wanted
    )


@dataclass(frozen=True, slots=True)
class Typed:
    """The type key, or the config's media type, is one of `types`."""

    types: tuple[str, ...]

    def __call__(self, view: ManifestView) -> bool:
        return any(_matches(key, self.types) for key in type_keys(view))


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of the predicates recognises it."""

    predicates: tuple[Recognizes, ...]

    def __call__(self, view: ManifestView) -> bool:
        return any(each(view) for each in self.predicates)


def typed(*types: str) -> Recognizes:
    """The type key, or the config's media type, is one of these; `*` at an end is any rest."""
    return Typed(types)


def any_of(*predicates: Recognizes) -> Recognizes:
    """One of them recognises it."""
    return AnyOf(predicates)


def deciding_types(recognizes: Recognizes) -> tuple[str, ...]:
    """The types that alone make a predicate true."""
    if isinstance(recognizes, Typed):
        return recognizes.types
    if isinstance(recognizes, AnyOf):
        return tuple(each for part in recognizes.predicates for each in deciding_types(part))
    return ()


def type_keys(view: ManifestView) -> tuple[str, ...]:
    """Return the declared type and the config's media type, as written and without parameters.

    Both count: a client may say something of its own and keep the config's type that is known.
    """
    config = view.manifest.config
    said = (type_key(view), normal(config.media_type) if config else "")
    keys = (key for each in said for key in (each, without_parameters(each)))
    return tuple(dict.fromkeys(each for each in keys if each))


def layered(*types: str) -> Recognizes:
    """A layer is of one of these types."""
    return lambda view: any(_matches(each, types) for each in layer_types(view))


def all_layers(*types: str) -> Recognizes:
    """There are layers, and every one is of one of these types."""

    def recognizes(view: ManifestView) -> bool:
        found = layer_types(view)
        return bool(found) and all(_matches(each, types) for each in found)

    return recognizes


def annotated(*keys: str) -> Recognizes:
    """The manifest has an annotation, or its config a label, of one of these names."""

    def recognizes(view: ManifestView) -> bool:
        names = [*view.manifest.annotations, *labels_of(view.config)]
        return any(_matches(name, keys) for name in names)

    return recognizes


def annotated_as(key: str, *values: str) -> Recognizes:
    """The manifest's annotation, or the config's label, has one of these values; `*` ends any."""

    def recognizes(view: ManifestView) -> bool:
        said = {**labels_of(view.config), **view.manifest.annotations}
        return key in said and _matches(said[key], values)

    return recognizes


def noted(*keys: str) -> Recognizes:
    """The manifest itself has an annotation of one of these names; labels do not count.

    Compose, for one, labels every image it builds as it annotates its own artifacts.
    """
    return lambda view: any(_matches(name, keys) for name in view.manifest.annotations)


def layer_annotated(*keys: str) -> Recognizes:
    """A layer has an annotation of one of these names."""
    return lambda view: any(
        _matches(name, keys) for layer in view.manifest.layers for name in layer.annotations
    )


def configured(*keys: str) -> Recognizes:
    """The config has every one of these keys."""
    return lambda view: all(key in view.config for key in keys)


def all_of(*predicates: Recognizes) -> Recognizes:
    """All of them recognise it."""
    return lambda view: all(each(view) for each in predicates)


def labels_of(config: Mapping[str, object]) -> dict[str, str]:
    """The labels of an image config."""
    inner = config.get("config")
    found = inner.get("Labels") if isinstance(inner, Mapping) else None
    if not isinstance(found, Mapping):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)}
