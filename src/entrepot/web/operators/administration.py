"""`/admin`: the hub's dashboard, organizations, repositories, jobs, settings, audit log."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final, TypeVar

from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.http.paging import Pager
from entrepot.hub.administration import Dashboard, HubHealth
from entrepot.model.integrity import Damage, Pass
from entrepot.model.jobs import FailedJob, JobCount
from entrepot.model.operators.described_settings import DescribedSetting
from entrepot.model.operators.usage import NamespaceUsage, RepositoryUsage, UsageOrder
from entrepot.web.contents.charts import Tile, treemap_of
from entrepot.web.operators.audit import AuditPart, audit_csv, audit_part, audit_query
from entrepot.web.pages import Page, redirect
from entrepot.web.requests import PageRequest, PageRoute

_DAMAGED: Final = 20
_LISTED: Final = 50
_FAILURES: Final = 100
_NEWEST_FAILURES: Final = 5
_ORDERS: Final = frozenset(UsageOrder)
Listed = TypeVar("Listed")
Listing = Callable[[UsageOrder, str, int, int], Awaitable[tuple[list[Listed], int]]]
"""Lists a page, by order, text, limit and offset, and says how many there are."""


@dataclass(kw_only=True)
class AdminPage(Page):
    """A page of the administration; `current` is the open tab."""

    template: ClassVar[str] = "admin.html"
    current: str


@dataclass(frozen=True, slots=True)
class NamespaceTile:
    """A namespace's repositories of one kind in the treemap."""

    tile: Tile
    namespace: str
    kind: str
    size: int


@dataclass(kw_only=True)
class DashboardPage(AdminPage):
    """`/admin`: what is used, and whether all is well."""

    template: ClassVar[str] = "administration/dashboard.html"
    dashboard: Dashboard
    tiles: list[NamespaceTile]
    health: HubHealth
    jobs: list[JobCount]
    failures: list[FailedJob]
    version: str
    scrubbed: Pass | None
    damaged: list[Damage]


@dataclass(kw_only=True)
class ListPage(AdminPage):
    """A page of a long list, in an order, of what has the text in its name."""

    pager: Pager
    query: str
    order: UsageOrder


@dataclass(kw_only=True)
class RepositoriesPage(ListPage):
    """Every repository of the hub."""

    template: ClassVar[str] = "administration/repositories.html"
    repositories: list[RepositoryUsage]


@dataclass(kw_only=True)
class OrganizationsPage(ListPage):
    """Every organization of the hub."""

    template: ClassVar[str] = "administration/organizations.html"
    organizations: list[NamespaceUsage]


@dataclass(kw_only=True)
class JobsPage(AdminPage):
    """The page of queued and failed jobs."""

    template: ClassVar[str] = "administration/jobs.html"
    counts: list[JobCount]
    failures: list[FailedJob]


@dataclass(kw_only=True)
class SettingsPage(AdminPage):
    """The settings in force; secrets are not shown."""

    template: ClassVar[str] = "administration/settings.html"
    settings: list[DescribedSetting]


@dataclass(kw_only=True)
class AdminAuditPage(AdminPage):
    """Everything that anybody did."""

    template: ClassVar[str] = "audit.html"
    frame: ClassVar[str] = "administration/frame.html"
    part: AuditPart
    export: str


async def show_dashboard(request: PageRequest) -> Page:
    """How the hub is."""
    rules = request.app.administration
    scrubbed, damaged = await rules.get_integrity(_DAMAGED)
    dashboard = await rules.get_dashboard()
    tiles = treemap_of([each.size for each in dashboard.kinds])
    return DashboardPage(
        title="Administration",
        current="dashboard",
        dashboard=dashboard,
        tiles=[
            NamespaceTile(tile, each.namespace, each.kind, each.size)
            for tile, each in zip(tiles, dashboard.kinds, strict=False)
        ],
        health=await rules.get_health(),
        jobs=await rules.count_jobs(),
        failures=await rules.list_failed_jobs(_NEWEST_FAILURES),
        version=request.app.version,
        scrubbed=scrubbed,
        damaged=damaged,
    )


async def list_page(
    request: PageRequest, first: UsageOrder, listing: Listing[Listed]
) -> tuple[list[Listed], Pager, str, UsageOrder]:
    """The page of a list that the address asks for, at most the last; with text and order."""
    text, query = request.query("sort"), request.query("q")[:100]
    order = UsageOrder(text) if text in _ORDERS else first
    number = request.number("page", default=1, most=10**6)
    found, total = await listing(order, query, _LISTED, (number - 1) * _LISTED)
    last = max(1, -(-total // _LISTED))
    if number > last:
        found, total = await listing(order, query, _LISTED, (last - 1) * _LISTED)
    return found, Pager(min(number, last), _LISTED, total), query, order


async def show_repositories(request: PageRequest) -> Page:
    """A page of all repositories, the greatest first unless another order is asked for."""
    listing = request.app.administration.list_repositories
    found, pager, query, order = await list_page(request, UsageOrder.SIZE, listing)
    return RepositoriesPage(
        title="Repositories",
        current="repositories",
        repositories=found,
        pager=pager,
        query=query,
        order=order,
    )


async def show_organizations(request: PageRequest) -> Page:
    """A page of all organizations, the greatest first unless another order is asked for."""
    listing = request.app.administration.list_organizations
    found, pager, query, order = await list_page(request, UsageOrder.SIZE, listing)
    return OrganizationsPage(
        title="Organizations",
        current="organizations",
        organizations=found,
        pager=pager,
        query=query,
        order=order,
    )


async def show_jobs(request: PageRequest) -> Page:
    """Show the queued and the failed jobs."""
    rules = request.app.administration
    return JobsPage(
        title="Jobs",
        current="jobs",
        counts=await rules.count_jobs(),
        failures=await rules.list_failed_jobs(_FAILURES),
    )


async def retry_job(request: PageRequest) -> Response:
    """Retry a failed job."""
    await request.app.administration.retry_job(request.whole_number("id"))
    return redirect("/admin/jobs", said="saved")


async def show_settings(request: PageRequest) -> Page:
    """The settings in force."""
    return SettingsPage(
        title="Settings", current="settings", settings=list(request.app.describe_settings())
    )


async def show_audit(request: PageRequest) -> Page:
    """The audit log of the whole hub."""
    found = await request.app.audit.list_all(request.actor, audit_query(request))
    return AdminAuditPage(
        title="Audit log",
        current="audit",
        part=audit_part(request, found),
        export="/admin/audit.csv",
    )


async def export_audit(request: PageRequest) -> Response:
    """The audit log of the whole hub as CSV."""
    listing = partial(request.app.audit.list_all, request.actor)
    return await audit_csv(request, listing, "hub")


ROUTES: Final = (
    PageRoute("GET", "/admin", AccessRule.HUB_ADMIN, show_dashboard),
    PageRoute("GET", "/admin/organizations", AccessRule.HUB_ADMIN, show_organizations),
    PageRoute("GET", "/admin/repositories", AccessRule.HUB_ADMIN, show_repositories),
    PageRoute("GET", "/admin/jobs", AccessRule.HUB_ADMIN, show_jobs),
    PageRoute("POST", "/admin/jobs", AccessRule.HUB_ADMIN, retry_job),
    PageRoute("GET", "/admin/settings", AccessRule.HUB_ADMIN, show_settings),
    PageRoute("GET", "/admin/audit", AccessRule.HUB_ADMIN, show_audit),
    PageRoute("GET", "/admin/audit.csv", AccessRule.HUB_ADMIN, export_audit),
)
