"""How much each client may ask for in a minute: counted in memory by each worker (GCRA).

A count in the database would cost every pull a commit. So each worker counts by itself, a share of
the whole. Attempts to sign in are counted in the database, by `hub.login_throttle`.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from entrepot.errors import TooMany
from entrepot.hub.identity.login_throttle import network_of
from entrepot.hub.people.actors import Identity

_MINUTE: Final = 60.0
_REMEMBERED: Final = 50_000
"""The most clients that one limit remembers; the longest silent one is forgotten first."""

Headers = tuple[tuple[str, str], ...]
Tick = Callable[[], float]
"""Seconds of a clock that only goes forward."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much everybody may do in a minute; `None` where that is not limited."""

    pulls: int | None = None
    pushes: int | None = None
    requests: int | None = None
    workers: int = 1


class RateLimit:
    """One limit, of which this worker lets a share through, evenly once that is used at once."""

    def __init__(self, word: str, limit: int, workers: int, tick: Tick) -> None:
        self._word = word
        self._limit = limit
        self._workers = workers
        self._tick = tick
        self._step = _MINUTE / max(1, limit // workers)
        self._until: OrderedDict[str, float] = OrderedDict()

    def take(self, subject: str) -> Headers:
        """Count one by the subject, and tell what is left; else raise `TooMany`."""
        now = self._tick()
        until = max(self._until.get(subject, 0.0), now) + self._step
        # A step's rounding must not take the last one of a burst away.
        if until - now > _MINUTE + self._step / 1000:
            raise TooMany(
                f"you have reached your {self._word} rate limit of {self._limit} a minute",
                wait=max(1, math.ceil(until - now - _MINUTE)),
                headers=self._headers(subject, _MINUTE),
            )
        self._until[subject] = until
        self._until.move_to_end(subject)
        if len(self._until) > _REMEMBERED:
            self._until.popitem(last=False)
        return self._headers(subject, until - now)

    def look(self, subject: str) -> Headers:
        """Tell what is left, and count nothing."""
        return self._headers(subject, max(0.0, self._until.get(subject, 0.0) - self._tick()))

    @property
    def remembered(self) -> int:
        """How many clients it knows of."""
        return len(self._until)

    def _headers(self, subject: str, used: float) -> Headers:
        # As Docker Hub says it, which its clients read.
        left = math.floor((_MINUTE - used) / self._step + 0.001) * self._workers
        return (
            ("ratelimit-limit", f"{self._limit};w=60"),
            ("ratelimit-remaining", f"{max(0, min(left, self._limit))};w=60"),
            ("docker-ratelimit-source", subject.partition(" ")[2]),
        )


class RateLimits:
    """Rate limits of one worker."""

    def __init__(self, limits: Limits, tick: Tick) -> None:
        def rate(word: str, limit: int | None) -> RateLimit | None:
            return None if limit is None else RateLimit(word, limit, limits.workers, tick)

        self._pulls = rate("pull", limits.pulls)
        self._pushes = rate("push", limits.pushes)
        self._requests = rate("request", limits.requests)

    def pull(self, identity: Identity, address: str) -> Headers:
        """Count a manifest that is pulled."""
        return self._pulls.take(subject_of(identity, address)) if self._pulls else ()

    def look_at_pulls(self, identity: Identity, address: str) -> Headers:
        """Return the pulls that are left, without counting one."""
        return self._pulls.look(subject_of(identity, address)) if self._pulls else ()

    def push(self, identity: Identity, address: str) -> None:
        """Count a manifest that is pushed."""
        if self._pushes:
            self._pushes.take(subject_of(identity, address))

    def request(self, address: str) -> None:
        """Count any request, before anything else is looked at."""
        if self._requests:
            self._requests.take(f"address {_network(address)}")


def subject_of(identity: Identity, address: str) -> str:
    """Who counts as one: an account with all its tokens, an organization's token, an address."""
    if identity.account is not None:
        return f"account {identity.account.name}"
    if identity.job is not None:
        return f"job {identity.job.id}"
    if identity.token_id is not None:
        return f"token {identity.token_id}"
    return f"address {_network(address)}"


@lru_cache(maxsize=4096)
def _network(address: str) -> str:
    return network_of(address)
