"""Webhooks: which addresses are told of what happens in a repository or a namespace."""

from typing import Final

from sqlalchemy import bindparam, delete, or_, select, update

from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    to_instant,
)
from entrepot.metadata.engines.rows import find_one, get_number, list_all, row_mapper
from entrepot.metadata.engines.sentinels import WRAPPED
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.hook_tables import deliveries, webhooks
from entrepot.model.webhooks import Webhook

_COLUMNS: Final = (
    webhooks.c.id,
    webhooks.c.namespace_id,
    webhooks.c.repository_id,
    webhooks.c.url,
    webhooks.c.secret,
    webhooks.c.events,
    webhooks.c.is_active,
    webhooks.c.created_at,
    webhooks.c.created_by,
    webhooks.c.format,
    webhooks.c.header,
)
_SELECT: Final = select(*_COLUMNS)
_LISTENING: Final = SqlStatement(
    _SELECT.where(
        webhooks.c.is_active == 1,
        or_(
            webhooks.c.repository_id == bindparam("repository"),
            webhooks.c.namespace_id == bindparam("namespace"),
        ),
    ).order_by(webhooks.c.id)
)
_OF_NAMESPACE: Final = SqlStatement(
    _SELECT.where(webhooks.c.namespace_id == bindparam("namespace")).order_by(webhooks.c.id)
)
_OF_REPOSITORY: Final = SqlStatement(
    _SELECT.where(webhooks.c.repository_id == bindparam("repository")).order_by(webhooks.c.id)
)
_ALL: Final = SqlStatement(_SELECT.order_by(webhooks.c.id))
_FIND: Final = SqlStatement(_SELECT.where(webhooks.c.id == bindparam("hook")))
_INSERT: Final = SqlStatement(
    insert(webhooks)
    .values(
        namespace_id=bindparam("namespace"),
        repository_id=bindparam("repository"),
        url=bindparam("address"),
        secret=bindparam("key"),
        events=bindparam("wanted"),
        is_active=bindparam("active"),
        created_at=bindparam("at"),
        created_by=bindparam("by"),
        format=bindparam("form"),
        header=bindparam("line"),
    )
    .returning(webhooks.c.id)
)
_CHANGE: Final = SqlStatement(
    update(webhooks)
    .where(webhooks.c.id == bindparam("hook"))
    .values(
        url=bindparam("address"),
        secret=bindparam("key"),
        events=bindparam("wanted"),
        is_active=bindparam("active"),
        format=bindparam("form"),
        header=bindparam("line"),
    )
)
_SWITCH_OFF: Final = SqlStatement(
    update(webhooks).where(webhooks.c.id == bindparam("hook")).values(is_active=0)
)
_DELETE: Final = SqlStatement(delete(webhooks).where(webhooks.c.id == bindparam("hook")))
_DELETE_ITS: Final = SqlStatement(
    delete(deliveries).where(deliveries.c.webhook_id == bindparam("hook"))
)
_IS_WAITED_FOR: Final = (
    select(deliveries.c.id)
    .where(deliveries.c.webhook_id == webhooks.c.id, deliveries.c.state == "waiting")
    .exists()
)
_DELETE_ORPHANS: Final = SqlStatement(
    delete(webhooks).where(
        webhooks.c.namespace_id.is_(None), webhooks.c.repository_id.is_(None), ~_IS_WAITED_FOR
    )
)


_MANY: Final = 100_000
_SECRETS: Final = (
    select(webhooks.c.id, webhooks.c.secret).order_by(webhooks.c.id).limit(bindparam("limit"))
)
_WRAPPED: Final = SqlStatement(_SECRETS.where(webhooks.c.secret.startswith(WRAPPED)))
_UNWRAPPED: Final = SqlStatement(_SECRETS.where(~webhooks.c.secret.startswith(WRAPPED)))
_HEADERS: Final = SqlStatement(
    select(webhooks.c.id, webhooks.c.header)
    .where(webhooks.c.header != "")
    .order_by(webhooks.c.id)
    .limit(bindparam("limit"))
)
_REPLACE_HEADER: Final = SqlStatement(
    update(webhooks)
    .where(webhooks.c.id == bindparam("webhook_id"), webhooks.c.header == bindparam("old"))
    .values(header=bindparam("new"))
)
_REPLACE: Final = SqlStatement(
    update(webhooks)
    .where(webhooks.c.id == bindparam("webhook_id"), webhooks.c.secret == bindparam("old"))
    .values(secret=bindparam("new"))
)


