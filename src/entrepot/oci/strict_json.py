"""JSON read strictly: one meaning for every reader, whatever its language.

Parsers disagree about duplicate keys, `NaN` and the case of keys; a document that two readers
understand differently is how one of them gets fooled (CVE-2021-41190), so it is refused.
"""

import json
from collections.abc import Sequence

from entrepot.errors import InvalidManifest


def parse_object(content: bytes) -> dict[str, object]:
    """Read a JSON object in UTF-8; raise `InvalidManifest` for anything else."""
    try:
        value = json.loads(
            content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except (UnicodeDecodeError, RecursionError) as error:
        raise InvalidManifest("the document is not UTF-8 JSON of a sane depth") from error
    except ValueError as error:
        raise InvalidManifest("the document is not valid JSON") from error
    if not isinstance(value, dict):
        raise InvalidManifest("the document is not a JSON object")
    return value


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


def _refuse_constant(name: str) -> object:
    raise InvalidManifest("the document holds a number that JSON does not have", {"value": name})
