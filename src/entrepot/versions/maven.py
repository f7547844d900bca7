"""Versions of Maven's artifacts, in the order that its POM reference specifies."""

import re
from typing import Final

from entrepot.versions.keys import Unordered, check_length, number

_ALLOWED: Final = re.compile(r"[!-~]+", re.ASCII)
_TOKENS: Final = re.compile(r"([.\-_]?)([0-9]+|[^0-9.\-_]+|)", re.ASCII)
_BEFORE: Final = {
    "alpha": b"\x01",
    "beta": b"\x02",
    "milestone": b"\x03",
    "rc": b"\x04",
    "cr": b"\x04",
    "snapshot": b"\x05",
}
_SHORT: Final = {"a": "alpha", "b": "beta", "m": "milestone"}
_RELEASE: Final = frozenset({"", "0", "final", "ga", "release"})
# A shorter version is padded with what means a release: less is a qualifier of a pre-release,
# greater is `sp`, any other qualifier, a number behind a hyphen, and a number behind a dot.
_END, _SP, _OTHER, _HYPHEN, _DOT = b"\x06", b"\x07", b"\x08", b"\x09", b"\x0a"


def key(text: str) -> bytes:
    """Return bytes in the order of Maven; raise `Unordered`."""
    check_length(text)
    text = text.strip().lower()
    if not _ALLOWED.fullmatch(text):
        raise Unordered(f"not a version of Maven: {text[:80]!r}")
    return b"".join(_token(*token) for token in _trimmed(_tokens(text))) + _END


def _tokens(text: str) -> list[tuple[str, str]]:
    """Separators with what follows; digits that meet letters have a hyphen between them."""
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        found = _TOKENS.match(text, at)
        if found is None or found.end() == at:
            break
        separator, value = found[1], found[2]
        at = found.end()
        if not separator and tokens:
            separator = "-"
        if value in _SHORT and text[at : at + 1].isdigit():
            value = _SHORT[value]
        value = value.lstrip("0") or "0" if value.isdigit() else value or "0"
        tokens.append(("-" if separator == "_" else separator, value))
    return tokens


def _trimmed(tokens: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without what means a release at the end and before each hyphen."""
    kept: list[tuple[str, str]] = []
    for separator, value in tokens:
        if separator == "-":
            _trim(kept)
        kept.append((separator, value))
    _trim(kept)
    return kept


def _trim(tokens: list[tuple[str, str]]) -> None:
    while tokens and tokens[-1][1] in _RELEASE:
        tokens.pop()


def _token(separator: str, value: str) -> bytes:
    if value.isdigit():
        return (_HYPHEN if separator == "-" else _DOT) + number(value)
    if value in _BEFORE:
        return _BEFORE[value]
    if value in _RELEASE:
        return _END + b"\x80"  # More follows, so it is not the end.
    if value == "sp":
        return _SP
    return _OTHER + value.encode("ascii") + b"\x00"
