"""Accounts' identities at single sign-on providers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, null, select, update

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, first_number, first_text, list_all, row_mapper
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
_SUBJECT: Final = SqlStatement(
    select(external_identities.c.subject).where(
        external_identities.c.account_id == bindparam("account_id"),
        external_identities.c.issuer == bindparam("issuer"),
    )
)
_LINKED: Final = SqlStatement(
    select(external_identities.c.account_id, external_identities.c.subject)
    .where(
        external_identities.c.issuer == bindparam("issuer"),
        external_identities.c.account_id > bindparam("after"),
    )
    .order_by(external_identities.c.account_id)
    .limit(bindparam("limit"))
)
_SUSPENDED: Final = SqlStatement(
    select(external_identities.c.account_id).where(
        external_identities.c.account_id == bindparam("account_id"),
        external_identities.c.issuer == bindparam("issuer"),
        external_identities.c.suspended_at.is_not(None),
    )
)
_SET_SUSPENDED: Final = SqlStatement(
    update(external_identities)
    .where(
        external_identities.c.account_id == bindparam("owner_id"),
        external_identities.c.issuer == bindparam("of_issuer"),
    )
    .values(suspended_at=bindparam("moment"))
)
_END_SUSPENSIONS: Final = SqlStatement(
    update(external_identities)
    .where(external_identities.c.account_id == bindparam("owner_id"))
    .values(suspended_at=null())
)
_DELETE: Final = SqlStatement(
    delete(external_identities).where(
        external_identities.c.account_id == bindparam("owner_id"),
        external_identities.c.issuer == bindparam("old_issuer"),
    )
)


@dataclass(frozen=True, slots=True)
class Linked:
    """An account, and its id at the provider."""

    account_id: int
    subject: str


_linked: Final = row_mapper(Linked)


async def find_subject(reader: Reader, issuer: str, account_id: int) -> str | None:
    """The provider's id of the account; `None` where they are not linked."""
    return await find_one(reader, first_text, _SUBJECT, issuer=issuer, account_id=account_id)


async def list_linked(reader: Reader, issuer: str, after: int, limit: int) -> list[Linked]:
    """At most `limit` accounts linked to the provider, by id, behind that id."""
    return await list_all(reader, _linked, _LINKED, issuer=issuer, after=after, limit=limit)


async def is_suspended(reader: Reader, issuer: str, account_id: int) -> bool:
    """Say whether the account is disabled because the provider said so."""
    return await reader.one(_SUSPENDED, issuer=issuer, account_id=account_id) is not None


async def set_suspended(
    tx: Transaction, issuer: str, account_id: int, moment: datetime | None
) -> None:
    """Note that the provider's word disabled the account, or no longer does."""
    await tx.run(
        _SET_SUSPENDED,
        of_issuer=issuer,
        owner_id=account_id,
        moment=to_instant(moment) if moment else None,
    )


async def end_suspensions(tx: Transaction, account_id: int) -> None:
    """Note that somebody has decided about the account: no provider's word enables it again."""
    await tx.run(_END_SUSPENSIONS, owner_id=account_id)


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
