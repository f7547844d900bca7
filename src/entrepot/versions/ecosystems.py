"""Ecosystems as OSV names them, and the order of versions in each."""

import re
from collections.abc import Callable
from typing import Final

from entrepot.versions import apk, composer, deb, gem, maven, nuget, pep440, rpm, semver
from entrepot.versions.keys import Unordered

LEAST: Final = b""
"""Less than the key of any version."""
MOST: Final = b"\xff"
"""Greater than the key of any version that is in order."""
EVERYTHING: Final = b"\xff\xff\xff"
"""Greater than any key: also of a version that has no place in the order."""
_UNORDERED: Final = b"\xff\xff"
_SHORT: Final = re.compile(r"v?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_GO: Final = re.compile(r"(?:go)?([0-9]+(?:\.[0-9]+){0,2})(?:(rc|beta)([0-9]+))?", re.ASCII)

Key = Callable[[str], bytes]


def _lenient(text: str) -> bytes:
    """SemVer, also of `1.2` and `v3`."""
    text = text.strip()
    if _SHORT.fullmatch(text):
        text += ".0" * (2 - text.count("."))
    return semver.key(text)


def go(text: str) -> bytes:
    """SemVer, also of a toolchain's `go1.22rc1`."""
    found = _GO.fullmatch(text.strip())
    if found is None:
        return semver.key(text.strip())
    pre = f"-{found[2]}.{found[3]}" if found[2] else ""
    return semver.key(found[1] + ".0" * (2 - found[1].count(".")) + pre)


_KEYS: Final[dict[str, Key]] = {
    "Go": go,
    "npm": _lenient,
    "crates.io": _lenient,
    "Hex": _lenient,
    "Pub": _lenient,
    "SwiftURL": _lenient,
    "GitHub Actions": _lenient,
    "Bitnami": _lenient,
    "PyPI": pep440.key,
    "Maven": maven.key,
    "RubyGems": gem.key,
    "NuGet": nuget.key,
    "Packagist": composer.key,
    "Debian": deb.key,
    "Ubuntu": deb.key,
    "Alpine": apk.key,
    "Wolfi": apk.key,
    "Chainguard": apk.key,
    "MinimOS": apk.key,
    "Red Hat": rpm.key,
    "Rocky Linux": rpm.key,
    "AlmaLinux": rpm.key,
    "openSUSE": rpm.key,
    "SUSE": rpm.key,
    "openEuler": rpm.key,
    "Mageia": rpm.key,
    "Azure Linux": rpm.key,
    "Photon OS": rpm.key,
}
ECOSYSTEMS: Final = frozenset(_KEYS)
"""The names, without a release, of the ecosystems whose versions have an order here."""


def key(ecosystem: str, version: str) -> bytes:
    """Return bytes in the order of the ecosystem (`Debian:12`, `Go`).

    A version without a place in the order is greater than `MOST`, and equal to itself only.
    """
    order = _KEYS.get(ecosystem.partition(":")[0])
    if order is not None:
        try:
            return order(version)
        except Unordered:
            pass
    return _UNORDERED + version.strip().encode("utf-8", "replace")[:256]


def is_ordered(key: bytes) -> bool:
    """Say whether the key is that of a version with a place in its ecosystem's order."""
    return key < MOST
