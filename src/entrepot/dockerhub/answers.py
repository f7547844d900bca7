"""Answers of Docker Hub's API: documents, and pages in their envelope."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from msgspec import json

from entrepot.context import RequestContext
from entrepot.dockerhub import shapes
from entrepot.errors import NotFound
from entrepot.http.messages import Response, content

_JSON: Final = "application/json"
_USUAL, _MOST = 10, 100
_LAST_PAGE: Final = 100_000


@dataclass(frozen=True, slots=True)
class Page:
    """The page that is asked for, from 1."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many entries come before it."""
        return (self.number - 1) * self.size


def page_of(request: RequestContext) -> Page:
    """Sizes are cut to what a page can have; what is no number counts as none."""
    number, size = request.http.query("page") or "1", request.http.query("page_size") or ""
    is_number = number.isascii() and number.isdigit() and 0 < int(number[:9]) <= _LAST_PAGE
    if not is_number:
        raise NotFound("there is no such page")
    wanted = int(size[:9]) if size.isascii() and size.isdigit() else _USUAL
    return Page(int(number), min(max(wanted, 1), _MOST))


def paged(
    request: RequestContext, page: Page, results: Sequence[shapes.Document], total: int
) -> Response:
    """A page in Docker Hub's envelope; a page past the end is not there."""
    if page.number > 1 and not results:
        raise NotFound("there is no such page")
    http = request.http
    kept = [
        (name, value)
        for name in http.query_names()
        for value in http.query_all(name)
        if name not in ("page", "page_size")
    ]

    def address(number: int) -> str:
        query = urlencode([*kept, ("page", number), ("page_size", page.size)])
        return f"{request.origin}{quote(http.path)}?{query}"

    return written(
        {
            "count": total,
            "next": address(page.number + 1) if page.offset + page.size < total else None,
            "previous": address(page.number - 1) if page.number > 1 else None,
            "results": list(results),
        }
    )


def written(document: object, status: int = 200) -> Response:
    """Return a JSON answer."""
    return content(status, _JSON, json.encode(document))
