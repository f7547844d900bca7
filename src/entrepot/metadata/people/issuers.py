"""Issuers of ID tokens."""

from typing import Final

from sqlalchemy import bindparam, delete, select, update

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.workload_tables import issuers
from entrepot.model.people.workloads import Issuer

_SETTINGS: Final = ("name", "kind", "url", "audiences", "keys", "allows_private")
_ISSUER: Final = select(
    issuers.c.id, *(issuers.c[name] for name in _SETTINGS), issuers.c.created_at
)
_LIST: Final = SqlStatement(_ISSUER.order_by(issuers.c.name))
_BY_URL: Final = SqlStatement(_ISSUER.where(issuers.c.url == bindparam("url")))
_INSERT: Final = SqlStatement(
    insert(issuers)
    .values(created_at=bindparam("created_at"), **{name: bindparam(name) for name in _SETTINGS})
    .on_conflict_do_nothing()
)
_UPDATE: Final = SqlStatement(
    update(issuers)
    .where(issuers.c.id == bindparam("issuer_id"))
    .values({name: bindparam(f"new_{name}") for name in ("audiences", "keys", "allows_private")})
)
_DELETE: Final = SqlStatement(delete(issuers).where(issuers.c.id == bindparam("issuer_id")))


_issuer: Final = row_mapper(Issuer, audiences=lambda text: tuple(text.split()))


async def list_issuers(reader: Reader) -> list[Issuer]:
    """Every issuer, by name."""
    return await list_all(reader, _issuer, _LIST)


async def find_by_url(reader: Reader, url: str) -> Issuer | None:
    """The issuer whose tokens have this `iss`."""
    return await find_one(reader, _issuer, _BY_URL, url=url)


async def insert_issuer(tx: Transaction, issuer: Issuer) -> bool:
    """Store an issuer, whose `id` is not looked at; `False` where its name or URL is taken."""
    count = await tx.run(
        _INSERT,
        name=issuer.name,
        kind=issuer.kind,
        url=issuer.url,
        audiences=" ".join(issuer.audiences),
        keys=issuer.keys,
        allows_private=int(issuer.allows_private),
        created_at=to_instant(issuer.created_at),
    )
    return count > 0


async def update_issuer(tx: Transaction, issuer: Issuer) -> None:
    """Replace the issuer's audiences and keys, and whether its address may be private."""
    await tx.run(
        _UPDATE,
        issuer_id=issuer.id,
        new_audiences=" ".join(issuer.audiences),
        new_keys=issuer.keys,
        new_allows_private=int(issuer.allows_private),
    )


async def delete_issuer(tx: Transaction, issuer_id: int) -> None:
    """Forget an issuer that no trust names any more."""
    await tx.run(_DELETE, issuer_id=issuer_id)
