"""Regular expressions of tags, matched in time that their length and the tag's bound.

Python's own can take for ever on some expressions; these are a part of Go's (RE2), without anything
that needs to go back: characters, classes, groups, `|`, `*`, `+`, `?`, `{n,m}`, `^` and `$`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from entrepot.errors import Invalid

_LONGEST: Final = 1000
_DEEPEST: Final = 20
_MOST_REPEATS: Final = 255
_REMEMBERED: Final = 256
_DIGITS: Final = frozenset("0123456789")
_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_CLASSES: Final = {
    "d": _DIGITS,
    "w": _DIGITS | _LETTERS | {"_"},
    "s": frozenset(" \t\n\r\f"),
}
_EVERY: Final = frozenset(map(chr, range(32, 127)))
"""The characters that tags could have: a class that is turned round is what is left of these."""

_Places = frozenset[int]
_Step = Callable[[str, int], _Places]
"""The places at which a match that begins there may end."""


@dataclass(frozen=True, slots=True)
class TagExpression:
    """A regular expression that a whole tag must match; raises `Invalid` where it is none."""

    text: str
    _step: _Step = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.text) > _LONGEST:
            raise Invalid(f"a regular expression has at most {_LONGEST} characters")
        object.__setattr__(self, "_step", _Parser(self.text).parse())

    def matches(self, tag: str) -> bool:
        """Say whether the whole tag matches."""
        return len(tag) in self._step(tag, 0)


class _Parser:
    """Reads one expression from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def parse(self) -> _Step:
        """The whole expression; raises `Invalid`."""
        step = self._alternatives()
        if self._at < len(self._text):
            raise self._wrong("a ) without a (")
        return step

    def _alternatives(self) -> _Step:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else _any_of(branches)

    def _sequence(self) -> _Step:
        steps = []
        while self._peek() not in ("", "|", ")"):
            steps.append(self._repeated(self._atom()))
        return _in_turn(steps)

    def _repeated(self, step: _Step) -> _Step:
        mark = self._peek()
        if mark and mark in "*+?":
            self._at += 1
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[mark]
        elif mark == "{" and (found := self._count()) is not None:
            least, most = found
        else:
            return step
        self._take("?")  # lazy or greedy, a whole match is the same
        if (following := self._peek()) and following in "*+":
            raise self._wrong("a repetition of a repetition")
        return _repeat(step, least, most)

    def _count(self) -> tuple[int, int | None] | None:
        """The numbers of `{2}`, `{2,}` or `{2,5}`; `None` where the brace is a character."""
        inside, closing, _ = self._text[self._at + 1 :].partition("}")
        low, comma, high = inside.partition(",")
        if not closing or not low.isdecimal() or (high and not high.isdecimal()):
            return None
        self._at += len(inside) + 2
        least = int(low[:9])
        most = (int(high[:9]) if high else None) if comma else least
        if max(least, most or 0) > _MOST_REPEATS or (most is not None and most < least):
            raise self._wrong(f"a repetition of {{{inside}}}")
        return least, most

    def _atom(self) -> _Step:
        mark = self._next()
        if mark == "(":
            return self._group()
        if mark == "[":
            return _one_of(self._class())
        if mark == ".":
            return _one_of(_EVERY)
        if mark == "^":
            return lambda _, at: frozenset({at} if at == 0 else ())
        if mark == "$":
            return lambda text, at: frozenset({at} if at == len(text) else ())
        if mark == "\\":
            return _one_of(self._escape())
        if mark in "*+?":
            raise self._wrong(f"a {mark} without anything before it")
        return _one_of(frozenset(mark))

    def _group(self) -> _Step:
        if self._take("?") and not self._take(":"):
            raise self._wrong("a group of the form (?")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong("a group in twenty others")
        step = self._alternatives()
        self._depth -= 1
        if not self._take(")"):
            raise self._wrong("a ( without a )")
        return step

    def _class(self) -> frozenset[str]:
        """The characters of `[a-z_]`, behind its bracket."""
        is_turned, found, first = self._take("^"), set[str](), True
        while first or self._peek() != "]":
            first = False
            low = self._class_part()
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                high = self._class_part()
                if len(low) != 1 or len(high) != 1 or min(low) > min(high):
                    raise self._wrong("a range in a class")
                low = frozenset(map(chr, range(ord(min(low)), ord(min(high)) + 1)))
            found |= low
        self._at += 1
        return _EVERY - found if is_turned else frozenset(found)

    def _class_part(self) -> frozenset[str]:
        mark = self._next()
        if mark == "[" and self._peek() == ":":
            raise self._wrong("a class of the form [[:")
        return self._escape() if mark == "\\" else frozenset(mark)

    def _escape(self) -> frozenset[str]:
        mark = self._next()
        if mark.lower() in _CLASSES:
            named = _CLASSES[mark.lower()]
            return named if mark.islower() else _EVERY - named
        if mark.isalnum():
            raise self._wrong(f"\\{mark}")
        return frozenset(mark)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        mark = self._peek()
        if not mark:
            raise self._wrong("an end before its end")
        self._at += 1
        return mark

    def _take(self, mark: str) -> bool:
        is_there = self._peek() == mark
        self._at += is_there
        return is_there

    def _wrong(self, found: str) -> Invalid:
        return Invalid(f"invalid regular expression {self._text[:100]}: {found} is not supported")


def _one_of(characters: frozenset[str]) -> _Step:
    def step(text: str, at: int) -> _Places:
        return frozenset({at + 1} if text[at : at + 1] in characters and at < len(text) else ())

    return step


def _in_turn(steps: Iterable[_Step]) -> _Step:
    in_order = tuple(steps)

    def step(text: str, at: int) -> _Places:
        places = frozenset({at})
        for each in in_order:
            places = _from_all(each, text, places)
        return places

    return step


def _any_of(branches: Iterable[_Step]) -> _Step:
    listed = tuple(branches)
    return lambda text, at: frozenset().union(*(each(text, at) for each in listed))


def _repeat(step: _Step, least: int, most: int | None) -> _Step:
    # Nested repetitions ask for the same places again and again.
    @lru_cache(_REMEMBERED)
    def repeated(text: str, at: int) -> _Places:
        places = frozenset({at})
        for _ in range(least):
            places = _from_all(step, text, places)
        found, rounds = places, least
        while places and (most is None or rounds < most):
            # From new places only: nothing is looked at twice, however it repeats.
            places = _from_all(step, text, places) - found
            found, rounds = found | places, rounds + 1
        return found

    return repeated


def _from_all(step: _Step, text: str, places: _Places) -> _Places:
    return frozenset().union(*(step(text, at) for at in places))
