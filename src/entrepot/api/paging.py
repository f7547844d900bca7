"""Pages of lists: how many, after what, and where the next begins."""

from collections.abc import Callable, Sequence
from typing import Annotated, Final, Generic, Protocol, TypeVar

from msgspec import Meta, Struct

from entrepot.api.fields import Asked
from entrepot.http.paging import split_page

Item = TypeVar("Item")
Found = TypeVar("Found")


class HasId(Protocol):
    """An entry of a list that is read by id, from the newest on."""

    @property
    def id(self) -> int:
        """The entry's id."""


Numbered = TypeVar("Numbered", bound=HasId)

NEVER: Final = 2**62


class PageQuery(Asked, frozen=True, kw_only=True):
    """The page to return."""

    limit: Annotated[int, Meta(ge=1, le=100, description="Entries per page.")] = 50
    after: Annotated[
        str, Meta(pattern="^[0-9a-f]{0,15}$", description="The `next` value of the previous page.")
    ] = ""

    @property
    def offset(self) -> int:
        """How many entries come before this page, in lists that are counted."""
        return int(self.after or "0", 16)

    @property
    def before(self) -> int | None:
        """The id that this page begins below, in lists from the newest on; `None` for the first."""
        return int(self.after, 16) if self.after else None


class Page(Struct, Generic[Item], frozen=True, kw_only=True):
    """A page of a list; `next` is the `after` value of the next page, `null` on the last one."""

    items: list[Item]
    next: str | None = None


class CountedPage(Page[Item], Generic[Item], frozen=True, kw_only=True):
    """A page of a counted list.

    `total` is the length of the whole list; `left_out` counts entries of a document that were not
    kept.
    """

    total: int
    left_out: int = 0


class CountedBySeverity(CountedPage[Item], Generic[Item], frozen=True, kw_only=True):
    """A page of findings; `counts` holds the counted findings by severity."""

    counts: dict[str, int]


def next_after(query: PageQuery, found: int) -> str | None:
    """Return the cursor after a page, from the number found of `limit + 1` requested entries."""
    return f"{query.offset + query.limit:x}" if found > query.limit else None


def page_of(found: Sequence[Found], query: PageQuery, view: Callable[[Found], Item]) -> Page[Item]:
    """A page of `limit + 1` entries that begin at the page's offset."""
    entries, _ = split_page(found, query.limit)
    return Page(items=[view(entry) for entry in entries], next=next_after(query, len(found)))


def page_before(
    found: Sequence[Numbered], query: PageQuery, view: Callable[[Numbered], Item]
) -> Page[Item]:
    """A page of `limit + 1` entries, newest first; the next begins below its last entry's id."""
    entries, has_more = split_page(found, query.limit)
    next_before = f"{entries[-1].id:x}" if has_more else None
    return Page(items=[view(entry) for entry in entries], next=next_before)


def counted(
    everything: Sequence[Found],
    query: PageQuery,
    view: Callable[[Found], Item],
    left_out: int = 0,
) -> CountedPage[Item]:
    """A page of a list that is at hand as a whole, with how long the list is."""
    page = cut(everything, query, view)
    total = len(everything)
    return CountedPage(items=page.items, next=page.next, total=total, left_out=left_out)


def cut(everything: Sequence[Found], query: PageQuery, view: Callable[[Found], Item]) -> Page[Item]:
    """A page of a list that is at hand as a whole."""
    return page_of(everything[query.offset : query.offset + query.limit + 1], query, view)
