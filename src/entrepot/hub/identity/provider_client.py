"""Asks an issuer of identities, which is believed no more than any other stranger on the network.

An answer is read within one deadline and up to a size, no redirect is followed, and an address that
is neither the issuer's own nor of the internet at large is not asked.
"""

import asyncio
import ipaddress
import json
import ssl
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from entrepot.errors import Unavailable
from entrepot.hub.events.webhook_urls import WebhookUrls

if TYPE_CHECKING:
    import httpx

TIMEOUT: Final = 10.0
"""Seconds for everything: the name, the connection, and the whole answer."""
MAX_ANSWER: Final = 1024 * 1024

Document = Mapping[str, object]
"""A JSON object that a provider sent, of which nothing is known yet."""
_PORTS: Final = {"http": 80, "https": 443}


class ProviderClient:
    """Sends requests to one provider; `who` is what messages call it.

    The issuer's own address is not looked at where it `may_be_private`.
    """

    def __init__(
        self,
        issuer: str,
        targets: WebhookUrls,
        *,
        who: str = "the sign-in provider",
        may_be_private: bool = True,
    ) -> None:
        self._issuer = issuer
        self._targets = targets
        self._may_be_private = may_be_private
        self.who = who

    async def get(self, url: str, access_token: str = "") -> tuple[int, Document]:
        """The status and the JSON object of an answer; `Unavailable` for any other."""
        headers = {"authorization": f"Bearer {access_token}"} if access_token else {}
        return await self._send("GET", url, headers)

    async def post(
        self, url: str, form: Mapping[str, str], auth: tuple[str, str] | None
    ) -> tuple[int, Document]:
        """As `get`, for a form that is sent, with Basic credentials where there are some."""
        return await self._send("POST", url, {}, form, auth)

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> tuple[int, Document]:
        import httpx

        try:
            async with asyncio.timeout(TIMEOUT), _client() as client:
                address, extensions, host = await self._place(url)
                request = client.build_request(
                    method, address, data=form, headers={**headers, **host}, extensions=extensions
                )
                response = await client.send(request, auth=auth, stream=True)
                try:
                    return response.status_code, self._document(await self._read(response))
                finally:
                    await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise Unavailable(f"{self.who} does not answer") from error

    async def _place(self, url: str) -> tuple[str, dict[str, str], dict[str, str]]:
        """Where to connect for a URL: what was looked at is what is connected to."""
        parts = urlsplit(url)
        is_own = self._may_be_private and _origin(parts) == _origin(urlsplit(self._issuer))
        if is_own or _has_proxy(parts):
            return url, {}, {}
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        found = await asyncio.get_running_loop().getaddrinfo(host, port)
        chosen = self._targets.choose([str(each[4][0]) for each in found])
        if chosen is None:
            raise Unavailable(
                f"{self.who} names an endpoint that is not allowed: see oidc_networks"
                if self._may_be_private
                else f"{self.who} has a private address: allow it for this issuer"
            )
        shown = f"[{chosen}]" if isinstance(chosen, ipaddress.IPv6Address) else str(chosen)
        pinned = parts._replace(netloc=f"{shown}:{port}").geturl()
        return pinned, {"sni_hostname": host}, {"host": parts.netloc.rpartition("@")[2]}

    async def _read(self, response: "httpx.Response") -> bytes:
        if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise self._amiss()
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > MAX_ANSWER:
                raise self._amiss()
        return bytes(body)

    def _document(self, body: bytes) -> Document:
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self._amiss() from error
        if not isinstance(found, dict):
            raise self._amiss()
        return found

    def _amiss(self) -> Unavailable:
        return Unavailable(f"{self.who} sent an invalid response")


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def _has_proxy(parts: SplitResult) -> bool:
    """Whether a proxy of the operator's makes the connection, and with it the choice."""
    proxies = getproxies()
    named = parts.scheme in proxies or "all" in proxies
    return named and not proxy_bypass(parts.hostname or "")


def _client() -> "httpx.AsyncClient":
    import httpx

    # Nothing packed: a few bytes must not become a gigabyte.
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    return httpx.AsyncClient(
        timeout=TIMEOUT, follow_redirects=False, verify=_trust(), headers=headers
    )


@cache
def _trust() -> ssl.SSLContext:
    """The certificates that the system trusts, a private CA of the operator's included."""
    return ssl.create_default_context()
