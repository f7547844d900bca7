"""How often something may be tried (GCRA), counted in the database for all workers alike.

Where the database cannot count, its error is raised: what cannot be counted is not allowed.
"""

import ipaddress
import math
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from entrepot.errors import BadCredentials, OutOfSpace, TooMany, Unavailable
from entrepot.hub.identity.secrets import hash_secret
from entrepot.metadata.engines import limits
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction


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


@dataclass(frozen=True, slots=True)
class Guard:
    """How many wrong guesses of one kind of secret are allowed, and to whom."""

    here: Allowance
    """For one account from one network: a host of IPv4, a /64 of IPv6."""
    network: Allowance
    """For any accounts from one network."""
    site: Allowance
    """For any accounts from one /48 of IPv6, in which one customer has 65,536 networks."""
    account: Allowance
    """For one account from all networks that its owner has not signed in from."""


PASSWORD: Final = Guard(
    Allowance("password:here", 10, timedelta(seconds=30)),
    Allowance("password:network", 50, timedelta(seconds=10)),
    Allowance("password:site", 200, timedelta(seconds=10)),
    Allowance("password:account", 200, timedelta(seconds=30)),
)
SECOND_FACTOR: Final = Guard(
    Allowance("second-factor:here", 5, timedelta(minutes=1)),
    Allowance("second-factor:network", 20, timedelta(minutes=1)),
    Allowance("second-factor:site", 80, timedelta(minutes=1)),
    Allowance("second-factor:account", 50, timedelta(minutes=5)),
)
_COUNTED_IN_MEMORY: Final = 10_000
_KNOWN: Final = Allowance("known", 1, timedelta(days=90))
"""Not an allowance: the mark of a network that an account's owner has signed in from."""
SIGN_UP_FROM_ADDRESS: Final = Allowance("sign-up:address", 10, timedelta(minutes=6))


class LoginThrottle:
    """Counts attempts, and raises `TooMany` with the seconds to wait where there are too many."""

    def __init__(self, metadata: Metadata, now: Clock) -> None:
        self._metadata = metadata
        self._now = now
        self._meanwhile = _Meanwhile()

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
        until = await limits.find_until(self._metadata.reader, _name(allowance, subject))
        _check(allowance, until, self._now())

    @asynccontextmanager
    async def attempt(self, guard: Guard, account_name: str, address: str) -> AsyncIterator[None]:
        """Count one guess; raise `TooMany` before the context begins where there were too many.

        It is counted before the secret is looked at, so that guesses sent at once do not all pass,
        and given back where the context ends well, or nobody could compare the secret.
        """
        counters = _counters(guard, account_name, address)
        try:
            taken = await self._take(counters, account_name, address)
        except (OutOfSpace, Unavailable):
            # Sign-in goes on where nothing can be written; counts in memory limit guesses.
            await self._look(counters)
            self._meanwhile.take(counters, self._now())
            yield
            return
        try:
            yield
        except BadCredentials:
            raise
        except (TooMany, Unavailable):
            with suppress(OutOfSpace, Unavailable):
                await self._give_back(taken)
            raise
        with suppress(OutOfSpace, Unavailable):
            await self._succeed(guard, account_name, address, taken)

    async def _look(self, counters: list["_Counter"]) -> None:
        """As `_take`, where nothing can be written."""
        now = self._now()
        for counter in counters[:-1]:
            until = await limits.find_until(self._metadata.reader, counter.name)
            _check(counter.allowance, until, now)

    async def _succeed(
        self, guard: Guard, account_name: str, address: str, taken: list["_Counter"]
    ) -> None:
        async with self._metadata.begin() as tx:
            await limits.forgive(tx, _name(guard.here, _pair(account_name, address)))
            await _give_back(tx, taken[1:], self._now())
            known = _name(_KNOWN, _pair(account_name, address))
            await limits.take(tx, known, _KNOWN.step, _KNOWN.whole, self._now())

    async def _take(
        self, counters: list["_Counter"], account_name: str, address: str
    ) -> list["_Counter"]:
        """The counters that an attempt was counted by; else `TooMany`, and none was."""
        now = self._now()
        async with self._metadata.begin() as tx:
            known = await limits.find_until(tx, _name(_KNOWN, _pair(account_name, address)))
            # Guesses from elsewhere do not lock the owner out at home.
            used = counters[:-1] if known is not None and known > now else counters
            # Always in this order: two transactions never wait for each other.
            for counter in used:
                allowance = counter.allowance
                if not await limits.take(tx, counter.name, allowance.step, allowance.whole, now):
                    until = await limits.find_until(tx, counter.name)
                    wait = _seconds_to_wait(allowance, until or now, now)
                    raise TooMany("too many attempts", wait=wait)
        return used

    async def _give_back(self, counters: list["_Counter"]) -> None:
        async with self._metadata.begin() as tx:
            await _give_back(tx, counters, self._now())

    async def forgive(self, allowance: Allowance, subject: str) -> None:
        """Give the allowance back, for the attempt has succeeded."""
        async with self._metadata.begin() as tx:
            await limits.forgive(tx, _name(allowance, subject))

    async def expire(self) -> int:
        """Forget counters with the whole allowance again; return their number."""
        async with self._metadata.begin() as tx:
            return await limits.delete_refilled(tx, self._now())