_webhook: Final = row_mapper(Webhook, events=lambda text: tuple(text.split()))
_secret: Final = row_mapper(tuple[int, str])


async def list_listening(
    reader: Reader, repository_id: int, namespace_id: int | None
) -> list[Webhook]:
    """The active webhooks of a repository and of its namespace: a look at two indices."""
    return await list_all(
        reader, _webhook, _LISTENING, repository=repository_id, namespace=namespace_id
    )


async def list_of_namespace(reader: Reader, namespace_id: int) -> list[Webhook]:
    """The webhooks of a namespace itself, the oldest first."""
    return await list_all(reader, _webhook, _OF_NAMESPACE, namespace=namespace_id)


async def list_of_repository(reader: Reader, repository_id: int) -> list[Webhook]:
    """The webhooks of a repository itself, the oldest first."""
    return await list_all(reader, _webhook, _OF_REPOSITORY, repository=repository_id)


async def list_webhooks(reader: Reader) -> list[Webhook]:
    """Every webhook of the hub, the oldest first."""
    return await list_all(reader, _webhook, _ALL)


async def find_webhook(reader: Reader, webhook_id: int) -> Webhook | None:
    """The webhook with that id."""
    return await find_one(reader, _webhook, _FIND, hook=webhook_id)


async def insert_webhook(tx: Transaction, webhook: Webhook) -> int:
    """Add a webhook, whose `id` is not looked at; return the one it was given."""
    return await get_number(
        tx,
        _INSERT,
        namespace=webhook.namespace_id,
        repository=webhook.repository_id,
        address=webhook.url,
        key=webhook.secret,
        wanted=" ".join(webhook.events),
        active=int(webhook.is_active),
        at=to_instant(webhook.created_at),
        by=webhook.created_by,
        form=str(webhook.format),
        line=webhook.header,
    )


async def change_webhook(tx: Transaction, webhook: Webhook) -> None:
    """Replace address, secret, events, format, header and whether it is active."""
    await tx.run(
        _CHANGE,
        hook=webhook.id,
        address=webhook.url,
        key=webhook.secret,
        wanted=" ".join(webhook.events),
        active=int(webhook.is_active),
        form=str(webhook.format),
        line=webhook.header,
    )


async def switch_off(tx: Transaction, webhook_id: int) -> None:
    """Tell the webhook nothing more until it is changed."""
    await tx.run(_SWITCH_OFF, hook=webhook_id)


async def delete_webhook(tx: Transaction, webhook_id: int) -> bool:
    """Forget a webhook with its deliveries; say whether there was one."""
    await tx.run(_DELETE_ITS, hook=webhook_id)
    return await tx.run(_DELETE, hook=webhook_id) > 0


async def delete_orphans(tx: Transaction) -> int:
    """Forget webhooks of deleted repositories that have nothing more to tell; say how many."""
    return await tx.run(_DELETE_ORPHANS)


async def list_wrapped(reader: Reader, limit: int = _MANY) -> list[tuple[int, str]]:
    """Webhooks whose secret is wrapped, and what is stored."""
    return await list_all(reader, _secret, _WRAPPED, limit=limit)


async def list_unwrapped(reader: Reader, limit: int = _MANY) -> list[tuple[int, str]]:
    """Webhooks whose secret is stored as it is."""
    return await list_all(reader, _secret, _UNWRAPPED, limit=limit)


async def replace_secret(tx: Transaction, webhook_id: int, old: str, new: str) -> bool:
    """Store the same secret in another way; `False` where it is another one by now."""
    return await tx.run(_REPLACE, webhook_id=webhook_id, old=old, new=new) > 0


async def list_headers(reader: Reader, limit: int = _MANY) -> list[tuple[int, str]]:
    """Webhooks that send a header, and what is stored of it, wrapped or not."""
    return await list_all(reader, _secret, _HEADERS, limit=limit)


async def replace_header(tx: Transaction, webhook_id: int, old: str, new: str) -> bool:
    """Store the same header in another way; `False` where it is another one by now."""
    return await tx.run(_REPLACE_HEADER, webhook_id=webhook_id, old=old, new=new) > 0
