"""`/settings`: one's own profile, password, second factor, sessions and tokens."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Final

from entrepot.errors import Invalid, TokenUnknown, Unauthenticated
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.model.people.accounts import Account, Namespace, Role, Session
from entrepot.model.people.tokens import Token, TokenScope
from entrepot.web.pages import Page, redirect
from entrepot.web.requests import PageRequest, PageRoute

FRESH: Final = timedelta(minutes=10)
"""For so long a sign-in by a provider stands for the password."""
LIFETIMES: Final = {"7": 7, "30": 30, "90": 90, "365": 365}


@dataclass(kw_only=True)
class AccountSettingsPage(Page):
    """A page of the account's settings; `current` is the open tab."""

    template: ClassVar[str] = "accounts/profile.html"
    current: str
    full_name: str = ""
    email: str = ""
    organizations: list[tuple[Namespace, Role]]


@dataclass(kw_only=True)
class SecurityPage(AccountSettingsPage):
    """Password and second factor; an enrolment that has begun is shown once."""

    template: ClassVar[str] = "accounts/security.html"
    has_second_factor: bool
    provider: str
    is_linked: bool
    codes_left: int
    secret: str = ""
    qr_svg: str = ""
    codes: tuple[str, ...] = ()


@dataclass(kw_only=True)
class SessionsPage(AccountSettingsPage):
    """Where one is signed in."""

    template: ClassVar[str] = "accounts/sessions.html"
    sessions: list[Session]
    this: int


@dataclass(kw_only=True)
class TokensPage(AccountSettingsPage):
    """Access tokens; a new one's secret is shown once."""

    template: ClassVar[str] = "accounts/tokens.html"
    tokens: list[Token]
    secret: str = ""
    owner: str = ""


def mine(request: PageRequest) -> Account:
    """The account that is signed in."""
    if request.account is None:
        raise Unauthenticated
    return request.account


async def check_owner(request: PageRequest) -> Account:
    """The account that is signed in, whose password the form has; else `BadCredentials`.

    Somebody who signs in by a provider may have no password: they sign in again in its place.
    """
    account, password = mine(request), request.form.get("password")
    if not password and await _has_just_signed_in(request, account):
        return account
    await request.app.accounts.check_password(account, password, request.actor)
    return account


async def _has_just_signed_in(request: PageRequest, account: Account) -> bool:
    provider, signed_in = request.app.single_sign_on, request.signed_in
    if provider is None or signed_in is None:
        return False
    is_fresh = request.app.now() - signed_in.session.created_at < FRESH
    return is_fresh and await provider.is_linked(account)


async def _organizations(request: PageRequest) -> list[tuple[Namespace, Role]]:
    return await request.app.organizations.list_of(mine(request))


async def show_settings(request: PageRequest) -> Page:
    """The profile."""
    account = mine(request)
    return AccountSettingsPage(
        title="Settings",
        current="profile",
        full_name=account.full_name,
        email=account.email,
        organizations=await _organizations(request),
    )


async def save_profile(request: PageRequest) -> Response:
    """Change name and address."""
    form = request.form
    await request.app.accounts.set_profile(
        mine(request), form.get("full_name"), form.get("email"), request.actor
    )
    return redirect("/settings", said="saved")


async def show_security(request: PageRequest) -> SecurityPage:
    """Password and second factor."""
    account = mine(request)
    found = await request.app.accounts.get(account.name)
    provider = request.app.single_sign_on
    return SecurityPage(
        title="Password and second factor",
        current="security",
        organizations=await _organizations(request),
        has_second_factor=found.has_second_factor,
        provider=provider.name if provider else "",
        is_linked=provider is not None and await provider.is_linked(account),
        codes_left=await request.app.second_factors.count_codes(account),
    )


async def change_password(request: PageRequest) -> Response:
    """Change the password; every other session ends."""
    form = request.form
    await request.app.accounts.change_password(
        mine(request), form.get("old"), form.get("new"), request.actor
    )
    return redirect("/login", said="saved")


async def enrol(request: PageRequest) -> Page:
    """Begin a second factor: the secret is shown once, as a picture and as text."""
    account = await check_owner(request)
    enrolment = await request.app.second_factors.enrol(account, request.actor)
    return replace(await show_security(request), secret=enrolment.secret, qr_svg=enrolment.qr_svg)


async def confirm(request: PageRequest) -> Page:
    """Begin to ask for the second factor; the recovery codes are shown once."""
    codes = await request.app.second_factors.confirm(
        mine(request), request.form.get("code"), request.actor
    )
    return replace(await show_security(request), codes=tuple(codes))


