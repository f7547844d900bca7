"""The caller's account: profile, second factor, sessions, memberships and stars."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from entrepot.api.fields import Asked, EmailText, FullName, Moment, Password, Secret
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.api.requests import ApiRequest, proof, route, shown
from entrepot.http.authorize import AccessRule
from entrepot.hub.people.actors import Action
from entrepot.model.people.accounts import Namespace, Role


class Me(Struct, frozen=True):
    """The caller and the permissions of its credentials.

    For an organization's token `name` is the organization and there is no account. `repositories`
    are the ones that a token is limited to, `null` for all.
    """

    name: str
    full_name: str
    email: str
    is_admin: bool
    has_second_factor: bool
    created_at: Moment | None
    actions: list[Action]
    repositories: list[str] | None


class ProfileChange(Asked, frozen=True, kw_only=True):
    """The fields to change; omitted fields stay as they are."""

    full_name: FullName | UnsetType = UNSET
    email: EmailText | UnsetType = UNSET


class PasswordChange(Asked, frozen=True, kw_only=True):
    """The current and the new password."""

    old: Secret
    new: Password


class Session(Struct, frozen=True):
    """A signed-in browser."""

    id: int
    created_at: Moment
    seen_at: Moment
    expires_at: Moment
    address: str
    client: str


class Membership(Struct, frozen=True):
    """An organization and the account's role in it."""

    organisation: str
    role: Role


class Starred(Struct, frozen=True):
    """A repository that the account has starred."""

    repository: str


class Accepted(Struct, frozen=True):
    """The organization that the invitation led to."""

    organisation: str
    role: Role
    team: str


class InvitationSecret(Asked, frozen=True, kw_only=True):
    """The secret, the last part of an invitation link."""

    secret: Secret


class SecondFactor(Struct, frozen=True):
    """Whether a second factor is active, and how many recovery codes are left."""

    is_on: bool
    codes_left: int


class Enrolment(Struct, frozen=True):
    """The secret for an authenticator app and its QR code; shown only once."""

    secret: str
    qr_svg: str


class Code(Asked, frozen=True, kw_only=True):
    """A code of the authenticator app."""

    code: Annotated[str, Meta(pattern="^[0-9]{6}$")]


class PasswordProof(Asked, frozen=True, kw_only=True):
    """The account's current password."""

    password: Secret


class RecoveryCodes(Struct, frozen=True):
    """Recovery codes, each valid once; shown only once."""

    codes: list[str]


async def get_me(request: ApiRequest) -> Me:
    """Return the caller and its permissions."""
    identity, account = request.identity, request.identity.account
    return Me(
        name=identity.name.partition(":")[0],
        full_name=account.full_name if account else "",
        email=account.email if account else "",
        is_admin=identity.is_superuser,
        has_second_factor=account.has_second_factor if account else False,
        created_at=account.created_at if account else None,
        actions=sorted(identity.ceiling),
        repositories=None if identity.patterns is None else list(identity.patterns),
    )


async def change_profile(request: ApiRequest, body: ProfileChange) -> Me:
    """Change the account's full name and e-mail address."""
    account = request.account
    full_name = account.full_name if body.full_name is UNSET else body.full_name
    email = account.email if body.email is UNSET else body.email
    await request.app.accounts.set_profile(account, full_name, email, request.actor)
    me = await get_me(request)
    return replace(me, full_name=full_name, email=email)


async def change_password(request: ApiRequest, body: PasswordChange) -> None:
    """Change the account's password and sign out all browsers."""
    with proof():
        await request.app.accounts.change_password(
            request.account, body.old, body.new, request.actor
        )


async def list_sessions(request: ApiRequest, query: PageQuery) -> Page[Session]:
    """List the signed-in browsers, the most recently used first."""
    found = await request.app.sessions.list_of(request.unlimited_account)
    return cut(found, query, lambda each: shown(Session, each))