def network_of(address: str) -> str:
    """Return the network that limits count as one: an IPv4 address, or an IPv6 /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


@dataclass(frozen=True, slots=True)
class _Counter:
    """One row that counts attempts, and how many it allows."""

    name: str
    allowance: Allowance


class _Meanwhile:
    """Counts attempts in memory, while the database cannot; the oldest are forgotten."""

    def __init__(self) -> None:
        self._until: OrderedDict[str, datetime] = OrderedDict()

    def take(self, counters: list[_Counter], now: datetime) -> None:
        """Count an attempt by all of them; raise `TooMany` where one is used up."""
        for counter in counters:
            _check(counter.allowance, self._until.get(counter.name), now)
        for counter in counters:
            until = max(self._until.pop(counter.name, now), now)
            self._until[counter.name] = until + counter.allowance.step
        while len(self._until) > _COUNTED_IN_MEMORY:
            self._until.popitem(last=False)


def _check(allowance: Allowance, until: datetime | None, now: datetime) -> None:
    if until is None or until > now + 2 * allowance.whole:
        return  # Far later than any attempt leads to: the clock was ahead.
    if until + allowance.step > now + allowance.whole:
        raise TooMany("too many attempts", wait=_seconds_to_wait(allowance, until, now))


def _counters(guard: Guard, account_name: str, address: str) -> list[_Counter]:
    """The counters of an attempt; the account's own counter is the last."""
    network, account = network_of(address), account_name.lower()
    subjects = [(guard.here, _pair(account_name, address)), (guard.network, network)]
    if site := _site_of(address):
        subjects.append((guard.site, site))
    subjects.append((guard.account, account))
    return [_Counter(_name(allowance, subject), allowance) for allowance, subject in subjects]


async def _give_back(tx: Transaction, counters: list[_Counter], now: datetime) -> None:
    for counter in counters:
        await limits.give_back(tx, counter.name, counter.allowance.step, now)


def _pair(account_name: str, address: str) -> str:
    return f"{account_name.lower()}\0{network_of(address)}"


def _site_of(address: str) -> str:
    """The /48 of an IPv6 address; empty for any other."""
    network = network_of(address)
    if ":" not in network or "/" not in network:
        return ""
    return str(ipaddress.ip_network(network).supernet(new_prefix=48))


def _name(allowance: Allowance, subject: str) -> str:
    # Hashed: a long name becomes short, and typed names are not kept.
    return f"{allowance.name}:{hash_secret(subject)[:32]}"


def _seconds_to_wait(allowance: Allowance, until: datetime, now: datetime) -> int:
    missing = until + allowance.step - now - allowance.whole
    return max(1, math.ceil(missing.total_seconds()))
