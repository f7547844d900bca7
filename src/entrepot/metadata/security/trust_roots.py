"""Trust roots that administrators added, and the shipped one where they removed it."""

from typing import Final

from sqlalchemy import bindparam, delete, select

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.people_tables import trust_roots
from entrepot.model.security.trust_roots import StoredRoot

_COLUMNS: Final = ("name", "kind", "content", "expires_at", "created_at")
_LIST: Final = SqlStatement(
    select(*(trust_roots.c[name] for name in _COLUMNS)).order_by(trust_roots.c.name)
)
_INSERT: Final = SqlStatement(
    insert(trust_roots)
    .values({name: bindparam(name) for name in _COLUMNS})
    .on_conflict_do_nothing()
)
_DELETE: Final = SqlStatement(
    delete(trust_roots).where(trust_roots.c.name == bindparam("old_name"))
)

_root: Final = row_mapper(StoredRoot)


async def list_roots(reader: Reader) -> list[StoredRoot]:
    """Every root that is stored, by name."""
    return await list_all(reader, _root, _LIST)


async def insert_root(tx: Transaction, root: StoredRoot) -> bool:
    """Store a root; `False` where the name is taken."""
    count = await tx.run(
        _INSERT,
        name=root.name,
        kind=root.kind.value,
        content=root.content,
        expires_at=None if root.expires_at is None else to_instant(root.expires_at),
        created_at=None if root.created_at is None else to_instant(root.created_at),
    )
    return count > 0


async def delete_root(tx: Transaction, name: str) -> bool:
    """Forget a root; say whether there was one of that name."""
    return await tx.run(_DELETE, old_name=name) > 0
