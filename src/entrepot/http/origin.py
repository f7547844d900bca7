"""Where a client believes to be talking to."""

import re
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from entrepot.http.forwarding import is_address, look_outside, plain_address, usual_address
from entrepot.http.messages import Outside, Request

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
_PORTS: Final = {"http": "80", "https": "443"}
_PEERS: Final = 4096


class Origins:
    """Says the scheme, host and port that a client used, so that what we tell it works for it.

    Where there is a public URL, that is the one, whatever name the request came by; other URLs are
    taken for themselves by requests that name their hosts. Without one it is what the connection
    used, or what trusted proxies say that the client's did.
    """

    def __init__(
        self,
        public_url: str | None,
        trusted_proxies: tuple[str, ...],
        other_urls: tuple[str, ...] = (),
    ) -> None:
        self._public = normal_origin(public_url) if public_url else None
        self._others = tuple(normal_origin(url) for url in other_urls)
        self._trusted = tuple(ip_network(each) for each in trusted_proxies)
        self.is_trusted = lru_cache(maxsize=_PEERS)(self._is_trusted)

    @property
    def public(self) -> str:
        """The public URL, "" where none is set."""
        return self._public or ""

    def origin(self, request: Request) -> str:
        """`scheme://host[:port]`, without a slash at the end."""
        if self._public is not None and not self._others:
            return self._public
        outside = self._outside(request)
        scheme = outside.scheme or request.scheme
        host = _valid_host(outside.host) or _valid_host(request.header("host"))
        if self._public is not None:
            return self._other(scheme, host) or self._public
        return f"{scheme}://{host or 'localhost'}"

    def is_https(self, request: Request) -> bool:
        """Whether the client's connection is private."""
        if self._public is not None and not self._others:
            return self._public.startswith("https:")
        if self._public is None:
            return (self._outside(request).scheme or request.scheme) == "https"
        return self.origin(request).startswith("https:")

    def host(self, request: Request) -> str:
        """`host[:port]` of the origin: the public one, or as the client wrote it."""
        return self.origin(request).partition("://")[2]

    def address(self, request: Request) -> str:
        """The client's address: the peer's, or what trusted proxies say that theirs was."""
        return usual_address(self._outside(request).address)

    def _outside(self, request: Request) -> Outside:
        # Asked for the address, and again for the scheme.
        if request.outside is None:
            request.outside = look_outside(request.headers, request.client, self.is_trusted)
        return request.outside

    def _other(self, scheme: str, host: str) -> str | None:
        """The other URL of that host; of two, the one of that scheme."""
        found = [each for each in self._others if normal_origin(_with_host(each, host)) == each]
        return min(found, key=lambda each: not each.startswith(f"{scheme}:"), default=None)

    def _is_trusted(self, client: str) -> bool:
        """Say whether the peer's forwarding headers count."""
        if not is_address(client):
            return False
        address = ip_address(plain_address(client))
        return any(address in network for network in self._trusted)


@lru_cache(maxsize=256)
def normal_origin(url: str) -> str:
    """The URL's origin as browsers write it: in small letters, without the scheme's own port.

    A dot at the end of the name goes too. Other texts stay as they are, so that they equal nothing.
    """
    scheme, separator, rest = url.partition("://")
    host = rest.partition("/")[0]
    if not separator or not host:
        return url
    scheme = scheme.lower()
    return f"{scheme}://{_normal_host(scheme + '://', host)}"


def _normal_host(scheme: str, host: str) -> str:
    name, port = host.lower(), ""
    if not name.endswith("]"):
        name, port = name.rsplit(":", 1) if ":" in name else (name, "")
    if port in ("", _PORTS.get(scheme.partition(":")[0])):
        return name.rstrip(".")
    return f"{name.rstrip('.')}:{port}"


def _with_host(origin: str, host: str) -> str:
    return f"{origin.partition('://')[0]}://{host}"


def _valid_host(text: str | None) -> str:
    return text if text is not None and _HOST.fullmatch(text) else ""


def may_follow(origin: str, url: str) -> bool:
    """Say whether clients of `origin` follow a redirect to the URL, without their credentials.

    Some refuse to go from HTTPS to HTTP, or to an address that is not public. Those in Go send
    their `Authorization` along as long as the host name stays the same, whatever the port.
    """
    ours, theirs = urlsplit(origin), urlsplit(url)
    host = theirs.hostname or ""
    if (ours.scheme == "https" and theirs.scheme != "https") or host == ours.hostname:
        return False
    return not is_address(host) or ip_address(host).is_global
