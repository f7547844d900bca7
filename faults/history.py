"""What the server acknowledged, what is in doubt, and what may therefore be found afterwards.

Every blob, manifest and tag is a register: it holds a digest, or nothing. A write that was
acknowledged must be seen unless another write may have come after it; a write in doubt may be seen.
"""

import math
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Key(NamedTuple):
    """The address of one thing: what it is, where, and under which name."""

    kind: str
    repository: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of {self.repository}"


Value = str | None


@dataclass(frozen=True, slots=True)
class Change:
    """A request that changes things, and what each of them holds once it is carried out."""

    method: str
    target: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    effects: Mapping[Key, Value] = field(default_factory=dict)
    wanted: Collection[int] = (201,)
    repeatable: bool = True

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


@dataclass(frozen=True, slots=True)
class Write:
    """One value that somebody tried to give to a thing, and when."""

    value: Value
    began: float
    ended: float
    acknowledged: bool


NEVER = Write(None, -math.inf, -math.inf, acknowledged=True)


def admissible(writes: Iterable[Write]) -> set[Value]:
    """The values that may be found after these writes, none of which is still under way."""
    known = list(writes)
    newest = max(write.began for write in known if write.acknowledged)
    return {write.value for write in known if write.ended >= newest}


class History:
    """All changes of a run."""

    def __init__(self) -> None:
        self._writes: dict[Key, list[Write]] = {}
        self._places: dict[tuple[str, str], list[Key]] = {}
        self._touched: set[Key] = set()
        self._doubts: list[Change] = []
        self.acknowledged = 0
        self.in_doubt = 0

    def acknowledge(self, change: Change, began: float) -> None:
        """The last byte of a good answer was read."""
        self.acknowledged += 1
        self._record(change, began, acknowledged=True)

    def doubt(self, change: Change, began: float) -> None:
        """The answer did not arrive whole; the request is over all the same."""
        self.in_doubt += 1
        self._doubts.append(change)
        self._record(change, began, acknowledged=False)

    def may_hold(self, key: Key) -> set[Value]:
        """Every value under which a thing may be found."""
        return admissible(self._writes.get(key, [NEVER]))

    def surely(self, key: Key) -> Value:
        """The value of a thing when there is no doubt about it, otherwise nothing."""
        values = self.may_hold(key)
        return next(iter(values)) if len(values) == 1 else None

    def settle(self, key: Key, value: Value) -> None:
        """A thing was looked at: whatever was in doubt, this is what it holds."""
        now = time.monotonic()
        self._writes[key] = [Write(value, now, now, acknowledged=True)]

    def keys(self) -> list[Key]:
        """Everything that anybody ever changed."""
        return sorted(self._writes)

    def keys_in(self, kind: str, repository: str) -> Sequence[Key]:
        """Everything of one kind in one repository."""
        return self._places.get((kind, repository), [])

    def take_touched(self) -> set[Key]:
        """What was changed since this was asked last."""
        touched, self._touched = self._touched, set()
        return touched

    def take_doubts(self) -> list[Change]:
        """The changes that have come into doubt since this was asked last."""
        doubts, self._doubts = self._doubts, []
        return doubts

    def _record(self, change: Change, began: float, *, acknowledged: bool) -> None:
        now = time.monotonic()
        for key, value in change.effects.items():
            if key not in self._writes:
                self._places.setdefault((key.kind, key.repository), []).append(key)
            writes = [*self._writes.get(key, [NEVER]), Write(value, began, now, acknowledged)]
            newest = max(write.began for write in writes if write.acknowledged)
            self._writes[key] = [write for write in writes if write.ended >= newest]
            self._touched.add(key)
