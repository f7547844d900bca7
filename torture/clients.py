"""An HTTP/1.1 client that knows whether an answer arrived whole: only then it counts."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

PATIENCE = 60.0


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
    """One connection that is opened when needed and kept while it works."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def request(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and read the whole answer, or say in which way it failed."""
        reader, writer = await self._open()
        lines = {"Host": f"127.0.0.1:{self._port}", "Content-Length": str(len(body))}
        head = "".join(f"{k}: {v}\r\n" for k, v in (lines | dict(headers or {})).items())
        try:
            async with asyncio.timeout(PATIENCE):
                writer.write(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)
                await writer.drain()
                answer = await _read(reader, method)
        except (OSError, EOFError, ValueError, KeyError) as error:
            self.close()
            raise InDoubt(f"{method} {target}: {error!r}") from error
        except asyncio.CancelledError:
            self.close()
            raise
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            try:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError as error:
                raise NotSent(str(error)) from error
        return self._streams


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
