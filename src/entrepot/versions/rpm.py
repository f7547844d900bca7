"""Versions of RPM packages, in the order of `rpmvercmp` with tildes and carets."""

import re
from typing import Final

from entrepot.versions.keys import Unordered, check_length, number

_EPOCH: Final = re.compile(r"(?:([0-9]+):)?([^:\s]+)", re.ASCII)
_SEGMENTS: Final = re.compile(r"~|\^|[0-9]+|[A-Za-z]+", re.ASCII)
_MAX_EPOCH: Final = 2**31 - 1
# A tilde is less than the end, a caret is greater; both are less than any further segment.
_TILDE, _END, _CARET, _LETTERS, _DIGITS = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"


def key(text: str) -> bytes:
    """Return bytes in the order of `[EPOCH:]VERSION[-RELEASE]`; raise `Unordered`.

    A version without a release is less than the same one with any.
    """
    check_length(text)
    found = _EPOCH.fullmatch(text.strip())
    if found is None:
        raise Unordered(f"not a version of an RPM package: {text[:80]!r}")
    epoch = int(found[1] or 0)
    if epoch > _MAX_EPOCH:
        raise Unordered(f"the epoch of {text[:80]!r} is too large")
    version, dash, release = found[2].rpartition("-")
    parts = (version, release) if dash else (release, "")
    return epoch.to_bytes(4, "big") + b"".join(map(_part, parts))


def _part(text: str) -> bytes:
    return b"".join(_segment(segment) for segment in _SEGMENTS.findall(text)) + _END


def _segment(text: str) -> bytes:
    if text == "~":
        return _TILDE
    if text == "^":
        return _CARET
    if text[0].isdigit():
        return _DIGITS + number(text)
    return _LETTERS + text.encode("ascii") + b"\x00"
