"""`/settings`: one's own profile, password, second factor, sessions and tokens."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final

from entrepot.errors import Invalid, TokenUnknown, Unauthenticated
from entrepot.http.messages import Response
from entrepot.http.routing import Policy
from entrepot.metadata.accounts import Account, Namespace, Role
from entrepot.metadata.sessions import Session
from entrepot.metadata.tokens import Scope, Token
from entrepot.web.pages import Page, redirect
from entrepot.web.visits import PageRoute, Visit

FRESH: Final = timedelta(minutes=10)
"""For so long a sign-in by a provider stands for the password."""
LIFETIMES: Final = {"7": 7, "30": 30, "90": 90, "365": 365}


@dataclass(kw_only=True)
class SettingsPage(Page):
    """Whatever is one's own; `current` is the tab that is open."""

    template: ClassVar[str] = "settings.html"
    current: str
    full_name: str = ""
    email: str = ""
    organisations: list[tuple[Namespace, Role]]


@dataclass(kw_only=True)
class SecurityPage(SettingsPage):
    """Password and second factor; an enrolment that has begun is shown once."""

    template: ClassVar[str] = "security.html"
    has_second_factor: bool
    provider: str
    is_linked: bool
    codes_left: int
    secret: str = ""
    qr_svg: str = ""
    codes: tuple[str, ...] = ()


@dataclass(kw_only=True)
class SessionsPage(SettingsPage):
    """Where one is signed in."""

    template: ClassVar[str] = "sessions.html"
    sessions: list[Session]
    this: int


@dataclass(kw_only=True)
class TokensPage(SettingsPage):
    """Access tokens; a new one's secret is shown once."""

    template: ClassVar[str] = "tokens.html"
    tokens: list[Token]
    secret: str = ""
    owner: str = ""


def mine(visit: Visit) -> Account:
    """The account that is signed in."""
    if visit.account is None:
        raise Unauthenticated
    return visit.account


async def check_owner(visit: Visit) -> Account:
    """The account that is signed in, whose password the form has; else `BadCredentials`.

    Somebody who signs in by a provider may have no password: they sign in again in its place.
    """
    account, password = mine(visit), visit.form.get("password")
    if not password and await _has_just_signed_in(visit, account):
        return account
    await visit.desk.accounts.check_password(account, password, visit.actor)
    return account


async def _has_just_signed_in(visit: Visit, account: Account) -> bool:
    provider, signed_in = visit.desk.single_sign_on, visit.signed_in
    if provider is None or signed_in is None:
        return False
    is_fresh = visit.desk.now() - signed_in.session.created_at < FRESH
    return is_fresh and await provider.is_linked(account)


async def _organisations(visit: Visit) -> list[tuple[Namespace, Role]]:
    return await visit.desk.organisations.list_of(mine(visit))


async def show_settings(visit: Visit) -> Page:
    """The profile."""
    account = mine(visit)
    return SettingsPage(
        title="Settings",
        current="profile",
        full_name=account.full_name,
        email=account.email,
        organisations=await _organisations(visit),
    )


async def save_profile(visit: Visit) -> Response:
    """Change name and address."""
    form = visit.form
    await visit.desk.accounts.set_profile(
        mine(visit), form.get("full_name"), form.get("email"), visit.actor
    )
    return redirect("/settings", said="saved")


async def show_security(visit: Visit) -> Page:
    """Password and second factor."""
    return await _security(visit)


async def _security(visit: Visit, **shown: object) -> SecurityPage:
    account = mine(visit)
    found = await visit.desk.accounts.get(account.name)
    provider = visit.desk.single_sign_on
    return SecurityPage(
        title="Password and second factor",
        current="security",
        organisations=await _organisations(visit),
        has_second_factor=found.has_second_factor,
        provider=provider.name if provider else "",
        is_linked=provider is not None and await provider.is_linked(account),
        codes_left=await visit.desk.second_factors.count_codes(account),
        **shown,  # type: ignore[arg-type]
    )


async def change_password(visit: Visit) -> Response:
    """Change the password; every other session ends."""
    form = visit.form
    await visit.desk.accounts.change_password(
        mine(visit), form.get("old"), form.get("new"), visit.actor
    )
    return redirect("/login", said="saved")


async def enrol(visit: Visit) -> Page:
    """Begin a second factor: the secret is shown once, as a picture and as text."""
    account = await check_owner(visit)
    enrolment = await visit.desk.second_factors.enrol(account, visit.actor)
    return await _security(visit, secret=enrolment.secret, qr_svg=enrolment.qr_svg)


