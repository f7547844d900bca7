"""Webhook deliveries: written with the change, and kept for a while after."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, func, null, select, update

from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    to_instant,
)
from entrepot.metadata.engines.rows import find_one, first_number, get_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.hook_tables import deliveries
from entrepot.model.webhooks import Delivery, Outcome

WAITING: Final = "waiting"
DELIVERED: Final = "delivered"
DEAD: Final = "dead"


_SELECT: Final = select(*deliveries.c)
_INSERT: Final = SqlStatement(
    insert(deliveries)
    .values(
        webhook_id=bindparam("hook"),
        repository_id=bindparam("repository"),
        message=bindparam("name"),
        event=bindparam("what"),
        body=bindparam("text"),
        state=WAITING,
        attempts=0,
        created_at=bindparam("at"),
        run_at=bindparam("at"),
    )
    .returning(deliveries.c.id)
)
_OF_WEBHOOK: Final = deliveries.c.webhook_id == bindparam("hook")
_HEAD: Final = SqlStatement(
    _SELECT.where(
        _OF_WEBHOOK,
        deliveries.c.repository_id == bindparam("repository"),
        deliveries.c.state == bindparam("waiting"),
    )
    .order_by(deliveries.c.id)
    .limit(1)
)
_LIST: Final = SqlStatement(
    _SELECT.where(_OF_WEBHOOK, deliveries.c.id < bindparam("before"))
    .order_by(deliveries.c.id.desc())
    .limit(bindparam("limit"))
)
_FIND: Final = SqlStatement(_SELECT.where(_OF_WEBHOOK, deliveries.c.id == bindparam("delivery")))
_NOTE: Final = SqlStatement(
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery"), deliveries.c.state == bindparam("waiting"))
    .values(
        state=bindparam("new_state"),
        attempts=bindparam("new_attempts"),
        run_at=bindparam("again"),
        ended_at=bindparam("ended"),
        status=bindparam("new_status"),
        milliseconds=bindparam("took"),
        response=bindparam("answer"),
        error=bindparam("why"),
    )
)
_REVIVED: Final = {
    "state": WAITING,
    "attempts": 0,
    "created_at": bindparam("at"),
    "run_at": bindparam("at"),
    "ended_at": null(),
}
_REVIVE: Final = SqlStatement(
    update(deliveries)
    .where(
        _OF_WEBHOOK,
        deliveries.c.id == bindparam("delivery"),
        deliveries.c.state != bindparam("waiting"),
    )
    .values(**_REVIVED)
)
_REVIVE_DEAD: Final = SqlStatement(
    update(deliveries)
    .where(_OF_WEBHOOK, deliveries.c.state == bindparam("dead"))
    .values(**_REVIVED)
)
_DEAD_STREAMS: Final = SqlStatement(
    select(deliveries.c.repository_id)
    .where(_OF_WEBHOOK, deliveries.c.state == bindparam("dead"))
    .distinct()
)
_NEVER_SO_LATE: Final = timedelta(minutes=10)
_BRING_FORWARD: Final = SqlStatement(
    update(deliveries)
    .where(deliveries.c.state == WAITING, deliveries.c.created_at > bindparam("late"))
    .values(created_at=bindparam("at"), run_at=bindparam("at"))
    .returning(deliveries.c.webhook_id, deliveries.c.repository_id)
)
_COUNT: Final = SqlStatement(
    select(deliveries.c.state, func.count()).where(_OF_WEBHOOK).group_by(deliveries.c.state)
)
_EXPIRE: Final = SqlStatement(
    update(deliveries)
    .where(
        deliveries.c.state == bindparam("waiting"), deliveries.c.created_at < bindparam("moment")
    )
    .values(state=DEAD, ended_at=bindparam("now"), error=bindparam("why"))
)
_PRUNE: Final = SqlStatement(
    delete(deliveries).where(
        deliveries.c.state == bindparam("old_state"), deliveries.c.created_at < bindparam("moment")
    )
)


_delivery: Final = row_mapper(Delivery)
_counted: Final = row_mapper(tuple[str, int])
_stream: Final = row_mapper(tuple[int, int])


async def add_delivery(
    tx: Transaction,
    webhook_id: int,
    repository_id: int,
    message: str,
    event: str,
    body: str,
    now: datetime,
) -> int:
    """Have a webhook told something; return the delivery's id."""
    return await get_number(
        tx,
        _INSERT,
        hook=webhook_id,
        repository=repository_id,
        name=message,
        what=event,
        text=body,
        at=to_instant(now),
    )


