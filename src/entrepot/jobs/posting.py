"""Sends one request to somebody else's server: to an address looked at, once, within bounds."""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from entrepot.hub.targets import Place, Targets

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Every address of a name; raises `OSError` where there is none."""

TIMEOUT: Final = 10.0
"""Seconds for everything: the name, the connection, the request, the answer's head."""
_BODY_TIMEOUT: Final = 2.0
MAX_RESPONSE: Final = 4096
"""Bytes of an answer that are read."""
_MAX_HEAD: Final = 16 * 1024
_INTERIM: Final = 5
_FAILED_FROM: Final = 200
_LOOKUPS: Final = 8


class PostFailed(Exception):
    """Nothing was answered, or nothing was sent; the message is for whoever owns the webhook."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The other side's answer, as far as it was read."""

    status: int
    headers: Mapping[str, str]
    text: str
    milliseconds: int


class Poster:
    """Posts to where `targets` allows; follows no redirect, and keeps no connection."""

    def __init__(self, targets: Targets, resolve: Resolve | None = None) -> None:
        self._targets = targets
        self._resolve = resolve or self._look_up
        # Of its own: a name server that is away must not keep the threads that commit.
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="names")

    def close(self) -> None:
        """Wait for no name any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def post(self, place: Place, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post and return the answer; raise `PostFailed`."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT):
                address = await self._address(place)
                reader, writer = await self._connect(place, address)
                try:
                    writer.write(_head(place, headers, len(body)) + body)
                    await writer.drain()
                    status, answered = await _read_head(reader)
                    milliseconds = int((time.monotonic() - began) * 1000)
                    text = await _read_text(reader, answered)
                finally:
                    writer.transport.abort()
        except TimeoutError as error:
            raise PostFailed(f"no answer within {TIMEOUT:.0f} seconds") from error
        except ssl.SSLError as error:
            raise PostFailed(f"no private connection: {error.reason or error}") from error
        except OSError as error:
            raise PostFailed("no connection: " + (error.strerror or str(error))) from error
        return Answer(status, answered, text, milliseconds)

    async def _address(self, place: Place) -> str:
        """Where to connect: looked up once, so that what was looked at is what is connected to."""
        if ":" in place.host or place.host.replace(".", "").isdigit():
            found = [place.host]
        else:
            try:
                found = await self._resolve(place.host, place.port)
            except OSError as error:
                raise PostFailed("the host's name has no address") from error
        chosen = self._targets.choose(found)
        if chosen is None:
            raise PostFailed("webhooks may not reach this private address: see webhook_networks")
        return str(chosen)

    async def _connect(
        self, place: Place, address: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not place.is_tls:
            return await asyncio.open_connection(address, place.port, limit=_MAX_HEAD)
        return await asyncio.open_connection(
            address,
            place.port,
            ssl=self._tls,
            server_hostname=place.host.rstrip("."),
            limit=_MAX_HEAD,
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    async def _look_up(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(each[4][0]) for each in found]


def _head(place: Place, headers: Mapping[str, str], size: int) -> bytes:
    lines = [f"POST {place.path} HTTP/1.1", f"Host: {place.authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {size}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode("ascii")


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """The status and the headers of the answer proper."""
    for _ in range(_INTERIM):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.LimitOverrunError as error:
            raise PostFailed("the answer's head is too large") from error
        except asyncio.IncompleteReadError as error:
            raise PostFailed("the connection ended before an answer") from error
        first, *lines = head.split("\r\n")
        words = first.split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1.") or not _is_status(words[1]):
            raise PostFailed("what was answered is not HTTP")
        if int(words[1]) >= _FAILED_FROM:
            pairs = (line.partition(":") for line in lines if ":" in line)
            return int(words[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}
    raise PostFailed("too many interim answers")


def _is_status(text: str) -> bool:
    return len(text) == 3 and text.isascii() and text.isdigit()


async def _read_text(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> str:
    """The beginning of the body, as far as it comes soon; only to be shown."""
    read = bytearray()
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(_BODY_TIMEOUT):
            wanted = _wanted(headers)
            while len(read) < wanted and (piece := await reader.read(wanted - len(read))):
                read += piece
    is_chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    body = _joined(bytes(read)) if is_chunked else bytes(read)
    text = body.decode("utf-8", "replace")
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text)


def _wanted(headers: Mapping[str, str]) -> int:
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and len(length) < 19:
        return min(int(length), MAX_RESPONSE)
    return MAX_RESPONSE


def _joined(chunked: bytes) -> bytes:
    """The content of chunks, the last of which may be cut."""
    body = bytearray()
    while chunked:
        line, _, chunked = chunked.partition(b"\r\n")
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            break
        if size <= 0:
            break
        body += chunked[:size]
        chunked = chunked[size + 2 :]
    return bytes(body)
