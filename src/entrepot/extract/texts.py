"""YAML, JSON and plain text of strangers, parsed within bounds."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

import yaml

from entrepot.extract import limits
from entrepot.extract.findings import FoundDocument
from entrepot.extract.limits import InputTooLarge, Unreadable, cut

_YAML: Final = 1024 * 1024
_ALIASES: Final = 50
_NODES: Final = 200_000


def parse_json(content: bytes) -> object:
    """A JSON value of at most `limits.JSON` bytes, nested no deeper than Python's parser goes."""
    if len(content) > limits.JSON:
        raise InputTooLarge("the document is larger than what is read")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unreadable("it is no JSON") from error


def parse_yaml(content: bytes, most: int = _YAML) -> object:
    """The first YAML document, with few aliases; tags of Python's or anybody's are refused."""
    if len(content) > most:
        raise InputTooLarge("the YAML is larger than what is read")
    try:
        _check_events(content)
        loader = yaml.CSafeLoader(content)
        try:
            return loader.get_data() if loader.check_data() else None  # type: ignore[no-untyped-call]
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, OverflowError) as error:
        raise Unreadable("it is no YAML that can be read safely") from error


def _check_events(content: bytes) -> None:
    depth = aliases = 0
    for nodes, event in enumerate(yaml.parse(content, Loader=yaml.CSafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            aliases += 1
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentEndEvent):
            return
        if aliases > _ALIASES or depth > limits.DEPTH or nodes > _NODES:
            raise Unreadable("the YAML refers to itself too often, or is nested too deep")


def as_mapping(value: object) -> Mapping[str, Any]:
    """A mapping, empty where the value is none."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """A list, empty where the value is none."""
    return value if isinstance(value, list) else []


def as_items(value: object) -> list[Any]:
    """A list; of one value where the document has that value without a list around it."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, str | dict) and value else []


def as_text(value: object, most: int = limits.WORDS) -> str:
    """A text, a number or a truth as text; empty for anything else."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return cut(str(value), most) if isinstance(value, str | int | float) else ""


def document(name: str, media_type: str, content: bytes, most: int = limits.TEXT) -> FoundDocument:
    """The text as a document, cut where it is too long."""
    text = content[:most].decode(errors="replace").replace("\0", "\ufffd")
    return FoundDocument(name, media_type, text, len(content) > most)


def is_text(content: bytes) -> bool:
    """Say whether bytes look like text: UTF-8 as far as they go, and no NUL."""
    if b"\0" in content[:8192]:
        return False
    try:
        content[:8192].decode()
    except UnicodeDecodeError as error:
        return error.start > len(content[:8192]) - 4
    return True


def decode(text: object) -> bytes:
    """base64, also the kind for addresses; `Unreadable` where it is neither."""
    said = as_text(text, 2**24).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(said + "=" * (-len(said) % 4))
    except (binascii.Error, ValueError) as error:
        raise Unreadable("it is not base64") from error


def decode_or_nothing(text: object) -> bytes:
    """The bytes of base64; none where it is not base64."""
    try:
        return decode(text)
    except Unreadable:
        return b""


def json_or_nothing(content: str | bytes) -> Mapping[str, Any]:
    """A JSON object; empty where it is none."""
    raw = content.encode(errors="replace") if isinstance(content, str) else content
    try:
        return as_mapping(parse_json(raw)) if raw else {}
    except (Unreadable, InputTooLarge):
        return {}
