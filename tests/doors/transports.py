"""Clients made of `httpx2` that ask a hub's doors, without a socket."""

import asyncio
from collections.abc import Iterator
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
        self.cut_after = 0
        """Bytes of the next file after which the connection ends, once; 0 for never."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer of the doors; what was asked is noted, with its range."""
        self.asked.append((request.method, request.url.path, request.headers.get("range")))
        asked = _answer(self._doors, request, request.read())
        response = asyncio.run_coroutine_threadsafe(asked, self._loop).result(timeout=60)
        if self.cut_after and request.method == "GET" and "/resolve/" in request.url.path:
            stream = _Cut(response.content[: self.cut_after])
            self.cut_after = 0
            return httpx2.Response(
                response.status_code, headers=response.headers, stream=stream, request=request
            )
        return response


class _Cut(httpx2.SyncByteStream):
    """The beginning of a body, and then nothing more."""

    def __init__(self, beginning: bytes) -> None:
        self._beginning = beginning

    def __iter__(self) -> Iterator[bytes]:
        """Yield what came, and fail."""
        yield self._beginning
        raise httpx2.RemoteProtocolError("the connection was cut")


async def _answer(doors: Doors, request: httpx2.Request, body: bytes) -> httpx2.Response:
    path, question, query = request.url.raw_path.decode().partition("?")
    headers = {
        name: value for name, value in request.headers.items() if name not in ("content-length",)
    }
    answer = await doors.ask_with(request.method, unquote(path) + question + query, body, headers)
    return httpx2.Response(
        answer.status, headers=list(answer.pairs), content=answer.body, request=request
    )
