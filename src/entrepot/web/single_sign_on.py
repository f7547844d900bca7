"""Signing in by the provider that the hub trusts, and linking an account to somebody there."""

import base64
from typing import Final

from entrepot.errors import Denied, NotFound, Unauthenticated
from entrepot.http.forms import read_cookie, set_cookie
from entrepot.http.messages import Response
from entrepot.http.routing import Policy
from entrepot.hub.single_sign_on import SingleSignOn
from entrepot.web.account import mine
from entrepot.web.home import local_address
from entrepot.web.pages import redirect
from entrepot.web.signing_in import go_on
from entrepot.web.visits import PageRoute, Visit

CALLBACK: Final = "/sign-in/oidc/callback"
_COOKIE: Final = "entrepot_oidc"
_NEXT: Final = "entrepot_next"
_TEN_MINUTES: Final = 600


def _provider(visit: Visit) -> SingleSignOn:
    if visit.desk.single_sign_on is None:
        raise NotFound("no provider is configured")
    return visit.desk.single_sign_on


async def begin(visit: Visit) -> Response:
    """Send the browser to the provider, with what it must bring back kept in a cookie."""
    address, kept = await _provider(visit).begin(visit.origin + CALLBACK)
    text = base64.urlsafe_b64encode(kept.encode()).decode()
    wanted = base64.urlsafe_b64encode(local_address(visit.query("next") or "/").encode()).decode()
    for name, value in ((_COOKIE, text), (_NEXT, wanted)):
        cookie = set_cookie(name, value, is_https=visit.is_https, seconds=_TEN_MINUTES)
        visit.cookies.append(cookie)
    return redirect(address)


async def finish(visit: Visit) -> Response:
    """Take what the provider sent along: sign in, or link the account that is signed in."""
    provider = _provider(visit)
    kept, wanted = _kept(visit, _COOKIE), _kept(visit, _NEXT)
    for name in (_COOKIE, _NEXT):
        visit.cookies.append(set_cookie(name, "", is_https=visit.is_https, seconds=0))
    if not kept:
        raise Denied("the sign-in took too long, or began in another browser")
    code, state = visit.query_whole("code"), visit.query_whole("state")
    if visit.account is not None:
        await provider.link(visit.account, code, state, kept, visit.actor)
        return redirect("/settings/security", said="saved")
    try:
        account = await provider.finish(code, state, kept, visit.actor)
    except Unauthenticated as error:
        # To the sign-in page with this address as the next one would be a circle.
        raise Denied(error.message) from error
    begun = await visit.desk.sign_in.as_account(account, visit.actor, visit.client, "provider")
    return go_on(visit, begun, wanted)


def _kept(visit: Visit, name: str) -> str:
    try:
        return base64.urlsafe_b64decode(read_cookie(visit.request, name)).decode()
    except ValueError:
        return ""


async def unlink(visit: Visit) -> Response:
    """Let nobody of the provider's be the account any more."""
    await _provider(visit).unlink(mine(visit), visit.actor)
    return redirect("/settings/security", said="saved")


ROUTES: Final = (
    PageRoute("GET", "/login/oidc", Policy.ANYBODY, begin),
    PageRoute("GET", CALLBACK, Policy.ANYBODY, finish),
    PageRoute("POST", "/settings/provider/unlink", Policy.SIGNED_IN, unlink),
)
