"""Proxy headers of a request: `X-Forwarded-…` and `Forwarded`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from itertools import zip_longest
from typing import Final

from entrepot.http.messages import Headers, Outside

MAX_HOPS: Final = 32
"""Proxies in a row that are listened to, from ours outwards."""
SCHEMES: Final = ("http", "https")

_PAIR: Final = re.compile(r'\s*([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^;,"\s]*)\s*(;|,|$)')
_X_NAMES: Final = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")


@dataclass(frozen=True, slots=True)
class Hop:
    """A proxy's statement about its client; fields are empty where it makes none.

    An address that it says but nobody can read is empty; `None` is one that it does not say.
    """

    address: str | None = None
    scheme: str = ""
    host: str = ""


def look_outside(headers: Headers, peer: str, is_trusted: Callable[[str], bool]) -> Outside:
    """The request as the outermost of our proxies saw it; `peer` is who is connected to us.

    Each proxy adds to the right end. So hops are read from there, for as long as the one who says
    it is a proxy of ours: whatever stands further left, the client may have written.
    """
    hops = read_hops(headers)
    if not hops:
        return Outside(peer)
    address, scheme, host = peer, "", ""
    for hop in reversed(hops):
        if not is_trusted(address):
            break
        scheme, host = hop.scheme or scheme, hop.host or host
        if hop.address == "":
            break
        address = hop.address or address
    return Outside(address, scheme, host)


def read_hops(headers: Headers) -> list[Hop]:
    """Return each proxy's statement, the outermost first, at most `MAX_HOPS`.

    `Forwarded` (RFC 7239) is asked only where there is no `X-Forwarded-…`: proxies that set these
    pass the other on as the client wrote it.
    """
    if any(name in headers for name in _X_NAMES):
        return _hops_of_lists(*(_entries(headers, name) for name in _X_NAMES))[-MAX_HOPS:]
    if "forwarded" in headers:
        return _hops_of_forwarded(",".join(headers.get_all("forwarded")))[-MAX_HOPS:]
    return []


def _entries(headers: Headers, name: str) -> list[str]:
    text = ",".join(headers.get_all(name))
    return [each.strip() for each in text.split(",")] if text else []


def _hops_of_lists(addresses: list[str], schemes: list[str], hosts: list[str]) -> list[Hop]:
    """The three lists side by side, where they are as long as that of addresses.

    Many proxies set the scheme and the host once and pass them on: an entry that cannot be told to
    be of one hop is the outermost's word.
    """
    known = [_address_of(each) for each in addresses]
    length = len(known) or 1
    schemes = schemes if len(schemes) == length else schemes[:1]
    hosts = hosts if len(hosts) == length else hosts[:1]
    # From the left: a single one is the outermost's.
    rows = zip_longest(known, schemes, hosts)
    return [Hop(address, _scheme_of(scheme or ""), host or "") for address, scheme, host in rows]


def _hops_of_forwarded(text: str) -> list[Hop]:
    """The elements of `Forwarded`; nothing at all of one that is malformed."""
    hops, pairs, at = [], {}, 0
    while at < len(text):
        found = _PAIR.match(text, at)
        if found is None:
            return []
        value = found[2]
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        pairs[found[1].lower()] = value
        at = found.end()
        if found[3] != ";":
            hops.append(_hop_of(pairs))
            pairs = {}
    return hops


def _hop_of(pairs: dict[str, str]) -> Hop:
    address = _address_of(pairs["for"]) if "for" in pairs else None
    return Hop(address, _scheme_of(pairs.get("proto", "")), pairs.get("host", ""))


def _scheme_of(text: str) -> str:
    scheme = text.strip('" ').lower()
    return scheme if scheme in SCHEMES else ""


def _address_of(text: str) -> str:
    """The address, without brackets and port, as we write it; empty for anything else."""
    text = text.strip('" ')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return plain_address(text) if is_address(text) else ""


def is_address(text: str) -> bool:
    """Whether the text is an address of IPv4 or IPv6."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def plain_address(text: str) -> str:
    """The address in its usual form: one of IPv4 that came by IPv6 as what it is."""
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


@lru_cache(maxsize=4096)
@lru_cache(maxsize=4096)
def usual_address(text: str) -> str:
    """The address in its usual form, as `plain_address`; other texts are returned unchanged."""
    return plain_address(text) if is_address(text) else text
