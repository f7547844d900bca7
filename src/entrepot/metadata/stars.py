"""Stars: what accounts like; each repository knows how many it has."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import get_number, list_all
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.people_tables import stars
from entrepot.metadata.repositories import COLUMNS, repository_of
from entrepot.metadata.tables import repositories
from entrepot.model.repositories import Repository

_ADD: Final = SqlStatement(
    insert(stars)
    .values(
        account_id=bindparam("account_id"),
        repository_id=bindparam("repository_id"),
        created_at=bindparam("created_at"),
    )
    .on_conflict_do_nothing()
)
_REMOVE: Final = SqlStatement(
    delete(stars).where(
        stars.c.account_id == bindparam("who"), stars.c.repository_id == bindparam("what")
    )
)
_COUNT: Final = SqlStatement(
    update(repositories)
    .where(repositories.c.id == bindparam("what"))
    .values(stars=repositories.c.stars + bindparam("change"))
)
_IS_STARRED: Final = SqlStatement(
    select(stars.c.created_at).where(
        stars.c.account_id == bindparam("who"), stars.c.repository_id == bindparam("what")
    )
)
_COUNT_OF: Final = SqlStatement(
    select(func.count()).select_from(stars).where(stars.c.account_id == bindparam("who"))
)
_LIST: Final = SqlStatement(
    select(*COLUMNS)
    .join(stars, stars.c.repository_id == repositories.c.id)
    .where(stars.c.account_id == bindparam("who"))
    .order_by(stars.c.created_at.desc(), repositories.c.name)
)


async def add_star(tx: Transaction, account_id: int, repository_id: int, now: datetime) -> bool:
    """Give a star and count it; `False` where it has been given."""
    count = await tx.run(
        _ADD, account_id=account_id, repository_id=repository_id, created_at=to_instant(now)
    )
    if count > 0:
        await tx.run(_COUNT, what=repository_id, change=1)
    return count > 0


async def remove_star(tx: Transaction, account_id: int, repository_id: int) -> bool:
    """Take a star back and count it; `False` where there was none."""
    count = await tx.run(_REMOVE, who=account_id, what=repository_id)
    if count > 0:
        await tx.run(_COUNT, what=repository_id, change=-1)
    return count > 0


async def is_starred(reader: Reader, account_id: int, repository_id: int) -> bool:
    """Say whether the account gave the repository a star."""
    return await reader.one(_IS_STARRED, who=account_id, what=repository_id) is not None


async def count_stars_of(reader: Reader, account_id: int) -> int:
    """How many stars the account has given."""
    return await get_number(reader, _COUNT_OF, who=account_id)


async def list_starred(reader: Reader, account_id: int) -> list[Repository]:
    """List the account's stars, the newest first, visible to it or not."""
    return await list_all(reader, repository_of, _LIST, who=account_id)
