"""Searching: repositories by words and facets, and what ships a package."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from entrepot.api.fields import Text
from entrepot.api.paging import Page, PageQuery, next_after, page_of
from entrepot.api.repositories import RepositorySummary
from entrepot.api.requests import ApiRequest, route, shown
from entrepot.http.authorize import AccessRule
from entrepot.hub.contents.search import ResolvedReference
from entrepot.model.people.accounts import NamespaceKind
from entrepot.model.search import SearchOrder


class FacetValue(Struct, frozen=True):
    """A facet value and its number of repositories."""

    value: str
    count: int


class Target(Struct, frozen=True):
    """The single object that the query names; `reference` is a tag, a digest or empty."""

    repository: str
    reference: str | None


class FoundPackage(Struct, frozen=True):
    """A package, and how many repositories ship it."""

    name: str
    repositories: int


class FoundVulnerability(Struct, frozen=True):
    """A vulnerability, and in how many repositories it counts."""

    identifier: str
    repositories: int


class FoundTag(Struct, frozen=True):
    """A tag of a repository."""

    repository: str
    tag: str


class FoundNamespace(Struct, frozen=True):
    """A person or an organization."""

    name: str
    kind: NamespaceKind
    description: str


class OtherResults(Struct, frozen=True):
    """The first few of what one word finds besides repositories; on the first page only."""

    packages: list[FoundPackage] = []
    vulnerabilities: list[FoundVulnerability] = []
    tags: list[FoundTag] = []
    namespaces: list[FoundNamespace] = []


class SearchResults(Page[RepositorySummary], frozen=True, kw_only=True):
    """The matching repositories, counted by facet; `suggestions` are similar names when nothing
    matches.
    """

    total: int
    facets: dict[str, list[FacetValue]]
    suggestions: list[str]
    place: Target | None
    others: OtherResults


class SearchQuery(PageQuery, frozen=True, kw_only=True):
    """The search query and its filters."""

    q: Annotated[
        Text, Meta(description='Words, "phrases", -exclusions and filters such as `kind:chart`.')
    ] = ""
    sort: SearchOrder = SearchOrder.RELEVANCE


class PackageQuery(PageQuery, frozen=True, kw_only=True):
    """The package to find."""

    name: Annotated[Text, Meta(description="`name`, `name@3.*` or `lib*`.")]


class Shipped(Struct, frozen=True):
    """A package in an artifact, as an SBOM lists it."""

    repository: str
    digest: str
    package: str
    version: str
    purl: str
    licenses: str
    tags: list[str]


async def search(request: ApiRequest, query: SearchQuery) -> SearchResults:
    """Search the repositories visible to the caller."""
    results = await request.app.search.find(
        request.identity,
        query.q,
        hosts=(request.app.origins.host(request.http),),
        order=query.sort,
        limit=query.limit + 1,
        offset=query.offset,
    )
    hits = results.found.hits
    return SearchResults(
        items=[shown(RepositorySummary, each) for each in hits[: query.limit]],
        next=next_after(query, len(hits)),
        total=results.found.total,
        facets={
            facet.value: [FacetValue(*each) for each in counts]
            for facet, counts in results.found.facets.items()
        },
        suggestions=list(results.suggestions),
        place=_target(results.place),
        others=await _others(request, query),
    )


async def _others(request: ApiRequest, query: SearchQuery) -> OtherResults:
    if query.offset:
        return OtherResults()
    found = await request.app.search.find_others(request.identity, query.q)
    return OtherResults(
        packages=[shown(FoundPackage, each) for each in found.packages],
        vulnerabilities=[shown(FoundVulnerability, each) for each in found.vulnerabilities],
        tags=[shown(FoundTag, each) for each in found.tags],
        namespaces=[shown(FoundNamespace, each) for each in found.namespaces],
    )


async def list_shipped(request: ApiRequest, query: PackageQuery) -> Page[Shipped]:
    """Find the artifacts that contain a package, by their SBOMs."""
    found = await request.app.search.packages(
        request.identity, query.name, limit=query.limit + 1, offset=query.offset
    )
    return page_of(found.entries, query, lambda each: shown(Shipped, each))


def _target(place: ResolvedReference | None) -> Target | None:
    if place is None:
        return None
    return Target(place.repository.text, str(place.reference) if place.reference else None)


ROUTES: Final = (
    route("GET", "/search", AccessRule.ANYONE, search),
    route("GET", "/packages", AccessRule.ANYONE, list_shipped),
)
