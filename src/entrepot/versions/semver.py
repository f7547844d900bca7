"""SemVer 2.0, as npm, Cargo, Go modules and Helm charts use it."""

import re
from typing import Final

from entrepot.versions.keys import Unordered, check_length, number

_NUMBER: Final = r"(?:0|[1-9][0-9]*)"
_VERSION: Final = re.compile(
    rf"v?({_NUMBER})\.({_NUMBER})\.({_NUMBER})"
    rf"(?:-((?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
    rf"(?:\.(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
# What ends a pre-release is less than what continues one (section 11.4.4), and numbers are less
# than words (11.4.3). Only a release has `_RELEASE`.
_END, _DIGITS, _WORD, _RELEASE = b"\x00", b"\x01", b"\x02", b"\x03"


def key(text: str) -> bytes:
    """Return bytes in the order of section 11; raise `Unordered`.

    A `v` in front is read over, as in Go. Builds (`+5`) are no part of the order.
    """
    check_length(text)
    found = _VERSION.fullmatch(text)
    if found is None:
        raise Unordered(f"not a semantic version: {text[:80]!r}")
    core = b"".join(number(part) for part in found.group(1, 2, 3))
    if found[4] is None:
        return core + _RELEASE
    return core + b"".join(_identifier(part) for part in found[4].split(".")) + _END


def is_stable(text: str) -> bool:
    """Whether the text is a version that is no pre-release."""
    found = _VERSION.fullmatch(text)
    return found is not None and found[4] is None


def _identifier(text: str) -> bytes:
    if text.isdigit():
        return _DIGITS + number(text)
    return _WORD + text.encode("ascii") + _END
