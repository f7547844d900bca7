"""Grants to jobs that signed in with an ID token."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, func, or_, select, update

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, get_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.tables import accounts, namespaces
from entrepot.metadata.workload_tables import grant_trusts, grants, trusts
from entrepot.model.people.workloads import Grant, TrustRights

_TOUCH_EVERY: Final = timedelta(minutes=1)
_GRANT: Final = select(
    grants.c.id,
    grants.c.label,
    grants.c.issuer,
    grants.c.subject,
    grants.c.claims,
    grants.c.address,
    grants.c.created_at,
    grants.c.expires_at,
    grants.c.last_used_at,
    grants.c.ended_at,
    grants.c.asked,
)
_BY_ID: Final = SqlStatement(_GRANT.where(grants.c.id == bindparam("id")))
_BY_SECRET: Final = SqlStatement(_GRANT.where(grants.c.secret_hash == bindparam("secret_hash")))
_BY_TOKEN: Final = SqlStatement(
    _GRANT.where(grants.c.token_hash == bindparam("token_hash")).order_by(grants.c.id.desc())
)
_OF_NAMESPACE: Final = SqlStatement(
    _GRANT.where(
        grants.c.id.in_(
            select(grant_trusts.c.grant_id)
            .join(trusts, trusts.c.id == grant_trusts.c.trust_id)
            .where(trusts.c.namespace_id == bindparam("namespace_id"))
        )
    )
    .order_by(grants.c.id.desc())
    .limit(bindparam("limit"))
)
_RIGHTS: Final = SqlStatement(
    select(
        trusts.c.id,
        trusts.c.namespace_id,
        namespaces.c.name,
        trusts.c.repositories,
        trusts.c.tags,
        trusts.c.scope,
    )
    .join(grant_trusts, grant_trusts.c.trust_id == trusts.c.id)
    .join(namespaces, namespaces.c.id == trusts.c.namespace_id)
    .join(accounts, accounts.c.namespace_id == trusts.c.namespace_id, isouter=True)
    .where(
        grant_trusts.c.grant_id == bindparam("grant_id"),
        trusts.c.is_enabled == 1,
        or_(accounts.c.namespace_id.is_(None), accounts.c.disabled_at.is_(None)),
    )
    .order_by(trusts.c.id)
)
_INSERT: Final = SqlStatement(
    insert(grants)
    .values(
        label=bindparam("label"),
        issuer=bindparam("issuer"),
        subject=bindparam("subject"),
        claims=bindparam("claims"),
        address=bindparam("address"),
        created_at=bindparam("created_at"),
        expires_at=bindparam("expires_at"),
        token_hash=bindparam("token_hash"),
        asked=bindparam("asked"),
    )
    .returning(grants.c.id)
)
_ADD_TRUST: Final = SqlStatement(
    insert(grant_trusts).values(grant_id=bindparam("grant_id"), trust_id=bindparam("trust_id"))
)
_SET_SECRET: Final = SqlStatement(
    update(grants)
    .where(grants.c.id == bindparam("grant_id"), grants.c.secret_hash.is_(None))
    .values(secret_hash=bindparam("new_hash"))
)
_TOKEN_OF: Final = SqlStatement(
    select(grants.c.token_hash).where(grants.c.id == bindparam("grant_id"))
)
_COUNT: Final = SqlStatement(
    select(func.count()).select_from(grants).where(grants.c.token_hash == bindparam("token_hash"))
)
_SAME_JOB: Final = select(grants.c.token_hash).where(grants.c.id == bindparam("grant_id"))
_END: Final = SqlStatement(
    update(grants)
    .where(grants.c.token_hash.in_(_SAME_JOB.scalar_subquery()), grants.c.ended_at.is_(None))
    .values(ended_at=bindparam("moment"))
)
_EXPIRE: Final = SqlStatement(
    update(grants)
    .where(
        grants.c.id.in_(
            select(grant_trusts.c.grant_id).where(grant_trusts.c.trust_id == bindparam("trust_id"))
        ),
        grants.c.expires_at > bindparam("moment"),
    )
    .values(expires_at=bindparam("moment"))
)
_USED: Final = SqlStatement(
    update(grants)
    .where(
        grants.c.id == bindparam("grant_id"),
        or_(grants.c.last_used_at.is_(None), grants.c.last_used_at <= bindparam("a_while_ago")),
    )
    .values(last_used_at=bindparam("moment"))
)
_DELETE_EXPIRED: Final = SqlStatement(
    delete(grants).where(grants.c.expires_at < bindparam("moment"))
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_grant: Final = row_mapper(Grant, claims=json.loads)
_rights: Final = row_mapper(TrustRights, repositories=_words, tags=_words)


async def find_grant(reader: Reader, grant_id: int) -> Grant | None:
    """The grant with that id, expired and ended ones included."""
    return await find_one(reader, _grant, _BY_ID, id=grant_id)


async def find_by_secret(reader: Reader, secret_hash: str) -> Grant | None:
    """The grant of a secret with that hash, expired and ended ones included."""
    return await find_one(reader, _grant, _BY_SECRET, secret_hash=secret_hash)


async def list_by_token(reader: Reader, token_hash: str) -> list[Grant]:
    """The grants that an ID token opened, the newest first."""
    return await list_all(reader, _grant, _BY_TOKEN, token_hash=token_hash)


async def list_of_namespace(reader: Reader, namespace_id: int, limit: int) -> list[Grant]:
    """The newest `limit` grants by trusts of the namespace, expired and ended ones included."""
    return await list_all(reader, _grant, _OF_NAMESPACE, namespace_id=namespace_id, limit=limit)


async def list_rights(reader: Reader, grant_id: int) -> list[TrustRights]:
    """The rights by those of the grant's trusts that are enabled now."""
    return await list_all(reader, _rights, _RIGHTS, grant_id=grant_id)


