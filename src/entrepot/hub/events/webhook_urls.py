"""The URLs that webhooks may have, and the addresses that they may reach when one is sent."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from entrepot.errors import InvalidWebhook
from entrepot.upstream.addresses import PublicAddresses

MAX_URL: Final = 2000
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
# The last label has a letter and no 0x: what `inet_aton` would take for a number is no name.
_NAME: Final = re.compile(rf"(?:{_LABEL}\.)*(?!0[xX])(?=[A-Za-z0-9_-]*[A-Za-z]){_LABEL}\.?")
_CHARACTERS: Final = re.compile(r"[A-Za-z0-9!#-/:;=?@\[\]_~]+")
_PORTS: Final = {"http": 80, "https": 443}
_FIRST_FREE_PORT: Final = 1024


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


class WebhookUrls(PublicAddresses):
    """Says which addresses webhooks may reach; all of `networks` are allowed."""

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
