"""The routes of Helm and of tools that speak to chart repositories."""

import json
from collections.abc import Awaitable, Callable
from typing import Final

from entrepot.app import App
from entrepot.context import RequestContext
from entrepot.errors import EntrepotError, Unauthenticated
from entrepot.helm.index import Indexes, download, show_index
from entrepot.helm.monocular import search_hub
from entrepot.http.authorize import AccessRule
from entrepot.http.errors import error_headers, status_of
from entrepot.http.messages import Request, Response, content
from entrepot.http.router import Route, Router

Handler = Callable[[RequestContext], Awaitable[Response]]

_JSON: Final = "application/json"
_BASIC: Final = ("www-authenticate", 'Basic realm="entrepot"')


class HelmDoor:
    """Everything below `/helm/`, and `/api/chartsvc/`."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._indexes = Indexes()
        self._router: Router[Handler] = Router(self._routes())

    async def answer(self, http: Request) -> Response:
        """Answer a request of a chart repository's client; raises nothing that has a name."""
        http.facts["endpoint"] = "helm"
        request = RequestContext(self._app, http)
        try:
            return await self._answer(request)
        except EntrepotError as error:
            return _refuse(error)

    async def _answer(self, request: RequestContext) -> Response:
        http = request.http
        route, request.values = self._router.find(http.method, http.path)
        identity = request.identity = await self._app.authenticator.identify(http)
        http.facts["account"] = identity.name
        if identity.token_id is not None:
            await self._app.tokens.touch(identity.token_id, http.sender)
        return await route.handler(request)

    async def _show_index(self, request: RequestContext) -> Response:
        return await show_index(request, self._indexes)

    def _routes(self) -> list[Route[Handler]]:
        # Rules of the hub choose what a caller sees: an index is one of many repositories.
        handlers: dict[str, Handler] = {
            "/helm/index.yaml": self._show_index,
            "/helm/{name}/index.yaml": self._show_index,
            "/helm/{name}/charts/{file}": download,
            "/api/chartsvc/v1/charts/search": search_hub,
        }
        return [
            Route("GET", pattern, AccessRule.ANYONE, handler)
            for pattern, handler in handlers.items()
        ]


def _refuse(error: EntrepotError) -> Response:
    """ChartMuseum's form of an error; strangers are asked for Basic credentials (RFC 7617)."""
    status = status_of(error)
    body = json.dumps({"error": error.message}, separators=(",", ":")).encode()
    response = content(status, _JSON, body, error_headers(error, status))
    if isinstance(error, Unauthenticated):
        response.headers.append(_BASIC)
    return response
