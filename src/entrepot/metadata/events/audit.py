"""The audit log; each row has a hash of itself and of the row before."""

from typing import Final

from sqlalchemy import BindParameter, ColumnElement, bindparam, func, or_, select

from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    Value,
    to_instant,
)
from entrepot.metadata.engines.rows import find_one, first_text, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.people_tables import audit
from entrepot.model.audit import AuditQuery, AuditRow

_ROW: Final = select(
    audit.c.id,
    audit.c.at,
    audit.c.namespace_id,
    audit.c.actor_id,
    audit.c.actor,
    audit.c.action,
    audit.c.target,
    audit.c.details,
    audit.c.address,
    audit.c.request,
    audit.c.hash,
)
_LAST: Final = SqlStatement(select(audit.c.hash).order_by(audit.c.id.desc()).limit(1))
_INSERT: Final = SqlStatement(
    insert(audit).values(
        {
            column.name: bindparam(f"{column.name}_value")
            for column in audit.c
            if column.name != "id"
        }
    )
)
_AFTER: Final = SqlStatement(
    _ROW.where(audit.c.id > bindparam("after")).order_by(audit.c.id).limit(bindparam("limit"))
)
_LOCK: Final = "audit"
_NEVER: Final = 2**62


def _text(name: str) -> BindParameter[str]:
    return bindparam(name, type_=audit.c.action.type)


def _begins(column: ColumnElement[str], prefix: BindParameter[str]) -> ColumnElement[bool]:
    return func.substr(column, 1, func.length(prefix)) == prefix


_WANTED: Final = _ROW.where(
    audit.c.id < bindparam("before"),
    audit.c.at >= bindparam("since"),
    audit.c.at < bindparam("until"),
    or_(_text("actor_name") == "", audit.c.actor == _text("actor_name")),
    or_(
        _text("group") == "",
        audit.c.action == _text("group"),
        _begins(audit.c.action, _text("group_dot")),
    ),
).order_by(audit.c.id.desc())
_LIST_ALL: Final = SqlStatement(_WANTED.limit(bindparam("limit")))
_LIST_OF: Final = SqlStatement(
    _WANTED.where(audit.c.namespace_id == bindparam("namespace_id")).limit(bindparam("limit"))
)


_row: Final = row_mapper(AuditRow)


async def find_last_hash(tx: Transaction) -> str:
    """The hash of the newest row, "" where there is none; no row can be added until `tx` ends."""
    await tx.lock(_LOCK)
    return await find_one(tx, first_text, _LAST) or ""


async def insert_row(tx: Transaction, row: AuditRow) -> None:
    """Add a row; the `id` it came with is not looked at."""
    await tx.run(
        _INSERT,
        at_value=to_instant(row.at),
        namespace_id_value=row.namespace_id,
        actor_id_value=row.actor_id,
        actor_value=row.actor,
        action_value=row.action,
        target_value=row.target,
        details_value=row.details,
        address_value=row.address,
        request_value=row.request,
        hash_value=row.hash,
    )


async def list_rows_after(reader: Reader, last_id: int, limit: int) -> list[AuditRow]:
    """The first `limit` rows after that id, oldest first."""
    return await list_all(reader, _row, _AFTER, after=last_id, limit=limit)


async def list_rows(reader: Reader, query: AuditQuery, limit: int) -> list[AuditRow]:
    """The newest `limit` rows that match, newest first."""
    wanted: dict[str, Value] = {
        "before": _NEVER if query.before_id is None else query.before_id,
        "since": -_NEVER if query.since is None else to_instant(query.since),
        "until": _NEVER if query.until is None else to_instant(query.until),
        "actor_name": query.actor,
        "group": query.action,
        "group_dot": query.action + ".",
        "limit": limit,
    }
    if query.namespace_id is None:
        return await list_all(reader, _row, _LIST_ALL, **wanted)
    return await list_all(reader, _row, _LIST_OF, namespace_id=query.namespace_id, **wanted)
