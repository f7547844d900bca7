"""JSON read strictly: one meaning for every reader, whatever its language.

Parsers disagree about duplicate keys, `NaN` and the case of keys; a document that two readers
understand differently is how one of them gets fooled (CVE-2021-41190), so it is refused.
"""

import json
from collections.abc import Sequence
from math import isfinite
from typing import Final

from entrepot.errors import InvalidManifest

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 250_000
"""Objects, lists and values of one document, far more than 4 MiB of any manifest have."""
_MAX_INTEGER: Final = 2**63 - 1
_LONGEST_INTEGER: Final = 20


def parse_object(content: bytes, max_values: int | None = None) -> dict[str, object]:
    """Read a JSON object in UTF-8; raise `InvalidManifest` for anything else.

    With `max_values`, it is not read to its end where its objects hold more keys and values, or it
    holds more numbers; and numbers that 64 bits cannot hold are refused.
    """
    decoder = _DECODER if max_values is None else _Bounded(max_values).decoder()
    try:
        value = decoder.decode(content.decode("utf-8"))
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
    # Numbers were looked at as they were parsed.
    if b"\\u" not in content and content.count(b"{") + content.count(b"[") <= MAX_DEPTH:
        return
    level: list[object] = [document]
    seen = 0
    for _ in range(MAX_DEPTH):
        values = [child for value in level for child in _children(value)]
        seen += len(values)
        if seen > MAX_VALUES:
            raise InvalidManifest(f"the document holds more than {MAX_VALUES} values")
        for value in values:
            if isinstance(value, str):
                _check_text(value)
        level = [value for value in values if isinstance(value, dict | list)]
        if not level:
            return
    raise InvalidManifest(f"the document is nested more than {MAX_DEPTH} levels deep")


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
    """Reads objects and numbers until there have been too many of them."""

    def __init__(self, max_values: int) -> None:
        self._max_values = max_values
        self._members = self._numbers = 0

    def decoder(self) -> json.JSONDecoder:
        """A decoder that raises `InvalidManifest` once there were."""
        return json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._int,
            parse_float=self._float,
            parse_constant=_refuse_constant,
        )

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        self._members += 2 * len(pairs)
        self._check(self._members)
        return _unique(pairs)

    def _int(self, text: str) -> int:
        self._numbers += 1
        self._check(self._numbers)
        # 20 characters with a sign at the most; Python refuses to read thousands of digits.
        value = int(text) if len(text) <= _LONGEST_INTEGER else _MAX_INTEGER + 1
        if not -_MAX_INTEGER - 1 <= value <= _MAX_INTEGER:
            raise InvalidManifest(f"the document holds a number past {_MAX_INTEGER}")
        return value

    def _float(self, text: str) -> float:
        self._numbers += 1
        self._check(self._numbers)
        value = float(text)
        if not isfinite(value):
            raise InvalidManifest(f"the document holds a number past {_MAX_INTEGER}")
        return value

    def _check(self, count: int) -> None:
        if count > self._max_values:
            raise InvalidManifest(f"the document holds more than {self._max_values} values")


def _refuse_constant(name: str) -> object:
    raise InvalidManifest("the document holds a number that JSON does not have", {"value": name})


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
