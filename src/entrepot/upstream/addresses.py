"""The addresses that the hub connects to on behalf of others: public ones, and those allowed.

A name is resolved once, and the address that was checked is the one that is connected to: a second
look might give another.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_GLOBAL_6: Final = ipaddress.IPv6Network("2000::/3")
# Parts of 2000::/3 that lead elsewhere (6to4, Teredo and its neighbours) or nowhere.
_NOT_GLOBAL_6: Final = tuple(
    ipaddress.IPv6Network(each)
    for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/20")
)
_NOT_GLOBAL_4: Final = tuple(
    ipaddress.IPv4Network(each) for each in ("192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/3")
)


class PublicAddresses:
    """The addresses of the internet at large, and those of `networks`."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks: tuple[Network, ...] = tuple(ipaddress.ip_network(each) for each in networks)

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
