"""Pages of lists: how many, after what, and the link to the next."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlencode

from entrepot.errors import InvalidPage
from entrepot.http.messages import Request

Entry = TypeVar("Entry")

MAX_PAGE: Final = 10_000
"""Entries of one page; a list without `n` is cut here too, with a link to the rest."""


def page_size(request: Request) -> int:
    """The `n` of a list request; raises `InvalidPage` for anything but a small whole number."""
    text = request.query("n")
    if text is None:
        return MAX_PAGE
    # int() would also take "1_0", " 1" and digits of other scripts; and long ones take long.
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidPage(detail={"n": text[:40]})
    return min(int(text), MAX_PAGE)


def split_page(found: Sequence[Entry], size: int) -> tuple[list[Entry], bool]:
    """The page's entries, and whether there are more: ask a list for `size + 1`."""
    return list(found[:size]), len(found) > size and size > 0


def next_link(path: str, parameters: Iterable[tuple[str, object]]) -> tuple[str, str]:
    """The `Link` header to the next page (RFC 8288): a path without host, as clients need it."""
    return ("link", f'<{path}?{urlencode([*parameters])}>; rel="next"')


@dataclass(frozen=True, slots=True)
class Pager:
    """Where a list stands: `page` from 1."""

    page: int
    size: int
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        """The number of the first entry shown, from 1; 0 where there is none."""
        return (self.page - 1) * self.size + 1 if self.total else 0

    @property
    def last(self) -> int:
        """The number of the last entry shown."""
        return min(self.page * self.size, self.total)