async def replace_codes(request: PageRequest) -> Page:
    """New recovery codes instead of the old ones."""
    codes = await request.app.second_factors.replace_codes(
        mine(request), request.form.get("password"), request.actor
    )
    return replace(await show_security(request), codes=tuple(codes))


async def disable(request: PageRequest) -> Response:
    """Ask for no second factor any more."""
    await request.app.second_factors.disable(
        mine(request), request.form.get("password"), request.actor
    )
    return redirect("/settings/security", said="saved")


async def show_sessions(request: PageRequest) -> Page:
    """Where one is signed in."""
    return SessionsPage(
        title="Sessions",
        current="sessions",
        organizations=await _organizations(request),
        sessions=await request.app.sessions.list_of(mine(request)),
        this=request.signed_in.session.id if request.signed_in else 0,
    )


async def end_session(request: PageRequest) -> Response:
    """End one session, or all but this one."""
    number = request.form.get("session")
    if number == "others" and request.signed_in is not None:
        await request.app.sessions.end_others(request.signed_in.session)
    elif number.isascii() and number.isdigit() and len(number) < 19:
        await request.app.sessions.end(int(number), mine(request))
    return redirect("/settings/sessions", said="ended")


async def show_tokens(request: PageRequest, secret: str = "") -> Page:
    """One's own tokens; `secret` is that of a token just made."""
    return TokensPage(
        title="Access tokens",
        current="tokens",
        organizations=await _organizations(request),
        tokens=await request.app.tokens.list_of(mine(request)),
        secret=secret,
    )


@dataclass(frozen=True, slots=True)
class TokenForm:
    """The form of a new token."""

    label: str
    scope: TokenScope
    lifetime: timedelta | None
    repositories: list[str] | None


def token_form(request: PageRequest) -> TokenForm:
    """Read the form for a new token; `Invalid` where it is not one of ours."""
    form = request.form
    label = form.get("label").strip()
    if not 1 <= len(label) <= 100:
        raise Invalid("invalid token name: use 1 to 100 characters")
    try:
        scope = TokenScope(form.get("scope"))
    except ValueError as error:
        raise Invalid("choose the token's permission") from error
    days = LIFETIMES.get(form.get("days"))
    patterns = form.get("repositories").replace(",", " ").split()
    return TokenForm(label, scope, timedelta(days=days) if days else None, patterns or None)


async def add_token(request: PageRequest) -> Page:
    """Make a token; its secret is shown on this page and never again."""
    asked, account = token_form(request), await check_owner(request)
    made = await request.app.tokens.add_personal(
        account, asked.label, asked.scope, asked.lifetime, asked.repositories, request.actor
    )
    return await show_tokens(request, made[1])


async def revoke_token(request: PageRequest) -> Response:
    """Revoke one of one's own tokens."""
    wanted = request.form.get("id")
    if wanted not in {str(each.id) for each in await request.app.tokens.list_of(mine(request))}:
        raise TokenUnknown
    await request.app.tokens.revoke(int(wanted), request.actor)
    return redirect("/settings/tokens", said="revoked")


ROUTES: Final = (
    PageRoute("GET", "/settings", AccessRule.SIGNED_IN, show_settings),
    PageRoute("POST", "/settings", AccessRule.SIGNED_IN, save_profile),
    PageRoute("GET", "/settings/security", AccessRule.SIGNED_IN, show_security),
    PageRoute("POST", "/settings/password", AccessRule.SIGNED_IN, change_password),
    PageRoute("POST", "/settings/second-factor", AccessRule.SIGNED_IN, enrol),
    PageRoute("POST", "/settings/second-factor/confirm", AccessRule.SIGNED_IN, confirm),
    PageRoute("POST", "/settings/second-factor/codes", AccessRule.SIGNED_IN, replace_codes),
    PageRoute("POST", "/settings/second-factor/disable", AccessRule.SIGNED_IN, disable),
    PageRoute("GET", "/settings/sessions", AccessRule.SIGNED_IN, show_sessions),
    PageRoute("POST", "/settings/sessions", AccessRule.SIGNED_IN, end_session),
    PageRoute("GET", "/settings/tokens", AccessRule.SIGNED_IN, show_tokens),
    PageRoute("POST", "/settings/tokens", AccessRule.SIGNED_IN, add_token),
    PageRoute("POST", "/settings/tokens/revoke", AccessRule.SIGNED_IN, revoke_token),
)
