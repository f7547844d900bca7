"""Versions of Ruby's gems, in the order of `Gem::Version`."""

import re
from typing import Final

from entrepot.versions.keys import Unordered, check_length, number

_VERSION: Final = re.compile(
    r"[0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?", re.ASCII
)
_SEGMENTS: Final = re.compile(r"[0-9]+|[A-Za-z]+", re.ASCII)
# A shorter version is padded with zeros, which are less than other numbers and greater than words.
# Zeros before a word make less than the end, and zeros before a number more: with their count.
_WORD, _ZEROS_AND_WORD, _END, _ZEROS_AND_NUMBER, _NUMBER = (
    b"\x01",
    b"\x02",
    b"\x03",
    b"\x04",
    b"\x05",
)


def key(text: str) -> bytes:
    """Return bytes in the order of RubyGems; raise `Unordered`."""
    check_length(text)
    text = text.strip()
    if not _VERSION.fullmatch(text):
        raise Unordered(f"not a version of a gem: {text[:80]!r}")
    return _key(_canonical(_SEGMENTS.findall(text.replace("-", ".pre."))))


def _canonical(segments: list[str]) -> list[str]:
    """Without zeros at the end, and without those before the first word."""
    first = next((place for place, part in enumerate(segments) if part.isalpha()), len(segments))
    kept: list[str] = []
    for part in (segments[:first], segments[first:]):
        while part and not part[-1].strip("0"):
            part.pop()
        kept += part
    return kept


def _key(segments: list[str]) -> bytes:
    parts, zeros = [], 0
    for segment in segments:
        if not segment.strip("0"):
            zeros += 1
            continue
        if zeros:
            is_word = segment.isalpha()
            count = bytes([zeros if is_word else 0xFF - zeros])
            parts.append((_ZEROS_AND_WORD if is_word else _ZEROS_AND_NUMBER) + count)
            zeros = 0
        if segment.isalpha():
            parts.append(_WORD + segment.encode("ascii") + b"\x00")
        else:
            parts.append(_NUMBER + number(segment))
    return b"".join(parts) + _END
