"""Where a client believes to be talking to."""

import re
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from entrepot.http.messages import Request

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")


class Origins:
    """Says the scheme, host and port that a client used, so that what we tell it works for it.

    The configured public URL decides the scheme for its own host. For any other, it is what the
    connection used, or what a trusted proxy says that the client's did.
    """

    def __init__(self, public_url: str | None, trusted_proxies: tuple[str, ...]) -> None:
        parts = urlsplit(public_url) if public_url else None
        self._public_host = parts.netloc if parts else None
        self._public_scheme = parts.scheme if parts else "http"
        self._trusted = tuple(ip_network(each) for each in trusted_proxies)

    def origin(self, request: Request) -> str:
        """`scheme://host[:port]`, without a slash at the end."""
        host = self.host(request)
        if host == self._public_host:
            return f"{self._public_scheme}://{host}"
        return f"{self._scheme(request)}://{host}"

    def host(self, request: Request) -> str:
        """`host[:port]` as the client wrote it; the public one where it wrote nonsense."""
        host = request.header("host") or ""
        if _HOST.fullmatch(host):
            return host
        return self._public_host or "localhost"

    def address(self, request: Request) -> str:
        """The client's address: the peer's, or what trusted proxies say that theirs was.

        Each proxy adds to the right end, so the first address from there that is no proxy of ours
        is the client's; whatever stands further left, the client may have written.
        """
        address = request.client
        forwarded = ",".join(request.headers.get_all("x-forwarded-for")).split(",")
        while forwarded and self.is_trusted(address):
            candidate = forwarded.pop().strip()
            if not _is_address(candidate):
                break
            address = candidate
        return address

    def is_trusted(self, client: str) -> bool:
        """Say whether the peer's forwarding headers count."""
        try:
            address = ip_address(client)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)

    def _scheme(self, request: Request) -> str:
        forwarded = request.header("x-forwarded-proto")
        if forwarded in ("http", "https") and self.is_trusted(request.client):
            return forwarded
        return request.scheme


def may_follow(origin: str, url: str) -> bool:
    """Say whether clients of `origin` follow a redirect to the URL, without their credentials.

    Some refuse to go from HTTPS to HTTP, or to an address that is not public. Those in Go send
    their `Authorization` along as long as the host name stays the same, whatever the port.
    """
    ours, theirs = urlsplit(origin), urlsplit(url)
    host = theirs.hostname or ""
    if (ours.scheme == "https" and theirs.scheme != "https") or host == ours.hostname:
        return False
    return not _is_address(host) or ip_address(host).is_global


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