async def find_next(reader: Reader, webhook_id: int, repository_id: int) -> Delivery | None:
    """The oldest that still waits, of those about one repository."""
    return await find_one(
        reader, _delivery, _HEAD, hook=webhook_id, repository=repository_id, waiting=WAITING
    )


async def list_deliveries(
    reader: Reader, webhook_id: int, before: int, limit: int
) -> list[Delivery]:
    """The newest `limit` of a webhook with an id below `before`."""
    return await list_all(reader, _delivery, _LIST, hook=webhook_id, before=before, limit=limit)


async def find_delivery(reader: Reader, webhook_id: int, delivery_id: int) -> Delivery | None:
    """One delivery of the webhook."""
    return await find_one(reader, _delivery, _FIND, hook=webhook_id, delivery=delivery_id)


async def note_outcome(tx: Transaction, delivery_id: int, outcome: Outcome) -> None:
    """Write down what an attempt brought; nothing where the delivery waits no longer."""
    await tx.run(
        _NOTE,
        delivery=delivery_id,
        waiting=WAITING,
        new_state=outcome.state,
        new_attempts=outcome.attempts,
        again=to_instant(outcome.again),
        ended=None if outcome.state == WAITING else to_instant(outcome.at),
        new_status=outcome.status,
        took=outcome.milliseconds,
        answer=outcome.response,
        why=outcome.error,
    )


async def revive(tx: Transaction, webhook_id: int, delivery_id: int, now: datetime) -> bool:
    """Queue a delivered or failed delivery again; say whether there is one."""
    at = to_instant(now)
    return await tx.run(_REVIVE, hook=webhook_id, delivery=delivery_id, waiting=WAITING, at=at) > 0


async def revive_dead(tx: Transaction, webhook_id: int, now: datetime) -> int:
    """Queue all failed deliveries again; return their number."""
    return await tx.run(_REVIVE_DEAD, hook=webhook_id, dead=DEAD, at=to_instant(now))


async def list_dead_streams(reader: Reader, webhook_id: int) -> list[int]:
    """Return the repositories of the failed deliveries."""
    return await list_all(reader, first_number, _DEAD_STREAMS, hook=webhook_id, dead=DEAD)


async def bring_forward(tx: Transaction, now: datetime) -> set[tuple[int, int]]:
    """Send now what a clock that was ahead has dated; the webhooks and repositories it is of."""
    late, instant = to_instant(now + _NEVER_SO_LATE), to_instant(now)
    return set(await list_all(tx, _stream, _BRING_FORWARD, late=late, at=instant))


async def count_deliveries(reader: Reader, webhook_id: int) -> dict[str, int]:
    """How many there are in each state."""
    return dict(await list_all(reader, _counted, _COUNT, hook=webhook_id))


async def give_up_before(tx: Transaction, moment: datetime, now: datetime, error: str) -> int:
    """Give up what has waited since before `moment`; say how much it is."""
    return await tx.run(
        _EXPIRE, waiting=WAITING, moment=to_instant(moment), now=to_instant(now), why=error
    )


async def delete_ended_before(tx: Transaction, moment: datetime) -> int:
    """Forget what is over and was told before `moment`; say how much it is."""
    return sum(
        [
            await tx.run(_PRUNE, old_state=state, moment=to_instant(moment))
            for state in (DELIVERED, DEAD)
        ]
    )
