"""What artifacts say of themselves in annotations, labels and configs."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from entrepot.kinds.evidence import Evidence
from entrepot.kinds.kind import Description, Fact
from entrepot.kinds.marks import labels_of

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

FactsOf = Callable[[Evidence], tuple[Fact, ...]]


def describe(evidence: Evidence) -> Description:
    """By the annotations of the OCI (image-spec 1.1, annotations.md), else the same as labels."""
    sources = (evidence.manifest.annotations, labels_of(evidence.config))
    values = {field: _first(sources, key) for field, key in _KEYS.items()}
    if not values["created"]:
        values["created"] = text(evidence.config, "created")
    return Description(**values)


def describe_chart(evidence: Evidence) -> Description:
    """A chart's config is its Chart.yaml; annotations are a copy of parts of it."""
    said, config = describe(evidence), evidence.config
    sources = config.get("sources")
    return Description(
        title=text(config, "name") or said.title,
        version=text(config, "version") or said.version,
        description=text(config, "description") or said.description,
        licenses=said.licenses or _annotation(config, "artifacthub.io/license"),
        authors=said.authors,
        vendor=said.vendor,
        url=text(config, "home") or said.url,
        documentation=said.documentation,
        source=said.source or as_text(sources[:1] if isinstance(sources, list) else ""),
        revision=said.revision,
        created=said.created,
    )


def no_facts(evidence: Evidence) -> tuple[Fact, ...]:
    """Nothing beyond the description."""
    return ()


def config_facts(*wanted: tuple[str, str]) -> FactsOf:
    """(label, path) of texts, numbers and lists in the config; `a.b` is `b` in `a`."""

    def facts(evidence: Evidence) -> tuple[Fact, ...]:
        return facts_at(evidence.config, wanted)

    return facts


def annotation_facts(*wanted: tuple[str, str]) -> FactsOf:
    """(label, name) of annotations of the manifest, or labels of the config."""

    def facts(evidence: Evidence) -> tuple[Fact, ...]:
        said = {**labels_of(evidence.config), **evidence.manifest.annotations}
        return tuple(Fact(label, said[name][:_LONGEST]) for label, name in wanted if said.get(name))

    return facts


def facts_at(config: Mapping[str, object], wanted: Iterable[tuple[str, str]]) -> tuple[Fact, ...]:
    """The facts at these paths, those that are there."""
    found = ((label, as_text(value_at(config, path))) for label, path in wanted)
    return tuple(Fact(label, value) for label, value in found if value)


def value_at(config: Mapping[str, object], path: str) -> object:
    """What is at `a.b.c`, `None` where there is nothing."""
    value: object = config
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def as_text(value: object) -> str:
    """A text, a number or a list of them in one line; empty for anything else."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)[:_LONGEST]
    if isinstance(value, list):
        return ", ".join(as_text(each) for each in value[:50] if as_text(each))[:_LONGEST]
    if isinstance(value, Mapping):
        return ", ".join(str(key) for key in list(value)[:50])[:_LONGEST]
    return ""


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