async def end_session(request: ApiRequest) -> None:
    """Sign a browser out."""
    await request.app.sessions.end(request.number, request.unlimited_account)


async def end_sessions(request: ApiRequest) -> None:
    """Sign every browser out."""
    await request.app.sessions.end_all(request.unlimited_account)


async def list_memberships(request: ApiRequest, query: PageQuery) -> Page[Membership]:
    """List the organizations that the account belongs to."""
    found = await request.app.organizations.list_of(request.unlimited_account)
    return cut(found, query, _membership)


async def list_starred(request: ApiRequest, query: PageQuery) -> Page[Starred]:
    """List the starred repositories, the newest star first."""
    found = await request.app.stars.list_of(request.account, request.identity)
    return cut(found, query, lambda each: Starred(each.name.text))


async def accept_invitation(request: ApiRequest, body: InvitationSecret) -> Accepted:
    """Accept an invitation and join its organization."""
    found = await request.app.invitations.accept(body.secret, request.account, request.actor)
    return Accepted(found.organization, found.role, found.team)


async def get_second_factor(request: ApiRequest) -> SecondFactor:
    """Return whether a second factor is active."""
    account = request.unlimited_account
    return SecondFactor(
        account.has_second_factor, await request.app.second_factors.count_codes(account)
    )


async def enrol_second_factor(request: ApiRequest, body: PasswordProof) -> Enrolment:
    """Start setting up a second factor; it becomes active when a code confirms it."""
    with proof():
        await request.app.accounts.check_password(request.account, body.password, request.actor)
    enrolment = await request.app.second_factors.enrol(request.account, request.actor)
    return shown(Enrolment, enrolment)


async def confirm_second_factor(request: ApiRequest, body: Code) -> RecoveryCodes:
    """Activate the second factor with a code."""
    factors = request.app.second_factors
    with proof():
        return RecoveryCodes(await factors.confirm(request.account, body.code, request.actor))


async def replace_recovery_codes(request: ApiRequest, body: PasswordProof) -> RecoveryCodes:
    """Create new recovery codes; the previous ones stop working."""
    factors = request.app.second_factors
    with proof():
        return RecoveryCodes(
            await factors.replace_codes(request.account, body.password, request.actor)
        )


async def disable_second_factor(request: ApiRequest, body: PasswordProof) -> None:
    """Deactivate the second factor."""
    with proof():
        await request.app.second_factors.disable(request.account, body.password, request.actor)


def _membership(found: tuple[Namespace, Role]) -> Membership:
    return Membership(found[0].name, found[1])


_F: Final = "/me/second-factor"

ROUTES: Final = (
    route("GET", "/me", AccessRule.SIGNED_IN, get_me),
    route("PATCH", "/me", AccessRule.SIGNED_IN, change_profile),
    route("POST", "/me/password", AccessRule.SIGNED_IN, change_password),
    route("GET", "/me/sessions", AccessRule.SIGNED_IN, list_sessions),
    route("DELETE", "/me/sessions", AccessRule.SIGNED_IN, end_sessions),
    route("DELETE", "/me/sessions/{id}", AccessRule.SIGNED_IN, end_session),
    route("GET", "/me/organisations", AccessRule.SIGNED_IN, list_memberships),
    route("GET", "/me/stars", AccessRule.SIGNED_IN, list_starred),
    route("POST", "/me/invitations", AccessRule.SIGNED_IN, accept_invitation),
    route("GET", _F, AccessRule.SIGNED_IN, get_second_factor),
    route("POST", _F, AccessRule.SIGNED_IN, enrol_second_factor, status=201),
    route("POST", f"{_F}/confirm", AccessRule.SIGNED_IN, confirm_second_factor),
    route("POST", f"{_F}/codes", AccessRule.SIGNED_IN, replace_recovery_codes),
    route("POST", f"{_F}/disable", AccessRule.SIGNED_IN, disable_second_factor),
)