async def insert_grant(
    tx: Transaction, grant: Grant, token_hash: str, trust_ids: Iterable[int]
) -> int:
    """Store a grant by these trusts and return its id; the `id` it came with is not looked at."""
    grant_id = await get_number(
        tx,
        _INSERT,
        label=grant.label,
        issuer=grant.issuer,
        subject=grant.subject,
        claims=json.dumps(dict(grant.claims)),
        address=grant.address,
        created_at=to_instant(grant.created_at),
        expires_at=to_instant(grant.expires_at),
        token_hash=token_hash,
        asked=grant.asked,
    )
    for trust_id in trust_ids:
        await tx.run(_ADD_TRUST, grant_id=grant_id, trust_id=trust_id)
    return grant_id


async def set_secret(tx: Transaction, grant_id: int, secret_hash: str) -> bool:
    """Give the grant a secret; `False` where it has one."""
    return await tx.run(_SET_SECRET, grant_id=grant_id, new_hash=secret_hash) > 0


async def find_token_hash(reader: Reader, grant_id: int) -> str:
    """The hash of the ID token that opened the grant; empty where there is none."""
    row = await reader.one(_TOKEN_OF, grant_id=grant_id)
    return str(row[0]) if row else ""


async def count_by_token(reader: Reader, token_hash: str) -> int:
    """How many grants an ID token opened."""
    return await get_number(reader, _COUNT, token_hash=token_hash)


async def end_grant(tx: Transaction, grant_id: int, now: datetime) -> bool:
    """End a grant and the others that its ID token opened; `False` where it has ended."""
    return await tx.run(_END, grant_id=grant_id, moment=to_instant(now)) > 0


async def expire_grants(tx: Transaction, trust_id: int, now: datetime) -> int:
    """Have the grants by a trust expire now; say how many there were."""
    return await tx.run(_EXPIRE, trust_id=trust_id, moment=to_instant(now))


async def touch_grant(tx: Transaction, grant_id: int, now: datetime) -> None:
    """Record that the grant was used; at most once a minute is written."""
    await tx.run(
        _USED,
        grant_id=grant_id,
        moment=to_instant(now),
        a_while_ago=to_instant(now - _TOUCH_EVERY),
    )


async def delete_expired_grants(tx: Transaction, before: datetime) -> int:
    """Forget grants that expired before then; say how many."""
    return await tx.run(_DELETE_EXPIRED, moment=to_instant(before))
