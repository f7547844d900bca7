"""One HTTP request to a registry: to a checked address, without a redirect being followed."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from entrepot.errors import UpstreamFailed, UpstreamUnreachable
from entrepot.upstream.addresses import Address, PublicAddresses

if TYPE_CHECKING:
    import aiohttp

CONNECTIONS: Final = 64
"""Connections to one upstream at a time, for each worker."""
_BUFFER: Final = 256 * 1024

Body = bytes | Callable[[], AsyncIterator[bytes]]
"""What a request sends: bytes, or what gives them from the start each time it is called."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for a connection, for the first byte of an answer, and without a byte."""

    connect: float = 3.0
    first_byte: float = 10.0
    silence: float = 30.0


@dataclass(frozen=True, slots=True)
class Upstream:
    """A registry, as far as requests to it depend on it."""

    name: str
    """What messages call it."""
    url: str
    username: str = ""
    secret: str = field(default="", repr=False)
    token_hosts: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    allows_private: bool = False
    timeouts: Timeouts = Timeouts()

    @property
    def host(self) -> str:
        """The host of its URL, without a port."""
        return urlsplit(self.url).hostname or ""


class ForbiddenAddress(OSError):
    """The name leads to an address that may not be connected to."""


class Answer:
    """An answer whose body has not been read."""

    def __init__(self, upstream: Upstream, response: "aiohttp.ClientResponse") -> None:
        self._upstream = upstream
        self._response = response
        self.status = response.status

    def header(self, name: str) -> str | None:
        """The first value of the header."""
        return self._response.headers.get(name)

    def headers(self, name: str) -> list[str]:
        """Every value of the header."""
        return list(self._response.headers.getall(name, []))

    async def read(self, limit: int) -> bytes:
        """The body, of at most `limit` bytes; else `UpstreamFailed`."""
        body = bytearray()
        async for run in self.runs():
            body += run
            if len(body) > limit:
                raise UpstreamFailed(f"{self._upstream.name} sent more than {limit} bytes")
        return bytes(body)

    async def runs(self) -> AsyncIterator[bytes]:
        """The body's bytes as they come; `UpstreamUnreachable` where they stop before the end."""
        import aiohttp

        silence = self._upstream.timeouts.silence
        try:
            while True:
                async with asyncio.timeout(silence):
                    run = await self._response.content.readany()
                if not run:
                    return
                yield run
        except TimeoutError as error:
            raise UpstreamUnreachable(
                f"{self._upstream.name} sent nothing for {silence:.0f} seconds"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamUnreachable(f"{self._upstream.name} cut its answer short") from error


class Transport:
    """Connections to one upstream and to the hosts it sends us to."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._public = PublicAddresses(upstream.networks)
        self._own = {upstream.host, *upstream.token_hosts} if upstream.allows_private else set()
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections; closing twice succeeds."""
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Body = b""
    ) -> AsyncIterator[Answer]:
        """Send one request; raise `UpstreamUnreachable` where no answer comes in time.

        A body that is not bytes needs its `Content-Length` among the headers.
        """
        response = await self._send(method, url, headers, body)
        try:
            yield Answer(self._upstream, response)
        finally:
            # What was not read is not waited for; a connection that was read to the end is kept.
            response.release() if response.content.at_eof() else response.close()

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: Body
    ) -> "aiohttp.ClientResponse":
        import aiohttp
        from yarl import URL

        name, timeouts = self._upstream.name, self._upstream.timeouts
        self._check_literal(url)
        session, broken = self._opened(), list[Exception]()
        data: bytes | AsyncIterator[bytes] = b""
        try:
            async with asyncio.timeout(timeouts.connect + timeouts.first_byte) as limit:
                if isinstance(body, bytes):
                    data = body
                else:
                    data = _watched(body(), limit, timeouts, broken)
                return await session.request(
                    # The address goes out as it came: signed ones bear no other spelling.
                    method,
                    URL(url, encoded=True),
                    headers=headers,
                    data=data or None,
                    allow_redirects=False,
                )
        except TimeoutError as error:
            raise UpstreamUnreachable(f"{name} did not answer in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # What could not be read here is no failure of the other side.
            raise (broken or [_explained(self._upstream, url, error)])[0] from error

    def _check_literal(self, url: str) -> None:
        """An address in a URL is not resolved: it is checked here."""
        host = urlsplit(url).hostname or ""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return
        if not self._may_connect(host, address):
            raise _forbidden(self._upstream, host)

    def _may_connect(self, host: str, address: Address) -> bool:
        if host in self._own:
            # A link-local address is nobody's registry: clouds answer there with credentials.
            return not (address.is_link_local or address.is_multicast or address.is_unspecified)
        return self._public.may_be_sent_to(address)

    async def resolve(self, host: str, port: int, family: int) -> list[tuple[str, int]]:
        """The addresses of a name, with their families; `ForbiddenAddress` where one may not be."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        addresses = [(str(place[0]), int(kind)) for kind, _, _, _, place in found]
        if not all(self._may_connect(host, ipaddress.ip_address(each)) for each, _ in addresses):
            raise ForbiddenAddress
        return addresses

    def _opened(self) -> "aiohttp.ClientSession":
        if self._session is None:
            import aiohttp

            timeouts = self._upstream.timeouts
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=_resolver(self),
                    use_dns_cache=False,
                    limit=CONNECTIONS,
                    ssl=_trust(),
                ),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeouts.connect),
                auto_decompress=False,
                read_bufsize=_BUFFER,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            )
        return self._session


async def _watched(
    body: AsyncIterator[bytes],
    limit: asyncio.Timeout,
    timeouts: Timeouts,
    broken: list[Exception],
) -> AsyncIterator[bytes]:
    """The body; the answer is waited for anew with each run that the other side takes."""
    loop = asyncio.get_running_loop()
    try:
        async for run in body:
            yield run
            # An answer may come before the end of the body: nobody waits for it any more then.
            with suppress(RuntimeError):
                limit.reschedule(loop.time() + timeouts.silence + timeouts.first_byte)
    except Exception as error:
        broken.append(error)
        raise


def _resolver(transport: Transport) -> Any:
    """The transport's look at names, as aiohttp asks for it."""
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Resolver(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            return [
                ResolveResult(
                    hostname=host,
                    host=address,
                    port=port,
                    family=kind,
                    proto=0,
                    flags=socket.AI_NUMERICHOST,
                )
                for address, kind in await transport.resolve(host, port, family)
            ]

        async def close(self) -> None:
            pass

    return Resolver()


@cache
def _trust() -> ssl.SSLContext:
    """The certificates that the system trusts, a private CA of the operator's included."""
    return ssl.create_default_context()


def _forbidden(upstream: Upstream, host: str) -> UpstreamFailed:
    return UpstreamFailed(
        f"{upstream.name} leads to {host}, which has a private address: see"
        " --allow-private-network and --network"
    )


def _explained(upstream: Upstream, url: str, error: Exception) -> UpstreamFailed:
    """What went wrong on the way to an answer, in words for a person."""
    host = urlsplit(url).hostname or ""
    reason = getattr(error, "os_error", None) or error
    if isinstance(reason, ForbiddenAddress):
        return _forbidden(upstream, host)
    if isinstance(reason, socket.gaierror):
        return UpstreamUnreachable(f"{upstream.name} cannot be reached: {host} has no address")
    if isinstance(reason, ssl.SSLError):
        text = f"no private connection to {host}: {reason.reason or reason}"
    else:
        text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return UpstreamUnreachable(f"{upstream.name} cannot be reached: {text}")
