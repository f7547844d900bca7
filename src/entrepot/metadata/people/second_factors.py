"""Second factors: the secret of an authenticator, the last code used, recovery codes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, null, select, update

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, get_number, list_all, row_mapper
from entrepot.metadata.engines.sentinels import WRAPPED
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.people_tables import recovery_codes
from entrepot.metadata.tables import accounts
from entrepot.model.people.accounts import SecondFactor

_MANY: Final = 100_000

_SECRETS: Final = (
    select(accounts.c.namespace_id, accounts.c.totp_secret)
    .where(accounts.c.totp_secret.is_not(None))
    .order_by(accounts.c.namespace_id)
    .limit(bindparam("limit"))
)
_WRAPPED: Final = SqlStatement(_SECRETS.where(accounts.c.totp_secret.startswith(WRAPPED)))
_UNWRAPPED: Final = SqlStatement(_SECRETS.where(~accounts.c.totp_secret.startswith(WRAPPED)))
_REPLACE: Final = SqlStatement(
    update(accounts)
    .where(
        accounts.c.namespace_id == bindparam("account_id"),
        accounts.c.totp_secret == bindparam("old"),
    )
    .values(totp_secret=bindparam("new"))
)
_FIND: Final = SqlStatement(
    select(accounts.c.totp_secret, accounts.c.totp_since, accounts.c.totp_step).where(
        accounts.c.namespace_id == bindparam("account_id"), accounts.c.totp_secret.is_not(None)
    )
)
_ENROL: Final = SqlStatement(
    update(accounts)
    .where(accounts.c.namespace_id == bindparam("account_id"), accounts.c.totp_since.is_(None))
    .values(totp_secret=bindparam("new_secret"), totp_step=0)
)
_CONFIRM: Final = SqlStatement(
    update(accounts)
    .where(
        accounts.c.namespace_id == bindparam("account_id"),
        accounts.c.totp_since.is_(None),
        accounts.c.totp_secret == bindparam("secret"),
    )
    .values(totp_since=bindparam("moment"), totp_step=bindparam("step"))
)
_USE_STEP: Final = SqlStatement(
    update(accounts)
    .where(
        accounts.c.namespace_id == bindparam("account_id"), accounts.c.totp_step < bindparam("n")
    )
    .values(totp_step=bindparam("n"))
)
_REMOVE: Final = SqlStatement(
    update(accounts)
    .where(accounts.c.namespace_id == bindparam("account_id"))
    .values(totp_secret=null(), totp_since=null(), totp_step=0)
)
_INSERT_CODE: Final = SqlStatement(
    insert(recovery_codes).values(
        account_id=bindparam("account_id"), code_hash=bindparam("code_hash")
    )
)
_DELETE_CODES: Final = SqlStatement(
    delete(recovery_codes).where(recovery_codes.c.account_id == bindparam("owner_id"))
)
_USE_CODE: Final = SqlStatement(
    update(recovery_codes)
    .where(
        recovery_codes.c.account_id == bindparam("owner_id"),
        recovery_codes.c.code_hash == bindparam("hash"),
        recovery_codes.c.used_at.is_(None),
    )
    .values(used_at=bindparam("moment"))
)
_COUNT_CODES: Final = SqlStatement(
    select(func.count()).where(
        recovery_codes.c.account_id == bindparam("account_id"), recovery_codes.c.used_at.is_(None)
    )
)


_second_factor: Final = row_mapper(SecondFactor)
_secret: Final = row_mapper(tuple[int, str])


async def find_second_factor(reader: Reader, account_id: int) -> SecondFactor | None:
    """The account's authenticator, confirmed or not."""
    return await find_one(reader, _second_factor, _FIND, account_id=account_id)


async def enrol(tx: Transaction, account_id: int, secret: str) -> bool:
    """Store a secret to be confirmed; `False` where one has been confirmed already."""
    return await tx.run(_ENROL, account_id=account_id, new_secret=secret) > 0


async def confirm(tx: Transaction, account_id: int, secret: str, step: int, now: datetime) -> bool:
    """Ask for the factor from now on; `False` where the secret is not the one to be confirmed."""
    count = await tx.run(
        _CONFIRM, account_id=account_id, secret=secret, step=step, moment=to_instant(now)
    )
    return count > 0


async def use_step(tx: Transaction, account_id: int, step: int) -> bool:
    """Use up the code of that step; `False` where it, or a later one, has been used: one wins."""
    return await tx.run(_USE_STEP, account_id=account_id, n=step) > 0


async def remove(tx: Transaction, account_id: int) -> None:
    """Forget the authenticator and the recovery codes."""
    await tx.run(_REMOVE, account_id=account_id)
    await tx.run(_DELETE_CODES, owner_id=account_id)


async def replace_codes(tx: Transaction, account_id: int, hashes: Sequence[str]) -> None:
    """Make these the account's recovery codes, and no others."""
    await tx.run(_DELETE_CODES, owner_id=account_id)
    rows: list[dict[str, str | int | bytes | None]] = [
        {"account_id": account_id, "code_hash": each} for each in hashes
    ]
    await tx.run_many(_INSERT_CODE, rows)


async def use_code(tx: Transaction, account_id: int, code_hash: str, now: datetime) -> bool:
    """Use up a recovery code; `False` where the code is unknown or used."""
    count = await tx.run(_USE_CODE, owner_id=account_id, hash=code_hash, moment=to_instant(now))
    return count > 0


async def count_codes(reader: Reader, account_id: int) -> int:
    """How many recovery codes are left."""
    return await get_number(reader, _COUNT_CODES, account_id=account_id)


async def list_wrapped(reader: Reader, limit: int = _MANY) -> list[tuple[int, str]]:
    """Accounts whose authenticator's secret is wrapped, and what is stored."""
    return await list_all(reader, _secret, _WRAPPED, limit=limit)


async def list_unwrapped(reader: Reader, limit: int = _MANY) -> list[tuple[int, str]]:
    """Accounts whose authenticator's secret is stored as it is."""
    return await list_all(reader, _secret, _UNWRAPPED, limit=limit)


async def replace_secret(tx: Transaction, account_id: int, old: str, new: str) -> bool:
    """Store the same secret in another way; `False` where it is another one by now."""
    return await tx.run(_REPLACE, account_id=account_id, old=old, new=new) > 0