async def confirm(visit: Visit) -> Page:
    """Begin to ask for the second factor; the recovery codes are shown once."""
    codes = await visit.desk.second_factors.confirm(
        mine(visit), visit.form.get("code"), visit.actor
    )
    return await _security(visit, codes=tuple(codes))


async def replace_codes(visit: Visit) -> Page:
    """New recovery codes instead of the old ones."""
    codes = await visit.desk.second_factors.replace_codes(
        mine(visit), visit.form.get("password"), visit.actor
    )
    return await _security(visit, codes=tuple(codes))


async def disable(visit: Visit) -> Response:
    """Ask for no second factor any more."""
    await visit.desk.second_factors.disable(mine(visit), visit.form.get("password"), visit.actor)
    return redirect("/settings/security", said="saved")


async def show_sessions(visit: Visit) -> Page:
    """Where one is signed in."""
    return SessionsPage(
        title="Sessions",
        current="sessions",
        organisations=await _organisations(visit),
        sessions=await visit.desk.sessions.list_of(mine(visit)),
        this=visit.signed_in.session.id if visit.signed_in else 0,
    )


async def end_session(visit: Visit) -> Response:
    """End one session, or all but this one."""
    number = visit.form.get("session")
    if number == "others" and visit.signed_in is not None:
        await visit.desk.sessions.end_others(visit.signed_in.session)
    elif number.isascii() and number.isdigit() and len(number) < 19:
        await visit.desk.sessions.end(int(number), mine(visit))
    return redirect("/settings/sessions", said="ended")


async def show_tokens(visit: Visit) -> Page:
    """One's own tokens."""
    return await _tokens(visit, "")


async def _tokens(visit: Visit, secret: str) -> TokensPage:
    return TokensPage(
        title="Access tokens",
        current="tokens",
        organisations=await _organisations(visit),
        tokens=await visit.desk.tokens.list_of(mine(visit)),
        secret=secret,
    )


@dataclass(frozen=True, slots=True)
class TokenForm:
    """What somebody wants a token to be."""

    label: str
    scope: Scope
    lifetime: timedelta | None
    repositories: list[str] | None


def token_form(visit: Visit) -> TokenForm:
    """Read the form for a new token; `Invalid` where it is not one of ours."""
    form = visit.form
    label = form.get("label").strip()
    if not 1 <= len(label) <= 100:
        raise Invalid("a token needs a label of at most 100 characters")
    try:
        scope = Scope(form.get("scope"))
    except ValueError as error:
        raise Invalid("choose what the token may do") from error
    days = LIFETIMES.get(form.get("days"))
    patterns = form.get("repositories").replace(",", " ").split()
    return TokenForm(label, scope, timedelta(days=days) if days else None, patterns or None)


async def add_token(visit: Visit) -> Page:
    """Make a token; its secret is shown on this page and never again."""
    asked, account = token_form(visit), await check_owner(visit)
    made = await visit.desk.tokens.add_personal(
        account, asked.label, asked.scope, asked.lifetime, asked.repositories, visit.actor
    )
    return await _tokens(visit, made[1])


async def revoke_token(visit: Visit) -> Response:
    """Revoke one of one's own tokens."""
    wanted = visit.form.get("id")
    if wanted not in {str(each.id) for each in await visit.desk.tokens.list_of(mine(visit))}:
        raise TokenUnknown
    await visit.desk.tokens.revoke(int(wanted), visit.actor)
    return redirect("/settings/tokens", said="revoked")


ROUTES: Final = (
    PageRoute("GET", "/settings", Policy.SIGNED_IN, show_settings),
    PageRoute("POST", "/settings", Policy.SIGNED_IN, save_profile),
    PageRoute("GET", "/settings/security", Policy.SIGNED_IN, show_security),
    PageRoute("POST", "/settings/password", Policy.SIGNED_IN, change_password),
    PageRoute("POST", "/settings/second-factor", Policy.SIGNED_IN, enrol),
    PageRoute("POST", "/settings/second-factor/confirm", Policy.SIGNED_IN, confirm),
    PageRoute("POST", "/settings/second-factor/codes", Policy.SIGNED_IN, replace_codes),
    PageRoute("POST", "/settings/second-factor/disable", Policy.SIGNED_IN, disable),
    PageRoute("GET", "/settings/sessions", Policy.SIGNED_IN, show_sessions),
    PageRoute("POST", "/settings/sessions", Policy.SIGNED_IN, end_session),
    PageRoute("GET", "/settings/tokens", Policy.SIGNED_IN, show_tokens),
    PageRoute("POST", "/settings/tokens", Policy.SIGNED_IN, add_token),
    PageRoute("POST", "/settings/tokens/revoke", Policy.SIGNED_IN, revoke_token),
)
