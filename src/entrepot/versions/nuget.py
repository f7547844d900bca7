"""Versions of NuGet's packages: SemVer with up to four numbers, whatever the case."""

import re
from typing import Final

from entrepot.versions.keys import Unordered, check_length, number

_VERSION: Final = re.compile(
    r"v?([0-9]+(?:\.[0-9]+){0,3})(?:-([0-9a-z-]+(?:\.[0-9a-z-]+)*))?(?:\+[0-9a-z.-]+)?", re.ASCII
)
_END, _DIGITS, _WORD, _RELEASE = b"\x00", b"\x01", b"\x02", b"\x03"


def key(text: str) -> bytes:
    """Return bytes in the order of NuGet; raise `Unordered`."""
    check_length(text)
    found = _VERSION.fullmatch(text.strip().lower())
    if found is None:
        raise Unordered(f"not a version of NuGet: {text[:80]!r}")
    numbers = [*found[1].split("."), "", "", ""][:4]
    core = b"".join(map(number, numbers))
    if found[2] is None:
        return core + _RELEASE
    return core + b"".join(map(_label, found[2].split("."))) + _END


def _label(text: str) -> bytes:
    if text.isdigit():
        return _DIGITS + number(text)
    return _WORD + text.encode("ascii") + b"\x00"
