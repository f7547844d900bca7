"""Answers people's browsers: finds the route, admits the visitor, prints the page."""

import base64
import secrets
from contextlib import suppress
from typing import Final
from urllib.parse import quote

from entrepot.app import App
from entrepot.errors import (
    Denied,
    EntrepotError,
    MethodUnsupported,
    NotFound,
    Unauthenticated,
)
from entrepot.http import forms
from entrepot.http.authorize import AccessRule
from entrepot.http.errors import error_headers, error_response, status_of
from entrepot.http.messages import Request, Response, content, empty
from entrepot.http.router import Router
from entrepot.hub.identity.authentication import ANONYMOUS, Identity
from entrepot.hub.permissions import ALL_ACTIONS
from entrepot.web.confirmation import ask, find_danger
from entrepot.web.errors import ErrorPage
from entrepot.web.home import local_address
from entrepot.web.markdown import to_markdown
from entrepot.web.pages import Page, redirect, to_json
from entrepot.web.render import prepare, render, static_file
from entrepot.web.requests import FORM_COOKIE, PROBLEM_COOKIE, PageRequest, PageRoute, View
from entrepot.web.routes import ROUTES

_HTML: Final = "text/html; charset=utf-8"
_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; manifest-src 'self'"
)
SECURITY: Final = (
    ("content-security-policy", _CSP),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
)
_MEDIA_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}
_FOR_TOKENS: Final = (AccessRule.ANYONE, AccessRule.PULL)


class PageDoor:
    """Every page of the hub."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._router: Router[View] = Router(ROUTES)

    async def answer(self, http: Request) -> Response:
        """Answer a request for a page or for what pages are made of."""
        http.facts["endpoint"] = "page"
        request = PageRequest(self._app, http)
        try:
            response = await self._answer(request)
        except EntrepotError as error:
            response = await self._failure(request, error)
        # What a download says of itself is stricter.
        names = {name for name, _ in response.headers}
        response.headers.extend(pair for pair in SECURITY if pair[0] not in names)
        response.headers.extend(request.cookies)
        return response

    async def _answer(self, request: PageRequest) -> Response:
        http = request.http
        if http.path.startswith("/static/"):
            return _static(http)
        try:
            route, request.values = self._router.find(http.method, http.path)
        except EntrepotError:
            # Nobody looks signed out because an address leads nowhere.
            with suppress(EntrepotError):
                await self._identify(request)
            raise
        await self._identify(request)
        # Whoever may not send much is not listened to for so long.
        is_admitted_first = bool(route.most)
        if is_admitted_first:
            await self._authorize(request, route)
        if route.is_unsafe:
            await self._check_form(request, route.most or forms.MAX_FORM)
        if not is_admitted_first:
            await self._authorize(request, route)
        return await self._run(request, route)

    async def _run(self, request: PageRequest, route: PageRoute) -> Response:
        """What the route's handler makes of the request, unless it must be confirmed first."""
        if danger := find_danger(route.pattern, request.form):
            return await self._print(request, ask(request, danger))
        try:
            page = await route.handler(request)
        except EntrepotError as error:
            if request.form.has("back") and not request.wants_json:
                return self._back(request, error)
            raise
        return page if isinstance(page, Response) else await self._print(request, page)

    async def _identify(self, request: PageRequest) -> None:
        """Find out who asks: a browser by its session, a program by its `Authorization`."""
        http, authenticator = request.http, self._app.authenticator
        if http.header("authorization") is not None:
            identity = await authenticator.identify(http)
            request.identity = ANONYMOUS if identity.grants is not None else identity
            return
        request.form_secret = request.cookie(FORM_COOKIE)
        found, secret = await authenticator.find_session(http, request.origin)
        request.signed_in, request.session_secret = found, secret
        if found is None:
            return
        if not found.is_pending:
            request.identity = Identity(found.account, ALL_ACTIONS)
            await self._app.sessions.touch(found.session, http.sender)
        http.facts["account"] = found.account.name

    async def _check_form(self, request: PageRequest, most: int) -> None:
        """A page of ours in this very browser sent it; pages take no other credentials."""
        if request.http.header("authorization") is not None:
            raise Denied("this address accepts only forms of pages: use /api/v1 instead")
        forms.check_origin(request.http, request.origin)
        if forms.media_type(request.http) == forms.MULTIPART:
            # Its fields come with its files: the upload checks the token from the address.
            given = request.query("token")
        else:
            request.form = await forms.read_form(request.http, most)
            given = request.form.get("token")
        forms.check_token(given, request.form_secret, request.session_secret)

    async def _authorize(self, request: PageRequest, route: PageRoute) -> None:
        """Raise where the route's rule does not let the visitor in."""
        is_token = request.identity.token_id is not None or request.identity.job is not None
        if is_token and route.rule not in _FOR_TOKENS:
            raise Denied(
                "tokens can open pages of repositories only: sign in to open account pages"
            )
        request.authorized = await self._app.authorizer.authorize(
            request.identity, route.rule, request.values, is_unsafe=route.is_unsafe
        )

    async def _print(self, request: PageRequest, page: Page) -> Response:
        if request.wants_json:
            return to_json(page)
        if request.wants_markdown:
            return to_markdown(page, f"{request.origin}{quote(request.http.path, safe='/:@')}")
        if not request.form_secret and request.http.header("authorization") is None:
            request.form_secret = secrets.token_urlsafe(18)
            request.keep(FORM_COOKIE, request.form_secret)
        if request.problem:
            request.keep(PROBLEM_COOKIE, "", seconds=0)
        if request.account is not None and request.organizations is None:
            request.organizations = await self._app.organizations.list_of(request.account)
        await prepare(page, request)
        headers = [
            ("cache-control", "private, no-cache"),
            ("vary", "accept, cookie, accept-language"),
            ("content-language", request.language_tag),
        ]
        return content(page.status, _HTML, render(page, request), headers)

    async def _failure(self, request: PageRequest, error: EntrepotError) -> Response:
        is_program = request.http.header("authorization") is not None
        if request.wants_json or (is_program and isinstance(error, Unauthenticated)):
            return error_response(error)
        if isinstance(error, Unauthenticated) and request.http.method in ("GET", "HEAD"):
            return redirect("/login", next=request.http.target)
        if isinstance(error, Unauthenticated):
            error = Denied("sign in first")
        status = status_of(error)
        response = await self._print(request, ErrorPage.of(error, status))
        response.headers += error_headers(error, status)
        return response

    def _back(self, request: PageRequest, error: EntrepotError) -> Response:
        """Send the visitor back to the form, and say there what was wrong with it."""
        text = base64.urlsafe_b64encode(error.message[:500].encode()).decode()
        request.keep(PROBLEM_COOKIE, text, seconds=60)
        return redirect(local_address(request.form.get("back")))


def _static(request: Request) -> Response:
    if request.method not in ("GET", "HEAD"):
        raise MethodUnsupported(("GET", "HEAD"))
    name = request.path.removeprefix("/static/")
    found = static_file(name)
    media_type = _MEDIA_TYPES.get(name.rpartition(".")[2])
    if found is None or media_type is None:
        raise NotFound
    etag = f'"{found[1]}"'
    keep = "public, max-age=31536000, immutable" if request.query("v") else "public, no-cache"
    headers = [("etag", etag), ("cache-control", keep)]
    if request.header("if-none-match") == etag:
        return empty(304, headers)
    return content(200, media_type, found[0], headers)
