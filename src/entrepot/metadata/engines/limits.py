"""How much of an allowance is used, in one number for each name (GCRA)."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, case, cast, delete, select, update

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, first_moment
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.people_tables import limits
from entrepot.metadata.tables import NUMBER

_MICROSECOND: Final = timedelta(microseconds=1)
_NOW: Final = cast(bindparam("now"), NUMBER)
_STEP: Final = cast(bindparam("step"), NUMBER)
_LATEST: Final = cast(bindparam("latest"), NUMBER)
_FAR: Final = cast(bindparam("far"), NUMBER)
# An allowance is never more than the whole: use up to a far later moment was counted while
# the clock was ahead, and is forgotten.
_NEXT: Final = case((limits.c.until.between(_NOW, _FAR), limits.c.until), else_=_NOW) + _STEP

_TAKE: Final = SqlStatement(
    insert(limits)
    .values(name=bindparam("name"), until=_NOW + _STEP)
    .on_conflict_do_update(index_elements=["name"], set_={"until": _NEXT}, where=_NEXT <= _LATEST)
)
_FIND: Final = SqlStatement(select(limits.c.until).where(limits.c.name == bindparam("name")))
_GIVE_BACK: Final = SqlStatement(
    update(limits)
    .where(limits.c.name == bindparam("subject"), limits.c.until > _NOW)
    .values(until=limits.c.until - _STEP)
)
_DELETE: Final = SqlStatement(delete(limits).where(limits.c.name == bindparam("name")))
_DELETE_OVER: Final = SqlStatement(delete(limits).where(limits.c.until <= bindparam("now")))


async def take(
    tx: Transaction, name: str, step: timedelta, allowance: timedelta, now: datetime
) -> bool:
    """Use `step` of the allowance of that name, which refills as time passes; `False` where too
    little is left, and then nothing is used.
    """
    count = await tx.run(
        _TAKE,
        name=name,
        now=to_instant(now),
        step=step // _MICROSECOND,
        latest=to_instant(now + allowance),
        far=to_instant(now + 2 * allowance),
    )
    return count > 0


async def find_until(reader: Reader, name: str) -> datetime | None:
    """The instant up to which the allowance of that name is used; `None` where none of it is."""
    return await find_one(reader, first_moment, _FIND, name=name)


async def give_back(tx: Transaction, name: str, step: timedelta, now: datetime) -> None:
    """Make one earlier use of `step` of the allowance of that name undone."""
    await tx.run(_GIVE_BACK, subject=name, step=step // _MICROSECOND, now=to_instant(now))


async def forgive(tx: Transaction, name: str) -> None:
    """Give the whole allowance of that name back."""
    await tx.run(_DELETE, name=name)


async def delete_refilled(tx: Transaction, now: datetime) -> int:
    """Forget the names whose allowance is whole again; say how many."""
    return await tx.run(_DELETE_OVER, now=to_instant(now))
