"""Where people come in: the start, explore and search, what ships a package, help, preferences."""

from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import urlencode

from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response, content
from entrepot.http.paging import Pager
from entrepot.hub.contents.search import ResolvedReference
from entrepot.hub.people.actors import ACTIONS_OF_ROLE, Action
from entrepot.model.people.accounts import Account
from entrepot.model.search import Facet, FacetCounts, Hit, OtherResults, SearchOrder, Shipped
from entrepot.model.tags import TagEvent
from entrepot.web.contents.commands import Snippets, push_snippets
from entrepot.web.pages import Page, redirect
from entrepot.web.recipes import Recipes, recipes_for
from entrepot.web.requests import LANGUAGES, THEMES, PageRequest, PageRoute

_SIZE: Final = 25
_HOME_SIZE: Final = 12
_HOME_ORDER: Final = SearchOrder.NEWEST
_STARRED: Final = 6
_SUGGESTED: Final = 5
_OTHERS_SUGGESTED: Final = 3
_LONGEST_SUGGESTED: Final = 200
_EVENTS: Final = 6
_YEAR: Final = 31_536_000


@dataclass(kw_only=True)
class WelcomePage(Page):
    """`/` for strangers: what this is for."""

    template: ClassVar[str] = "welcome.html"
    newest: list[Hit]
    pushing: Snippets


@dataclass(kw_only=True)
class HomePage(Page):
    """`/` for those who are signed in: their repositories, and what happened in them."""

    template: ClassVar[str] = "home.html"
    mine: list[Hit]
    pager: Pager
    kinds: dict[str, int]
    query: str
    kind: str
    order: SearchOrder
    organization: str
    """The namespace that is looked at, "" for all of them."""
    recent: list[Hit]
    starred: list[Hit]
    events: list[tuple[str, TagEvent]]
    editable: list[str]
    """Namespaces whose repositories the account may describe."""
    pushing: Snippets


@dataclass(kw_only=True)
class SearchPage(Page):
    """`/explore` and `/search`."""

    template: ClassVar[str] = "search/repositories.html"
    query: str
    order: SearchOrder
    hits: list[Hit]
    facets: FacetCounts
    chosen: dict[str, list[str]]
    pager: Pager
    suggestions: list[str]
    others: OtherResults
    is_explore: bool


@dataclass(kw_only=True)
class SuggestionsPage(Page):
    """`/search/suggest`: the list below the search box while somebody types."""

    template: ClassVar[str] = "search/suggestions.html"
    query: str
    hits: list[Hit]
    others: OtherResults
    place: str
    """The address of the one thing that the text names, "" where it names none."""


@dataclass(kw_only=True)
class PackagesPage(Page):
    """`/packages`: which artifacts ship a package."""

    template: ClassVar[str] = "search/packages.html"
    query: str
    shipped: list[Shipped]
    pager: Pager


@dataclass(kw_only=True)
class HelpPage(Page):
    """`/help`: keys, the words that searches understand, and recipes for clients."""

    template: ClassVar[str] = "help.html"
    recipes: Recipes


async def show_home(request: PageRequest) -> Page:
    """The start."""
    if request.account is not None:
        return await _own_home(request, request.account)
    found = await request.app.search.find(request.identity, "", order=SearchOrder.NEWEST, limit=6)
    return WelcomePage(
        title="A hub for every software artifact",
        newest=await request.app.repository_lists.complete(found.found.hits),
        pushing=push_snippets(request, "namespace/demo"),
    )


async def _own_home(request: PageRequest, account: Account) -> Page:
    """The account's repositories, of every namespace that it belongs to or of one."""
    belongs = request.organizations = await request.app.organizations.list_of(account)
    ids = {account.name: account.id, **{each.name: each.id for each, _ in belongs}}
    chosen = request.query("org") if request.query("org") in ids else ""
    lists, number = request.app.repository_lists, request.number("page", default=1, most=10_000)
    text, kind, order = request.query("q"), request.query("kind"), _order(request, _HOME_ORDER)
    owned = await lists.list_owned(
        [ids[chosen]] if chosen else list(ids.values()),
        text,
        kind,
        order,
        limit=_HOME_SIZE,
        offset=(number - 1) * _HOME_SIZE,
    )
    recent = await lists.list_named(request.identity, request.recent)
    starred = await lists.list_starred(request.identity, account, _STARRED)
    small = iter(await lists.complete([*recent, *starred]))
    editors = [each.name for each, role in belongs if Action.DELETE in ACTIONS_OF_ROLE[role]]
    return HomePage(
        title="Repositories",
        mine=owned.hits,
        pager=Pager(number, _HOME_SIZE, owned.total),
        kinds=owned.kinds,
        query=text,
        kind=kind,
        order=order,
        organization=chosen,
        recent=[next(small) for _ in recent],
        starred=[next(small) for _ in starred],
        events=await lists.list_events(owned.hits, _EVENTS),
        editable=[account.name, *editors],
        pushing=push_snippets(request, f"{chosen or account.name}/demo"),
    )


