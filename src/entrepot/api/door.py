"""Answers programs: finds the route, admits the caller, reads what they sent, prints the answer."""

from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode

from msgspec import json

from entrepot.api.paging import Page
from entrepot.api.problems import problem_response
from entrepot.api.reading import MAX_BODY, check_places, read_arguments
from entrepot.api.requests import FOR_STRANGERS, ApiRequest, ApiRoute, Operation
from entrepot.api.routes import ROUTES
from entrepot.app import App
from entrepot.errors import BadToken, EntrepotError, MethodUnsupported, NotFound, Unauthenticated
from entrepot.http.authorize import admit
from entrepot.http.messages import Request, Response, content, empty, without_body
from entrepot.http.router import Match, Router
from entrepot.hub.actors import Identity
from entrepot.hub.names import fold_name

JSON: Final = "application/json"
_TOUCH_EVERY: Final = timedelta(minutes=1)
_REMEMBERED: Final = 10_000
_PEOPLE: Final = {"namespace", "account", "member"}
"""Places of an address that hold names which people write in any case."""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_HEADERS: Final = (
    ("cache-control", "private, no-store"),
    ("vary", "authorization"),
)


class ApiDoor:
    """Everything below `/api/`."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._router: Router[Operation] = Router(ROUTES)
        self._touched: dict[int, datetime] = {}

    async def answer(self, request: Request) -> Response:
        """Answer a request of a program; raises nothing that has a name."""
        request.facts["endpoint"] = "api"
        try:
            response = await self._answer(ApiRequest(self._app, request))
        except EntrepotError as error:
            response = problem_response(error, request)
        response.headers.extend(_HEADERS)
        return without_body(response) if request.method == "HEAD" else response

    async def _answer(self, call: ApiRequest) -> Response:
        request = call.http
        found = self._router.find(request.method, request.path)
        if not isinstance(found, Match):
            raise MethodUnsupported(found) if found else NotFound
        call.identity = await self._identify(request)
        self._check_somebody(call.identity, found.route)
        for place in _PEOPLE & set(found.values):
            found.values[place] = fold_name(found.values[place])
        check_places(found.values)
        call.values = found.values
        if "repository" in found.values:
            request.facts["repository"] = found.values["repository"]
        route, operation = found.route, found.route.handler
        call.admitted = await admit(
            self._app.permissions,
            call.identity,
            route.rule,
            call.values,
            is_unsafe=route.is_unsafe,
        )
        arguments = await read_arguments(operation, request, route.most or MAX_BODY)
        return _printed(call, operation, await operation.handler(call, **arguments))

    def _check_somebody(self, identity: Identity, route: ApiRoute) -> None:
        """Demand credentials where the document says so, whatever there is behind it."""
        if identity.is_somebody or self._app.permissions.is_open:
            return
        if route.rule not in FOR_STRANGERS:
            raise Unauthenticated

    async def _identify(self, request: Request) -> Identity:
        """Whoever `Authorization` says. Cookies are never read: no page can make a browser call."""
        identity = await self._app.gate.identify(request)
        request.facts["account"] = identity.name
        if identity.grants is not None:
            raise BadToken("a registry token opens /v2 alone: use an access token")
        if identity.token_id is not None:
            await self._touch(identity.token_id, request)
        return identity

    async def _touch(self, token_id: int, request: Request) -> None:
        """Record that a token was used; a worker does so once a minute, for it is a commit."""
        now = self._app.now()
        if now - self._touched.get(token_id, _NEVER) < _TOUCH_EVERY:
            return
        if len(self._touched) >= _REMEMBERED:
            self._touched.clear()
        self._touched[token_id] = now
        await self._app.tokens.touch(token_id, request.address or request.client)


def _printed(call: ApiRequest, operation: Operation, result: object) -> Response:
    if isinstance(result, Response):
        return result
    if result is None:
        return empty(operation.status, call.headers)
    if isinstance(result, Page) and result.next is not None:
        call.headers.append(_link(call.http, result.next))
    return content(operation.status, JSON, json.encode(result), call.headers)


def _link(request: Request, after: str) -> tuple[str, str]:
    """The `Link` to the next page (RFC 8288): this address with another `after`."""
    pairs = [
        (name, value)
        for name in request.query_names()
        if name != "after"
        for value in request.query_all(name)
    ]
    query = urlencode([*pairs, ("after", after)])
    return ("link", f'<{quote(request.path)}?{query}>; rel="next"')
