"""Answers programs: finds the route, admits the caller, reads what they sent, prints the answer."""

from typing import Final
from urllib.parse import quote

from msgspec import json

from entrepot.api.paging import Page
from entrepot.api.problems import problem_response
from entrepot.api.reading import MAX_BODY, check_places, read_arguments
from entrepot.api.requests import FOR_STRANGERS, ApiRequest, ApiRoute, Operation
from entrepot.api.routes import ROUTES
from entrepot.app import App
from entrepot.errors import EntrepotError, Unauthenticated
from entrepot.http.messages import Request, Response, content, empty
from entrepot.http.paging import next_link
from entrepot.http.router import Router
from entrepot.hub.names import fold_name
from entrepot.hub.people.actors import Identity

JSON: Final = "application/json"
_PEOPLE: Final = {"namespace", "account", "member"}
"""Places of an address that hold names which people write in any case."""
_HEADERS: Final = (
    ("cache-control", "private, no-store"),
    ("vary", "authorization"),
)


class ApiDoor:
    """Everything below `/api/`. With a `caller`, every request is theirs, whatever it presents."""

    def __init__(self, app: App, caller: Identity | None = None) -> None:
        self._app = app
        self._caller = caller
        self._router: Router[Operation] = Router(ROUTES)

    async def answer(self, http: Request) -> Response:
        """Answer a request of a program; raises nothing that has a name."""
        http.facts["endpoint"] = "api"
        try:
            response = await self._answer(ApiRequest(self._app, http))
        except EntrepotError as error:
            response = problem_response(error, http)
        response.headers.extend(_HEADERS)
        return response

    async def _answer(self, request: ApiRequest) -> Response:
        http = request.http
        route, values = self._router.find(http.method, http.path)
        operation = route.handler
        request.identity = await self._identify(http)
        self._check_somebody(request.identity, route)
        for place in _PEOPLE & set(values):
            values[place] = fold_name(values[place])
        check_places(values)
        request.values = values
        if "repository" in values:
            http.facts["repository"] = values["repository"]
        request.authorized = await self._app.authorizer.authorize(
            request.identity, route.rule, values, is_unsafe=route.is_unsafe
        )
        arguments = await read_arguments(operation, http, route.most or MAX_BODY)
        return _printed(request, operation, await operation.handler(request, **arguments))

    def _check_somebody(self, identity: Identity, route: ApiRoute) -> None:
        """Demand credentials where the document says so, whatever there is behind it."""
        if identity.is_authenticated or self._app.permissions.is_open:
            return
        if route.rule not in FOR_STRANGERS:
            raise Unauthenticated

    async def _identify(self, request: Request) -> Identity:
        """Whoever `Authorization` says. Cookies are never read: no page can make a browser call."""
        if self._caller is not None:
            return self._caller
        identity = await self._app.authenticator.identify_caller(request)
        request.facts["account"] = identity.name
        return identity


def _printed(request: ApiRequest, operation: Operation, result: object) -> Response:
    if isinstance(result, Response):
        return result
    if result is None:
        return empty(operation.status, request.headers)
    if isinstance(result, Page) and result.next is not None:
        request.headers.append(_link(request.http, result.next))
    return content(operation.status, JSON, json.encode(result), request.headers)


def _link(request: Request, after: str) -> tuple[str, str]:
    """The `Link` to the next page: this address with another `after`."""
    kept = [name for name in request.query_names() if name != "after"]
    pairs = [(name, value) for name in kept for value in request.query_all(name)]
    return next_link(quote(request.path), [*pairs, ("after", after)])
