"""Descriptions that artifacts give in annotations, labels and configs."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from entrepot.kinds.recognition.kind import Description, Fact
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.predicates import labels_of

_OCI: Final = "org.opencontainers.image."
_OLD: Final = "org.label-schema."
_OLD_NAMES: Final = {
    "title": "name",
    "source": "vcs-url",
    "revision": "vcs-ref",
    "created": "build-date",
    "documentation": "usage",
}
_KEYS: Final = {
    "title": "title",
    "version": "version",
    "description": "description",
    "licenses": "licenses",
    "authors": "authors",
    "vendor": "vendor",
    "url": "url",
    "documentation": "documentation",
    "source": "source",
    "revision": "revision",
    "created": "created",
    "base_name": "base.name",
    "base_digest": "base.digest",
}
_LONGEST: Final = 2000
_LARGEST: Final = 256 * 1024
"""Characters of the largest annotation that is read as JSON."""
_MOST: Final = 50
"""Items of a list that are named."""

FactsOf = Callable[[ManifestView], tuple[Fact, ...]]
DescribesOf = Callable[[ManifestView], Description]


def describe(view: ManifestView) -> Description:
    """By the annotations of the OCI (image-spec 1.1, annotations.md), else the same as labels."""
    sources = (view.manifest.annotations, labels_of(view.config))
    values = {field: _first(sources, key) for field, key in _KEYS.items()}
    if not values["created"]:
        values["created"] = text(view.config, "created")
    return Description(**values)


def described(**places: str) -> DescribesOf:
    """By what the config says at these paths, or an annotation at `@name`; else as `describe`.

    `described(title="descriptor.name", version="@com.example.version")`.
    """

    def describes(view: ManifestView) -> Description:
        said = {field: _at(view, place) for field, place in places.items()}
        return replace(describe(view), **{field: each for field, each in said.items() if each})

    return describes


def _at(view: ManifestView, place: str) -> str:
    if not place.startswith("@"):
        return as_text(value_at(view.config, place))
    name, _, path = place[1:].partition("#")
    said = view.manifest.annotations.get(name, "")
    return as_text(value_at(_object(said), path)) if path else said[:_LONGEST]


def _object(document: str) -> Mapping[str, object]:
    """An annotation that holds JSON, as far as it is a small object."""
    try:
        value = json.loads(document) if len(document) <= _LARGEST else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


_describe_chart: Final = described(
    title="name", version="version", description="description", url="home"
)


def describe_chart(view: ManifestView) -> Description:
    """A chart's config is its Chart.yaml; annotations are a copy of parts of it."""
    said, sources = _describe_chart(view), view.config.get("sources")
    return replace(
        said,
        licenses=said.licenses or _annotation(view.config, "artifacthub.io/license"),
        authors=said.authors or as_text(view.config.get("maintainers")),
        source=said.source or as_text(sources[:1] if isinstance(sources, list) else ""),
    )


def no_facts(view: ManifestView) -> tuple[Fact, ...]:
    """Nothing beyond the description."""
    return ()


def config_facts(*wanted: tuple[str, str]) -> FactsOf:
    """(label, path) of texts, numbers and lists in the config; `a.b` is `b` in `a`."""

    def facts(view: ManifestView) -> tuple[Fact, ...]:
        return facts_at(view.config, wanted)

    return facts


def annotation_facts(*wanted: tuple[str, str]) -> FactsOf:
    """(label, name) of annotations of the manifest, or labels of the config.

    `name#a.b` is what is at `a.b` in an annotation that holds JSON.
    """

    def facts(view: ManifestView) -> tuple[Fact, ...]:
        said = {**labels_of(view.config), **view.manifest.annotations}
        found = ((label, _in(said, name)) for label, name in wanted)
        return tuple(Fact(label, value) for label, value in found if value)

    return facts


def _in(said: Mapping[str, str], place: str) -> str:
    if place in said:
        return said[place][:_LONGEST]
    name, _, path = place.partition("#")
    return as_text(value_at(_object(said.get(name, "")), path)) if path else ""


def facts_at(config: Mapping[str, object], wanted: Iterable[tuple[str, str]]) -> tuple[Fact, ...]:
    """The facts at these paths, those that are there."""
    found = ((label, as_text(value_at(config, path))) for label, path in wanted)
    return tuple(Fact(label, value) for label, value in found if value)


def value_at(config: Mapping[str, object], path: str) -> object:
    """Return the value at `a.b.c`, or `None` if it is missing."""
    value: object = config
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def as_text(value: object) -> str:
    """A text, a number, a list or an object's keys in one line; empty for anything else."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)[:_LONGEST]
    if isinstance(value, list):
        words = (_item(each) for each in value[:_MOST])
        return ", ".join(each for each in words if each)[:_LONGEST]
    if isinstance(value, Mapping):
        return ", ".join(str(key) for key in list(value)[:_MOST])[:_LONGEST]
    return ""


def _item(value: object) -> str:
    """An item of a list: an object goes by its name, and its version where it has one."""
    if not isinstance(value, Mapping):
        return as_text(value) if not isinstance(value, list) else ""
    return " ".join(each for each in (text(value, "name"), text(value, "version")) if each)


def text(config: Mapping[str, object], key: str) -> str:
    """The text at a key, empty where there is none."""
    value = config.get(key)
    return value[:_LONGEST] if isinstance(value, str) else ""


def _annotation(config: Mapping[str, object], name: str) -> str:
    found = config.get("annotations")
    return text(found, name) if isinstance(found, Mapping) else ""


def _first(sources: Iterable[Mapping[str, str]], key: str) -> str:
    names = (_OCI + key, _OLD + _OLD_NAMES.get(key, key))
    found = (source.get(name, "") for name in names for source in sources)
    return next((each[:_LONGEST] for each in found if each), "")
