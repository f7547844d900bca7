"""How often something may be tried (GCRA), counted in the database for all workers alike.

Where the database cannot count, its error is raised: what cannot be counted is not allowed.
"""

import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from entrepot.errors import TooMany
from entrepot.hub.secrets import hash_secret
from entrepot.metadata import limits
from entrepot.metadata.engine import Clock, Metadata


@dataclass(frozen=True, slots=True)
class Allowance:
    """`burst` attempts at once, and one more each `step`."""

    name: str
    burst: int
    step: timedelta

    @property
    def whole(self) -> timedelta:
        """The time in which all of it comes back."""
        return self.burst * self.step


SIGN_IN_OF_ACCOUNT: Final = Allowance("sign-in:account", 10, timedelta(seconds=30))
SIGN_IN_FROM_ADDRESS: Final = Allowance("sign-in:address", 30, timedelta(seconds=10))
PASSWORD_OF_CLIENT: Final = Allowance("password:client", 50, timedelta(seconds=10))
"""Only failures count: clients send the password again and again."""
SECOND_FACTOR: Final = Allowance("second-factor", 5, timedelta(minutes=1))
SIGN_UP_FROM_ADDRESS: Final = Allowance("sign-up:address", 10, timedelta(minutes=6))


class Limiter:
    """Counts attempts, and raises `TooMany` with the seconds to wait where there are too many."""

    def __init__(self, metadata: Metadata, now: Clock) -> None:
        self._metadata = metadata
        self._now = now

    async def count(self, allowance: Allowance, subject: str) -> None:
        """Count an attempt by or on `subject`, or raise `TooMany`."""
        name, now = _name(allowance, subject), self._now()
        async with self._metadata.begin() as tx:
            if await limits.take(tx, name, allowance.step, allowance.whole, now):
                return
            until = await limits.find_until(tx, name)
        raise TooMany("too many attempts", wait=_seconds_to_wait(allowance, until or now, now))

    async def check(self, allowance: Allowance, subject: str) -> None:
        """Raise `TooMany` where an attempt would be one too many; count nothing."""
        now = self._now()
        until = await limits.find_until(self._metadata.reader, _name(allowance, subject))
        if until is None or until > now + 2 * allowance.whole:
            return  # Far later than any attempt leads to: the clock was ahead.
        if until + allowance.step > now + allowance.whole:
            raise TooMany("too many attempts", wait=_seconds_to_wait(allowance, until, now))

    async def count_sign_in(self, account_name: str, address: str) -> None:
        """Count an attempt to sign in, before the password is looked at."""
        await self.count(SIGN_IN_FROM_ADDRESS, network_of(address))
        await self.count(SIGN_IN_OF_ACCOUNT, account_name)

    async def forgive(self, allowance: Allowance, subject: str) -> None:
        """Give the allowance back, for the attempt has succeeded."""
        async with self._metadata.begin() as tx:
            await limits.forgive(tx, _name(allowance, subject))

    async def expire(self) -> int:
        """Forget whoever has the whole allowance again; say how many."""
        async with self._metadata.begin() as tx:
            return await limits.delete_refilled(tx, self._now())


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 host has to itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _name(allowance: Allowance, subject: str) -> str:
    # Hashed: whatever somebody typed as a name is short then, and is not kept.
    return f"{allowance.name}:{hash_secret(subject)[:32]}"


def _seconds_to_wait(allowance: Allowance, until: datetime, now: datetime) -> int:
    missing = until + allowance.step - now - allowance.whole
    return max(1, math.ceil(missing.total_seconds()))
