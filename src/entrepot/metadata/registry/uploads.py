"""Uploads: bytes still arriving, as any worker can go on with them."""

from datetime import datetime
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    literal_column,
    select,
    update,
)

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, first_text, get_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.policy_tables import namespace_policies
from entrepot.metadata.tables import NUMBER, repositories, uploads
from entrepot.model.uploads import Upload

_FIND: Final = SqlStatement(
    select(
        uploads.c.id,
        uploads.c.repository_id,
        uploads.c.account_id,
        uploads.c.size,
        uploads.c.algorithm,
        uploads.c.hash_so_far,
        namespace_policies.c.namespace_id,
    )
    .join(repositories, repositories.c.id == uploads.c.repository_id)
    .join(
        namespace_policies,
        and_(
            namespace_policies.c.namespace_id == repositories.c.namespace_id,
            namespace_policies.c.quota.is_not(None),
        ),
        isouter=True,
    )
    .where(uploads.c.id == bindparam("id")),
    is_short=True,
)
_INSERT: Final = SqlStatement(
    insert(uploads).values(
        id=bindparam("id"),
        repository_id=bindparam("repository_id"),
        account_id=bindparam("account_id"),
        size=bindparam("size"),
        algorithm=bindparam("algorithm"),
        hash_so_far=bindparam("hash_so_far"),
        started_at=bindparam("now"),
        touched_at=bindparam("now"),
    )
)
_ACCOUNT_ID: Final = cast(bindparam("account_id"), NUMBER)
_IS_LIMITED: Final = exists().where(
    namespace_policies.c.namespace_id == repositories.c.namespace_id,
    namespace_policies.c.quota.is_not(None),
)


def _begin(*are_mine: ColumnElement[bool]) -> SqlStatement:
    unfinished = select(func.count()).select_from(uploads).where(*are_mine)
    return SqlStatement(
        insert(uploads).from_select(
            ["id", "repository_id", "account_id", "size", "algorithm", "started_at", "touched_at"],
            select(
                cast(bindparam("id"), Text),
                repositories.c.id,
                _ACCOUNT_ID,
                literal_column("0"),
                cast(bindparam("algorithm"), Text),
                cast(bindparam("now"), NUMBER),
                cast(bindparam("now"), NUMBER),
            ).where(
                repositories.c.id == bindparam("repository_id"),
                unfinished.correlate(repositories).scalar_subquery() < bindparam("most"),
                ~_IS_LIMITED,
            ),
        )
    )


_BEGIN: Final = _begin(uploads.c.account_id == _ACCOUNT_ID)
_BEGIN_ANONYMOUS: Final = _begin(
    uploads.c.repository_id == repositories.c.id, uploads.c.account_id.is_(None)
)
_ADVANCE: Final = SqlStatement(
    update(uploads)
    .where(uploads.c.id == bindparam("upload_id"), uploads.c.size == bindparam("old_size"))
    .values(
        size=bindparam("new_size"),
        hash_so_far=bindparam("new_hash"),
        touched_at=bindparam("now"),
    )
)
_COUNT: Final = SqlStatement(
    select(func.count()).select_from(uploads).where(uploads.c.account_id == bindparam("account_id"))
)
_COUNT_ANONYMOUS: Final = SqlStatement(
    select(func.count())
    .select_from(uploads)
    .where(uploads.c.repository_id == bindparam("repository_id"), uploads.c.account_id.is_(None))
)
_DELETE: Final = SqlStatement(delete(uploads).where(uploads.c.id == bindparam("upload_id")))
_IDLE: Final = SqlStatement(
    select(uploads.c.id)
    .where(uploads.c.touched_at < bindparam("before"))
    .order_by(uploads.c.touched_at)
    .limit(bindparam("limit"))
)


_upload: Final = row_mapper(Upload)


async def find_upload(reader: Reader, upload_id: str) -> Upload | None:
    """The upload with that id, of any account."""
    return await find_one(reader, _upload, _FIND, id=upload_id)


async def count_uploads(reader: Reader, account_id: int | None, repository_id: int) -> int:
    """The number of the account's uploads; of anonymous ones, those into the repository."""
    if account_id is None:
        return await get_number(reader, _COUNT_ANONYMOUS, repository_id=repository_id)
    return await get_number(reader, _COUNT, account_id=account_id)


async def insert_upload(tx: Transaction, upload: Upload, now: datetime) -> None:
    """Begin an upload."""
    await tx.run(
        _INSERT,
        id=upload.id,
        repository_id=upload.repository_id,
        account_id=upload.account_id,
        size=upload.size,
        algorithm=upload.algorithm,
        hash_so_far=upload.hash_so_far,
        now=to_instant(now),
    )


async def begin_upload(tx: Transaction, upload: Upload, most: int, now: datetime) -> bool:
    """Begin an upload where nothing stands in its way; `False` where something may.

    That is: the repository is there, its namespace's room is not limited, and fewer than `most`
    uploads of the same account are unfinished.
    """
    count = await tx.run(
        _BEGIN_ANONYMOUS if upload.account_id is None else _BEGIN,
        id=upload.id,
        repository_id=upload.repository_id,
        account_id=upload.account_id,
        algorithm=upload.algorithm,
        now=to_instant(now),
        most=most,
    )
    return count > 0


async def advance_upload(
    tx: Transaction, upload: Upload, size: int, hash_so_far: str | None, now: datetime
) -> bool:
    """Record that the upload grew to `size`; `False` where another got there first."""
    count = await tx.run(
        _ADVANCE,
        upload_id=upload.id,
        old_size=upload.size,
        new_size=size,
        new_hash=hash_so_far,
        now=to_instant(now),
    )
    return count > 0


async def delete_upload(tx: Transaction, upload_id: str) -> bool:
    """Forget the upload; say whether there was one."""
    return await tx.run(_DELETE, upload_id=upload_id) > 0


async def list_idle(reader: Reader, before: datetime, limit: int) -> list[str]:
    """The ids of the first `limit` uploads without a change since `before`, oldest first."""
    return await list_all(reader, first_text, _IDLE, before=to_instant(before), limit=limit)
