"""Clients made of `httpx2` that ask a hub's doors, without a socket."""

import asyncio
from urllib.parse import unquote

import httpx2

from tests.doors.doors import Doors

ORIGIN = "http://hub.test"


class DoorsTransport(httpx2.AsyncBaseTransport):
    """Sends the requests of a client in this event loop to the doors."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer of the doors."""
        return await _answer(self._doors, request, await request.aread())


class BlockingTransport(httpx2.BaseTransport):
    """Sends the requests of a client in another thread to the doors in the event loop."""

    def __init__(self, doors: Doors, loop: asyncio.AbstractEventLoop) -> None:
        self._doors = doors
        self._loop = loop
        self.asked: list[tuple[str, str, str | None]] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer of the doors; what was asked is noted, with its range."""
        self.asked.append((request.method, request.url.path, request.headers.get("range")))
        answer = _answer(self._doors, request, request.read())
        return asyncio.run_coroutine_threadsafe(answer, self._loop).result(timeout=60)


async def _answer(doors: Doors, request: httpx2.Request, body: bytes) -> httpx2.Response:
    path, question, query = request.url.raw_path.decode().partition("?")
    headers = {
        name: value for name, value in request.headers.items() if name not in ("content-length",)
    }
    answer = await doors.ask_with(request.method, unquote(path) + question + query, body, headers)
    return httpx2.Response(
        answer.status, headers=list(answer.pairs), content=answer.body, request=request
    )
