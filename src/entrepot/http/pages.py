"""Pages of lists: how many, after what, and the link to the next."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from entrepot.errors import InvalidPage
from entrepot.http.messages import Request

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


def cut(entries: Sequence[str], size: int) -> tuple[Sequence[str], bool]:
    """The page's entries, and whether there are more: ask the list for `size + 1`."""
    return entries[:size], len(entries) > size and size > 0


def next_link(path: str, **parameters: str | int | list[str]) -> tuple[str, str]:
    """The `Link` header to the next page (RFC 8288): a path without host, as clients need it."""
    return ("link", f'<{path}?{urlencode(parameters, doseq=True)}>; rel="next"')
