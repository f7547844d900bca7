"""Signing in, up and out; the second factor; links that invite and that make a first password."""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.errors import Denied, NotFound, Unauthenticated
from entrepot.http.cookies import session_cookie, set_cookie
from entrepot.http.messages import Response
from entrepot.http.routing import Policy
from entrepot.hub.sessions import LIFETIME
from entrepot.hub.sign_in import Begun
from entrepot.metadata.numbers import find_namespace_name
from entrepot.web.home import local_address
from entrepot.web.pages import Page, redirect
from entrepot.web.visits import PageRoute, Visit


@dataclass(kw_only=True)
class LoginPage(Page):
    """`/login`."""

    template: ClassVar[str] = "login.html"
    next: str
    may_sign_up: bool
    provider: str


@dataclass(kw_only=True)
class CodePage(Page):
    """`/login/code`: the second factor."""

    template: ClassVar[str] = "code.html"
    next: str


@dataclass(kw_only=True)
class SignUpPage(Page):
    """`/signup`, and `/invitations/SECRET`: make an account, or join with the one there is."""

    template: ClassVar[str] = "signup.html"
    invitation: str
    organisation: str
    may_sign_up: bool


@dataclass(kw_only=True)
class WelcomePage(Page):
    """`/welcome/SECRET`: choose a password."""

    template: ClassVar[str] = "welcome.html"
    account: str


async def show_login(visit: Visit) -> Page | Response:
    """The page to sign in; whoever is signed in already goes on."""
    address = local_address(visit.query("next") or "/")
    if visit.account is not None:
        return redirect(address)
    return LoginPage(
        title="Sign in",
        next=address,
        may_sign_up=visit.desk.sign_up.may_sign_up(is_invited=False),
        provider=visit.desk.single_sign_on.name if visit.desk.single_sign_on else "",
    )


async def log_in(visit: Visit) -> Response:
    """Sign in by a password."""
    begun = await visit.desk.sign_in.by_password(
        visit.form.get("name").strip().lower(),
        visit.form.get("password"),
        visit.actor,
        visit.client,
    )
    return go_on(visit, begun, visit.form.get("next"))


def go_on(visit: Visit, begun: Begun, address: str) -> Response:
    """Keep the session in a cookie, and go where the visitor wanted to, or to the second factor."""
    name = session_cookie(visit.origin)
    seconds = int(LIFETIME.total_seconds())
    visit.cookies.append(set_cookie(name, begun.secret, is_https=visit.is_https, seconds=seconds))
    address = local_address(address or "/")
    return redirect("/login/code", next=address) if begun.is_pending else redirect(address)


async def show_code(visit: Visit) -> Page:
    """Ask for the code."""
    if visit.signed_in is None or not visit.signed_in.is_pending:
        raise Unauthenticated
    return CodePage(title="Second factor", next=local_address(visit.query("next") or "/"))


async def check_code(visit: Visit) -> Response:
    """Check the code, and begin the session that counts."""
    if visit.signed_in is None or not visit.signed_in.is_pending:
        raise Denied("sign in first")
    begun = await visit.desk.sign_in.by_code(
        visit.signed_in, visit.form.get("code"), visit.actor, visit.client
    )
    return go_on(visit, begun, visit.form.get("next"))


async def log_out(visit: Visit) -> Response:
    """End the session."""
    if visit.signed_in is not None:
        await visit.desk.sessions.end(visit.signed_in.session.id, visit.signed_in.account)
    name = session_cookie(visit.origin)
    visit.cookies.append(set_cookie(name, "", is_https=visit.is_https, seconds=0))
    return redirect("/")


async def show_sign_up(visit: Visit) -> Page:
    """The page to make an account."""
    if not visit.desk.sign_up.may_sign_up(is_invited=False):
        raise NotFound("accounts are made by administrators here")
    return SignUpPage(title="Sign up", invitation="", organisation="", may_sign_up=True)


async def sign_up(visit: Visit) -> Response:
    """Make an account, and sign in with it."""
    form = visit.form
    account = await visit.desk.sign_up.sign_up(
        form.get("name").strip(), form.get("password"), visit.actor, form.get("invitation")
    )
    begun = await visit.desk.sign_in.as_account(account, visit.actor, visit.client, "sign-up")
    return go_on(visit, begun, "/")


async def show_invitation(visit: Visit) -> Page:
    """What one is invited to."""
    secret = visit.values["secret"]
    invitation = await visit.desk.invitations.get(secret)
    name = await find_namespace_name(visit.desk.metadata.reader, invitation.namespace_id or 0)
    return SignUpPage(
        title="You are invited",
        invitation=secret,
        organisation=name or "",
        may_sign_up=visit.desk.sign_up.may_sign_up(is_invited=True),
    )


async def accept_invitation(visit: Visit) -> Response:
    """Join with the account that is signed in."""
    if visit.account is None:
        raise Unauthenticated
    await visit.desk.invitations.accept(visit.values["secret"], visit.account, visit.actor)
    return redirect("/", said="saved")


async def show_welcome(visit: Visit) -> Page:
    """Choose the first password."""
    account = await visit.desk.welcomes.get(visit.values["secret"])
    return WelcomePage(title="Welcome", account=account.name)


async def finish_welcome(visit: Visit) -> Response:
    """Set the password, and sign in with it."""
    account = await visit.desk.welcomes.finish(
        visit.values["secret"], visit.form.get("password"), visit.actor
    )
    begun = await visit.desk.sign_in.as_account(account, visit.actor, visit.client, "welcome link")
    return go_on(visit, begun, "/")


ROUTES: Final = (
    PageRoute("GET", "/login", Policy.ANYBODY, show_login),
    PageRoute("POST", "/login", Policy.ANYBODY, log_in),
    PageRoute("GET", "/login/code", Policy.ANYBODY, show_code),
    PageRoute("POST", "/login/code", Policy.ANYBODY, check_code),
    PageRoute("POST", "/logout", Policy.ANYBODY, log_out),
    PageRoute("GET", "/signup", Policy.ANYBODY, show_sign_up),
    PageRoute("POST", "/signup", Policy.ANYBODY, sign_up),
    PageRoute("GET", "/invitations/{secret}", Policy.ANYBODY, show_invitation),
    PageRoute("POST", "/invitations/{secret}", Policy.ANYBODY, accept_invitation),
    PageRoute("GET", "/welcome/{secret}", Policy.ANYBODY, show_welcome),
    PageRoute("POST", "/welcome/{secret}", Policy.ANYBODY, finish_welcome),
)
