"""Answers people's browsers: finds the route, admits the visitor, prints the page."""

import base64
import secrets
from typing import Final

from entrepot.app import App
from entrepot.errors import (
    Denied,
    EntrepotError,
    MethodUnsupported,
    NotFound,
    Unauthenticated,
)
from entrepot.http import forms
from entrepot.http.authorize import AccessRule, admit
from entrepot.http.cookies import read_sessions
from entrepot.http.errors import error_response, status_of
from entrepot.http.messages import Request, Response, content, empty, without_body
from entrepot.http.router import Match, Router
from entrepot.hub.identities import ANONYMOUS, Identity
from entrepot.hub.permissions import EVERYTHING
from entrepot.web.confirmation import ask, find_danger
from entrepot.web.errors import ErrorPage
from entrepot.web.home import local_address
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

    async def answer(self, request: Request) -> Response:
        """Answer a request for a page or for what pages are made of."""
        request.facts["endpoint"] = "page"
        visit = PageRequest(self._app, request)
        try:
            response = await self._answer(visit)
        except EntrepotError as error:
            response = await self._failure(visit, error)
        response.headers.extend(SECURITY)
        response.headers.extend(visit.cookies)
        return without_body(response) if request.method == "HEAD" else response

    async def _answer(self, visit: PageRequest) -> Response:
        request = visit.http
        if request.path.startswith("/static/"):
            return _static(request)
        found = self._router.find(request.method, request.path)
        if not isinstance(found, Match):
            raise MethodUnsupported(found) if found else NotFound
        await self._identify(visit)
        visit.values = found.values
        # Whoever may not send much is not listened to for so long.
        is_admitted_first = bool(found.route.most)
        if is_admitted_first:
            await self._admit(visit, found.route)
        if found.route.is_unsafe:
            await self._check_form(visit, found.route.most or forms.MAX_FORM)
        if not is_admitted_first:
            await self._admit(visit, found.route)
        return await self._run(visit, found.route)

    async def _run(self, visit: PageRequest, route: PageRoute) -> Response:
        """What the route's handler makes of the visit, unless it must be confirmed first."""
        if danger := find_danger(route.pattern, visit.form):
            return await self._print(visit, ask(visit, danger))
        try:
            page = await route.handler(visit)
        except EntrepotError as error:
            if visit.form.has("back") and not visit.wants_json:
                return self._back(visit, error)
            raise
        return page if isinstance(page, Response) else await self._print(visit, page)

    async def _identify(self, visit: PageRequest) -> None:
        """A browser by its session, a program by its `Authorization`."""
        if visit.http.header("authorization") is not None:
            identity = await self._app.gate.identify(visit.http)
            visit.identity = ANONYMOUS if identity.grants is not None else identity
            return
        visit.form_secret = visit.cookie(FORM_COOKIE)
        for secret in read_sessions(visit.http, visit.origin):
            visit.signed_in = await self._app.sessions.find(secret)
            if visit.signed_in is not None:
                visit.session_secret = secret
                break
        if visit.signed_in is None:
            return
        if not visit.signed_in.is_pending:
            visit.identity = Identity(visit.signed_in.account, EVERYTHING)
            await self._app.sessions.touch(
                visit.signed_in.session, visit.http.address or visit.http.client
            )
        visit.http.facts["account"] = visit.signed_in.account.name

    async def _check_form(self, visit: PageRequest, most: int) -> None:
        """A page of ours in this very browser sent it; pages take no other credentials."""
        if visit.http.header("authorization") is not None:
            raise Denied("this address takes forms of pages only: programs have /api/v1")
        forms.check_origin(visit.http, visit.origin)
        if forms.media_type(visit.http) == forms.MULTIPART:
            # Its fields come with its files: the upload checks the token from the address.
            given = visit.query("token")
        else:
            visit.form = await forms.read_form(visit.http, most)
            given = visit.form.get("token")
        forms.check_token(given, visit.form_secret, visit.session_secret)

    async def _admit(self, visit: PageRequest, route: PageRoute) -> None:
        """Raise where the route's rule does not let the visitor in."""
        if visit.identity.token_id is not None and route.rule not in _FOR_TOKENS:
            raise Denied("a token opens repositories here, and nothing of its account's")
        admitted = await admit(
            self._app.permissions,
            visit.identity,
            route.rule,
            visit.values,
            is_unsafe=route.is_unsafe,
        )
        visit.rights = admitted.rights
        visit.namespace = admitted.namespace.namespace if admitted.namespace else None

    async def _print(self, visit: PageRequest, page: Page) -> Response:
        if visit.wants_json:
            return to_json(page)
        if not visit.form_secret and visit.http.header("authorization") is None:
            visit.form_secret = secrets.token_urlsafe(18)
            visit.keep(FORM_COOKIE, visit.form_secret)
        if visit.problem:
            visit.keep(PROBLEM_COOKIE, "", seconds=0)
        await prepare(page, visit)
        headers = [
            ("cache-control", "private, no-cache"),
            ("vary", "accept, cookie, accept-language"),
            ("content-language", "zh-Hans" if visit.language == "zh" else "en"),
        ]
        return content(page.status, _HTML, render(page, visit), headers)

    async def _failure(self, visit: PageRequest, error: EntrepotError) -> Response:
        is_program = visit.http.header("authorization") is not None
        if visit.wants_json or (is_program and isinstance(error, Unauthenticated)):
            return error_response(error)
        if isinstance(error, Unauthenticated) and visit.http.method in ("GET", "HEAD"):
            return redirect("/login", next=visit.http.target)
        if isinstance(error, Unauthenticated):
            error = Denied("sign in first")
        response = await self._print(visit, ErrorPage.of(error, status_of(error)))
        if isinstance(error, MethodUnsupported):
            response.headers.append(("allow", ", ".join(error.allowed)))
        return response

    def _back(self, visit: PageRequest, error: EntrepotError) -> Response:
        """Send the visitor back to the form, and say there what was wrong with it."""
        text = base64.urlsafe_b64encode(error.message[:500].encode()).decode()
        visit.keep(PROBLEM_COOKIE, text, seconds=60)
        return redirect(local_address(visit.form.get("back")))


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
