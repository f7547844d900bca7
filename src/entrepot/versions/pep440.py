"""PEP 440, as Python's packages use it."""

import re
from typing import Final

from entrepot.versions.keys import Unordered, check_length, number

_VERSION: Final = re.compile(
    r"""
    \s*v?
    (?:(?P<epoch>[0-9]+)!)?
    (?P<release>[0-9]+(?:\.[0-9]+)*)
    (?:[-_.]?(?P<phase>alpha|a|beta|b|preview|pre|rc|c)[-_.]?(?P<pre>[0-9]*))?
    (?P<post_mark>-(?P<post_only>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post>[0-9]*))?
    (?P<dev_mark>[-_.]?dev[-_.]?(?P<dev>[0-9]*))?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?
    \s*
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_PHASES: Final = {"alpha": b"a", "a": b"a", "beta": b"b", "b": b"b"}
# `1.0.dev1` comes before every `1.0a1`, and `1.0` after every `1.0rc1`.
_LEAST, _MOST = b"\x00", b"\xff"
_WORD, _DIGITS = b"\x01", b"\x02"


def key(text: str) -> bytes:
    """Return bytes in the order of the specification; raise `Unordered`."""
    check_length(text)
    found = _VERSION.fullmatch(text)
    if found is None:
        raise Unordered(f"not a version of PEP 440: {text[:80]!r}")
    release = found["release"].split(".")
    while release and not release[-1].strip("0"):
        release.pop()
    return b"".join(
        (
            number(found["epoch"] or ""),
            *(number(part) for part in release),
            _LEAST * 2,  # As wide as the count of a number: 1.0 is less than 1.0.1.
            _phase(found),
            _post(found),
            _MOST if found["dev_mark"] is None else _LEAST + number(found["dev"]),
            _local(found["local"]),
        )
    )


def is_stable(text: str) -> bool:
    """Whether the text is a version that is neither a pre-release nor one of development."""
    found = _VERSION.fullmatch(text)
    return found is not None and found["phase"] is None and found["dev_mark"] is None


def _phase(found: re.Match[str]) -> bytes:
    if found["phase"] is not None:
        return _PHASES.get(found["phase"].lower(), b"r") + number(found["pre"])
    is_only_development = found["post_mark"] is None and found["dev_mark"] is not None
    return _LEAST if is_only_development else _MOST


def _post(found: re.Match[str]) -> bytes:
    if found["post_mark"] is None:
        return _LEAST
    return _WORD + number(found["post_only"] or found["post"] or "")


def _local(text: str | None) -> bytes:
    """No local version is less than any, words are less than numbers, and the shorter is less."""
    parts = re.split(r"[-_.]", text.lower()) if text else []
    return b"".join(_segment(part) for part in parts) + _LEAST


def _segment(text: str) -> bytes:
    if text.isdigit():
        return _DIGITS + number(text)
    return _WORD + text.encode("ascii") + _LEAST
