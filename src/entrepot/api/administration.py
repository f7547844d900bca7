"""The hub itself, for its administrators: users, jobs, storage, settings, health, the log."""

from typing import Final

from msgspec import UNSET, Struct, UnsetType

from entrepot.api.fields import Asked, Line, Moment, NameText, Password
from entrepot.api.paging import Page, PageQuery, cut, page_of
from entrepot.api.people.namespaces import (
    AuditEntry,
    Invitation,
    LogQuery,
    MadeInvitation,
    audit_page,
    made_invitation,
)
from entrepot.api.requests import ApiRequest, route, shown
from entrepot.errors import NotFound
from entrepot.http.authorize import AccessRule
from entrepot.model.operators.described_settings import SettingSource
from entrepot.model.people.accounts import Account, NamespaceKind

_MOST_FAILURES: Final = 1000


class User(Struct, frozen=True):
    """An account, as administrators see it."""

    name: str
    full_name: str
    email: str
    is_admin: bool
    is_disabled: bool
    has_second_factor: bool
    created_at: Moment


class NewUser(Asked, frozen=True, kw_only=True):
    """The account to create."""

    name: NameText
    password: Password
    is_admin: bool = False


class UserChange(Asked, frozen=True, kw_only=True):
    """The fields to change; omitted fields stay as they are."""

    is_admin: bool | UnsetType = UNSET
    is_disabled: bool | UnsetType = UNSET


class Link(Struct, frozen=True):
    """A link that works once; shown only once."""

    url: str


class Note(Asked, frozen=True, kw_only=True):
    """A note about the invited person."""

    note: Line = ""


class JobCount(Struct, frozen=True):
    """How many jobs of a kind are `queued` or `failed`."""

    kind: str
    state: str
    count: int


class FailedJob(Struct, frozen=True):
    """A failed job and its error."""

    id: int
    kind: str
    subject: str
    attempts: int
    error: str
    created_at: Moment


class Storage(Struct, frozen=True):
    """Counts of all objects; `blob_bytes` counts each blob once."""

    accounts: int
    repositories: int
    manifests: int
    tags: int
    blobs: int
    blob_bytes: int
    uploads: int


class Setting(Struct, frozen=True):
    """A setting, its value and where that came from; secrets are masked."""

    name: str
    value: str
    meaning: str
    source: SettingSource


class Health(Struct, frozen=True):
    """The state of the hub."""

    version: str
    queued: int
    failed: int
    sandbox: dict[str, str]
    """What shuts in the process that reads pushed bytes; why not, where something does not."""
    directory: str | None
    """What is wrong with the directory (LDAP); empty: nothing, `null`: there is none."""


async def get_health(request: ApiRequest) -> Health:
    """Return the version and the numbers of queued and failed jobs."""
    found = await request.app.administration.get_health()
    return Health(request.app.version, found.queued, found.failed, found.sandbox, found.directory)


async def get_storage(request: ApiRequest) -> Storage:
    """Return the counts of all objects."""
    return shown(Storage, await request.app.administration.get_numbers())


async def list_settings(request: ApiRequest, query: PageQuery) -> Page[Setting]:
    """List the settings and their values."""
    return cut(request.app.describe_settings(), query, lambda each: shown(Setting, each))


async def list_users(request: ApiRequest, query: PageQuery) -> Page[User]:
    """List all accounts by name."""
    found = await request.app.accounts.list_page(query.limit + 1, query.offset)
    return page_of(found, query, _user)


async def create_user(request: ApiRequest, body: NewUser) -> User:
    """Create an account and its namespace."""
    made = await request.app.accounts.add(
        body.name, body.password, is_admin=body.is_admin, by=request.actor
    )
    request.created(f"/admin/users/{made.name}")
    return _user(made)


async def get_user(request: ApiRequest) -> User:
    """Return an account."""
    return _user(await request.app.accounts.get(request.values["account"]))


async def change_user(request: ApiRequest, body: UserChange) -> User:
    """Disable or enable an account, or make it an administrator. You cannot do so for your own
    account.
    """
    name, rules = request.values["account"], request.app.accounts
    if body.is_admin is not UNSET:
        await rules.set_admin(name, body.is_admin, request.actor)
    if body.is_disabled is not UNSET:
        await (rules.disable if body.is_disabled else rules.enable)(name, request.actor)
    return await get_user(request)


