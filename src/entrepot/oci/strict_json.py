"""JSON read strictly: one meaning for every reader, whatever its language.

Parsers disagree about duplicate keys, `NaN` and the case of keys; a document that two readers
understand differently is how one of them gets fooled (CVE-2021-41190), so it is refused.
"""

import json
import re
from collections.abc import Sequence
from math import isfinite
from typing import Final

from entrepot.errors import InvalidManifest

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 250_000
"""Objects, lists and values of one document, far more than 4 MiB of any manifest have."""
_MAX_INTEGER: Final = 2**63 - 1
_LONG_NUMBER: Final = re.compile(rb"[:,\[\s][-0-9.]+[eE]|[0-9]{19}")
"""Whatever could be a number past 63 bits; where it is a part of a text, the walk finds none."""


def parse_object(content: bytes, max_values: int | None = None) -> dict[str, object]:
    """Read a JSON object in UTF-8; raise `InvalidManifest` for anything else.

    Where its objects hold more than `max_values` keys and values, it is not read to its end.
    """
    hook = _unique if max_values is None else _Bounded(max_values)
    try:
        value = json.loads(
            content.decode("utf-8"), object_pairs_hook=hook, parse_constant=_refuse_constant
        )
    except (UnicodeDecodeError, RecursionError) as error:
        raise InvalidManifest("the document is not UTF-8 JSON of a sane depth") from error
    except ValueError as error:
        raise InvalidManifest("the document is not valid JSON") from error
    if not isinstance(value, dict):
        raise InvalidManifest("the document is not a JSON object")
    return value


def refuse_hostile(content: bytes, document: dict[str, object]) -> None:
    """Raise `InvalidManifest` for values that a later reader of the document could not handle.

    Halves of surrogate pairs cannot be written as UTF-8, PostgreSQL holds no NUL, databases and
    most languages have 64 bits for an integer, and recursive readers have a stack.
    """
    escapes = b"\\u" in content
    deepest = content.count(b"{") + content.count(b"[")
    if not escapes and deepest <= MAX_DEPTH and not _LONG_NUMBER.search(content):
        return
    level: list[object] = [document]
    seen = 0
    for _ in range(MAX_DEPTH):
        values = [child for value in level for child in _children(value)]
        seen += len(values)
        if seen > MAX_VALUES:
            raise InvalidManifest(f"the document holds more than {MAX_VALUES} values")
        for value in values:
            _check_value(value)
        level = [value for value in values if isinstance(value, dict | list)]
        if not level:
            return
    raise InvalidManifest(f"the document is nested more than {MAX_DEPTH} levels deep")


def _check_value(value: object) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, int | float):
        _check_number(value)


def _children(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else ()


def _check_text(text: str) -> None:
    if "\0" in text:
        raise InvalidManifest("the document holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidManifest("the document holds half of a surrogate pair") from error


def _check_number(value: float) -> None:
    if not -_MAX_INTEGER - 1 <= value <= _MAX_INTEGER and not _is_finite_float(value):
        raise InvalidManifest(f"the document holds a number past {_MAX_INTEGER}")


def _is_finite_float(value: float) -> bool:
    return isinstance(value, float) and isfinite(value)


def refuse_look_alikes(keys: Sequence[str], known: frozenset[str]) -> None:
    """Raise `InvalidManifest` where a key differs from a known one only by case.

    Go's decoder would take it for the known one; everybody else would not.
    """
    for key in keys:
        if key not in known and key.casefold() in _folded(known):
            raise InvalidManifest("a key differs from a known one only by case", {"key": key})


_FOLDED: dict[frozenset[str], frozenset[str]] = {}


def _folded(known: frozenset[str]) -> frozenset[str]:
    if known not in _FOLDED:
        _FOLDED[known] = frozenset(key.casefold() for key in known)
    return _FOLDED[known]


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise InvalidManifest("the document repeats a key")
    return result


class _Bounded:
    """Reads objects until they have held too many values."""

    def __init__(self, max_values: int) -> None:
        self._left = self._max_values = max_values

    def __call__(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        self._left -= 2 * len(pairs)
        if self._left < 0:
            raise InvalidManifest(f"the document holds more than {self._max_values} values")
        return _unique(pairs)


def _refuse_constant(name: str) -> object:
    raise InvalidManifest("the document holds a number that JSON does not have", {"value": name})
