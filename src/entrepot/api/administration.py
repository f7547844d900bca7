"""The hub itself, for its administrators: users, jobs, storage, settings, health, the log."""

from typing import Final

from msgspec import UNSET, Struct, UnsetType

from entrepot.api.calls import Call, route, shown
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
from entrepot.errors import NotFound
from entrepot.http.routing import Policy
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


async def get_health(call: Call) -> Health:
    """The version, and work that waits or was given up."""
    counts = await jobs.count_jobs(call.reader)
    return Health(
        call.desk.version,
        queued=sum(count for (_, state), count in counts.items() if state == jobs.QUEUED),
        failed=sum(count for (_, state), count in counts.items() if state == jobs.FAILED),
        sandbox=await call.desk.confinement(),
    )


async def get_storage(call: Call) -> Storage:
    """How much there is of everything."""
    return shown(Storage, await find_numbers(call.reader))


async def list_settings(call: Call, query: PageQuery) -> Page[Setting]:
    """The settings in force."""
    return cut(call.desk.settings, query, lambda each: Setting(*each))


async def list_users(call: Call, query: PageQuery) -> Page[User]:
    """Every account, by name."""
    found = await call.desk.accounts.list_page(query.limit + 1, query.offset)
    return page_of(found, query, _user)


async def create_user(call: Call, body: NewUser) -> User:
    """Make an account with a namespace of its name."""
    made = await call.desk.accounts.add(
        body.name, body.password, is_admin=body.is_admin, by=call.actor
    )
    call.created(f"/admin/users/{made.name}")
    return _user(made)


async def get_user(call: Call) -> User:
    """One account."""
    return _user(await call.desk.accounts.get(call.values["account"]))


async def change_user(call: Call, body: UserChange) -> User:
    """Disable or enable an account, or let it administer the hub; nobody does so of themselves."""
    name, rules = call.values["account"], call.desk.accounts
    if body.is_admin is not UNSET:
        await rules.set_admin(name, body.is_admin, call.actor)
    if body.is_disabled is not UNSET:
        await (rules.disable if body.is_disabled else rules.enable)(name, call.actor)
    return await get_user(call)


async def delete_user(call: Call) -> None:
    """Delete an account with its repositories, for good; nobody deletes themselves.

    409 while the account is the only owner of an organisation.
    """
    await call.desk.closing.delete(call.values["account"], NamespaceKind.ACCOUNT, call.actor)


async def create_link(call: Call) -> Link:
    """Make a link with which somebody chooses a new password, once."""
    account = await call.desk.accounts.get(call.values["account"])
    return Link(f"{call.origin}/welcome/{await call.desk.welcomes.begin(account, call.actor)}")


async def remove_second_factor(call: Call) -> None:
    """Ask an account for its second factor no longer, because the authenticator is lost."""
    account = await call.desk.accounts.get(call.values["account"])
    await call.desk.second_factors.remove(account, call.actor)


async def list_hub_invitations(call: Call, query: PageQuery) -> Page[Invitation]:
    """Invitations to the hub that nobody has accepted yet."""
    rules, limit = call.desk.invitations, query.limit + 1
    found = await rules.list_of_hub(call.actor, limit, query.offset)
    return page_of(found, query, lambda each: shown(Invitation, each))


async def create_hub_invitation(call: Call, body: Note) -> MadeInvitation:
    """Invite somebody to make an account."""
    made, secret = await call.desk.invitations.invite(call.actor, note=body.note)
    return made_invitation(call, made, secret)


async def revoke_hub_invitation(call: Call) -> None:
    """Make an invitation's link lead nowhere."""
    await call.desk.invitations.revoke_of_hub(call.actor, call.number)


async def list_jobs(call: Call, query: PageQuery) -> Page[JobCount]:
    """How many jobs there are, by kind and state."""
    counts = sorted((await jobs.count_jobs(call.reader)).items())
    return cut(counts, query, lambda each: JobCount(*each[0], each[1]))


async def list_failed_jobs(call: Call, query: PageQuery) -> Page[FailedJob]:
    """Work that was given up, the newest first."""
    found = await jobs.list_failed(call.reader, _MOST_FAILURES)
    return cut(found, query, lambda each: shown(FailedJob, each))


async def retry_job(call: Call) -> None:
    """Try work again that was given up."""
    async with call.desk.metadata.begin() as tx:
        if not await jobs.requeue(tx, call.number):
            raise NotFound("there is no such job")


async def list_hub_audit(call: Call, query: LogQuery) -> Page[AuditEntry]:
    """What was done on the hub, the newest first."""
    found = await call.desk.audit.list_all(call.actor, query.rows, query.limit)
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
    route("GET", "/admin/health", Policy.OPERATE, get_health),
    route("GET", "/admin/storage", Policy.OPERATE, get_storage),
    route("GET", "/admin/settings", Policy.OPERATE, list_settings),
    route("GET", "/admin/audit", Policy.OPERATE, list_hub_audit),
    route("GET", _U, Policy.OPERATE, list_users),
    route("POST", _U, Policy.OPERATE, create_user, status=201),
    route("GET", f"{_U}/{{account}}", Policy.OPERATE, get_user),
    route("PATCH", f"{_U}/{{account}}", Policy.OPERATE, change_user),
    route("DELETE", f"{_U}/{{account}}", Policy.OPERATE, delete_user),
    route("POST", f"{_U}/{{account}}/link", Policy.OPERATE, create_link, status=201),
    route("DELETE", f"{_U}/{{account}}/second-factor", Policy.OPERATE, remove_second_factor),
    route("GET", "/admin/invitations", Policy.OPERATE, list_hub_invitations),
    route("POST", "/admin/invitations", Policy.OPERATE, create_hub_invitation, status=201),
    route("DELETE", "/admin/invitations/{id}", Policy.OPERATE, revoke_hub_invitation),
    route("GET", "/admin/jobs", Policy.OPERATE, list_jobs),
    route("GET", "/admin/jobs/failed", Policy.OPERATE, list_failed_jobs),
    route("POST", "/admin/jobs/{id}/retry", Policy.OPERATE, retry_job),
)
