"""`/admin`: the hub's users, storage, jobs, settings in force, health, audit log."""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.http.paging import Pager
from entrepot.hub.administration import HubHealth
from entrepot.model.audit import AuditQuery, AuditRow
from entrepot.model.integrity import Damage, Pass
from entrepot.model.jobs import FailedJob, JobCount
from entrepot.model.statistics import HubNumbers
from entrepot.web.pages import Page, redirect
from entrepot.web.requests import PageRequest, PageRoute

_DAMAGED: Final = 20
_USERS: Final = 50
_FAILURES: Final = 100


@dataclass(kw_only=True)
class AdminPage(Page):
    """A page of the administration; `current` is the open tab."""

    template: ClassVar[str] = "admin.html"
    current: str


@dataclass(kw_only=True)
class HealthPage(AdminPage):
    """`/admin`: numbers, and whether all is well."""

    template: ClassVar[str] = "administration/health.html"
    numbers: HubNumbers
    health: HubHealth
    version: str
    scrubbed: Pass | None
    damaged: list[Damage]


@dataclass(frozen=True, slots=True)
class UserLine:
    """An account as the list shows it: nothing secret."""

    name: str
    full_name: str
    email: str
    is_admin: bool
    is_disabled: bool
    has_second_factor: bool
    created_at: object


@dataclass(kw_only=True)
class UsersPage(AdminPage):
    """Everybody who may sign in."""

    template: ClassVar[str] = "administration/users.html"
    users: list[UserLine]
    pager: Pager
    query: str
    link: str = ""


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
    settings: list[tuple[str, str, str]]


@dataclass(kw_only=True)
class AdminAuditPage(AdminPage):
    """Everything that anybody did."""

    template: ClassVar[str] = "audit.html"
    frame: ClassVar[str] = "administration/frame.html"
    rows: list[AuditRow]
    next_before: int | None
    actor: str
    action: str


async def show_health(request: PageRequest) -> Page:
    """How the hub is."""
    rules = request.app.administration
    scrubbed, damaged = await rules.get_integrity(_DAMAGED)
    return HealthPage(
        title="Administration",
        current="health",
        numbers=await rules.get_numbers(),
        health=await rules.get_health(),
        version=request.app.version,
        scrubbed=scrubbed,
        damaged=damaged,
    )


async def show_users(request: PageRequest, link: str = "") -> Page:
    """A page of accounts that have the text that is looked for; `link` is one just made."""
    rules, query = request.app.accounts, request.query("q")[:100]
    total = await rules.count(query)
    number = request.number("page", default=1, most=max(1, -(-total // _USERS)))
    users = [
        UserLine(
            each.name,
            each.full_name,
            each.email,
            each.is_admin,
            each.disabled_at is not None,
            each.has_second_factor,
            each.created_at,
        )
        for each in await rules.list_page(_USERS, (number - 1) * _USERS, query)
    ]
    return UsersPage(
        title="Users",
        current="users",
        users=users,
        pager=Pager(number, _USERS, total),
        query=query,
        link=link,
    )


async def change_user(request: PageRequest) -> Page | Response:
    """Make, disable or enable an account, or make a link for a new password."""
    form, accounts, actor = request.form, request.app.accounts, request.actor
    name, what = form.get("name").strip(), form.get("what")
    if what == "add":
        await accounts.add(name, form.get("password"), by=actor)
    elif what == "disable":
        await accounts.disable(name, actor)
    elif what == "enable":
        await accounts.enable(name, actor)
    elif what in ("admin", "not-admin"):
        await accounts.set_admin(name, what == "admin", actor)
    elif what == "second-factor":
        await request.app.second_factors.remove(await accounts.get(name), actor)
    elif what == "link":
        secret = await request.app.password_links.begin(await accounts.get(name), actor)
        return await show_users(request, f"{request.origin}/welcome/{secret}")
    elif what == "invite":
        _, secret = await request.app.invitations.invite(actor)
        return await show_users(request, f"{request.origin}/invitations/{secret}")
    return redirect("/admin/users", said="saved")


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
    before = request.number("before", default=0, most=2**62)
    query = AuditQuery(
        actor=request.query("actor"), action=request.query("action"), before_id=before or None
    )
    found = await request.app.audit.list_all(request.actor, query)
    return AdminAuditPage(
        title="Audit log",
        current="audit",
        rows=found.rows,
        next_before=found.next_before,
        actor=request.query("actor"),
        action=request.query("action"),
    )


ROUTES: Final = (
    PageRoute("GET", "/admin", AccessRule.HUB_ADMIN, show_health),
    PageRoute("GET", "/admin/users", AccessRule.HUB_ADMIN, show_users),
    PageRoute("POST", "/admin/users", AccessRule.HUB_ADMIN, change_user),
    PageRoute("GET", "/admin/jobs", AccessRule.HUB_ADMIN, show_jobs),
    PageRoute("POST", "/admin/jobs", AccessRule.HUB_ADMIN, retry_job),
    PageRoute("GET", "/admin/settings", AccessRule.HUB_ADMIN, show_settings),
    PageRoute("GET", "/admin/audit", AccessRule.HUB_ADMIN, show_audit),
)
