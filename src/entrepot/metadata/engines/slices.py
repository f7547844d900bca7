"""Long writes as many short transactions: a push that comes meanwhile waits for one of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Column, bindparam, func, select

from entrepot.metadata.engines.engine import Metadata, SqlStatement, Transaction

T = TypeVar("T")

AT_ONCE: Final = 200
"""Rows of the first slice, and of what is written without slices."""
MOST: Final = 500
"""Rows of one transaction, however quick they are."""
_LEAST: Final = 20
_AIM: Final = 0.025
"""Seconds that a slice takes: half of what a push may wait for on a disk that is as quick."""
_SHORTEST_REST: Final = 0.01
"""Seconds between two slices: other processes ask for the lock every 6 ms at most."""

_ROW_BYTES: Final = 4096

Write = Callable[[Transaction, Sequence[T]], Awaitable[bool]]
"""Writes some; `False` where nothing may be written any more."""


def cost_of(size: int) -> int:
    """How many rows a row of this many bytes counts as."""
    return 1 + size // _ROW_BYTES


def count_up_to(limit: int, owner: Column[Any]) -> SqlStatement:
    """Counts the owner's rows, at most `limit` of them; the owner is bound by the column's name."""
    some = select(owner).where(owner == bindparam(owner.name)).limit(limit).subquery()
    return SqlStatement(select(func.count()).select_from(some))


class Pace:
    """How many rows a slice has: fewer where the disk is slow or others write too."""

    def __init__(self, size: int = AT_ONCE) -> None:
        self.size = size

    async def rest(self, began: float) -> None:
        """Let others write for as long as the slice took that began then; adapt the next one."""
        took = time.monotonic() - began
        if took > _AIM:
            self.size = max(_LEAST, int(self.size * _AIM / took))
        elif took < _AIM / 2:
            self.size = min(MOST, 2 * self.size)
        await asyncio.sleep(max(_SHORTEST_REST, took))


async def write_slices(
    metadata: Metadata,
    things: Sequence[T],
    write: Write[T],
    cost: Callable[[T], int] = lambda _: 1,
) -> bool:
    """Write things in transactions of bounded cost; `False` as soon as `write` says so.

    Each slice has one thing at least. What `write` wrote in its last transaction is undone only by
    a raise: it looks before it writes.
    """
    pace, at = Pace(), 0
    while at < len(things):
        end, spent = at + 1, cost(things[at])
        while end < len(things) and spent + cost(things[end]) <= pace.size:
            spent += cost(things[end])
            end += 1
        began = time.monotonic()
        async with metadata.begin() as tx:
            if not await write(tx, things[at:end]):
                return False
        at = end
        await pace.rest(began)
    return True


async def delete_slices(
    metadata: Metadata,
    delete: Callable[[Transaction, int], Awaitable[int]],
    size: int = AT_ONCE,
) -> None:
    """Call `delete` in transactions until it deletes nothing; it is given the most rows to take."""
    pace, found = Pace(size), 1
    while found:
        began = time.monotonic()
        async with metadata.begin() as tx:
            found = await delete(tx, pace.size)
        await pace.rest(began)
