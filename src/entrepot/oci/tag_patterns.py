"""Patterns of tags: `v*`, `release-?`, and `!latest` for what is no part of what comes before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from entrepot.errors import Invalid

MAX_PATTERNS = 100
_PATTERN = re.compile(r"!?[A-Za-z0-9_.*?-]{1,128}")


@dataclass(frozen=True, slots=True)
class TagPatterns:
    """Some tags of all; the last pattern that a tag matches decides.

    `*` stands for any characters, also none; `?` for one. A pattern that begins with `!` takes out.
    """

    patterns: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "TagPatterns":
        """The patterns of a text, separated by spaces, commas or line ends; else `Invalid`."""
        found = tuple(each for each in re.split(r"[\s,]+", text) if each)
        if len(found) > MAX_PATTERNS:
            raise Invalid(f"at most {MAX_PATTERNS} patterns can be given")
        for each in found:
            if not _PATTERN.fullmatch(each):
                raise Invalid(f"{each[:140]} is no pattern of tags")
        return cls(found)

    @property
    def text(self) -> str:
        """The patterns, one a line."""
        return "\n".join(self.patterns)

    def find(self, tag: str) -> str | None:
        """The pattern by which the tag belongs to these, `None` where it does not."""
        return _find(self.patterns, tag)


def _find(patterns: Sequence[str], tag: str) -> str | None:
    for each in reversed(patterns):
        if _matches(each.removeprefix("!"), tag):
            return None if each.startswith("!") else each
    return None


def _matches(pattern: str, tag: str) -> bool:
    """Match without backtracking past the last star: a pattern of many stars costs no more."""
    at = seen = 0
    star, mark = -1, 0
    while seen < len(tag):
        if at < len(pattern) and pattern[at] == "*":
            star, mark = at, seen
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", tag[seen]):
            at, seen = at + 1, seen + 1
        elif star >= 0:
            at, mark = star + 1, mark + 1
            seen = mark
        else:
            return False
    return not pattern[at:].strip("*")


def matches_any(patterns: Sequence[str], text: str) -> bool:
    """Say whether one of the patterns matches all of the text; `!` means nothing here."""
    return any(_matches(pattern, text) for pattern in patterns)
