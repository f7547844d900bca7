"""The page that compares two artifacts, and the form that chooses them."""

from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import quote

from entrepot.errors import ManifestUnknown
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.model.comparisons import Comparison
from entrepot.model.tags import Filters, TagOrder
from entrepot.web.pages import Page, redirect
from entrepot.web.repositories import RepositoryPage, facts_of, is_starred
from entrepot.web.requests import PageRequest, PageRoute

_SEPARATOR: Final = "..."
_OFFERED: Final = 50
_SHOWN: Final = 200


@dataclass(kw_only=True)
class ComparePage(RepositoryPage):
    """`/r/NAME/-/compare/A...B`, or the form alone."""

    template: ClassVar[str] = "tags/compare.html"
    before: str
    after: str
    tags: list[str]
    """Tags to choose from: the greatest versions."""
    comparison: Comparison | None = None
    most: int = _SHOWN
    """Entries of a list that the page shows."""


async def choose(request: PageRequest) -> Page | Response:
    """Show the form, or lead to the comparison that it asks for."""
    selected = request.http.query_all("select")
    before, after = request.query("from"), request.query("to")
    if len(selected) == 2:
        # The tags of a page are ordered from the newest on.
        after, before = selected
    if before and after:
        name = request.repository.name
        asked = f"{quote(before, safe=':@/')}{_SEPARATOR}{quote(after, safe=':@/')}"
        return redirect(f"/r/{name}/-/compare/{asked}")
    return await _page(request, before or (selected[0] if selected else ""), after)


async def compare(request: PageRequest) -> Page:
    """Compare the two artifacts in the address."""
    before, separator, after = request.values["range"].partition(_SEPARATOR)
    if not (before and separator and after):
        raise ManifestUnknown("a comparison is of two references: A...B")
    page = await _page(request, before, after)
    page.comparison = await request.app.comparisons.compare(
        request.identity, request.repository, before, after, request.query("platform")
    )
    page.title = f"{request.repository.name}: {before}{_SEPARATOR}{after}"
    return page


async def _page(request: PageRequest, before: str, after: str) -> ComparePage:
    lines, _ = await request.app.tags.list_lines(
        request.repository, TagOrder.VERSION, Filters(), _OFFERED, 0
    )
    return ComparePage(
        title=f"{request.repository.name}: compare",
        name=request.repository.name.text,
        facts=await facts_of(request),
        current="tags",
        is_starred=await is_starred(request),
        before=before,
        after=after,
        tags=[line.row.tag for line in lines],
    )


ROUTES: Final = (
    PageRoute("GET", "/r/{repository}/-/compare", AccessRule.PULL, choose),
    PageRoute("GET", "/r/{repository}/-/compare/{range}", AccessRule.PULL, compare),
)
