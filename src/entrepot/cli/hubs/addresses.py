"""Addresses of hubs, as people write them."""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from entrepot.cli.common.output import USAGE, fail

_HOST: Final = re.compile(
    r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(:\d{1,5})?"
)


def parse_url(text: str, *, plain_http: bool = False, tls: bool = False) -> str:
    """The URL of a hub, from `hub.example.org:8443` or a URL; exit with status 2 if it is neither.

    It is HTTPS, but on loopback addresses, where a scheme or `tls` must say so. Others get HTTP
    with `plain_http` only.
    """
    scheme, separator, host = text.rstrip("/").rpartition("://")
    if not _HOST.fullmatch(host) or scheme not in ("", "http", "https"):
        fail(f"invalid hub {text}: write hub.example.org or https://hub.example.org", USAGE)
    host = host.lower()
    if not separator:
        is_plain = plain_http or (is_loopback(f"http://{host}") and not tls)
        scheme = "http" if is_plain else "https"
    url = f"{scheme}://{host}"
    if scheme == "http" and not plain_http and not is_loopback(url):
        fail(
            f"{url} would send secrets unencrypted: use https, or log in with --plain-http",
            USAGE,
        )
    return url


def is_loopback(url: str) -> bool:
    """Say whether the URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
