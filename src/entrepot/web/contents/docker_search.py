"""`docker search HOST/TERM`: two paths of Docker's first API, which its engine still asks for."""

import json
from collections.abc import Awaitable, Callable
from typing import Final

from entrepot.app import App
from entrepot.errors import EntrepotError
from entrepot.http.authorize import AccessRule
from entrepot.http.errors import basic_error_response
from entrepot.http.messages import Request, Response, content
from entrepot.http.router import Route, Router
from entrepot.model.search import Hit

_JSON: Final = "application/json"
_USUAL, _MOST = 25, 100
# Over HTTPS the engine then sends what `docker login` was given; over HTTP it never does.
_STANDALONE: Final = (("x-docker-registry-standalone", "1"),)

Handler = Callable[[Request], Awaitable[Response]]


class DockerSearch:
    """Answers the engine with what whoever is logged in may see, or what everybody may."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._router: Router[Handler] = Router(
            [
                Route("GET", "/v1/_ping", AccessRule.ANYONE, self._ping),
                Route("GET", "/v1/search", AccessRule.ANYONE, self._find),
            ]
        )

    async def answer(self, request: Request) -> Response:
        """Answer a request for one of the two paths; raises nothing that has a name."""
        request.facts["endpoint"] = "docker-search"
        try:
            route, _ = self._router.find(request.method, request.path)
            return await route.handler(request)
        except EntrepotError as error:
            return basic_error_response(error)

    async def _ping(self, _: Request) -> Response:
        return content(200, _JSON, b"true", _STANDALONE)

    async def _find(self, request: Request) -> Response:
        identity = await self._app.authenticator.identify(request)
        request.facts["account"] = identity.name
        text = request.query("q") or ""
        results = await self._app.search.find(identity, text, limit=_limit(request.query("n")))
        document = {
            "query": text,
            "num_results": results.found.total,
            "results": [_entry(hit) for hit in results.found.hits],
        }
        return content(200, _JSON, json.dumps(document, separators=(",", ":")).encode())


def _limit(text: str | None) -> int:
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 9:
        return _USUAL
    return min(max(1, int(text)), _MOST)


def _entry(hit: Hit) -> dict[str, object]:
    """Without the host: podman writes it before every name itself."""
    return {
        "name": hit.name,
        "description": hit.description,
        "star_count": hit.stars,
        "is_official": False,
        "is_automated": False,
    }
