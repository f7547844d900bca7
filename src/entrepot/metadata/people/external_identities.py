"""Accounts' identities at single sign-on providers."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, select

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, first_number, first_text, list_all
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.people_tables import external_identities

_FIND: Final = SqlStatement(
    select(external_identities.c.account_id).where(
        external_identities.c.issuer == bindparam("issuer"),
        external_identities.c.subject == bindparam("subject"),
    )
)
_ISSUERS: Final = SqlStatement(
    select(external_identities.c.issuer)
    .where(external_identities.c.account_id == bindparam("account_id"))
    .order_by(external_identities.c.issuer)
)
_INSERT: Final = SqlStatement(
    insert(external_identities)
    .values(
        issuer=bindparam("issuer"),
        subject=bindparam("subject"),
        account_id=bindparam("account_id"),
        created_at=bindparam("created_at"),
    )
    .on_conflict_do_nothing()
)
_DELETE: Final = SqlStatement(
    delete(external_identities).where(
        external_identities.c.account_id == bindparam("owner_id"),
        external_identities.c.issuer == bindparam("old_issuer"),
    )
)


async def find_linked_account(reader: Reader, issuer: str, subject: str) -> int | None:
    """The id of the account that the provider calls `subject`."""
    return await find_one(reader, first_number, _FIND, issuer=issuer, subject=subject)


async def list_issuers(reader: Reader, account_id: int) -> list[str]:
    """The providers that know the account."""
    return await list_all(reader, first_text, _ISSUERS, account_id=account_id)


async def link_account(
    tx: Transaction, issuer: str, subject: str, account_id: int, now: datetime
) -> bool:
    """Let the provider's `subject` be the account; `False` where it is one already."""
    count = await tx.run(
        _INSERT,
        issuer=issuer,
        subject=subject,
        account_id=account_id,
        created_at=to_instant(now),
    )
    return count > 0


async def unlink_account(tx: Transaction, issuer: str, account_id: int) -> bool:
    """Remove the account's link to the provider; say whether there was one."""
    return await tx.run(_DELETE, owner_id=account_id, old_issuer=issuer) > 0
