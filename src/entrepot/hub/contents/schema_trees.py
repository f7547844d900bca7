"""JSON Schemas as rows of a tree: what values there may be, of which type, within which bounds."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_MOST: Final = 500
_DEEPEST: Final = 12
_LONGEST: Final = 500
_BOUNDS: Final = ("minimum", "maximum", "minLength", "maxLength", "pattern", "format", "minItems")


@dataclass(frozen=True, slots=True)
class SchemaRow:
    """A property; `depth` is 0 for those of the whole, `bounds` says what its value must be."""

    depth: int
    name: str
    type: str
    is_required: bool
    default: str
    bounds: str
    description: str


def schema_rows(text: str) -> list[SchemaRow]:
    """Return the properties of a schema, each before those within it; empty for anything else."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(whole, dict):
        return []
    rows = _rows(whole, whole, 0)
    return [row for row, _ in zip(rows, range(_MOST), strict=False)]


def _rows(schema: Mapping[str, Any], whole: Mapping[str, Any], depth: int) -> Iterator[SchemaRow]:
    properties = schema.get("properties")
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    if not isinstance(properties, dict) or depth > _DEEPEST:
        return
    for name, value in properties.items():
        found = _resolved(value, whole)
        yield SchemaRow(
            depth=depth,
            name=str(name)[:_LONGEST],
            type=_type_of(found),
            is_required=name in names,
            default=_text(found["default"]) if "default" in found else "",
            bounds=_bounds(found),
            description=str(found.get("description") or found.get("title") or "")[:_LONGEST],
        )
        yield from _rows(found, whole, depth + 1)
        yield from _rows(_resolved(found.get("items"), whole), whole, depth + 1)


def _resolved(value: object, whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, or the one within the same document that it refers to."""
    if not isinstance(value, dict):
        return {}
    reference = value.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return value
    found: object = whole
    for step in reference[2:].split("/")[:_DEEPEST]:
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else value


def _type_of(schema: Mapping[str, Any]) -> str:
    found = schema.get("type")
    if isinstance(found, list):
        return ", ".join(str(each) for each in found[:8])
    return str(found)[:40] if found else ""


def _bounds(schema: Mapping[str, Any]) -> str:
    choices = schema.get("enum")
    told = [f"{name} {_text(schema[name])}" for name in _BOUNDS if name in schema]
    if isinstance(choices, list):
        told.append(" | ".join(_text(each) for each in choices[:20]))
    return ", ".join(told)[:_LONGEST]


def _text(value: object) -> str:
    return (value if isinstance(value, str) else json.dumps(value))[:_LONGEST]
