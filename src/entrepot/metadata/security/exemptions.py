"""Exemptions from rules about pulls."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, or_, select

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, get_number, list_all, row_mapper, text_or_empty
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.policy_tables import exemptions
from entrepot.metadata.tables import repositories
from entrepot.model.security.exemptions import Exemption

_E: Final = exemptions.c
_SELECT: Final = select(
    _E.id,
    _E.namespace_id,
    repositories.c.name,
    _E.what,
    _E.reason,
    _E.until,
    _E.created_at,
    _E.created_by,
).join(repositories, repositories.c.id == _E.repository_id, isouter=True)
_LIST: Final = SqlStatement(
    _SELECT.where(_E.namespace_id == bindparam("namespace_id"))
    .order_by(_E.until, _E.id)
    .limit(bindparam("limit"))
)
_LIST_HOLDING: Final = SqlStatement(
    _SELECT.where(
        _E.namespace_id == bindparam("namespace_id"),
        or_(_E.repository_id.is_(None), _E.repository_id == bindparam("repository_id")),
        _E.until > bindparam("now"),
    ).order_by(_E.id)
)
_FIND: Final = SqlStatement(
    _SELECT.where(_E.namespace_id == bindparam("namespace_id"), _E.id == bindparam("id"))
)
_INSERT: Final = SqlStatement(
    insert(exemptions)
    .values(
        {
            name: bindparam(name)
            for name in (
                "namespace_id",
                "repository_id",
                "what",
                "reason",
                "until",
                "created_at",
                "created_by",
            )
        }
    )
    .returning(_E.id)
)
_DELETE: Final = SqlStatement(delete(exemptions).where(_E.id == bindparam("old_id")))

_exemption: Final = row_mapper(Exemption, repository=text_or_empty)


async def list_exemptions(reader: Reader, namespace_id: int, limit: int) -> list[Exemption]:
    """The exemptions of the namespace and its repositories, the first to end first."""
    return await list_all(reader, _exemption, _LIST, namespace_id=namespace_id, limit=limit)


async def list_holding(
    reader: Reader, namespace_id: int, repository_id: int, now: datetime
) -> list[Exemption]:
    """The exemptions that hold for the repository now."""
    return await list_all(
        reader,
        _exemption,
        _LIST_HOLDING,
        namespace_id=namespace_id,
        repository_id=repository_id,
        now=to_instant(now),
    )


async def find_exemption(reader: Reader, namespace_id: int, number: int) -> Exemption | None:
    """The exemption of that id, where it is one of the namespace's."""
    return await find_one(reader, _exemption, _FIND, namespace_id=namespace_id, id=number)


async def insert_exemption(tx: Transaction, exemption: Exemption, repository_id: int | None) -> int:
    """Add an exemption, whose `id` and `repository` are not looked at; return its id."""
    return await get_number(
        tx,
        _INSERT,
        namespace_id=exemption.namespace_id,
        repository_id=repository_id,
        what=exemption.what,
        reason=exemption.reason,
        until=to_instant(exemption.until),
        created_at=to_instant(exemption.created_at),
        created_by=exemption.created_by,
    )


async def delete_exemption(tx: Transaction, number: int) -> None:
    """Forget an exemption."""
    await tx.run(_DELETE, old_id=number)