async def delete_user(request: ApiRequest) -> None:
    """Delete an account and its repositories permanently. You cannot delete your own account.

    409 while the account is the only owner of an organization.
    """
    await request.app.closing.delete(
        request.values["account"], NamespaceKind.ACCOUNT, request.actor
    )


async def create_link(request: ApiRequest) -> Link:
    """Create a password reset link that works once."""
    account = await request.app.accounts.get(request.values["account"])
    return Link(
        f"{request.origin}/welcome/{await request.app.password_links.begin(account, request.actor)}"
    )


async def remove_second_factor(request: ApiRequest) -> None:
    """Remove an account's second factor, for a lost authenticator."""
    account = await request.app.accounts.get(request.values["account"])
    await request.app.second_factors.remove(account, request.actor)


async def list_hub_invitations(request: ApiRequest, query: PageQuery) -> Page[Invitation]:
    """List the open invitations to the hub."""
    rules, limit = request.app.invitations, query.limit + 1
    found = await rules.list_of_hub(request.actor, limit, query.offset)
    return page_of(found, query, lambda each: shown(Invitation, each))


async def create_hub_invitation(request: ApiRequest, body: Note) -> MadeInvitation:
    """Create an invitation to the hub."""
    made, secret = await request.app.invitations.invite(request.actor, note=body.note)
    return made_invitation(request, made, secret)


async def revoke_hub_invitation(request: ApiRequest) -> None:
    """Revoke an invitation to the hub."""
    await request.app.invitations.revoke_of_hub(request.actor, request.number)


async def list_jobs(request: ApiRequest, query: PageQuery) -> Page[JobCount]:
    """Count the jobs by kind and state."""
    counts = await request.app.administration.count_jobs()
    return cut(counts, query, lambda each: shown(JobCount, each))


async def list_failed_jobs(request: ApiRequest, query: PageQuery) -> Page[FailedJob]:
    """List the failed jobs, the newest first."""
    found = await request.app.administration.list_failed_jobs(_MOST_FAILURES)
    return cut(found, query, lambda each: shown(FailedJob, each))


async def retry_job(request: ApiRequest) -> None:
    """Retry a failed job."""
    if not await request.app.administration.retry_job(request.number):
        raise NotFound("no such job")


async def list_hub_audit(request: ApiRequest, query: LogQuery) -> Page[AuditEntry]:
    """List the hub's audit log, the newest entry first."""
    found = await request.app.audit.list_all(request.actor, query.rows, query.limit)
    return audit_page(found.rows, found.next_before)


def _user(account: Account) -> User:
    return User(
        account.name,
        account.full_name,
        account.email,
        account.is_admin,
        account.disabled_at is not None,
        account.has_second_factor,
        account.created_at,
    )


_U: Final = "/admin/users"

ROUTES: Final = (
    route("GET", "/admin/health", AccessRule.HUB_ADMIN, get_health),
    route("GET", "/admin/storage", AccessRule.HUB_ADMIN, get_storage),
    route("GET", "/admin/settings", AccessRule.HUB_ADMIN, list_settings),
    route("GET", "/admin/audit", AccessRule.HUB_ADMIN, list_hub_audit),
    route("GET", _U, AccessRule.HUB_ADMIN, list_users),
    route("POST", _U, AccessRule.HUB_ADMIN, create_user, status=201),
    route("GET", f"{_U}/{{account}}", AccessRule.HUB_ADMIN, get_user),
    route("PATCH", f"{_U}/{{account}}", AccessRule.HUB_ADMIN, change_user),
    route("DELETE", f"{_U}/{{account}}", AccessRule.HUB_ADMIN, delete_user),
    route("POST", f"{_U}/{{account}}/link", AccessRule.HUB_ADMIN, create_link, status=201),
    route("DELETE", f"{_U}/{{account}}/second-factor", AccessRule.HUB_ADMIN, remove_second_factor),
    route("GET", "/admin/invitations", AccessRule.HUB_ADMIN, list_hub_invitations),
    route("POST", "/admin/invitations", AccessRule.HUB_ADMIN, create_hub_invitation, status=201),
    route("DELETE", "/admin/invitations/{id}", AccessRule.HUB_ADMIN, revoke_hub_invitation),
    route("GET", "/admin/jobs", AccessRule.HUB_ADMIN, list_jobs),
    route("GET", "/admin/jobs/failed", AccessRule.HUB_ADMIN, list_failed_jobs),
    route("POST", "/admin/jobs/{id}/retry", AccessRule.HUB_ADMIN, retry_job),
)
