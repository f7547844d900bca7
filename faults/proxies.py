"""A proxy before an S3 server that answers wrongly, late, or not at all, when it is told to."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Awaitable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

Fault = Literal[
    "error", "slow-down", "hang", "reset", "trickle", "cut", "lost", "skew", "false-200", "absent"
]
FAULTS: Final[tuple[Fault, ...]] = (
    "error",
    "slow-down",
    "hang",
    "reset",
    "trickle",
    "cut",
    "lost",
    "skew",
    "false-200",
    "absent",
)
HANGS: Final = 2.0
_ANSWERS: Final = {
    "error": ("500 Internal Server Error", "InternalError"),
    "slow-down": ("503 Service Unavailable", "SlowDown"),
    "skew": ("403 Forbidden", "RequestTimeTooSkewed"),
    "false-200": ("200 OK", "InternalError"),
    "absent": ("404 Not Found", "NoSuchKey"),
}
_WRITES: Final = ("PUT", "POST")
_READS: Final = ("GET", "HEAD")
_METHODS: Final = {"false-200": _WRITES, "absent": _READS, "cut": ("GET",), "trickle": _READS}


class _Cut(Exception):
    """The connection is to be cut now."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer: its head and its body, as they came."""

    head: bytes
    body: bytes

    @property
    def method(self) -> str:
        """The first word of a request."""
        return self.head.split(b" ", 1)[0].decode("latin-1")


class Proxy:
    """Forwards requests; while there are faults, some requests meet one of them."""

    def __init__(self, port: int, target: int, seed: int, share: float = 0.3) -> None:
        self.port = port
        self.faults: tuple[Fault, ...] = ()
        self.met: Counter[str] = Counter()
        self._target = target
        self._rng = random.Random(seed)
        self._share = share
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None

    def start(self) -> None:
        """Listen, on a thread of its own."""
        self._thread.start()
        self._wait(self._listen())

    def stop(self) -> None:
        """Cut every connection, and end."""
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        done: Future[None] = asyncio.run_coroutine_threadsafe(run(), self._loop)
        done.result(30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # An aborted transport is closed in the loop's next turn; a loop that has ended warns of it.
        for _ in range(3):
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self._answer(await read_message(reader), writer)
                await writer.drain()
        except (_Cut, OSError, EOFError, ValueError, asyncio.CancelledError):
            with suppress(RuntimeError):
                writer.transport.abort()

    async def _answer(self, request: Message, writer: asyncio.StreamWriter) -> None:
        fault = self._choose(request.method)
        if fault in _ANSWERS:
            writer.write(_made_up(*_ANSWERS[fault], with_body=request.method != "HEAD"))
            return
        if fault == "hang":
            await asyncio.sleep(HANGS)
        if fault in ("hang", "reset"):
            raise _Cut
        answer = await self._forward(request)
        if fault == "lost":
            raise _Cut
        writer.write(answer.head)
        await self._give_body(fault, answer.body, writer)

    async def _give_body(self, fault: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        half = len(body) // 2
        if fault == "cut":
            writer.write(body[:half])
            await writer.drain()
            raise _Cut
        if fault == "trickle":
            writer.write(body[:half])
            await writer.drain()
            await asyncio.sleep(HANGS)
            body = body[half:]
        writer.write(body)

    def _choose(self, method: str) -> str:
        """The fault that this request meets, if any."""
        fitting = [each for each in self.faults if method in _METHODS.get(each, (method,))]
        if not fitting or self._rng.random() > self._share:
            return ""
        fault = self._rng.choice(fitting)
        self.met[fault] += 1
        return fault

    async def _forward(self, request: Message) -> Message:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            writer.write(request.head + request.body)
            await writer.drain()
            return await read_message(reader, request.method)
        finally:
            writer.transport.abort()


async def read_message(reader: asyncio.StreamReader, asked: str = "") -> Message:
    """A whole message; `asked` is the method of the request that it answers."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").lower().rstrip("\r\n").split("\r\n")
    headers = dict(line.split(":", 1) for line in lines)
    if asked == "HEAD" or (asked and first.split(" ")[1] in ("204", "304")):
        return Message(head, b"")
    if "chunked" in headers.get("transfer-encoding", ""):
        return Message(head, await _read_chunks(reader))
    return Message(head, await reader.readexactly(int(headers.get("content-length", "0"))))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    """A chunked body as it came."""
    taken = bytearray()
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        taken += line + await reader.readexactly(size + 2)
        if size == 0:
            return bytes(taken)


def _made_up(status: str, code: str, *, with_body: bool) -> bytes:
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>no</Message></Error>'.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + (body if with_body else b"")
