"""Front matter of Markdown files: YAML between `---`, TOML between `+++`."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from entrepot.extract.limits import InputTooLarge, Unreadable
from entrepot.extract.texts import as_mapping, as_text, parse_yaml

_MOST: Final = 64 * 1024
"""Characters in which the closing line is looked for."""
_KEYS: Final = 100
_FENCED: Final = re.compile(
    r"(?:(?P<yaml>---)|\+\+\+)[ \t]*\r?\n(?P<inner>.*?)(?:^|(?<=\n))"
    r"(?(yaml)(?:---|\.\.\.)|\+\+\+)[ \t]*(?:\r?\n|\Z)",
    re.DOTALL,
)
_KEY: Final = re.compile(r"\s*(?:#[^\n]*\n\s*)*[\"']?[A-Za-z_][\w. -]*[\"']?\s*[:=]")
_FACTS: Final = {
    "license": "Licence",
    "license_name": "Licence",
    "language": "Language",
    "base_model": "Base model",
    "pipeline_tag": "Task",
    "library_name": "Library",
    "datasets": "Datasets",
    "metrics": "Metrics",
    "version": "Version",
    "author": "Author",
    "authors": "Author",
    "compatibility": "Compatibility",
    "allowed-tools": "Allowed tools",
}


def split_front_matter(text: str) -> tuple[Mapping[str, Any], str]:
    """Return the front matter and the text after it; empty and the whole text without any.

    What stands between rules but is no list of keys is text; keys that cannot be parsed are
    taken away all the same, for they were not written to be read as a paragraph.
    """
    whole = text.removeprefix("\ufeff").lstrip("\r\n")
    found = _FENCED.match(whole[:_MOST])
    if found is None:
        return {}, text
    inner = found["inner"]
    said = _parsed(inner, is_yaml=found["yaml"] is not None)
    if not said and inner.strip() and not _KEY.match(inner):
        return {}, text
    return said, whole[found.end() :]


def _parsed(inner: str, *, is_yaml: bool) -> Mapping[str, Any]:
    try:
        return as_mapping(parse_yaml(inner.encode()) if is_yaml else tomllib.loads(inner))
    except (InputTooLarge, Unreadable, tomllib.TOMLDecodeError, RecursionError):
        return {}


def facts_of(said: Mapping[str, Any]) -> dict[str, str]:
    """Lines for the overview: licence, language, base model and the like."""
    facts: dict[str, str] = {}
    for key, value in list(said.items())[:_KEYS]:
        label = _FACTS.get(str(key).lower())
        words = _words(value)
        if label and words:
            facts[label] = words
    return facts


def license_of(said: Mapping[str, Any]) -> str:
    """The licence that is named; of Hugging Face's `other`, the name beside it."""
    named = _words(said.get("license"))
    return _words(said.get("license_name")) or named if named in ("", "other") else named


def tags_of(said: Mapping[str, Any]) -> list[str]:
    """Words by which people look for it."""
    tags = said.get("tags", said.get("keywords"))
    if isinstance(tags, str):
        tags = tags.split(",")
    found = [as_text(each, 100).strip() for each in tags[:100]] if isinstance(tags, list) else []
    return [each for each in found if each]


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(each for each in (as_text(one, 200) for one in value[:20]) if each)
    if isinstance(value, dict):
        return as_text(value.get("name"), 200)
    return as_text(value, 500)
