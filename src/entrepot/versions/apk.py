"""Versions of Alpine's packages, in the order of apk-tools 3."""

import re
from typing import Final

from entrepot.versions.keys import Unordered, check_length, number

_VERSION: Final = re.compile(
    r"([0-9]+)((?:\.[0-9]+)*)([a-z]?)"
    r"((?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*)"
    r"(?:~([0-9a-f]+))?(?:-r([0-9]+))?",
    re.ASCII,
)
_SUFFIX: Final = re.compile(r"_([a-z]+)([0-9]*)")
_BEFORE: Final = ("alpha", "beta", "pre", "rc")
_AFTER: Final = ("cvs", "svn", "git", "hg", "p")
# Where two versions differ in what follows, this is the order: suffixes of pre-releases, the end, a
# revision, a commit, a suffix's number, other suffixes, a letter, one more number.
_SUFFIXES: Final = {name: bytes([1 + place]) for place, name in enumerate(_BEFORE)} | {
    name: bytes([9 + place]) for place, name in enumerate(_AFTER)
}
_END, _REVISION, _COMMIT, _NUMBER, _LETTER = b"\x05", b"\x06", b"\x07", b"\x08", b"\x0e"
_TEXT_PART, _NUMBER_PART = b"\x0f", b"\x10"


def key(text: str) -> bytes:
    """Return bytes in the order of `apk version`; raise `Unordered`."""
    check_length(text)
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        raise Unordered(f"not a version of an Alpine package: {text[:80]!r}")
    parts = [number(found[1])]
    parts += [_component(component) for component in found[2].split(".")[1:]]
    if found[3]:
        parts.append(_LETTER + found[3].encode("ascii"))
    for name, digits in _SUFFIX.findall(found[4]):
        parts.append(_SUFFIXES[name] + (_NUMBER + number(digits) if digits else b""))
    if found[5]:
        parts.append(_COMMIT + found[5].encode("ascii") + b"\x00")
    if found[6]:
        parts.append(_REVISION + number(found[6]))
    return b"".join(parts) + _END


def _component(text: str) -> bytes:
    """With a leading zero it is compared as a text, and is less than any without."""
    if text.startswith("0"):
        return _TEXT_PART + text.encode("ascii") + b"\x00"
    return _NUMBER_PART + number(text)
