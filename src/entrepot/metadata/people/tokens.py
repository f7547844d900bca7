"""Secrets that stand for an account: personal and refresh tokens, and the keys we sign with."""

import json
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, func, or_, select, update

from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    to_instant,
)
from entrepot.metadata.engines.rows import find_one, get_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.tables import accounts, leases, signing_keys, tokens
from entrepot.model.people.tokens import Token, TokenKind

_TOUCH_EVERY: Final = timedelta(minutes=1)
_TOKEN: Final = select(
    tokens.c.id,
    tokens.c.account_id,
    tokens.c.kind,
    tokens.c.parent_id,
    tokens.c.label,
    tokens.c.hint,
    tokens.c.scope,
    tokens.c.created_at,
    tokens.c.expires_at,
    tokens.c.last_used_at,
    tokens.c.revoked_at,
    tokens.c.namespace_id,
    tokens.c.repositories,
    tokens.c.last_used_from,
)
_BY_ID: Final = SqlStatement(_TOKEN.where(tokens.c.id == bindparam("id")), is_short=True)
_BY_HASH: Final = SqlStatement(
    _TOKEN.where(tokens.c.secret_hash == bindparam("secret_hash")), is_short=True
)
_LIST: Final = SqlStatement(
    _TOKEN.add_columns(accounts.c.name)
    .join(accounts, accounts.c.namespace_id == tokens.c.account_id)
    .where(tokens.c.kind == bindparam("kind"))
    .order_by(tokens.c.id)
)
_INSERT: Final = SqlStatement(
    insert(tokens)
    .values(
        account_id=bindparam("account_id"),
        kind=bindparam("kind"),
        parent_id=bindparam("parent_id"),
        label=bindparam("label"),
        secret_hash=bindparam("secret_hash"),
        hint=bindparam("hint"),
        scope=bindparam("scope"),
        created_at=bindparam("created_at"),
        expires_at=bindparam("expires_at"),
        namespace_id=bindparam("namespace_id"),
        repositories=bindparam("repositories"),
    )
    .returning(tokens.c.id)
)
_ROOT: Final = select(tokens.c.id).where(tokens.c.id == bindparam("token_id"))
_TREE: Final = _ROOT.cte("tree", recursive=True)
_CHILDREN: Final = tokens.alias("children")
_WITH_ALL_BELOW: Final = _TREE.union(
    select(_CHILDREN.c.id).where(_CHILDREN.c.parent_id == _TREE.c.id)
)
_REVOKE: Final = SqlStatement(
    update(tokens)
    .where(tokens.c.id.in_(select(_WITH_ALL_BELOW.c.id)), tokens.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("moment"))
)
_REVOKE_REFRESH: Final = SqlStatement(
    update(tokens)
    .where(
        tokens.c.account_id == bindparam("owner_id"),
        or_(tokens.c.kind == bindparam("refresh"), tokens.c.kind == bindparam("welcome")),
        tokens.c.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("moment"))
)
_USED: Final = SqlStatement(
    update(tokens)
    .where(
        tokens.c.id == bindparam("token_id"),
        or_(tokens.c.last_used_at.is_(None), tokens.c.last_used_at <= bindparam("a_while_ago")),
    )
    .values(last_used_at=bindparam("now"), last_used_from=bindparam("address"))
)
_LIST_OF_ACCOUNT: Final = SqlStatement(
    _TOKEN.where(
        tokens.c.account_id == bindparam("account_id"), tokens.c.kind == bindparam("kind")
    ).order_by(tokens.c.id.desc())
)
_LIST_OF_NAMESPACE: Final = SqlStatement(
    _TOKEN.where(tokens.c.namespace_id == bindparam("namespace_id")).order_by(tokens.c.id.desc())
)
_DELETE_EXPIRED: Final = SqlStatement(
    delete(tokens).where(tokens.c.kind == bindparam("kind"), tokens.c.expires_at < bindparam("at"))
)
_NEWEST: Final = (
    select(tokens.c.id)
    .where(tokens.c.account_id == bindparam("account_id"), tokens.c.kind == bindparam("kind"))
    .order_by(func.coalesce(tokens.c.last_used_at, tokens.c.created_at).desc(), tokens.c.id.desc())
    .limit(bindparam("kept"))
)
_DELETE_SURPLUS: Final = SqlStatement(
    delete(tokens).where(
        tokens.c.account_id == bindparam("account_id"),
        tokens.c.kind == bindparam("kind"),
        tokens.c.id.not_in(_NEWEST),
    )
)
_COUNT_LIVE: Final = SqlStatement(
    select(func.count())
    .select_from(tokens)
    .where(
        tokens.c.account_id == bindparam("account_id"),
        tokens.c.kind == bindparam("kind"),
        tokens.c.revoked_at.is_(None),
        or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > bindparam("now")),
    )
)
_KEY: Final = SqlStatement(
    select(signing_keys.c.kid, signing_keys.c.private_key)
    .order_by(signing_keys.c.created_at.desc(), signing_keys.c.kid)
    .limit(1)
)
_INSERT_KEY: Final = SqlStatement(
    insert(signing_keys).values(
        kid=bindparam("kid"), private_key=bindparam("private_key"), created_at=bindparam("now")
    )
)
_DELETE_KEYS: Final = SqlStatement(delete(signing_keys))
_TAKE_LEASE: Final = SqlStatement(
    insert(leases)
    .values(name=bindparam("name"), until=bindparam("until"))
    .on_conflict_do_update(
        index_elements=["name"],
        set_={"until": bindparam("until")},
        where=or_(leases.c.until <= bindparam("now"), leases.c.until > bindparam("latest")),
    )
)
_RENEW_LEASE: Final = SqlStatement(
    update(leases)
    .where(leases.c.name == bindparam("lease"), leases.c.until == bindparam("held"))
    .values(until=bindparam("later"))
)


