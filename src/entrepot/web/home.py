"""Where people come in: the start, explore and search, what ships a package, help, preferences."""

from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import urlencode

from entrepot.http.messages import Response, content
from entrepot.http.routing import Policy
from entrepot.hub.search import Results
from entrepot.metadata.search import FacetCounts, Hit
from entrepot.metadata.search_packages import Shipped
from entrepot.metadata.search_terms import Facet, Order
from entrepot.web.commands import Snippets, push_snippets
from entrepot.web.pages import Page, Pager, redirect
from entrepot.web.visits import LANGUAGES, THEMES, PageRoute, Visit

_SIZE: Final = 25
_YEAR: Final = 31_536_000


@dataclass(kw_only=True)
class HomePage(Page):
    """`/`: what this is for strangers, what is theirs for those who are signed in."""

    template: ClassVar[str] = "home.html"
    newest: list[Hit]
    mine: list[Hit]
    pushing: Snippets
    namespace: str


@dataclass(kw_only=True)
class SearchPage(Page):
    """`/explore` and `/search`."""

    template: ClassVar[str] = "search.html"
    query: str
    order: Order
    hits: list[Hit]
    facets: FacetCounts
    chosen: dict[str, list[str]]
    pager: Pager
    suggestions: list[str]
    is_explore: bool


@dataclass(kw_only=True)
class PackagesPage(Page):
    """`/packages`: which artifacts ship a package."""

    template: ClassVar[str] = "packages.html"
    query: str
    shipped: list[Shipped]
    pager: Pager


@dataclass(kw_only=True)
class HelpPage(Page):
    """`/help`: keys, and the words that searches understand."""

    template: ClassVar[str] = "help.html"


async def show_home(visit: Visit) -> Page:
    """The start."""
    search, identity = visit.desk.search, visit.identity
    newest = await search.find(identity, "", order=Order.NEWEST, limit=6)
    namespace = visit.account.name if visit.account else "namespace"
    mine: list[Hit] = []
    if visit.account is not None:
        found = await search.find(
            identity, f"namespace:{visit.account.name}", order=Order.NEWEST, limit=12
        )
        mine = list(found.found.hits)
    return HomePage(
        title="A hub for every software artifact",
        newest=list(newest.found.hits),
        mine=mine,
        pushing=push_snippets(visit, f"{namespace}/demo"),
        namespace=namespace,
    )


async def explore(visit: Visit) -> Page:
    """Every repository that the visitor may see."""
    return await _search(visit, visit.query("q"), Order.NEWEST, is_explore=True)


async def show_search(visit: Visit) -> Page | Response:
    """What matches; a reference that names one thing leads straight there."""
    text = visit.query("q")
    page = await _search(visit, text, Order.RELEVANCE, is_explore=False)
    results = visit.request.facts.pop("jump", "")
    return redirect(results) if results else page


async def _search(visit: Visit, text: str, order: Order, *, is_explore: bool) -> SearchPage:
    number = visit.number("page", default=1, most=10_000)
    chosen = {facet.value: visit.request.query_all(facet.value)[:10] for facet in Facet}
    results = await visit.desk.search.find(
        visit.identity,
        _with_filters(text, chosen),
        hosts=(visit.host,),
        order=_order(visit, order),
        limit=_SIZE,
        offset=(number - 1) * _SIZE,
    )
    if results.place is not None and not any(chosen.values()):
        visit.request.facts["jump"] = _address(results)
    return SearchPage(
        title="Explore" if is_explore else f"Search: {text}"[:80],
        query=text,
        order=_order(visit, order),
        hits=list(results.found.hits),
        facets=results.found.facets,
        chosen=chosen,
        pager=Pager(number, _SIZE, results.found.total),
        suggestions=list(results.suggestions),
        is_explore=is_explore,
    )


def _address(results: Results) -> str:
    place = results.place
    if place is None:
        return ""
    reference = place.reference
    if reference is None:
        return f"/r/{place.repository}"
    return f"/r/{place.repository}{'@' if ':' in str(reference) else ':'}{reference}"


def _with_filters(text: str, chosen: dict[str, list[str]]) -> str:
    filters = [
        '{}:"{}"'.format(name, value.replace('"', ""))
        for name, values in chosen.items()
        for value in values
    ]
    return " ".join([text, *filters])


def _order(visit: Visit, default: Order) -> Order:
    try:
        return Order(visit.query("sort") or default)
    except ValueError:
        return default


async def show_packages(visit: Visit) -> Page:
    """Which artifacts ship a package."""
    text = visit.query("q")
    number = visit.number("page", default=1, most=10_000)
    found = await visit.desk.search.packages(
        visit.identity, text, limit=50, offset=(number - 1) * 50
    )
    return PackagesPage(
        title=f"Package: {text}" if text else "Find a package",
        query=text,
        shipped=list(found.entries),
        pager=Pager(number, 50, found.total),
    )


async def show_help(visit: Visit) -> Page:
    """Keys and the query language."""
    return HelpPage(title="Help")


async def set_preferences(visit: Visit) -> Response:
    """Theme, language and keys, kept in cookies so that the server draws them without a flash."""
    theme, language, keys = (visit.form.get(name) for name in ("theme", "language", "keys"))
    kept = {
        "theme": theme if theme in THEMES else "",
        "language": language if language in LANGUAGES else "",
        **({"keys": "off" if keys == "off" else ""} if keys else {}),
    }
    for name, value in kept.items():
        visit.keep(name, value, seconds=_YEAR if value else 0, http_only=name != "keys")
    return redirect(local_address(visit.form.get("next")))


def local_address(text: str) -> str:
    """An address of ours to go on to; `/` for whatever could lead elsewhere."""
    is_ours = text.startswith("/") and not text.startswith("//") and "\\" not in text
    return text if is_ours and text.isascii() and text.isprintable() else "/"


async def describe_search(visit: Visit) -> Response:
    """How a browser's address bar can search here (OpenSearch 1.1)."""
    address = f"{visit.origin}/search?{urlencode({'q': ''})}{{searchTerms}}"
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">'
        "<ShortName>Entrepot</ShortName><Description>Software artifacts</Description>"
        f'<Url type="text/html" template="{address}"/></OpenSearchDescription>\n'
    )
    return content(200, "application/opensearchdescription+xml", body.encode())


ROUTES: Final = (
    PageRoute("GET", "/", Policy.ANYBODY, show_home),
    PageRoute("GET", "/explore", Policy.ANYBODY, explore),
    PageRoute("GET", "/search", Policy.ANYBODY, show_search),
    PageRoute("GET", "/packages", Policy.ANYBODY, show_packages),
    PageRoute("GET", "/help", Policy.ANYBODY, show_help),
    PageRoute("POST", "/preferences", Policy.ANYBODY, set_preferences),
    PageRoute("GET", "/opensearch.xml", Policy.ANYBODY, describe_search),
)
