"""`/healthz`, `/readyz` and `/metrics`."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

from entrepot.errors import EntrepotError
from entrepot.http.authorize import AccessRule
from entrepot.http.errors import error_response
from entrepot.http.messages import Request, Response, content
from entrepot.http.router import Route, Router
from entrepot.ops.metrics import Metrics

_METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

IsReady = Callable[[], Awaitable[bool]]
ListLags = Callable[[], Awaitable[Mapping[str, float]]]
"""Gives the seconds for which each destination of replication has been behind."""


class OperatorDoor:
    """Says how the hub is."""

    def __init__(self, metrics: Metrics, is_ready: IsReady, list_lags: ListLags) -> None:
        self._metrics = metrics
        self._is_ready = is_ready
        self._list_lags = list_lags
        self._router = Router(
            [
                Route("GET", "/healthz", AccessRule.ANYONE, self._healthz),
                Route("GET", "/readyz", AccessRule.ANYONE, self._readyz),
                Route("GET", "/metrics", AccessRule.ANYONE, self._text),
            ]
        )

    async def answer(self, request: Request) -> Response:
        """Answer one of the three addresses."""
        request.facts["endpoint"] = "operator"
        try:
            route, _ = self._router.find(request.method, request.path)
            return await route.handler()
        except EntrepotError as error:
            return error_response(error)

    async def _healthz(self) -> Response:
        return content(200, "text/plain", b"alive\n")

    async def _readyz(self) -> Response:
        if await self._is_ready():
            return content(200, "text/plain", b"ready\n")
        return content(503, "text/plain", b"not ready\n", [("retry-after", "1")])

    async def _text(self) -> Response:
        lags: Mapping[str, float] = {}
        # The other numbers are told although the database is away.
        with suppress(EntrepotError):
            lags = await self._list_lags()
        return content(200, _METRICS_TYPE, self._metrics.text(lags))
