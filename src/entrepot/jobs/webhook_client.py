"""Sends one request to a webhook's receiver: to a checked address, once, within bounds."""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from entrepot.hub.events.webhook_urls import WebhookUrl, WebhookUrls

if TYPE_CHECKING:
    import httpx

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Returns every address of a name; raises `OSError` if the name has no address."""

TIMEOUT: Final = 10.0
"""Seconds for everything: the name, the connection, the request, the answer's head."""
_BODY_TIMEOUT: Final = 2.0
MAX_RESPONSE: Final = 4096
"""Bytes of an answer that are read."""
_MAX_HEAD: Final = 16 * 1024
_LOOKUPS: Final = 8


class PostFailed(Exception):
    """No answer arrived, or nothing was sent; the message is for the webhook's owner."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The receiver's answer, as far as it was read."""

    status: int
    headers: Mapping[str, str]
    text: str
    milliseconds: int


class WebhookClient:
    """Posts to the addresses that `targets` allows.

    Requests go through `httpx`'s transport, below its client: there is nothing to follow a
    redirect, to keep a cookie or a connection, or to read a proxy from the environment.
    """

    def __init__(self, targets: WebhookUrls, resolve: Resolve | None = None) -> None:
        self._targets = targets
        self._resolve = resolve or self._look_up
        # Of its own: a name server that is away must not keep the threads that commit.
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="names")

    def close(self) -> None:
        """Stop looking names up."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def post(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the receiver's answer; raise `PostFailed` if none arrives."""
        # Imported late: a start need not wait for it.
        import httpx

        began = time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT):
                request = _pinned_request(url, await self._find_address(url), headers, body)
                async with httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False) as transport:
                    response = await transport.handle_async_request(request)
                    milliseconds = int((time.monotonic() - began) * 1000)
                    try:
                        text = await _read_text(response)
                    finally:
                        await response.aclose()
        except TimeoutError as error:
            raise PostFailed(f"no answer within {TIMEOUT:.0f} seconds") from error
        except httpx.ConnectError as error:
            raise PostFailed(_explain_connect_error(error)) from error
        except (httpx.HTTPError, OSError) as error:
            raise PostFailed(f"no valid HTTP answer: {error}") from error
        if sum(len(name) + len(value) for name, value in response.headers.raw) > _MAX_HEAD:
            raise PostFailed("the answer's head is too large")
        return Answer(response.status_code, response.headers, text, milliseconds)

    async def _find_address(self, url: WebhookUrl) -> str:
        """Look the name up, once: the address that was checked is the one to connect to."""
        if ":" in url.host or url.host.replace(".", "").isdigit():
            addresses = [url.host]
        else:
            try:
                addresses = await self._resolve(url.host, url.port)
            except OSError as error:
                raise PostFailed("the host's name has no address") from error
        chosen = self._targets.choose(addresses)
        if chosen is None:
            raise PostFailed("webhooks may not reach this private address: see webhook_networks")
        return str(chosen)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    async def _look_up(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(address[0]) for *_, address in found]


def _pinned_request(
    url: WebhookUrl, address: str, headers: Mapping[str, str], body: bytes
) -> "httpx.Request":
    """Return a request to `address` with the URL's own `Host` and TLS server name."""
    import httpx

    return httpx.Request(
        "POST",
        httpx.URL(scheme=url.scheme, host=address, port=url.port),
        headers=[
            ("Host", url.authority),
            *headers.items(),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ],
        content=body,
        # `target`: the path goes out as its owner wrote it, without another quoting.
        extensions={"sni_hostname": url.host.rstrip("."), "target": url.path.encode("ascii")},
    )


def _explain_connect_error(error: "httpx.ConnectError") -> str:
    """Return the operating system's or TLS's own reason, which `httpx` keeps below its own."""
    reason: BaseException = error
    # The context: the transport raises `from None` on its way.
    while not isinstance(reason, ssl.SSLError) and (
        cause := reason.__cause__ or reason.__context__
    ):
        reason = cause
    if isinstance(reason, ssl.SSLError):
        return f"no private connection: {reason.reason or reason}"
    return f"no connection: {getattr(reason, 'strerror', None) or reason}"


async def _read_text(response: "httpx.Response") -> str:
    """Return the beginning of the body, as far as it comes soon; it is only shown."""
    import httpx

    body = bytearray()
    with suppress(TimeoutError, OSError, httpx.HTTPError):
        async with asyncio.timeout(_BODY_TIMEOUT):
            # Raw: a packed answer is not unpacked.
            async for piece in response.aiter_raw():
                body += piece
                if len(body) >= MAX_RESPONSE:
                    break
    text = body[:MAX_RESPONSE].decode("utf-8", "replace")
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)
