"""Decides about pulls through a mirror, from its settings and its state; asks nobody."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from entrepot.model.mirrors import NEVER, BackOff, Mirror

LIMITED: Final = 429
PATIENCE: Final = 3
"""Failures after which an upstream is not asked for what is not here either."""
_FIRST_PAUSE: Final = timedelta(seconds=30)
_LONGEST_PAUSE: Final = timedelta(minutes=5)


class Decision(Enum):
    """The way in which a pull is answered."""

    SERVE = auto()
    SERVE_STALE = auto()
    REVALIDATE = auto()
    FETCH = auto()
    REFUSE_OFFLINE = auto()
    REFUSE_FAILING = auto()


@dataclass(frozen=True, slots=True)
class CacheState:
    """Whether a manifest is cached; `checked_at` is when the upstream last named it."""

    is_cached: bool
    is_digest: bool
    checked_at: datetime | None = None


def decide(mirror: Mirror, state: CacheState, now: datetime) -> Decision:
    """Decide by the mirror's settings and its upstream's last failure."""
    if state.is_cached and (state.is_digest or mirror.is_offline):
        return Decision.SERVE
    if mirror.is_offline:
        return Decision.REFUSE_OFFLINE
    if state.is_cached and is_fresh(mirror, state.checked_at, now):
        return Decision.SERVE
    back_off = mirror.back_off
    if back_off is not None and now < back_off.until:
        if state.is_cached:
            return Decision.SERVE_STALE
        if back_off.status == LIMITED or back_off.failures >= PATIENCE:
            return Decision.REFUSE_FAILING
    return Decision.REVALIDATE if state.is_cached else Decision.FETCH


def is_fresh(mirror: Mirror, checked_at: datetime | None, now: datetime) -> bool:
    """Say whether a tag is served without a look at the upstream."""
    if checked_at is None:
        return False
    return mirror.ttl == NEVER or now < checked_at + timedelta(seconds=mirror.ttl)


def next_back_off(mirror: Mirror, reason: str, now: datetime, wait: int | None = None) -> BackOff:
    """The pause after one more failure; `wait` is what an upstream asks for that limits us."""
    if wait is not None:
        return BackOff(now + timedelta(seconds=wait), LIMITED, reason, mirror.failures)
    failures = mirror.failures + 1
    pause = min(_FIRST_PAUSE * 2 ** min(failures - 1, 10), _LONGEST_PAUSE)
    return BackOff(now + pause, 0, reason, failures)
