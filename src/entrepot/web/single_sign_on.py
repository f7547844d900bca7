"""Signing in by the provider that the hub trusts, and linking an account to somebody there.

Only a form of a page of ours, with the password, begins to link; a link to `/login/oidc` signs in
and does nothing else, and nothing at all for a browser that is signed in or that another site sent.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.errors import Denied, NotFound, Unauthenticated
from entrepot.http.messages import Response
from entrepot.http.routing import Policy
from entrepot.hub.single_sign_on import Attempt, Returned, SingleSignOn
from entrepot.web.account import mine
from entrepot.web.home import local_address
from entrepot.web.pages import Page, redirect
from entrepot.web.signing_in import go_on
from entrepot.web.visits import PageRoute, Visit

CALLBACK: Final = "/sign-in/oidc/callback"
_TEN_MINUTES: Final = 600
_COOKIE: Final = "oidc"
"""Keeps an attempt until the browser comes back."""


@dataclass(kw_only=True)
class ProviderPage(Page):
    """The way to the provider: forms may not lead to another site, so a page does."""

    template: ClassVar[str] = "provider.html"
    provider: str
    address: str


def _keep(visit: Visit, kept: str) -> None:
    visit.keep(_COOKIE, kept, seconds=_TEN_MINUTES if kept else 0)


def _provider(visit: Visit) -> SingleSignOn:
    if visit.desk.single_sign_on is None:
        raise NotFound("no provider is configured")
    return visit.desk.single_sign_on


async def begin(visit: Visit) -> Response:
    """Send the browser to the provider, to sign in; with what it must bring back in a cookie."""
    wanted = local_address(visit.query("next") or "/")
    provider = _provider(visit)
    if visit.account is not None:
        return redirect(wanted)
    if (visit.request.header("sec-fetch-site") or "none") not in ("none", "same-origin"):
        return redirect("/login", next=wanted)
    address, kept = await provider.begin(visit.origin + CALLBACK, wanted)
    _keep(visit, kept)
    return redirect(address)


async def begin_link(visit: Visit) -> Page:
    """Send the browser to the provider, to link the account whose password was given."""
    provider = _provider(visit)
    address, kept = await provider.begin_link(
        mine(visit),
        visit.form.get("own_password"),
        visit.origin + CALLBACK,
        visit.session_secret,
        visit.actor,
    )
    _keep(visit, kept)
    return ProviderPage(title="Single sign-on", provider=provider.name, address=address)


async def finish(visit: Visit) -> Response:
    """Take what the provider sent along: sign in, or link the account that began to link."""
    provider = _provider(visit)
    kept = visit.cookie(_COOKIE)
    if not kept:
        raise Denied("the sign-in took too long, or began in another browser")
    returned = Returned(
        visit.query_whole("code"), visit.query_whole("state"), visit.request.query("iss")
    )
    try:
        attempt = await provider.read(kept, returned)
        _keep(visit, "")
        return await _finish(visit, provider, attempt, returned)
    except Unauthenticated as error:
        # To the sign-in page with this address as the next one would be a circle.
        raise Denied(error.message) from error


async def _finish(
    visit: Visit, provider: SingleSignOn, attempt: Attempt, returned: Returned
) -> Response:
    if not returned.code:
        raise Denied("the provider did not sign you in")
    if attempt.account_id:
        await provider.link(mine(visit), attempt, returned, visit.session_secret, visit.actor)
        return redirect(attempt.wanted, said="saved")
    if visit.account is not None:
        return redirect(local_address(attempt.wanted))
    account = await provider.finish(attempt, returned, visit.actor)
    begun = await visit.desk.sign_in.by_provider(account, visit.actor, visit.client)
    return go_on(visit, begun, attempt.wanted)


async def unlink(visit: Visit) -> Response:
    """Let nobody of the provider's be the account any more."""
    await _provider(visit).unlink(mine(visit), visit.form.get("own_password"), visit.actor)
    return redirect("/settings/security", said="saved")


ROUTES: Final = (
    PageRoute("GET", "/login/oidc", Policy.ANYBODY, begin),
    PageRoute("GET", CALLBACK, Policy.ANYBODY, finish),
    PageRoute("POST", "/settings/provider/link", Policy.SIGNED_IN, begin_link),
    PageRoute("POST", "/settings/provider/unlink", Policy.SIGNED_IN, unlink),
)
