"""Whoever asks: their account, their second factor, their sessions, and what is theirs."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from entrepot.api.calls import Call, proof, route, shown
from entrepot.api.fields import Asked, EmailText, FullName, Moment, Password, Secret
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.http.routing import Policy
from entrepot.hub.actors import Action
from entrepot.metadata.accounts import Namespace, Role


class Me(Struct, frozen=True):
    """Who asks, and the most that they may do this way.

    An organisation's token has its organisation's name and no account. `repositories` are what a
    token is limited to, `null` for every one.
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
    """What changes; what is left out stays."""

    full_name: FullName | UnsetType = UNSET
    email: EmailText | UnsetType = UNSET


class PasswordChange(Asked, frozen=True, kw_only=True):
    """The password as it is, and as it is to be."""

    old: Secret
    new: Password


class Session(Struct, frozen=True):
    """A browser that is signed in."""

    id: int
    created_at: Moment
    seen_at: Moment
    expires_at: Moment
    address: str
    client: str


class Membership(Struct, frozen=True):
    """An organisation, and what one is there."""

    organisation: str
    role: Role


class Starred(Struct, frozen=True):
    """A repository that one likes."""

    repository: str


class Accepted(Struct, frozen=True):
    """What an invitation led into."""

    organisation: str
    role: Role
    team: str


class InvitationSecret(Asked, frozen=True, kw_only=True):
    """The last part of an invitation's link."""

    secret: Secret


class SecondFactor(Struct, frozen=True):
    """Whether a code is asked for, and how many recovery codes are left."""

    is_on: bool
    codes_left: int


class Enrolment(Struct, frozen=True):
    """The secret for an authenticator, which is never told again, and its picture."""

    secret: str
    qr_svg: str


class Code(Asked, frozen=True, kw_only=True):
    """What an authenticator shows."""

    code: Annotated[str, Meta(pattern="^[0-9]{6}$")]


class PasswordProof(Asked, frozen=True, kw_only=True):
    """One's own password."""

    password: Secret


class RecoveryCodes(Struct, frozen=True):
    """Codes that each work once, and are never told again."""

    codes: list[str]


async def get_me(call: Call) -> Me:
    """Who asks."""
    identity, account = call.identity, call.identity.account
    return Me(
        name=identity.name.partition(":")[0],
        full_name=account.full_name if account else "",
        email=account.email if account else "",
        is_admin=identity.may_everything,
        has_second_factor=account.has_second_factor if account else False,
        created_at=account.created_at if account else None,
        actions=sorted(identity.ceiling),
        repositories=None if identity.patterns is None else list(identity.patterns),
    )


async def change_profile(call: Call, body: ProfileChange) -> Me:
    """Change one's name and address."""
    account = call.account
    full_name = account.full_name if body.full_name is UNSET else body.full_name
    email = account.email if body.email is UNSET else body.email
    await call.desk.accounts.set_profile(account, full_name, email, call.actor)
    me = await get_me(call)
    return replace(me, full_name=full_name, email=email)


async def change_password(call: Call, body: PasswordChange) -> None:
    """Change one's password; whoever was signed in must sign in again."""
    with proof():
        await call.desk.accounts.change_password(call.account, body.old, body.new, call.actor)


async def list_sessions(call: Call, query: PageQuery) -> Page[Session]:
    """Browsers that are signed in, the one used last first."""
    found = await call.desk.sessions.list_of(call.unlimited_account)
    return cut(found, query, lambda each: shown(Session, each))


async def end_session(call: Call) -> None:
    """Sign a browser out."""
    await call.desk.sessions.end(call.number, call.unlimited_account)


async def end_sessions(call: Call) -> None:
    """Sign every browser out."""
    await call.desk.sessions.end_all(call.unlimited_account)


async def list_memberships(call: Call, query: PageQuery) -> Page[Membership]:
    """The organisations that one belongs to."""
    found = await call.desk.organisations.list_of(call.unlimited_account)
    return cut(found, query, _membership)


async def list_starred(call: Call, query: PageQuery) -> Page[Starred]:
    """Repositories that one likes, the newest star first."""
    found = await call.desk.stars.list_of(call.account, call.identity)
    return cut(found, query, lambda each: Starred(each.name.text))


async def accept_invitation(call: Call, body: InvitationSecret) -> Accepted:
    """Join the organisation that an invitation is into."""
    found = await call.desk.invitations.accept(body.secret, call.account, call.actor)
    return Accepted(found.organisation, found.role, found.team)


async def get_second_factor(call: Call) -> SecondFactor:
    """Whether a code is asked for when one signs in."""
    account = call.unlimited_account
    return SecondFactor(
        account.has_second_factor, await call.desk.second_factors.count_codes(account)
    )


async def enrol_second_factor(call: Call, body: PasswordProof) -> Enrolment:
    """Begin a second factor: nothing is asked for until a code confirms it."""
    with proof():
        await call.desk.accounts.check_password(call.account, body.password, call.actor)
    enrolment = await call.desk.second_factors.enrol(call.account, call.actor)
    return shown(Enrolment, enrolment)


async def confirm_second_factor(call: Call, body: Code) -> RecoveryCodes:
    """Ask for the second factor from now on."""
    factors = call.desk.second_factors
    with proof():
        return RecoveryCodes(await factors.confirm(call.account, body.code, call.actor))


async def replace_recovery_codes(call: Call, body: PasswordProof) -> RecoveryCodes:
    """New recovery codes in place of all others."""
    factors = call.desk.second_factors
    with proof():
        return RecoveryCodes(await factors.replace_codes(call.account, body.password, call.actor))


async def disable_second_factor(call: Call, body: PasswordProof) -> None:
    """Ask for the second factor no longer."""
    with proof():
        await call.desk.second_factors.disable(call.account, body.password, call.actor)


def _membership(found: tuple[Namespace, Role]) -> Membership:
    return Membership(found[0].name, found[1])


_F: Final = "/me/second-factor"

ROUTES: Final = (
    route("GET", "/me", Policy.SIGNED_IN, get_me),
    route("PATCH", "/me", Policy.SIGNED_IN, change_profile),
    route("POST", "/me/password", Policy.SIGNED_IN, change_password),
    route("GET", "/me/sessions", Policy.SIGNED_IN, list_sessions),
    route("DELETE", "/me/sessions", Policy.SIGNED_IN, end_sessions),
    route("DELETE", "/me/sessions/{id}", Policy.SIGNED_IN, end_session),
    route("GET", "/me/organisations", Policy.SIGNED_IN, list_memberships),
    route("GET", "/me/stars", Policy.SIGNED_IN, list_starred),
    route("POST", "/me/invitations", Policy.SIGNED_IN, accept_invitation),
    route("GET", _F, Policy.SIGNED_IN, get_second_factor),
    route("POST", _F, Policy.SIGNED_IN, enrol_second_factor, status=201),
    route("POST", f"{_F}/confirm", Policy.SIGNED_IN, confirm_second_factor),
    route("POST", f"{_F}/codes", Policy.SIGNED_IN, replace_recovery_codes),
    route("POST", f"{_F}/disable", Policy.SIGNED_IN, disable_second_factor),
)
