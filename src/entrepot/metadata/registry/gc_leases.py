"""Holds: while one lasts, nothing that a row named is deleted from the storage."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, select

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.tables import leases

LONGEST: Final = timedelta(hours=1)
"""A longer hold has to be renewed before."""
_PREFIX: Final = "hold:"
_LOCK: Final = "holds"
_SET: Final = SqlStatement(
    insert(leases)
    .values(name=bindparam("hold"), until=bindparam("moment"))
    .on_conflict_do_update(index_elements=["name"], set_={"until": bindparam("moment")})
)
_DROP: Final = SqlStatement(delete(leases).where(leases.c.name == bindparam("hold")))
_IS_HELD: Final = SqlStatement(
    select(leases.c.name)
    .where(
        leases.c.name >= _PREFIX,
        leases.c.name < _PREFIX + "~",
        leases.c.until > bindparam("moment"),
        leases.c.until < bindparam("latest"),
    )
    .limit(1)
)


async def lock_holds(tx: Transaction) -> None:
    """Lock holds and deletions until the transaction ends: each sees the other's changes."""
    await tx.lock(_LOCK)


async def set_hold(tx: Transaction, name: str, until: datetime) -> None:
    """Hold everything until that moment, or for longer."""
    await tx.run(_SET, hold=_PREFIX + name, moment=to_instant(until))


async def drop_hold(tx: Transaction, name: str) -> None:
    """Hold nothing any more; dropping it again succeeds."""
    await tx.run(_DROP, hold=_PREFIX + name)


async def is_held(reader: Reader, now: datetime) -> bool:
    """Say whether anybody holds, at most for `LONGEST`: else the clock that set it was ahead."""
    latest = to_instant(now + LONGEST)
    return await reader.one(_IS_HELD, moment=to_instant(now), latest=latest) is not None
