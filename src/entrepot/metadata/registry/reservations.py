"""Reservations: room of a quota that uploads have taken for bytes that are still arriving."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, select

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, get_number, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.tables import upload_reservations, uploads

_R = upload_reservations
_SUM: Final = SqlStatement(
    select(func.coalesce(func.sum(_R.c.size), 0)).where(
        _R.c.namespace_id == bindparam("namespace_id"), _R.c.id != bindparam("but")
    )
)
_SET: Final = SqlStatement(
    insert(_R)
    .values(
        id=bindparam("id"),
        namespace_id=bindparam("namespace_id"),
        size=bindparam("size"),
        touched_at=bindparam("now"),
    )
    .on_conflict_do_update(
        index_elements=["id"],
        set_={
            "namespace_id": bindparam("namespace_id"),
            "size": bindparam("size"),
            "touched_at": bindparam("now"),
        },
    )
)
_FIND: Final = SqlStatement(select(_R.c.namespace_id, _R.c.size).where(_R.c.id == bindparam("id")))
_DELETE: Final = SqlStatement(delete(_R).where(_R.c.id == bindparam("upload_id")))
_DELETE_IDLE: Final = SqlStatement(
    delete(_R).where(
        _R.c.touched_at < bindparam("before"),
        ~select(uploads.c.id).where(uploads.c.id == _R.c.id).exists(),
    )
)


_reservation: Final = row_mapper(tuple[int, int])


async def sum_reserved(reader: Reader, namespace_id: int, but: str = "") -> int:
    """Bytes that the namespace's uploads have reserved; that of one upload is left out."""
    return await get_number(reader, _SUM, namespace_id=namespace_id, but=but)


async def set_reservation(
    tx: Transaction, upload_id: str, namespace_id: int, size: int, now: datetime
) -> None:
    """Set the upload's reservation in bytes."""
    await tx.run(_SET, id=upload_id, namespace_id=namespace_id, size=size, now=to_instant(now))


async def find_reservation(reader: Reader, upload_id: str) -> tuple[int, int] | None:
    """The namespace and the size of the upload's reservation."""
    return await find_one(reader, _reservation, _FIND, id=upload_id)


async def delete_reservation(tx: Transaction, upload_id: str) -> None:
    """Give the upload's room back; repeating it does nothing."""
    await tx.run(_DELETE, upload_id=upload_id)


async def delete_idle_reservations(tx: Transaction, before: datetime) -> int:
    """Delete reservations without an upload, untouched since then; return their number."""
    return await tx.run(_DELETE_IDLE, before=to_instant(before))
