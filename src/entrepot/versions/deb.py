"""Versions of Debian's packages, in the order of `dpkg --compare-versions`."""

import re
from typing import Final

from entrepot.versions.keys import Unordered, check_length, number

_VERSION: Final = re.compile(r"(?:([0-9]+):)?([A-Za-z0-9.+~:-]+?)(?:-([A-Za-z0-9.+~]+))?", re.ASCII)
_RUNS: Final = re.compile(r"([^0-9]*)([0-9]*)")
_MAX_EPOCH: Final = 2**31 - 1
# A tilde is less than the end of a part, which is less than a letter; other characters are greater.
_TILDE, _END = b"\x01", b"\x02"


def key(text: str) -> bytes:
    """Return bytes in the order of deb-version(7); raise `Unordered`."""
    check_length(text)
    found = _VERSION.fullmatch(text.strip(" \t"))
    if found is None or (found[1] is None and ":" in text) or (found[3] is None and "-" in text):
        raise Unordered(f"not a version of a Debian package: {text[:80]!r}")
    epoch = int(found[1] or 0)
    if epoch > _MAX_EPOCH:
        raise Unordered(f"the epoch of {text[:80]!r} is too large")
    return epoch.to_bytes(4, "big") + _part(found[2]) + _part(found[3] or "0")


def _part(text: str) -> bytes:
    """Runs of other characters and of digits by turns; no digits are a zero."""
    runs = [pair for pair in _RUNS.findall(text) if pair != ("", "")]
    return b"".join(_run(other) + number(digits) for other, digits in runs) + _END


def _run(text: str) -> bytes:
    return b"".join(map(_character, text)) + _END


def _character(text: str) -> bytes:
    if text == "~":
        return _TILDE
    return bytes([ord(text) if text.isalpha() else ord(text) + 0x80])
