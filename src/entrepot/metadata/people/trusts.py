"""Trusts of namespaces in ID tokens."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, or_, select, update

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, first_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.tables import accounts, namespaces
from entrepot.metadata.workload_tables import issuers, trusts
from entrepot.model.people.workloads import Condition, Trust

_RULES: Final = (
    "issuer_id",
    "conditions",
    "repositories",
    "tags",
    "scope",
    "session",
    "is_enabled",
)
_TRUST: Final = (
    select(
        trusts.c.id,
        trusts.c.namespace_id,
        namespaces.c.name.label("namespace"),
        trusts.c.name,
        trusts.c.issuer_id,
        issuers.c.name.label("issuer"),
        *(trusts.c[name] for name in _RULES[1:]),
        trusts.c.created_at,
        trusts.c.created_by,
        trusts.c.last_used_at,
        trusts.c.uses,
    )
    .join(namespaces, namespaces.c.id == trusts.c.namespace_id)
    .join(issuers, issuers.c.id == trusts.c.issuer_id)
)
_LIST: Final = SqlStatement(
    _TRUST.where(trusts.c.namespace_id == bindparam("namespace_id")).order_by(trusts.c.name)
)
_FIND: Final = SqlStatement(
    _TRUST.where(
        trusts.c.namespace_id == bindparam("namespace_id"), trusts.c.name == bindparam("name")
    )
)
_LIST_OF_ISSUER: Final = SqlStatement(
    _TRUST.join(accounts, accounts.c.namespace_id == trusts.c.namespace_id, isouter=True)
    .where(
        trusts.c.issuer_id == bindparam("issuer_id"),
        trusts.c.is_enabled == 1,
        or_(accounts.c.namespace_id.is_(None), accounts.c.disabled_at.is_(None)),
    )
    .order_by(trusts.c.id)
)
_IDS_OF_ISSUER: Final = SqlStatement(
    select(trusts.c.id).where(trusts.c.issuer_id == bindparam("issuer_id")).order_by(trusts.c.id)
)
_INSERT: Final = SqlStatement(
    insert(trusts)
    .values(
        namespace_id=bindparam("namespace_id"),
        name=bindparam("name"),
        created_at=bindparam("created_at"),
        created_by=bindparam("created_by"),
        **{name: bindparam(name) for name in _RULES},
    )
    .on_conflict_do_nothing()
)
_UPDATE: Final = SqlStatement(
    update(trusts)
    .where(trusts.c.id == bindparam("trust_id"))
    .values({name: bindparam(f"new_{name}") for name in _RULES})
)
_DELETE: Final = SqlStatement(delete(trusts).where(trusts.c.id == bindparam("trust_id")))
_DELETE_OF_ISSUER: Final = SqlStatement(
    delete(trusts).where(trusts.c.issuer_id == bindparam("old_issuer"))
)
_USE: Final = SqlStatement(
    update(trusts)
    .where(trusts.c.id == bindparam("trust_id"))
    .values(uses=trusts.c.uses + 1, last_used_at=bindparam("moment"))
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _conditions(text: str) -> tuple[Condition, ...]:
    found = json.loads(text)
    return tuple(Condition(claim, tuple(values), bool(is_like)) for claim, values, is_like in found)


_trust: Final = row_mapper(
    Trust,
    conditions=_conditions,
    repositories=_words,
    tags=_words,
    session=lambda seconds: timedelta(seconds=seconds),
)


async def list_trusts(reader: Reader, namespace_id: int) -> list[Trust]:
    """The trusts of a namespace, by name."""
    return await list_all(reader, _trust, _LIST, namespace_id=namespace_id)


async def find_trust(reader: Reader, namespace_id: int, name: str) -> Trust | None:
    """The namespace's trust of that name."""
    return await find_one(reader, _trust, _FIND, namespace_id=namespace_id, name=name)


async def list_enabled(reader: Reader, issuer_id: int) -> list[Trust]:
    """The enabled trusts of all namespaces in an issuer, without those of disabled accounts."""
    return await list_all(reader, _trust, _LIST_OF_ISSUER, issuer_id=issuer_id)


async def list_ids_of_issuer(reader: Reader, issuer_id: int) -> list[int]:
    """The ids of all trusts in an issuer."""
    return await list_all(reader, first_number, _IDS_OF_ISSUER, issuer_id=issuer_id)


async def insert_trust(tx: Transaction, trust: Trust) -> bool:
    """Store a trust, whose `id` is not looked at; `False` where its name is taken."""
    count = await tx.run(
        _INSERT,
        namespace_id=trust.namespace_id,
        name=trust.name,
        created_at=to_instant(trust.created_at),
        created_by=trust.created_by,
        **_rules(trust),
    )
    return count > 0


async def update_trust(tx: Transaction, trust: Trust) -> None:
    """Replace what the trust asks for and gives."""
    values = {f"new_{name}": value for name, value in _rules(trust).items()}
    await tx.run(_UPDATE, trust_id=trust.id, **values)


async def delete_trust(tx: Transaction, trust_id: int) -> None:
    """Forget a trust."""
    await tx.run(_DELETE, trust_id=trust_id)


async def delete_of_issuer(tx: Transaction, issuer_id: int) -> int:
    """Forget every trust in an issuer; say how many there were."""
    return await tx.run(_DELETE_OF_ISSUER, old_issuer=issuer_id)


async def count_use(tx: Transaction, trust_ids: Iterable[int], now: datetime) -> None:
    """Count a sign-in by these trusts."""
    for trust_id in sorted(trust_ids):
        await tx.run(_USE, trust_id=trust_id, moment=to_instant(now))


def _rules(trust: Trust) -> dict[str, str | int]:
    conditions = [[each.claim, each.values, each.is_pattern] for each in trust.conditions]
    return {
        "issuer_id": trust.issuer_id,
        "conditions": json.dumps(conditions),
        "repositories": " ".join(trust.repositories),
        "tags": " ".join(trust.tags),
        "scope": trust.scope,
        "session": int(trust.session.total_seconds()),
        "is_enabled": int(trust.is_enabled),
    }
