"""Holds: while one lasts, nothing that a row named is deleted from the storage."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, select

from entrepot.metadata.engine import Reader, Statement, Transaction, to_instant
from entrepot.metadata.tables import leases
from entrepot.metadata.upserts import insert

_PREFIX: Final = "hold:"
_LOCK: Final = "holds"
_SET: Final = Statement(
    insert(leases)
    .values(name=bindparam("hold"), until=bindparam("moment"))
    .on_conflict_do_update(index_elements=["name"], set_={"until": bindparam("moment")})
)
_DROP: Final = Statement(delete(leases).where(leases.c.name == bindparam("hold")))
_IS_HELD: Final = Statement(
    select(leases.c.name)
    .where(
        leases.c.name >= _PREFIX,
        leases.c.name < _PREFIX + "~",
        leases.c.until > bindparam("moment"),
    )
    .limit(1)
)


async def lock_holds(tx: Transaction) -> None:
    """Let nobody else hold or delete until the transaction ends: each sees what the other did."""
    await tx.lock(_LOCK)


async def set_hold(tx: Transaction, name: str, until: datetime) -> None:
    """Hold everything until that moment, or for longer."""
    await tx.run(_SET, hold=_PREFIX + name, moment=to_instant(until))


async def drop_hold(tx: Transaction, name: str) -> None:
    """Hold nothing any more; dropping it again succeeds."""
    await tx.run(_DROP, hold=_PREFIX + name)


async def is_held(reader: Reader, now: datetime) -> bool:
    """Say whether anybody holds."""
    return await reader.one(_IS_HELD, moment=to_instant(now)) is not None
