"""Signing in, up and out; the second factor; links that invite and that make a first password."""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.errors import Denied, NotFound, Unauthenticated
from entrepot.http.authorize import AccessRule
from entrepot.http.cookies import session_cookie, set_cookie
from entrepot.http.messages import Response
from entrepot.hub.identity.sessions import LIFETIME
from entrepot.hub.identity.sign_in import Begun
from entrepot.web.home import local_address
from entrepot.web.pages import Page, redirect
from entrepot.web.requests import PageRequest, PageRoute


@dataclass(kw_only=True)
class LoginPage(Page):
    """`/login`."""

    template: ClassVar[str] = "accounts/login.html"
    next: str
    may_sign_up: bool
    provider: str


@dataclass(kw_only=True)
class CodePage(Page):
    """`/login/code`: the second factor."""

    template: ClassVar[str] = "accounts/second_factor.html"
    next: str


@dataclass(kw_only=True)
class SignUpPage(Page):
    """`/signup`, and `/invitations/SECRET`: make an account, or join with the one there is."""

    template: ClassVar[str] = "accounts/sign_up.html"
    invitation: str
    organization: str
    may_sign_up: bool


@dataclass(kw_only=True)
class WelcomePage(Page):
    """`/welcome/SECRET`: choose a password."""

    template: ClassVar[str] = "accounts/new_password.html"
    account: str


async def show_login(request: PageRequest) -> Page | Response:
    """The page to sign in; whoever is signed in already goes on."""
    address = local_address(request.query("next") or "/")
    if request.account is not None:
        return redirect(address)
    return LoginPage(
        title="Sign in",
        next=address,
        may_sign_up=request.app.sign_up.may_sign_up(is_invited=False),
        provider=request.app.single_sign_on.name if request.app.single_sign_on else "",
    )


async def log_in(request: PageRequest) -> Response:
    """Sign in by a password."""
    begun = await request.app.sign_in.by_password(
        request.form.get("name").strip().lower(),
        request.form.get("password"),
        request.actor,
        request.client,
    )
    return go_on(request, begun, request.form.get("next"))


def go_on(request: PageRequest, begun: Begun, address: str) -> Response:
    """Keep the session in a cookie, and go where the visitor wanted to, or to the second factor."""
    name = session_cookie(request.origin)
    seconds = int(LIFETIME.total_seconds())
    request.cookies.append(
        set_cookie(name, begun.secret, is_https=request.is_https, seconds=seconds)
    )
    address = local_address(address or "/")
    return redirect("/login/code", next=address) if begun.is_pending else redirect(address)


async def show_code(request: PageRequest) -> Page:
    """Ask for the code."""
    if request.signed_in is None or not request.signed_in.is_pending:
        raise Unauthenticated
    return CodePage(title="Second factor", next=local_address(request.query("next") or "/"))


async def check_code(request: PageRequest) -> Response:
    """Check the code, and begin the session that counts."""
    if request.signed_in is None or not request.signed_in.is_pending:
        raise Denied("sign in first")
    begun = await request.app.sign_in.by_code(
        request.signed_in, request.form.get("code"), request.actor, request.client
    )
    return go_on(request, begun, request.form.get("next"))


async def log_out(request: PageRequest) -> Response:
    """End the session."""
    if request.signed_in is not None:
        await request.app.sessions.end(request.signed_in.session.id, request.signed_in.account)
    name = session_cookie(request.origin)
    request.cookies.append(set_cookie(name, "", is_https=request.is_https, seconds=0))
    return redirect("/")


async def show_sign_up(request: PageRequest) -> Page:
    """The page to make an account."""
    if not request.app.sign_up.may_sign_up(is_invited=False):
        raise NotFound("sign-up is closed: ask an administrator for an account")
    return SignUpPage(title="Sign up", invitation="", organization="", may_sign_up=True)


async def sign_up(request: PageRequest) -> Response:
    """Make an account, and sign in with it."""
    form = request.form
    account = await request.app.sign_up.sign_up(
        form.get("name").strip(), form.get("password"), request.actor, form.get("invitation")
    )
    begun = await request.app.sign_in.as_account(account, request.actor, request.client, "sign-up")
    return go_on(request, begun, "/")


async def show_invitation(request: PageRequest) -> Page:
    """Show an invitation."""
    secret = request.values["secret"]
    invitation = await request.app.invitations.get(secret)
    name = await request.app.invitations.find_namespace_name(invitation)
    return SignUpPage(
        title="You are invited",
        invitation=secret,
        organization=name or "",
        may_sign_up=request.app.sign_up.may_sign_up(is_invited=True),
    )


async def accept_invitation(request: PageRequest) -> Response:
    """Join with the account that is signed in."""
    if request.account is None:
        raise Unauthenticated
    await request.app.invitations.accept(request.values["secret"], request.account, request.actor)
    return redirect("/", said="saved")


async def show_welcome(request: PageRequest) -> Page:
    """Choose the first password."""
    account = await request.app.password_links.get(request.values["secret"])
    return WelcomePage(title="Welcome", account=account.name)


async def finish_welcome(request: PageRequest) -> Response:
    """Set the password, and sign in with it."""
    account = await request.app.password_links.finish(
        request.values["secret"], request.form.get("password"), request.actor
    )
    begun = await request.app.sign_in.as_account(
        account, request.actor, request.client, "welcome link"
    )
    return go_on(request, begun, "/")


ROUTES: Final = (
    PageRoute("GET", "/login", AccessRule.ANYONE, show_login),
    PageRoute("POST", "/login", AccessRule.ANYONE, log_in),
    PageRoute("GET", "/login/code", AccessRule.ANYONE, show_code),
    PageRoute("POST", "/login/code", AccessRule.ANYONE, check_code),
    PageRoute("POST", "/logout", AccessRule.ANYONE, log_out),
    PageRoute("GET", "/signup", AccessRule.ANYONE, show_sign_up),
    PageRoute("POST", "/signup", AccessRule.ANYONE, sign_up),
    PageRoute("GET", "/invitations/{secret}", AccessRule.ANYONE, show_invitation),
    PageRoute("POST", "/invitations/{secret}", AccessRule.ANYONE, accept_invitation),
    PageRoute("GET", "/welcome/{secret}", AccessRule.ANYONE, show_welcome),
    PageRoute("POST", "/welcome/{secret}", AccessRule.ANYONE, finish_welcome),
)