async def explore(request: PageRequest) -> Page:
    """Every repository that the visitor may see."""
    return await _search(request, request.query("q"), SearchOrder.NEWEST, is_explore=True)


async def show_search(request: PageRequest) -> Page | Response:
    """Show the search results; a reference that names one thing redirects to it."""
    text = request.query("q")
    page = await _search(request, text, SearchOrder.RELEVANCE, is_explore=False)
    results = request.http.facts.pop("jump", "")
    return redirect(results) if results else page


async def _search(
    request: PageRequest, text: str, order: SearchOrder, *, is_explore: bool
) -> SearchPage:
    number = request.number("page", default=1, most=10_000)
    chosen = {facet.value: request.http.query_all(facet.value)[:10] for facet in Facet}
    results = await request.app.search.find(
        request.identity,
        _with_filters(text, chosen),
        hosts=(request.host,),
        order=_order(request, order),
        limit=_SIZE,
        offset=(number - 1) * _SIZE,
    )
    if results.place is not None and not any(chosen.values()):
        request.http.facts["jump"] = _address(results.place)
    is_first = number == 1 and not is_explore and not any(chosen.values())
    others = await request.app.search.find_others(request.identity, text) if is_first else None
    return SearchPage(
        title="Explore" if is_explore else f"Search: {text}"[:80],
        query=text,
        order=_order(request, order),
        hits=await request.app.repository_lists.complete(results.found.hits),
        facets=results.found.facets,
        chosen=chosen,
        pager=Pager(number, _SIZE, results.found.total),
        suggestions=list(results.suggestions),
        others=others or OtherResults(),
        is_explore=is_explore,
    )


async def suggest(request: PageRequest) -> Page:
    """Suggest repositories and other results for an unfinished text."""
    text, search = request.query("q")[:_LONGEST_SUGGESTED], request.app.search
    hits = await search.suggest(request.identity, text, _SUGGESTED)
    place = await search.find_place(request.identity, text, (request.host,))
    return SuggestionsPage(
        title="Suggestions",
        query=text,
        hits=await request.app.repository_lists.complete(hits),
        others=await search.find_others(request.identity, text, _OTHERS_SUGGESTED),
        place=_address(place) if place else "",
    )


def _address(place: ResolvedReference) -> str:
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


def _order(request: PageRequest, default: SearchOrder) -> SearchOrder:
    try:
        return SearchOrder(request.query("sort") or default)
    except ValueError:
        return default


async def show_packages(request: PageRequest) -> Page:
    """Which artifacts ship a package."""
    text = request.query("q")
    number = request.number("page", default=1, most=10_000)
    found = await request.app.search.packages(
        request.identity, text, limit=50, offset=(number - 1) * 50
    )
    return PackagesPage(
        title=f"Package: {text}" if text else "Find a package",
        query=text,
        shipped=list(found.entries),
        pager=Pager(number, 50, found.total),
    )


async def show_help(request: PageRequest) -> Page:
    """Keys, the query language and recipes."""
    return HelpPage(title="Help", recipes=recipes_for(request))


async def set_preferences(request: PageRequest) -> Response:
    """Theme, language and keys, kept in cookies so that the server draws them without a flash."""
    theme, language, keys = (request.form.get(name) for name in ("theme", "language", "keys"))
    kept = {
        "theme": theme if theme in THEMES else "",
        "language": language if language in LANGUAGES else "",
        **({"keys": "off" if keys == "off" else ""} if keys else {}),
    }
    for name, value in kept.items():
        request.keep(name, value, seconds=_YEAR if value else 0, http_only=name != "keys")
    return redirect(local_address(request.form.get("next")))


def local_address(text: str) -> str:
    """An address of ours to go on to; `/` for whatever could lead elsewhere."""
    is_ours = text.startswith("/") and not text.startswith("//") and "\\" not in text
    return text if is_ours and text.isascii() and text.isprintable() else "/"


async def describe_search(request: PageRequest) -> Response:
    """How a browser's address bar can search here (OpenSearch 1.1)."""
    address = f"{request.origin}/search?{urlencode({'q': ''})}{{searchTerms}}"
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">'
        "<ShortName>Entrepot</ShortName><Description>Software artifacts</Description>"
        f'<Url type="text/html" template="{address}"/></OpenSearchDescription>\n'
    )
    return content(200, "application/opensearchdescription+xml", body.encode())


ROUTES: Final = (
    PageRoute("GET", "/", AccessRule.ANYONE, show_home),
    PageRoute("GET", "/explore", AccessRule.ANYONE, explore),
    PageRoute("GET", "/search", AccessRule.ANYONE, show_search),
    PageRoute("GET", "/search/suggest", AccessRule.ANYONE, suggest),
    PageRoute("GET", "/packages", AccessRule.ANYONE, show_packages),
    PageRoute("GET", "/help", AccessRule.ANYONE, show_help),
    PageRoute("POST", "/preferences", AccessRule.ANYONE, set_preferences),
    PageRoute("GET", "/opensearch.xml", AccessRule.ANYONE, describe_search),
)
