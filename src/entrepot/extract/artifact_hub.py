"""Artifact Hub's chart annotations, which hold YAML."""

from collections.abc import Mapping
from typing import Any, Final

from entrepot.extract.texts import as_list, as_mapping, as_text

HUB: Final = "artifacthub.io/"
LISTS: Final = frozenset(
    {"changes", "crds", "crdsExamples", "images", "links", "maintainers", "recommendations"}
    | {"screenshots", "signKey"}
)
"""Annotations whose text is YAML."""
_TEXTS: Final = {
    "category": "Category",
    "operatorCapabilities": "Operator capabilities",
}
_TRUTHS: Final = {
    "containsSecurityUpdates": "Security updates",
    "operator": "Operator",
    "prerelease": "Pre-release",
}
_MOST: Final = 50


def facts_of(said: Mapping[str, object]) -> dict[str, str]:
    """Lines for the overview."""
    facts = {label: as_text(said.get(key), 200) for key, label in _TEXTS.items()}
    for key, label in _TRUTHS.items():
        facts[label] = "yes" if as_text(said.get(key)).lower() in ("true", "yes") else ""
    facts["Custom resources"] = ", ".join(
        _resource(as_mapping(each)) for each in _list(said, "crds")
    )
    changes = [_change(each) for each in _list(said, "changes")]
    facts["Changes"] = "; ".join(each for each in changes if each)
    sign_key = as_mapping(said.get("signKey"))
    facts["Signing key"] = as_text(sign_key.get("fingerprint"), 200)
    return {label: value for label, value in facts.items() if value}


def links_of(chart: Mapping[str, Any], said: Mapping[str, object]) -> list[dict[str, str]]:
    """Where the chart says that more can be read; the first name of an address counts."""
    found = [(as_text(chart.get("home")), "Home page")]
    found += [(as_text(each), "Source") for each in as_list(chart.get("sources"))[:_MOST]]
    for key in ("links", "recommendations"):
        each_of = [as_mapping(each) for each in _list(said, key)]
        found += [
            (as_text(each.get("url")), as_text(each.get("name") or "Recommended", 100))
            for each in each_of
        ]
    named = {url: name for url, name in reversed(found) if url}
    return [
        {"name": named[url], "url": url} for url in dict.fromkeys(url for url, _ in found) if url
    ]


def _list(said: Mapping[str, object], key: str) -> list[Any]:
    return as_list(said.get(key))[:_MOST]


def _resource(said: Mapping[str, Any]) -> str:
    words = (as_text(said.get("kind"), 100), as_text(said.get("version"), 50))
    return " ".join(each for each in words if each)


def _change(value: object) -> str:
    """A text, or a description with its kind before it."""
    said = as_mapping(value)
    text = as_text(said.get("description"), 500) if said else as_text(value, 500)
    kind = as_text(said.get("kind"), 40)
    return f"{kind}: {text}" if kind and text else text
