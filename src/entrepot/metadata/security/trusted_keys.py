"""Public keys that a namespace trusts to have signed what is in its repositories."""

from typing import Final

from sqlalchemy import bindparam, delete, select

from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    to_instant,
)
from entrepot.metadata.engines.rows import first_text, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.people_tables import trusted_keys
from entrepot.metadata.tables import repositories
from entrepot.model.security.trusted_keys import TrustedKey

_LIST: Final = SqlStatement(
    select(
        trusted_keys.c.id,
        trusted_keys.c.namespace_id,
        trusted_keys.c.name,
        trusted_keys.c.pem,
        trusted_keys.c.created_at,
        trusted_keys.c.created_by,
    )
    .where(trusted_keys.c.namespace_id == bindparam("namespace_id"))
    .order_by(trusted_keys.c.id)
)
_INSERT: Final = SqlStatement(
    insert(trusted_keys)
    .values(
        namespace_id=bindparam("namespace_id"),
        name=bindparam("name"),
        pem=bindparam("pem"),
        created_at=bindparam("created_at"),
        created_by=bindparam("created_by"),
    )
    .on_conflict_do_nothing()
)
_DELETE: Final = SqlStatement(
    delete(trusted_keys).where(
        trusted_keys.c.namespace_id == bindparam("owner_id"),
        trusted_keys.c.name == bindparam("old_name"),
    )
)
_PEMS: Final = SqlStatement(
    select(trusted_keys.c.pem)
    .join(repositories, repositories.c.namespace_id == trusted_keys.c.namespace_id)
    .where(repositories.c.id == bindparam("repository_id"))
    .order_by(trusted_keys.c.id)
    .limit(100)
)


_key: Final = row_mapper(TrustedKey)


async def list_trusted_keys(reader: Reader, namespace_id: int) -> list[TrustedKey]:
    """The keys that the namespace trusts, the oldest first."""
    return await list_all(reader, _key, _LIST, namespace_id=namespace_id)


async def insert_trusted_key(tx: Transaction, key: TrustedKey) -> bool:
    """Trust a key, whose `id` is not looked at; `False` where the name is taken."""
    count = await tx.run(
        _INSERT,
        namespace_id=key.namespace_id,
        name=key.name,
        pem=key.pem,
        created_at=to_instant(key.created_at),
        created_by=key.created_by,
    )
    return count > 0


async def delete_trusted_key(tx: Transaction, namespace_id: int, name: str) -> bool:
    """Trust a key no longer; say whether there was one of that name."""
    return await tx.run(_DELETE, owner_id=namespace_id, old_name=name) > 0


async def list_pems(reader: Reader, repository_id: int) -> list[str]:
    """The keys, in PEM, that the repository's namespace trusts; at most 100."""
    return await list_all(reader, first_text, _PEMS, repository_id=repository_id)
