"""Stars: which repositories people like."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update

from entrepot.metadata.engine import Reader, Statement, Transaction, to_instant
from entrepot.metadata.people_tables import stars
from entrepot.metadata.tables import repositories
from entrepot.metadata.upserts import insert

_OF: Final = (
    stars.c.account_id == bindparam("account_id"),
    stars.c.repository_id == bindparam("repository_id"),
)
_FIND: Final = Statement(select(stars.c.created_at).where(*_OF))
_ADD: Final = Statement(
    insert(stars)
    .values(
        account_id=bindparam("account_id"),
        repository_id=bindparam("repository_id"),
        created_at=bindparam("created_at"),
    )
    .on_conflict_do_nothing()
)
_REMOVE: Final = Statement(delete(stars).where(*_OF))
_COUNT: Final = Statement(
    update(repositories)
    .where(repositories.c.id == bindparam("of"))
    .values(
        stars=select(func.count())
        .select_from(stars)
        .where(stars.c.repository_id == bindparam("of"))
        .scalar_subquery()
    )
)
_LIST: Final = Statement(
    select(repositories.c.name)
    .join(stars, stars.c.repository_id == repositories.c.id)
    .where(stars.c.account_id == bindparam("account_id"))
    .order_by(stars.c.created_at.desc())
    .limit(bindparam("limit"))
)


async def is_starred(reader: Reader, account_id: int, repository_id: int) -> bool:
    """Say whether the account gave the repository a star."""
    row = await reader.one(_FIND, account_id=account_id, repository_id=repository_id)
    return row is not None


async def add_star(tx: Transaction, account_id: int, repository_id: int, now: datetime) -> None:
    """Give a star; giving it again changes nothing."""
    await tx.run(
        _ADD, account_id=account_id, repository_id=repository_id, created_at=to_instant(now)
    )
    await tx.run(_COUNT, of=repository_id)


async def remove_star(tx: Transaction, account_id: int, repository_id: int) -> None:
    """Take a star back; taking back what was not given changes nothing."""
    await tx.run(_REMOVE, account_id=account_id, repository_id=repository_id)
    await tx.run(_COUNT, of=repository_id)


async def list_starred(reader: Reader, account_id: int, limit: int) -> list[str]:
    """Names of repositories that the account likes, the newest star first."""
    return [str(row[0]) for row in await reader.all(_LIST, account_id=account_id, limit=limit)]
