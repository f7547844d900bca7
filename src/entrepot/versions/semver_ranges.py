"""Ranges of versions, such as `>=1.2 <2`, `^1.4 || ~2.1` and `1.x`, as regsync reads them.

Any number of parts is a version, and a missing one is 0: `17` is `17.0.0`. A pre-release is before
its release, and is in a range like any other version (npm leaves it out).
"""

import re
from dataclasses import dataclass
from typing import Final

from entrepot.errors import Invalid

_VERSION: Final = re.compile(
    r"v?([0-9]{1,18}(?:\.[0-9]{1,18}){0,9})(?:-([^+]*))?(?:\+.*)?", re.ASCII
)
_PART: Final = re.compile(r"(\^|~|>=|<=|>|<|=)?\s*([^\s,|<>=^~]+)")
_RUNS: Final = re.compile(r"([^0-9]*)([0-9]*)")
_LONGEST: Final = 500
_WILD: Final = frozenset("xX*")

Numbers = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Version:
    """The numbers, without zeros at their end, and the pre-release."""

    numbers: Numbers
    pre_release: str = ""

    @property
    def order(self) -> tuple[Numbers, bool, tuple[tuple[tuple[str, int], ...], ...]]:
        """Sorts as versions do: a release is behind its pre-releases."""
        identifiers = tuple(
            tuple(
                (word, int(digits or -1)) for word, digits in _RUNS.findall(each) if word or digits
            )
            for each in self.pre_release.split(".")
        )
        return self.numbers, not self.pre_release, identifiers if self.pre_release else ()


@dataclass(frozen=True, slots=True)
class _Bound:
    """One side of a range."""

    operator: str
    version: _Version

    def holds(self, version: _Version) -> bool:
        """Say whether the version is on the right side."""
        one, other = version.order, self.version.order
        return {
            "=": one == other,
            ">": one > other,
            ">=": one >= other,
            "<": one < other,
            "<=": one <= other,
        }[self.operator]


@dataclass(frozen=True, slots=True)
class SemverRange:
    """Some versions of all."""

    text: str
    alternatives: tuple[tuple[_Bound, ...], ...]

    @classmethod
    def parse(cls, text: str) -> "SemverRange":
        """The range; raises `Invalid`."""
        if len(text) > _LONGEST:
            raise Invalid(f"a range of versions has at most {_LONGEST} characters")
        return cls(text, tuple(_alternative(each, text) for each in text.split("||")))

    def holds(self, tag: str) -> bool:
        """Say whether the tag is a version within the range."""
        version = _find_version(tag)
        if version is None:
            return False
        return any(all(each.holds(version) for each in bounds) for bounds in self.alternatives)


def _alternative(part: str, whole: str) -> tuple[_Bound, ...]:
    bounds: list[_Bound] = []
    rest = part.replace(",", " ").strip()
    while rest:
        found = _PART.match(rest)
        if found is None:
            raise Invalid(f"invalid range of versions: {whole[:100]}")
        bounds += _bounds(found[1] or "=", found[2], whole)
        rest = rest[found.end() :].strip()
    if not bounds and part.strip() not in _WILD:
        raise Invalid(f"invalid range of versions: {whole[:100]}")
    return tuple(bounds)


def _bounds(operator: str, text: str, whole: str) -> list[_Bound]:
    parts = text.split(".")
    fixed = parts[: next((at for at, each in enumerate(parts) if each in _WILD), len(parts))]
    if not fixed:
        return [_Bound(">=", _Version(()))]
    version = _find_version(".".join(fixed))
    if version is None:
        raise Invalid(f"invalid range of versions: {whole[:100]}")
    if operator == "=" and len(fixed) < len(parts):
        return [_Bound(">=", version), _Bound("<", _next(version, len(fixed) - 1))]
    if operator not in ("^", "~"):
        return [_Bound(operator, version)]
    place = 1
    if operator == "^":
        padded = (*version.numbers, 0, 0, 0)[:3]
        place = next((at for at, each in enumerate(padded) if each), 2)
    return [_Bound(">=", version), _Bound("<", _next(version, place))]


def _next(version: _Version, place: int) -> _Version:
    """The version whose number at the place is one more, and that has none behind it."""
    padded = (*version.numbers, *(0,) * (place + 1))
    return _Version((*padded[:place], padded[place] + 1))


def _find_version(text: str) -> _Version | None:
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    numbers = [int(each) for each in found[1].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return _Version(tuple(numbers), found[2] or "")
