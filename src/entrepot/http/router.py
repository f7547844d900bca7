"""Which route a path is, and who may use it.

A pattern holds `{name}` for one component, `{repository}` for a whole repository name and
`{artifact}` for `name:tag` or `name@digest`. Names hold neither `:` nor `@`, and no component of
one is `-`; so `/r/{repository}/-/tags` and `/r/{artifact}/files` can mean one thing only.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from entrepot.http.authorize import AccessRule

_PARTS: Final = {
    "repository": r"(?P<repository>(?:(?!/-/)[^:@])+?)",
    "artifact": r"(?P<repository>[^:@]+?)(?::(?P<tag>[^/]+)|@(?P<digest>[^/]+))",
    "rest": r"(?P<rest>.+)",
    "document": r"(?P<document>.+)",
    "pattern": r"(?P<pattern>.+)",
    "key": r"(?P<key>.+)",
}

Handler = TypeVar("Handler")


# Without slots: a frozen one with slots cannot be made by its subscripted name.
@dataclass(frozen=True)
class Route(Generic[Handler]):
    """One thing that can be asked for."""

    method: str
    pattern: str
    rule: AccessRule
    handler: Handler
    most: int = 0
    """Bytes of a body that it takes, where that is more than others take."""

    @property
    def is_unsafe(self) -> bool:
        """Whether it changes something (RFC 9110 section 9.2.1)."""
        return self.method not in ("GET", "HEAD")


@dataclass(frozen=True)
class Match(Generic[Handler]):
    """A route with what its pattern's places hold."""

    route: Route[Handler]
    values: dict[str, str] = field(default_factory=dict)


class Router(Generic[Handler]):
    """Finds routes by method and path; the first pattern that fits has it."""

    def __init__(self, routes: Sequence[Route[Handler]]) -> None:
        self.routes = tuple(routes)
        self._by_head: dict[str, list[tuple[re.Pattern[str], Route[Handler]]]] = {}
        for route in routes:
            compiled = re.compile(_expression(route.pattern))
            self._by_head.setdefault(_head(route.pattern), []).append((compiled, route))

    def find(self, method: str, path: str) -> Match[Handler] | tuple[str, ...]:
        """The match; else the methods that the path has, none where there is nothing."""
        wanted = "GET" if method == "HEAD" else method
        allowed: dict[str, None] = {}
        for expression, route in self._by_head.get(_head(path), ()):
            found = expression.fullmatch(path)
            if found is None:
                continue
            if route.method == wanted:
                values = {name: text for name, text in found.groupdict().items() if text}
                return Match(route, values)
            allowed[route.method] = None
        return tuple(allowed)


def _head(path: str) -> str:
    """The first component that tells routes apart: `r` of `/r/…`, `api/v1/x` likewise `api`."""
    return path[1:].partition("/")[0]


def _expression(pattern: str) -> str:
    pieces = re.split(r"\{(\w+)\}", pattern)
    return "".join(
        _PARTS.get(piece, rf"(?P<{piece}>[^/]+)") if number % 2 else re.escape(piece)
        for number, piece in enumerate(pieces)
    )
