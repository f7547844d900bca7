"""Routes: the methods and paths that there are, each with its access rule.

A pattern holds `{place}` for one component, `{repository}` for a whole repository name and
`{artifact}` for `name:tag` or `name@digest`. Names hold neither `:` nor `@`, and no component of
one is `-`; so `/r/{repository}/-/tags` and `/r/{artifact}/files` can mean one thing only.

Below `/v2/` a name may itself hold components called `blobs`, `manifests` or `tags`. There `{name}`
takes as much as it can: `/v2/a/tags/list/manifests/x` is the manifest `x` of `a/tags/list`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from entrepot.errors import MethodUnsupported, NotFound
from entrepot.http.authorize import AccessRule

_PLACE: Final = r"\{(\w+)\}"
_PARTS: Final = {
    "repository": r"(?P<repository>(?:(?!/-/)[^:@])+?)",
    "artifact": r"(?P<repository>[^:@]+?)(?::(?P<tag>[^/]+)|@(?P<digest>[^/]+))",
    "target": r"(?P<target>(?:(?!/-/)[^:@])+?)",
    "name": r"(?P<name>(?s:.+))",
    "rest": r"(?P<rest>.+)",
    "range": r"(?P<range>.+)",
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


class _Pattern(NamedTuple, Generic[Handler]):
    """A pattern's routes by method; `literal` is in every path that fits, and found much faster."""

    literal: str
    expression: re.Pattern[str]
    methods: dict[str, Route[Handler]]


class Router(Generic[Handler]):
    """Finds routes by method and path; the first pattern that fits has the path."""

    def __init__(self, routes: Sequence[Route[Handler]]) -> None:
        patterns: dict[str, dict[str, Route[Handler]]] = {}
        for route in routes:
            patterns.setdefault(route.pattern, {})[route.method] = route
        self._by_head: dict[str, list[_Pattern[Handler]]] = {}
        for pattern, methods in patterns.items():
            if "GET" in methods:
                methods.setdefault("HEAD", methods["GET"])
            literal = max(re.split(_PLACE, pattern)[::2], key=len)
            found = _Pattern(literal, re.compile(_expression(pattern)), methods)
            self._by_head.setdefault(_head(pattern), []).append(found)

    def find(self, method: str, path: str) -> tuple[Route[Handler], dict[str, str]]:
        """The route, with what its pattern's places hold in the path.

        Raises `MethodUnsupported` with the methods that the path has, and `NotFound`.
        """
        allowed: dict[str, None] = {}
        for pattern in self._by_head.get(_head(path), ()):
            if pattern.literal not in path or (found := pattern.expression.fullmatch(path)) is None:
                continue
            route = pattern.methods.get(method)
            if route is not None:
                return route, {key: text for key, text in found.groupdict().items() if text}
            allowed |= dict.fromkeys(pattern.methods)
        raise MethodUnsupported(tuple(allowed)) if allowed else NotFound


def _head(path: str) -> str:
    """The first component that tells routes apart: `r` of `/r/…`, `api/v1/x` likewise `api`."""
    return path[1:].partition("/")[0]


def _expression(pattern: str) -> str:
    pieces = re.split(_PLACE, pattern)
    return "".join(
        _PARTS.get(piece, rf"(?P<{piece}>[^/]+)") if number % 2 else re.escape(piece)
        for number, piece in enumerate(pieces)
    )
