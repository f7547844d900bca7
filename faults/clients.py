"""An HTTP/1.1 client that knows whether an answer arrived whole: only then it counts."""

import asyncio
import itertools
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

PATIENCE = 60.0
IDLE = 3.0
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class InDoubt(Exception):
    """The request was sent, at least in part, and no whole answer came back."""


class NotSent(Exception):
    """There was no server to send the request to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of which the last byte was read."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the server took responsibility for what was asked."""
        return 200 <= self.status < 300


class Connection:
    """One connection to each port, opened when needed and kept while it works.

    Of several ports each request takes the next: nothing is sticky. What was idle for a while is
    opened anew, for the server may be about to close it.
    """

    def __init__(self, ports: int | Sequence[int]) -> None:
        known = [ports] if isinstance(ports, int) else list(ports)
        random.shuffle(known)
        self._next = itertools.cycle(known)
        self._port = known[0]
        self._open_streams: dict[int, Streams] = {}
        self._used_at: dict[int, float] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connections; the next request opens another."""
        for _, writer in self._open_streams.values():
            writer.transport.abort()
        self._open_streams.clear()

    def _drop(self) -> None:
        """Drop the connection of this request."""
        if streams := self._open_streams.pop(self._port, None):
            streams[1].transport.abort()

    async def request(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and read the whole answer, or say in which way it failed."""
        self._port = next(self._next)
        if time.monotonic() - self._used_at.get(self._port, 0.0) > IDLE:
            self._drop()
        reader, writer = await self._open()
        lines = {"Host": f"127.0.0.1:{self._port}", "Content-Length": str(len(body))}
        head = "".join(f"{k}: {v}\r\n" for k, v in (lines | dict(headers or {})).items())
        try:
            async with asyncio.timeout(PATIENCE):
                writer.write(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)
                await writer.drain()
                answer = await _read(reader, method)
        except (OSError, EOFError, ValueError, KeyError) as error:
            self._drop()
            raise InDoubt(f"{method} {target}: {error!r}") from error
        except asyncio.CancelledError:
            self._drop()
            raise
        if answer.headers.get("connection", "").lower() == "close":
            self._drop()
        self._used_at[self._port] = time.monotonic()
        return answer

    async def _open(self) -> Streams:
        streams = self._open_streams.get(self._port)
        if streams is None:
            try:
                streams = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError as error:
                raise NotSent(str(error)) from error
            self._open_streams[self._port] = streams
        return streams


async def _read(reader: asyncio.StreamReader, method: str) -> Answer:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    status = int(first.split(" ")[1])
    if method == "HEAD" or status in (204, 304):
        return Answer(status, headers, b"")
    body = await reader.readexactly(int(headers["content-length"]))
    return Answer(status, headers, body)
