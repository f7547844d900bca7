"""Vulnerabilities over all repositories, and the advisories that the hub matches packages with."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from entrepot.api.fields import Moment, Text
from entrepot.api.paging import CountedPage, PageQuery, page_of
from entrepot.api.requests import ApiRequest, route, shown
from entrepot.http.authorize import AccessRule


class VulnerabilityQuery(PageQuery, frozen=True, kw_only=True):
    """The vulnerability to find."""

    id: Annotated[Text, Meta(description="Any id of it: `CVE-2024-3094`, `GHSA-…`, `GO-…`.")]


class Affected(Struct, frozen=True):
    """An artifact with the vulnerability, once for each tag; `tag` is null without one.

    `state` is `affected` or what a VEX statement says; `source` is `hub` or `report`.
    """

    id: str
    aliases: list[str]
    repository: str
    tag: str | None
    digest: str
    package: str
    version: str
    fixed: str
    severity: str
    state: str
    source: str
    first_seen: Moment


class DataSet(Struct, frozen=True):
    """A file of advisories; `finished_at` is null while it is imported."""

    name: str
    documents: int
    changed: int
    skipped: int
    newest: str
    started_at: Moment
    finished_at: Moment | None


class VulnerabilityData(Struct, frozen=True):
    """The advisories of the hub, and how many packages they match.

    `unplaced` packages are of no ecosystem or distribution that advisories speak of.
    """

    data_sets: list[DataSet]
    advisories: int
    packages: int
    unplaced: int
    waiting: int
    matches: int


async def list_affected(request: ApiRequest, query: VulnerabilityQuery) -> CountedPage[Affected]:
    """List the artifacts with a vulnerability that the caller may pull; at most 10,000."""
    found = await request.app.vulnerabilities.find(
        request.identity, query.id, limit=query.limit + 1, offset=query.offset
    )
    page = page_of(found.entries, query, lambda each: shown(Affected, each))
    return CountedPage(items=page.items, next=page.next, total=found.total)


async def get_vulnerability_data(request: ApiRequest) -> VulnerabilityData:
    """Return what was imported and when, and how much of it matches."""
    numbers = await request.app.advisories.count()
    return VulnerabilityData(
        [shown(DataSet, each) for each in await request.app.advisories.list_data_sets()],
        numbers.advisories,
        numbers.packages,
        numbers.unplaced,
        numbers.waiting,
        numbers.matches,
    )


ROUTES: Final = (
    route("GET", "/vulnerabilities", AccessRule.ANYONE, list_affected),
    route("GET", "/admin/vulnerability-data", AccessRule.HUB_ADMIN, get_vulnerability_data),
)
