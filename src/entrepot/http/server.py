"""The HTTP server's side: RSGI requests into ours, our answers into RSGI's.

RSGI is Granian's own interface. Measured beside ASGI it answers about twice as many requests, and
it sends files without their bytes ever being Python's.
"""

import asyncio
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from entrepot.errors import BodyCut, EntrepotError
from entrepot.http.messages import FileBody, Request, Response
from entrepot.http.pipes import send_at_readers_pace

BODY_IDLE: Final = 300.0
"""Seconds without a byte after which a body counts as cut: clients pause while they compress."""
DRAINED: Final = 256 * 1024 * 1024
"""Bytes of a body that are still taken after its request was refused."""
DRAINED_WITHIN: Final = 60.0
DRAINED_IDLE: Final = 5.0
"""Seconds for which they are taken, and seconds without a byte that end it."""
_LOOK_EVERY: Final = 0.05

Handler = Callable[[Request], Awaitable[Response]]
"""Answers a request; never raises."""
IsEnding = Callable[[], bool]
"""Whether the node is about to end; asked a few times a second."""
Watcher = Callable[[Request, Response, float], None]
"""Is told of each request, its answer, and the seconds between."""


class RequestBody:
    """The bytes of a request's body, each once; raises `BodyCut` where fewer came than said."""

    def __init__(self, protocol: Any, length: int | None) -> None:
        self._iterator: AsyncIterator[bytes] = protocol.__aiter__()
        self._left = length
        self._ended = length == 0
        self._patience = BODY_IDLE

    def __aiter__(self) -> "RequestBody":
        return self

    async def __anext__(self) -> bytes:
        if self._ended:
            raise StopAsyncIteration
        try:
            async with asyncio.timeout(self._patience):
                chunk = await anext(self._iterator)
        except StopAsyncIteration:
            self._ended = True
            if self._left:
                raise BodyCut from None
            raise
        except TimeoutError:
            self._ended = True
            raise BodyCut from None
        if self._left is not None:
            self._left -= len(chunk)
        return bytes(chunk)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to read."""
        return self._ended or self._left == 0

    async def drain(self) -> None:
        """Read what is left, up to a bound, so that the client gets to read its answer.

        Many clients send all of their body before they read anything. Past the bound the server
        closes the connection, and such a client sees that instead.
        """
        read = 0
        self._patience = DRAINED_IDLE
        try:
            async with asyncio.timeout(DRAINED_WITHIN):
                while read < DRAINED:
                    read += len(await anext(self))
        except (StopAsyncIteration, TimeoutError, EntrepotError):
            return


class Server:
    """Hands requests to an app and its answers back to Granian."""

    def __init__(
        self, app: Handler, watch: Watcher, pipes: Path, is_ending: IsEnding = lambda: False
    ) -> None:
        """`pipes` is a directory for the pipes of answers that are made piece by piece."""
        self._app = app
        self._watch = watch
        self._ask_ending = is_ending
        self._is_ending = False
        self._look_at = 0.0
        self._ids = itertools.count()
        self._pipes = pipes
        self._prefix = secrets.token_hex(5)

    async def __call__(self, scope: Any, protocol: Any) -> None:
        """Answer one request."""
        began = time.perf_counter()
        headers = scope.headers
        body = RequestBody(protocol, _length(headers.get("content-length"), headers))
        request = Request(
            method=scope.method,
            path=scope.path,
            query_string=scope.query_string,
            headers=headers,
            body=body,
            scheme=scope.scheme,
            client=scope.client.rpartition(":")[0].strip("[]"),
            id=f"{self._prefix}{next(self._ids):x}",
        )
        response = await self._app(request)
        if self._must_close():
            response.headers.append(("connection", "close"))
        await send(protocol, response, self._pipes)
        self._watch(request, response, time.perf_counter() - began)
        if not body.is_over:
            await body.drain()

    def _must_close(self) -> bool:
        """Whether connections are to end with their next answer.

        A proxy keeps connections for requests to come. One that is closed when the node ends may
        carry a request just then, which no proxy may send again if it is a POST or a PATCH.
        """
        now = time.perf_counter()
        if now > self._look_at:
            self._look_at = now + _LOOK_EVERY
            self._is_ending = self._ask_ending()
        return self._is_ending


async def send(protocol: Any, response: Response, pipes: Path) -> None:
    """Send an answer; a client that has gone away is no error."""
    body = response.body
    if isinstance(body, bytes):
        if body:
            protocol.response_bytes(response.status, response.headers, body)
        else:
            protocol.response_empty(response.status, response.headers)
    elif isinstance(body, FileBody):
        _send_file(protocol, response, body)
    else:
        await send_at_readers_pace(protocol, response, body, pipes)


def _send_file(protocol: Any, response: Response, body: FileBody) -> None:
    path = str(body.path)
    if body.whole:
        protocol.response_file(response.status, response.headers, path)
    else:
        protocol.response_file_range(
            response.status, response.headers, path, body.start, body.start + body.length
        )


def _length(text: str | None, headers: Any) -> int | None:
    if text is not None and text.isascii() and text.isdigit():
        return int(text)
    # No length and no chunks is no body at all (RFC 9112 section 6.3).
    return None if headers.get("transfer-encoding") or text is not None else 0
