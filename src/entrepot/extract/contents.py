"""Summaries of YAML files: services of Compose, resources of Kubernetes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from entrepot.extract.chart_images import whole
from entrepot.extract.findings import FoundDocument
from entrepot.extract.limits import InputTooLarge, Unreadable
from entrepot.extract.texts import as_list, as_mapping, as_text, parse_yaml

_MOST_FILES: Final = 40
_MOST_PARTS: Final = 60
_MOST: Final = 100
_PART: Final = re.compile(r"^---[ \t]*(?:#.*)?$", re.MULTILINE)
_COMPOSE: Final = {
    "services": "Services",
    "volumes": "Volumes",
    "networks": "Networks",
    "secrets": "Secrets",
    "configs": "Configs",
    "models": "Models",
}
_TOLD: Final = {
    "policies.kyverno.io/title": "Policy",
    "policies.kyverno.io/category": "Category",
    "policies.kyverno.io/severity": "Severity",
    "policies.kyverno.io/subject": "Subject",
}


def contents_of(documents: list[FoundDocument]) -> tuple[dict[str, str], list[str]]:
    """Facts, and the images that are used; what cannot be parsed says nothing."""
    found: dict[str, dict[str, None]] = {}
    images: dict[str, None] = {}
    for said in _parts(documents):
        if _is_compose(said):
            for key, label in _COMPOSE.items():
                _add(found, label, as_mapping(said.get(key)))
            images |= dict.fromkeys(_images(said))
        elif as_text(said.get("apiVersion")) and as_text(said.get("kind")):
            _add_resource(found, said)
    facts = {label: ", ".join([*words][:_MOST]) for label, words in found.items() if words}
    return facts, [*images][:_MOST]


def _parts(documents: list[FoundDocument]) -> Iterator[Mapping[str, Any]]:
    texts = [
        each.text
        for each in documents
        if each.name.startswith("file:") and each.media_type == "application/yaml"
    ]
    for text in texts[:_MOST_FILES]:
        for part in _PART.split(text)[:_MOST_PARTS]:
            try:
                yield as_mapping(parse_yaml(part.encode(errors="replace")))
            except (InputTooLarge, Unreadable):
                continue


def _is_compose(said: Mapping[str, Any]) -> bool:
    services = said.get("services")
    return isinstance(services, dict) and all(
        isinstance(each, dict) and {"image", "build", "extends", "provider"} & set(each)
        for each in services.values()
    )


def _images(said: Mapping[str, Any]) -> Iterator[str]:
    for each in list(as_mapping(said.get("services")).values())[:_MOST]:
        image = as_text(as_mapping(each).get("image"), 300)
        if image and "$" not in image:
            yield whole(image)


def _add_resource(found: dict[str, dict[str, None]], said: Mapping[str, Any]) -> None:
    metadata = as_mapping(said.get("metadata"))
    words = f"{as_text(said.get('kind'), 100)} {as_text(metadata.get('name'), 200)}".strip()
    found.setdefault("Resources", {})[words] = None
    notes = as_mapping(metadata.get("annotations"))
    for key, label in _TOLD.items():
        if text := as_text(notes.get(key), 300):
            found.setdefault(label, {})[text] = None
    rules = [as_mapping(each) for each in as_list(as_mapping(said.get("spec")).get("rules"))]
    named = [as_text(each.get("name"), 200) for each in rules[:_MOST]]
    _add(found, "Rules", {each: None for each in named if each})


def _add(found: dict[str, dict[str, None]], label: str, names: Mapping[Any, Any]) -> None:
    kept = found.setdefault(label, {})
    kept.update({as_text(each, 200): None for each in list(names)[:_MOST]})
