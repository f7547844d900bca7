"""How far the scrubbing came, what it found damaged, and where that is missed."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, select

from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    to_instant,
)
from entrepot.metadata.engines.rows import find_one, first_text, get_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.scrub_tables import damaged_blobs, scrubs
from entrepot.metadata.tables import repositories, repository_blobs
from entrepot.model.integrity import Damage, Pass

_CHORE: Final = "chore"


_FIND: Final = SqlStatement(
    select(scrubs.c.last, scrubs.c.blobs, scrubs.c.bytes, scrubs.c.began_at, scrubs.c.ended_at)
    .where(scrubs.c.name == bindparam("scrub"))
)  # fmt: skip
_FIELDS: Final = ("last", "blobs", "bytes", "began_at", "ended_at")
_SAVE: Final = SqlStatement(
    insert(scrubs)
    .values(name=bindparam("scrub"), **{each: bindparam(each) for each in _FIELDS})
    .on_conflict_do_update(
        index_elements=["name"], set_={each: bindparam(each) for each in _FIELDS}
    )
)
_NOTE: Final = SqlStatement(
    insert(damaged_blobs)
    .values(digest=bindparam("damaged"), problem=bindparam("said"), found_at=bindparam("now"))
    .on_conflict_do_update(index_elements=["digest"], set_={"problem": bindparam("said")})
)
_FORGET: Final = SqlStatement(
    delete(damaged_blobs).where(damaged_blobs.c.digest == bindparam("damaged"))
)
_LIST: Final = SqlStatement(
    select(damaged_blobs.c.digest, damaged_blobs.c.problem, damaged_blobs.c.found_at)
    .where(damaged_blobs.c.digest > bindparam("after"))
    .order_by(damaged_blobs.c.digest)
    .limit(bindparam("limit"))
)
_COUNT: Final = SqlStatement(select(func.count()).select_from(damaged_blobs))
_HOLDERS: Final = SqlStatement(
    select(repositories.c.name)
    .join(repository_blobs, repository_blobs.c.repository_id == repositories.c.id)
    .where(repository_blobs.c.digest == bindparam("digest"))
    .order_by(repositories.c.name)
    .limit(bindparam("limit"))
)


_pass: Final = row_mapper(Pass)
_damage: Final = row_mapper(Damage)


async def find_pass(reader: Reader) -> Pass | None:
    """The pass under way, or the last one; `None` before the first."""
    return await find_one(reader, _pass, _FIND, scrub=_CHORE)


async def save_pass(tx: Transaction, found: Pass) -> None:
    """Remember how far it came."""
    await tx.run(
        _SAVE,
        scrub=_CHORE,
        last=found.last,
        blobs=found.blobs,
        bytes=found.size,
        began_at=to_instant(found.began_at),
        ended_at=None if found.ended_at is None else to_instant(found.ended_at),
    )


async def note_damage(tx: Transaction, digest: str, problem: str, now: datetime) -> None:
    """Remember that the blob is damaged; it stays known since the first time."""
    await tx.run(_NOTE, damaged=digest, said=problem, now=to_instant(now))


async def forget_damage(tx: Transaction, digest: str) -> bool:
    """The blob is right, or gone; say whether it was known as damaged."""
    return await tx.run(_FORGET, damaged=digest) > 0


async def list_damage(reader: Reader, after: str, limit: int) -> list[Damage]:
    """The first `limit` damaged blobs after the digest."""
    return await list_all(reader, _damage, _LIST, after=after, limit=limit)


async def count_damage(reader: Reader) -> int:
    """How many blobs are known as damaged."""
    return await get_number(reader, _COUNT)


async def list_holder_names(reader: Reader, digest: str, limit: int) -> list[str]:
    """The first `limit` repositories that hold the blob, by name."""
    return await list_all(reader, first_text, _HOLDERS, digest=digest, limit=limit)
