"""Signing in by the provider that the hub trusts, and linking an account to somebody there.

Only a form of a page of ours, with the password, begins to link; a link to `/login/oidc` signs in
and does nothing else, and nothing at all for a browser that is signed in or that another site sent.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.errors import Denied, NotFound, Unauthenticated
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.hub.identity.single_sign_on import Attempt, Returned, SingleSignOn
from entrepot.web.home import local_address
from entrepot.web.pages import Page, redirect
from entrepot.web.people.account import mine
from entrepot.web.people.login import go_on
from entrepot.web.requests import PageRequest, PageRoute

CALLBACK: Final = "/sign-in/oidc/callback"
_TEN_MINUTES: Final = 600
_COOKIE: Final = "oidc"
"""Keeps an attempt until the browser comes back."""


@dataclass(kw_only=True)
class ProviderPage(Page):
    """The way to the provider: forms may not lead to another site, so a page does."""

    template: ClassVar[str] = "accounts/single_sign_on.html"
    provider: str
    address: str


def _keep(request: PageRequest, kept: str) -> None:
    request.keep(_COOKIE, kept, seconds=_TEN_MINUTES if kept else 0)


def _provider(request: PageRequest) -> SingleSignOn:
    if request.app.single_sign_on is None:
        raise NotFound("no sign-in provider is configured")
    return request.app.single_sign_on


async def begin(request: PageRequest) -> Response:
    """Send the browser to the provider, to sign in; with what it must bring back in a cookie."""
    wanted = local_address(request.query("next") or "/")
    provider = _provider(request)
    if request.account is not None:
        return redirect(wanted)
    if (request.http.header("sec-fetch-site") or "none") not in ("none", "same-origin"):
        return redirect("/login", next=wanted)
    address, kept = await provider.begin(request.origin + CALLBACK, wanted)
    _keep(request, kept)
    return redirect(address)


async def begin_link(request: PageRequest) -> Page:
    """Send the browser to the provider, to link the account whose password was given."""
    provider = _provider(request)
    address, kept = await provider.begin_link(
        mine(request),
        request.form.get("own_password"),
        request.origin + CALLBACK,
        request.session_secret,
        request.actor,
    )
    _keep(request, kept)
    return ProviderPage(title="Single sign-on", provider=provider.name, address=address)


async def finish(request: PageRequest) -> Response:
    """Take what the provider sent along: sign in, or link the account that began to link."""
    provider = _provider(request)
    kept = request.cookie(_COOKIE)
    if not kept:
        raise Denied("the sign-in took too long or started in another browser: try again")
    returned = Returned(
        request.query_whole("code"), request.query_whole("state"), request.http.query("iss")
    )
    try:
        attempt = await provider.read(kept, returned)
        _keep(request, "")
        return await _finish(request, provider, attempt, returned)
    except Unauthenticated as error:
        # To the sign-in page with this address as the next one would be a circle.
        raise Denied(error.message) from error


async def _finish(
    request: PageRequest, provider: SingleSignOn, attempt: Attempt, returned: Returned
) -> Response:
    if not returned.code:
        raise Denied("the provider rejected the sign-in")
    if attempt.account_id:
        await provider.link(mine(request), attempt, returned, request.session_secret, request.actor)
        return redirect(attempt.wanted, said="saved")
    if request.account is not None:
        return redirect(local_address(attempt.wanted))
    account = await provider.finish(attempt, returned, request.actor)
    begun = await request.app.sign_in.by_provider(account, request.actor, request.client)
    return go_on(request, begun, attempt.wanted)


async def unlink(request: PageRequest) -> Response:
    """Let nobody of the provider's be the account any more."""
    await _provider(request).unlink(mine(request), request.form.get("own_password"), request.actor)
    return redirect("/settings/security", said="saved")


ROUTES: Final = (
    PageRoute("GET", "/login/oidc", AccessRule.ANYONE, begin),
    PageRoute("GET", CALLBACK, AccessRule.ANYONE, finish),
    PageRoute("POST", "/settings/provider/link", AccessRule.SIGNED_IN, begin_link),
    PageRoute("POST", "/settings/provider/unlink", AccessRule.SIGNED_IN, unlink),
)
