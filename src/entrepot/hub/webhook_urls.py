"""The URLs that webhooks may have, and the addresses that they may reach when one is sent."""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from entrepot.errors import InvalidWebhook

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_URL: Final = 2000
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
# The last label has a letter and no 0x: what `inet_aton` would take for a number is no name.
_NAME: Final = re.compile(rf"(?:{_LABEL}\.)*(?!0[xX])(?=[A-Za-z0-9_-]*[A-Za-z]){_LABEL}\.?")
_CHARACTERS: Final = re.compile(r"[A-Za-z0-9!#-/:;=?@\[\]_~]+")
_PORTS: Final = {"http": 80, "https": 443}
_FIRST_FREE_PORT: Final = 1024
_GLOBAL_6: Final = ipaddress.IPv6Network("2000::/3")
# Parts of 2000::/3 that lead elsewhere (6to4, Teredo and its neighbours) or nowhere.
_NOT_GLOBAL_6: Final = tuple(
    ipaddress.IPv6Network(each)
    for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/20")
)
_NOT_GLOBAL_4: Final = tuple(
    ipaddress.IPv4Network(each) for each in ("192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/3")
)


@dataclass(frozen=True, slots=True)
class WebhookUrl:
    """A webhook's parsed URL: the host to connect to, and the path to ask for."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_tls(self) -> bool:
        """Whether the connection is private."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """The value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class WebhookUrls:
    """Says which addresses webhooks may reach; all of `networks` are allowed."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks: tuple[Network, ...] = tuple(ipaddress.ip_network(each) for each in networks)

    def parse(self, url: str) -> WebhookUrl:
        """The URL's parts; else `InvalidWebhook`. A name is looked up only to be sent to."""
        parsed = _parse(url)
        try:
            address = ipaddress.ip_address(parsed.host)
        except ValueError:
            return parsed
        if not self.may_be_sent_to(address):
            raise InvalidWebhook(
                "webhooks may not reach this private address: see webhook_networks"
            )
        return parsed

    def may_be_sent_to(self, address: Address) -> bool:
        """Whether the address is one of the internet at large, or in a network that is allowed."""
        if any(address.version == each.version and address in each for each in self._networks):
            return True
        if isinstance(address, ipaddress.IPv4Address):
            return address.is_global and not any(address in each for each in _NOT_GLOBAL_4)
        if address.scope_id is not None or address not in _GLOBAL_6:
            return False
        return not any(address in each for each in _NOT_GLOBAL_6)

    def choose(self, addresses: Sequence[str]) -> Address | None:
        """The first address of a name; `None` where any of them may not be sent to."""
        try:
            parsed = [ipaddress.ip_address(each) for each in addresses]
        except ValueError:
            return None
        if not parsed or not all(self.may_be_sent_to(each) for each in parsed):
            return None
        return parsed[0]


def _parse(url: str) -> WebhookUrl:
    if len(url) > MAX_URL or not _CHARACTERS.fullmatch(url):
        raise InvalidWebhook("invalid webhook URL: use printable ASCII characters only")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidWebhook("invalid webhook URL") from error
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not url[len(scheme) :].startswith("://"):
        raise InvalidWebhook("invalid webhook URL: it must begin with https:// or http://")
    if "@" in parts.netloc or parts.fragment or "#" in url:
        raise InvalidWebhook("invalid webhook URL: passwords and fragments are not allowed")
    if parts.netloc.endswith(":") or (port is not None and not _is_fit(port)):
        raise InvalidWebhook(
            f"invalid webhook URL: the port must be 80, 443 or at least {_FIRST_FREE_PORT}"
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebhookUrl(
        scheme, _host(parts.netloc, parts.hostname or ""), port or _PORTS[scheme], path
    )


def _is_fit(port: int) -> bool:
    return port in _PORTS.values() or port >= _FIRST_FREE_PORT


def _host(netloc: str, host: str) -> str:
    """A name, or an address in the one form that everybody reads alike."""
    if netloc.startswith("["):
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError as error:
            raise InvalidWebhook("invalid webhook URL: not an IPv6 address") from error
    if "[" in netloc or "]" in netloc:
        raise InvalidWebhook("invalid webhook URL")
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        pass
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise InvalidWebhook("invalid webhook URL: the host is missing")
    return host
