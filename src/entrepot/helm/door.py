"""The routes of Helm and of tools that speak to chart repositories."""

import json
from collections.abc import Awaitable, Callable
from typing import Final

from entrepot.app import App
from entrepot.context import RequestContext
from entrepot.errors import EntrepotError, InsufficientScope, NoSuchNamespace
from entrepot.helm import museum
from entrepot.helm.index import Indexes, download, show_description, show_index
from entrepot.helm.monocular import search_hub
from entrepot.http.authorize import AccessRule
from entrepot.http.errors import error_headers, explain, status_of
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
            return _refuse(request, error)

    async def _answer(self, request: RequestContext) -> Response:
        http = request.http
        route, request.values = self._router.find(http.method, http.path)
        identity = request.identity = await self._app.authenticator.identify(http)
        http.facts["account"] = identity.name
        return await route.handler(request)

    async def _show_index(self, request: RequestContext) -> Response:
        return await show_index(request, self._indexes)

    async def _list_charts(self, request: RequestContext) -> Response:
        return await museum.list_charts(request, self._indexes)

    def _routes(self) -> list[Route[Handler]]:
        # Rules of the hub choose what a caller sees: an index is one of many repositories. What
        # may be pushed or deleted is decided when the repository is known, which a chart names.
        # Patterns of the API come first: `api` is the name of no namespace.
        handlers: list[tuple[str, str, Handler]] = [
            ("GET", "/helm/index.yaml", self._show_index),
            ("GET", "/helm/info", museum.show_info),
            ("GET", "/helm/health", museum.show_health),
            ("GET", "/helm/api/{name}/charts", self._list_charts),
            ("POST", "/helm/api/{name}/charts", museum.upload),
            ("POST", "/helm/api/{name}/prov", museum.upload_provenance),
            ("GET", "/helm/api/{name}/charts/{chart}", self._list_charts),
            ("GET", "/helm/api/{name}/charts/{chart}/{version}", self._list_charts),
            ("DELETE", "/helm/api/{name}/charts/{chart}/{version}", museum.delete),
            ("GET", "/helm/api/{name}/charts/{chart}/{version}/values", museum.show_values),
            ("GET", "/helm/api/{name}/charts/{chart}/{version}/templates", museum.list_templates),
            ("GET", "/helm/{name}/index.yaml", self._show_index),
            ("GET", "/helm/{name}/artifacthub-repo.yml", show_description),
            ("GET", "/helm/{name}/charts/{file}", download),
            ("GET", "/api/chartsvc/v1/charts/search", search_hub),
        ]
        return [
            Route(method, pattern, AccessRule.ANYONE, handler)
            for method, pattern, handler in handlers
        ]


def _refuse(request: RequestContext, error: EntrepotError) -> Response:
    """ChartMuseum's form of an error; strangers are asked for Basic credentials (RFC 7617)."""
    status, message = status_of(error), error.message
    if isinstance(error, NoSuchNamespace):
        message = explain(error, request.origin)
    if isinstance(error, InsufficientScope) and request.identity.is_authenticated:
        status = 403
    body = json.dumps({"error": message}, separators=(",", ":")).encode()
    response = content(status, _JSON, body, error_headers(error, status))
    if status == 401:
        response.headers.append(_BASIC)
    return response
