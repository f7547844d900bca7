"""The hub itself, for its administrators: users, jobs, storage, settings, health, the log."""

from typing import Final

from msgspec import UNSET, Struct, UnsetType

from entrepot.api.fields import Asked, Line, Moment, NameText, Password
from entrepot.api.namespaces import (
    AuditEntry,
    Invitation,
    LogQuery,
    MadeInvitation,
    audit_page,
    made_invitation,
)
from entrepot.api.paging import Page, PageQuery, cut, page_of
from entrepot.api.requests import ApiRequest, route, shown
from entrepot.errors import NotFound
from entrepot.http.authorize import AccessRule
from entrepot.metadata import jobs
from entrepot.metadata.accounts import Account, NamespaceKind
from entrepot.metadata.numbers import find_numbers

_MOST_FAILURES: Final = 1000


class User(Struct, frozen=True):
    """Somebody who may sign in."""

    name: str
    full_name: str
    email: str
    is_admin: bool
    is_disabled: bool
    has_second_factor: bool
    created_at: Moment


class NewUser(Asked, frozen=True, kw_only=True):
    """An account to be made."""

    name: NameText
    password: Password
    is_admin: bool = False


class UserChange(Asked, frozen=True, kw_only=True):
    """What changes; what is left out stays."""

    is_admin: bool | UnsetType = UNSET
    is_disabled: bool | UnsetType = UNSET


class Link(Struct, frozen=True):
    """A link that works once, and is never told again."""

    url: str


class Note(Asked, frozen=True, kw_only=True):
    """What the invitation is for."""

    note: Line = ""


class JobCount(Struct, frozen=True):
    """How many jobs of a kind are `queued` or `failed`."""

    kind: str
    state: str
    count: int


class FailedJob(Struct, frozen=True):
    """Work that was given up, and why."""

    id: int
    kind: str
    subject: str
    attempts: int
    error: str
    created_at: Moment


class Storage(Struct, frozen=True):
    """Counts of everything; `blob_bytes` are bytes that blobs take, each once."""

    accounts: int
    repositories: int
    manifests: int
    tags: int
    blobs: int
    blob_bytes: int
    uploads: int


class Setting(Struct, frozen=True):
    """A setting in force; secrets are masked."""

    name: str
    value: str
    meaning: str


class Health(Struct, frozen=True):
    """Whether all is well."""

    version: str
    queued: int
    failed: int
    sandbox: dict[str, str]
    """What shuts in the process that reads pushed bytes; why not, where something does not."""


async def get_health(request: ApiRequest) -> Health:
    """The version, and work that waits or was given up."""
    counts = await jobs.count_jobs(request.reader)
    return Health(
        request.app.version,
        queued=sum(count for (_, state), count in counts.items() if state == jobs.QUEUED),
        failed=sum(count for (_, state), count in counts.items() if state == jobs.FAILED),
        sandbox=await request.app.confinement(),
    )


async def get_storage(request: ApiRequest) -> Storage:
    """How much there is of everything."""
    return shown(Storage, await find_numbers(request.reader))


async def list_settings(request: ApiRequest, query: PageQuery) -> Page[Setting]:
    """The settings in force."""
    return cut(request.app.describe_settings(), query, lambda each: Setting(*each))


async def list_users(request: ApiRequest, query: PageQuery) -> Page[User]:
    """Every account, by name."""
    found = await request.app.accounts.list_page(query.limit + 1, query.offset)
    return page_of(found, query, _user)


async def create_user(request: ApiRequest, body: NewUser) -> User:
    """Make an account with a namespace of its name."""
    made = await request.app.accounts.add(
        body.name, body.password, is_admin=body.is_admin, by=request.actor
    )
    request.created(f"/admin/users/{made.name}")
    return _user(made)


async def get_user(request: ApiRequest) -> User:
    """One account."""
    return _user(await request.app.accounts.get(request.values["account"]))


async def change_user(request: ApiRequest, body: UserChange) -> User:
    """Disable or enable an account, or let it administer the hub; nobody does so of themselves."""
    name, rules = request.values["account"], request.app.accounts
    if body.is_admin is not UNSET:
        await rules.set_admin(name, body.is_admin, request.actor)
    if body.is_disabled is not UNSET:
        await (rules.disable if body.is_disabled else rules.enable)(name, request.actor)
    return await get_user(request)


async def delete_user(request: ApiRequest) -> None:
    """Delete an account with its repositories, for good; nobody deletes themselves.

    409 while the account is the only owner of an organisation.
    """
    await request.app.closing.delete(
        request.values["account"], NamespaceKind.ACCOUNT, request.actor
    )


async def create_link(request: ApiRequest) -> Link:
    """Make a link with which somebody chooses a new password, once."""
    account = await request.app.accounts.get(request.values["account"])
    return Link(
        f"{request.origin}/welcome/{await request.app.welcomes.begin(account, request.actor)}"
    )


async def remove_second_factor(request: ApiRequest) -> None:
    """Ask an account for its second factor no longer, because the authenticator is lost."""
    account = await request.app.accounts.get(request.values["account"])
    await request.app.second_factors.remove(account, request.actor)


async def list_hub_invitations(request: ApiRequest, query: PageQuery) -> Page[Invitation]:
    """Invitations to the hub that nobody has accepted yet."""
    rules, limit = request.app.invitations, query.limit + 1
    found = await rules.list_of_hub(request.actor, limit, query.offset)
    return page_of(found, query, lambda each: shown(Invitation, each))


async def create_hub_invitation(request: ApiRequest, body: Note) -> MadeInvitation:
    """Invite somebody to make an account."""
    made, secret = await request.app.invitations.invite(request.actor, note=body.note)
    return made_invitation(request, made, secret)


async def revoke_hub_invitation(request: ApiRequest) -> None:
    """Make an invitation's link lead nowhere."""
    await request.app.invitations.revoke_of_hub(request.actor, request.number)


async def list_jobs(request: ApiRequest, query: PageQuery) -> Page[JobCount]:
    """How many jobs there are, by kind and state."""
    counts = sorted((await jobs.count_jobs(request.reader)).items())
    return cut(counts, query, lambda each: JobCount(*each[0], each[1]))


async def list_failed_jobs(request: ApiRequest, query: PageQuery) -> Page[FailedJob]:
    """Work that was given up, the newest first."""
    found = await jobs.list_failed(request.reader, _MOST_FAILURES)
    return cut(found, query, lambda each: shown(FailedJob, each))


async def retry_job(request: ApiRequest) -> None:
    """Try work again that was given up."""
    async with request.app.metadata.begin() as tx:
        if not await jobs.requeue(tx, request.number):
            raise NotFound("there is no such job")


async def list_hub_audit(request: ApiRequest, query: LogQuery) -> Page[AuditEntry]:
    """What was done on the hub, the newest first."""
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