_token: Final = row_mapper(
    Token, repositories=lambda names: None if names is None else tuple(json.loads(names))
)
_signing_key: Final = row_mapper(tuple[str, str])


async def find_token(reader: Reader, secret_hash: str) -> Token | None:
    """The token with that hash, expired and revoked ones included."""
    return await find_one(reader, _token, _BY_HASH, secret_hash=secret_hash)


async def find_token_by_id(reader: Reader, token_id: int) -> Token | None:
    """The token with that id, expired and revoked ones included."""
    return await find_one(reader, _token, _BY_ID, id=token_id)


async def list_personal(reader: Reader) -> list[tuple[Token, str]]:
    """Every personal token with its account's name, oldest first."""
    rows = await reader.all(_LIST, kind=TokenKind.PERSONAL)
    return [(_token(row), str(row[14])) for row in rows]


async def insert_token(tx: Transaction, token: Token, secret_hash: str) -> int:
    """Store a token and return its id; the `id` it came with is not looked at."""
    return await get_number(
        tx,
        _INSERT,
        account_id=token.account_id,
        kind=token.kind,
        parent_id=token.parent_id,
        label=token.label,
        secret_hash=secret_hash,
        hint=token.hint,
        scope=token.scope,
        created_at=to_instant(token.created_at),
        expires_at=to_instant(token.expires_at) if token.expires_at else None,
        namespace_id=token.namespace_id,
        repositories=None if token.repositories is None else json.dumps(token.repositories),
    )


async def revoke_token(tx: Transaction, token_id: int, now: datetime) -> bool:
    """Revoke a token and those got with it, and with those; `False` where there was none left."""
    return await tx.run(_REVOKE, token_id=token_id, moment=to_instant(now)) > 0


async def revoke_refresh_tokens(tx: Transaction, account_id: int, now: datetime) -> None:
    """Revoke what clients got for the account's password, and links that would replace it."""
    await tx.run(
        _REVOKE_REFRESH,
        owner_id=account_id,
        refresh=TokenKind.REFRESH,
        welcome=TokenKind.WELCOME,
        moment=to_instant(now),
    )


async def list_of_account(reader: Reader, account_id: int) -> list[Token]:
    """The account's personal tokens, newest first."""
    return await list_all(
        reader, _token, _LIST_OF_ACCOUNT, account_id=account_id, kind=TokenKind.PERSONAL
    )


async def list_of_namespace(reader: Reader, namespace_id: int) -> list[Token]:
    """The organization's tokens, newest first."""
    return await list_all(reader, _token, _LIST_OF_NAMESPACE, namespace_id=namespace_id)


async def touch_token(tx: Transaction, token_id: int, now: datetime, address: str = "") -> None:
    """Record that the token was used, and from where; at most once a minute is written."""
    await tx.run(
        _USED,
        token_id=token_id,
        now=to_instant(now),
        a_while_ago=to_instant(now - _TOUCH_EVERY),
        address=address,
    )


async def delete_expired_refresh_tokens(tx: Transaction, before: datetime) -> int:
    """Forget refresh tokens that expired before then; say how many."""
    return await tx.run(_DELETE_EXPIRED, kind=TokenKind.REFRESH, at=to_instant(before))


async def keep_newest_refresh_tokens(tx: Transaction, account_id: int, kept: int) -> int:
    """Forget all of the account's refresh tokens but those used last; say how many."""
    return await tx.run(_DELETE_SURPLUS, account_id=account_id, kind=TokenKind.REFRESH, kept=kept)


async def count_live(reader: Reader, account_id: int, kind: TokenKind, now: datetime) -> int:
    """How many tokens of that kind the account has made that still work."""
    return await get_number(
        reader, _COUNT_LIVE, account_id=account_id, kind=kind, now=to_instant(now)
    )


async def find_signing_key(reader: Reader) -> tuple[str, str] | None:
    """The newest key's id and its private part as a JWK."""
    return await find_one(reader, _signing_key, _KEY)


async def insert_signing_key(tx: Transaction, kid: str, private_key: str, now: datetime) -> None:
    """Store a key to sign with from now on."""
    await tx.run(_INSERT_KEY, kid=kid, private_key=private_key, now=to_instant(now))


async def delete_signing_keys(tx: Transaction) -> int:
    """Forget every key to sign with; say how many there were."""
    return await tx.run(_DELETE_KEYS)


async def take_lease(tx: Transaction, name: str, until: datetime, now: datetime) -> bool:
    """Take the lease of that name where it is free; it ends by itself.

    One that ends far later than a lease taken now was taken by a clock that was ahead: it is over.
    """
    count = await tx.run(
        _TAKE_LEASE,
        name=name,
        until=to_instant(until),
        now=to_instant(now),
        latest=to_instant(until + (until - now)),
    )
    return count > 0


async def renew_lease(tx: Transaction, name: str, until: datetime, later: datetime) -> bool:
    """Extend a lease that was taken until then; `False` where another worker took it."""
    count = await tx.run(_RENEW_LEASE, lease=name, held=to_instant(until), later=to_instant(later))
    return count > 0
