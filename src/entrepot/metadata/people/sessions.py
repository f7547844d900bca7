"""Sessions of browsers that are signed in."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, or_, select, update

from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    to_instant,
)
from entrepot.metadata.engines.rows import find_one, get_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.people_tables import sessions
from entrepot.model.people.accounts import Session

_SESSION: Final = select(
    sessions.c.id,
    sessions.c.account_id,
    sessions.c.created_at,
    sessions.c.seen_at,
    sessions.c.expires_at,
    sessions.c.address,
    sessions.c.client,
    sessions.c.is_pending,
)
_BY_HASH: Final = SqlStatement(_SESSION.where(sessions.c.secret_hash == bindparam("secret_hash")))
_OF_ACCOUNT: Final = SqlStatement(
    _SESSION.where(sessions.c.account_id == bindparam("account_id")).order_by(
        sessions.c.seen_at.desc(), sessions.c.id.desc()
    )
)
_INSERT: Final = SqlStatement(
    insert(sessions)
    .values(
        account_id=bindparam("account_id"),
        secret_hash=bindparam("secret_hash"),
        created_at=bindparam("created_at"),
        seen_at=bindparam("seen_at"),
        expires_at=bindparam("expires_at"),
        address=bindparam("address"),
        client=bindparam("client"),
        is_pending=bindparam("is_pending"),
    )
    .returning(sessions.c.id)
)
_TOUCH: Final = SqlStatement(
    update(sessions)
    .where(sessions.c.id == bindparam("session_id"), sessions.c.seen_at < bindparam("moment"))
    .values(seen_at=bindparam("moment"), address=bindparam("new_address"))
)
_DELETE: Final = SqlStatement(
    delete(sessions).where(
        sessions.c.id == bindparam("session_id"), sessions.c.account_id == bindparam("owner_id")
    )
)
_DELETE_OTHERS: Final = SqlStatement(
    delete(sessions).where(
        sessions.c.account_id == bindparam("owner_id"), sessions.c.id != bindparam("kept_id")
    )
)
_NEWEST: Final = (
    select(sessions.c.id)
    .where(sessions.c.account_id == bindparam("owner_id"))
    .order_by(sessions.c.seen_at.desc(), sessions.c.id.desc())
    .limit(bindparam("kept"))
)
_DELETE_SURPLUS: Final = SqlStatement(
    delete(sessions).where(
        sessions.c.account_id == bindparam("owner_id"), sessions.c.id.not_in(_NEWEST)
    )
)
_DELETE_OVER: Final = SqlStatement(
    delete(sessions).where(
        or_(sessions.c.expires_at <= bindparam("now"), sessions.c.seen_at <= bindparam("idle"))
    )
)


_session: Final = row_mapper(Session)


async def insert_session(tx: Transaction, session: Session, secret_hash: str) -> int:
    """Store a session and return its id; the `id` it came with is not looked at."""
    return await get_number(
        tx,
        _INSERT,
        account_id=session.account_id,
        secret_hash=secret_hash,
        created_at=to_instant(session.created_at),
        seen_at=to_instant(session.seen_at),
        expires_at=to_instant(session.expires_at),
        address=session.address,
        client=session.client,
        is_pending=int(session.is_pending),
    )


async def find_session(reader: Reader, secret_hash: str) -> Session | None:
    """The session with that hash, over or not."""
    return await find_one(reader, _session, _BY_HASH, secret_hash=secret_hash)


async def list_sessions(reader: Reader, account_id: int) -> list[Session]:
    """Every session of the account, the one seen last first."""
    return await list_all(reader, _session, _OF_ACCOUNT, account_id=account_id)


async def touch_session(tx: Transaction, session_id: int, address: str, now: datetime) -> None:
    """Record that the session was seen, and from where."""
    await tx.run(_TOUCH, session_id=session_id, new_address=address, moment=to_instant(now))


async def delete_session(tx: Transaction, session_id: int, account_id: int) -> bool:
    """Delete the session if it is the account's; say whether there was one."""
    return await tx.run(_DELETE, session_id=session_id, owner_id=account_id) > 0


async def delete_other_sessions(tx: Transaction, account_id: int, kept_id: int) -> int:
    """Forget every session of the account but one (0: none is kept); say how many."""
    return await tx.run(_DELETE_OTHERS, owner_id=account_id, kept_id=kept_id)


async def keep_newest_sessions(tx: Transaction, account_id: int, kept: int) -> int:
    """Forget all of the account's sessions but those seen last; say how many."""
    return await tx.run(_DELETE_SURPLUS, owner_id=account_id, kept=kept)


async def delete_sessions_over(tx: Transaction, now: datetime, idle_since: datetime) -> int:
    """Forget sessions that have expired or were not seen since then; say how many."""
    return await tx.run(_DELETE_OVER, now=to_instant(now), idle=to_instant(idle_since))
