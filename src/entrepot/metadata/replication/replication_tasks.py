"""Replication tasks: tags that are to be compared with a destination, and pushed there."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, bindparam, case, delete, func, null, or_, select, update

from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    from_optional,
    to_instant,
)
from entrepot.metadata.engines.rows import first_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.replication import replication_rules
from entrepot.metadata.replication_tables import replication_rules as rules
from entrepot.metadata.replication_tables import replication_tasks as tasks
from entrepot.metadata.tables import repositories
from entrepot.model.replication import (
    ReplicationStatus,
    ReplicationTask,
    TaskLine,
    TaskState,
)

_WAITING: Final = tasks.c.state == TaskState.WAITING
_ASK: Final = SqlStatement(
    insert(tasks)
    .values(
        rule_id=bindparam("rule"),
        repository_id=bindparam("repository"),
        tag=bindparam("name"),
        state=TaskState.WAITING,
        asked=1,
        attempts=0,
        behind_since=bindparam("since"),
        run_at=bindparam("at"),
        leased_until=0,
    )
    .on_conflict_do_update(
        index_elements=["rule_id", "repository_id", "tag"],
        set_={
            "state": TaskState.WAITING,
            "asked": tasks.c.asked + 1,
            "attempts": 0,
            "failing_since": null(),
            "behind_since": func.coalesce(tasks.c.behind_since, bindparam("since")),
            # The earlier moment stands: a busy tag would never have one.
            "run_at": case(
                (and_(_WAITING, tasks.c.run_at < bindparam("at")), tasks.c.run_at),
                else_=bindparam("at"),
            ),
        },
    )
)
_NEVER_SO_LATE: Final = timedelta(hours=12)
_NEVER_SO_LONG: Final = timedelta(minutes=10)
# A clock that was ahead may have set a moment that nothing is put off to, and no lease lasts for.
_DUE: Final = (
    _WAITING,
    or_(tasks.c.run_at <= bindparam("now"), tasks.c.run_at > bindparam("late")),
    or_(tasks.c.leased_until <= bindparam("now"), tasks.c.leased_until > bindparam("long")),
)
_ANSWERS: Final = or_(
    rules.c.backs_off_until.is_(None),
    rules.c.backs_off_until <= bindparam("now"),
    rules.c.backs_off_until > bindparam("late"),
)
_LIST_DUE: Final = SqlStatement(
    select(rules.c.id)
    .where(_ANSWERS, select(tasks.c.id).where(tasks.c.rule_id == rules.c.id, *_DUE).exists())
    .order_by(rules.c.id)
)
_TASK: Final = select(
    tasks.c.rule_id,
    tasks.c.repository_id,
    tasks.c.tag,
    tasks.c.asked,
    tasks.c.attempts,
    tasks.c.behind_since,
    tasks.c.failing_since,
    tasks.c.upload_digest,
    tasks.c.upload_location,
)
_TAKE: Final = SqlStatement(
    _TASK.where(tasks.c.rule_id == bindparam("rule"), *_DUE)
    # What changed goes before what is only compared.
    .order_by(tasks.c.behind_since.is_(None), tasks.c.run_at, tasks.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_KEY: Final = (
    tasks.c.rule_id == bindparam("rule"),
    tasks.c.repository_id == bindparam("repository"),
    tasks.c.tag == bindparam("name"),
)
_LEASE: Final = SqlStatement(
    update(tasks).where(*_KEY).values(leased_until=bindparam("until"), sent=0)
)
_MINE: Final = (*_KEY, tasks.c.leased_until == bindparam("lease"))
_UNASKED: Final = (*_MINE, tasks.c.asked == bindparam("times"))
_RENEW: Final = SqlStatement(
    update(tasks)
    .where(*_MINE)
    .values(
        leased_until=bindparam("later"),
        sent=bindparam("bytes"),
        upload_digest=bindparam("digest"),
        upload_location=bindparam("location"),
    )
)
_FINISH: Final = SqlStatement(delete(tasks).where(*_UNASKED))
_RELEASE: Final = SqlStatement(update(tasks).where(*_MINE).values(leased_until=0))
_PUT_BACK: Final = SqlStatement(
    update(tasks)
    .where(*_UNASKED)
    .values(
        state=bindparam("new_state"),
        attempts=bindparam("new_attempts"),
        failing_since=bindparam("since"),
        run_at=bindparam("at"),
        leased_until=0,
        error=bindparam("why"),
    )
)
_RETRY: Final = SqlStatement(
    update(tasks)
    .where(tasks.c.rule_id == bindparam("rule"), ~_WAITING)
    .values(
        state=TaskState.WAITING,
        attempts=0,
        failing_since=null(),
        run_at=bindparam("at"),
        asked=tasks.c.asked + 1,
    )
)
_LEASED: Final = and_(_WAITING, tasks.c.leased_until > bindparam("now"))
_COUNT: Final = SqlStatement(
    select(
        tasks.c.rule_id,
        func.sum(case((_WAITING, 1), else_=0)),
        func.sum(case((_LEASED, 1), else_=0)),
        func.sum(case((tasks.c.state == TaskState.CONFLICT, 1), else_=0)),
        func.sum(case((tasks.c.state == TaskState.FAILED, 1), else_=0)),
        func.count(tasks.c.behind_since),
        func.min(tasks.c.behind_since),
    ).group_by(tasks.c.rule_id)
)
_NONE: Final = (0, 0, 0, 0, 0, None)
_LINES: Final = SqlStatement(
    select(
        rules.c.name,
        repositories.c.name,
        tasks.c.tag,
        tasks.c.state,
        tasks.c.attempts,
        tasks.c.behind_since,
        tasks.c.run_at,
        case((_LEASED, 1), else_=0),
        tasks.c.sent,
        tasks.c.error,
    )
    .join(rules, rules.c.id == tasks.c.rule_id)
    .join(repositories, repositories.c.id == tasks.c.repository_id)
    .where(tasks.c.rule_id == bindparam("rule"))
    # What needs somebody comes first: failed, then conflicts, then what waits.
    .order_by(
        case(
            (tasks.c.state == TaskState.FAILED, 0),
            (tasks.c.state == TaskState.CONFLICT, 1),
            else_=2,
        ),
        tasks.c.run_at,
        tasks.c.id,
    )
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)


_task: Final = row_mapper(ReplicationTask)
_line: Final = row_mapper(TaskLine)


async def ask(
    tx: Transaction,
    rule_id: int,
    repository_id: int,
    tag: str,
    run_at: datetime,
    behind_since: datetime | None = None,
) -> None:
    """Have a tag compared and pushed at `run_at` or sooner; what runs is done once more."""
    await tx.run(
        _ASK,
        rule=rule_id,
        repository=repository_id,
        name=tag,
        at=to_instant(run_at),
        since=_optional(behind_since),
    )


async def list_due(reader: Reader, now: datetime) -> list[int]:
    """The ids of the rules that have a task to do, and whose destination is not left alone."""
    return await list_all(reader, first_number, _LIST_DUE, **_due(now))


async def take(
    tx: Transaction, rule_id: int, until: datetime, now: datetime, limit: int
) -> list[ReplicationTask]:
    """Lease up to `limit` of the rule's tasks until `until`: those that changed first."""
    found = await list_all(tx, _task, _TAKE, rule=rule_id, limit=limit, **_due(now))
    for task in found:
        await tx.run(_LEASE, **_key(task), until=to_instant(until))
    return found


async def renew(
    tx: Transaction,
    task: ReplicationTask,
    until: datetime,
    later: datetime,
    *,
    sent: int,
    upload: tuple[str, str],
) -> bool:
    """Keep a task until `later`, and write down how far it is; say whether it was still kept."""
    count = await tx.run(
        _RENEW,
        **_key(task),
        lease=to_instant(until),
        later=to_instant(later),
        bytes=sent,
        digest=upload[0],
        location=upload[1],
    )
    return count > 0


async def finish(tx: Transaction, task: ReplicationTask, until: datetime) -> None:
    """Forget a task that is done, unless it was asked for again meanwhile."""
    lease = to_instant(until)
    if not await tx.run(_FINISH, **_key(task), lease=lease, times=task.asked):
        await tx.run(_RELEASE, **_key(task), lease=lease)


async def release(tx: Transaction, task: ReplicationTask, until: datetime) -> None:
    """Leave a task to others that was taken and not done."""
    await tx.run(_RELEASE, **_key(task), lease=to_instant(until))


async def put_back(
    tx: Transaction,
    task: ReplicationTask,
    until: datetime,
    state: TaskState,
    run_at: datetime,
    error: str,
    failing_since: datetime | None,
) -> None:
    """Record a failed attempt, unless the task was asked for again meanwhile."""
    lease = to_instant(until)
    changed = await tx.run(
        _PUT_BACK,
        **_key(task),
        lease=lease,
        times=task.asked,
        new_state=state,
        new_attempts=task.attempts + 1,
        since=_optional(failing_since),
        at=to_instant(run_at),
        why=error[:2000],
    )
    if not changed:
        await tx.run(_RELEASE, **_key(task), lease=lease)


async def retry_all(tx: Transaction, rule_id: int, now: datetime) -> int:
    """Have conflicts and failed tasks tried again; say how many there are."""
    return await tx.run(_RETRY, rule=rule_id, at=to_instant(now))


async def list_status(reader: Reader, now: datetime) -> list[ReplicationStatus]:
    """Every rule by name, with what waits."""
    found = {row[0]: row[1:] for row in await reader.all(_COUNT, now=to_instant(now))}
    listed = []
    for rule in await replication_rules.list_rules(reader):
        waiting, running, conflicts, failed, behind, since = found.get(rule.id, _NONE)
        counts = map(int, (waiting, running, conflicts, failed, behind))
        listed.append(ReplicationStatus(rule, from_optional(since), *counts))
    return listed


async def list_lines(
    reader: Reader, rule_id: int, now: datetime, limit: int, offset: int = 0
) -> Sequence[TaskLine]:
    """A page of the rule's tasks: failed ones first, then conflicts, then what waits."""
    return await list_all(
        reader, _line, _LINES, rule=rule_id, now=to_instant(now), limit=limit, offset=offset
    )


def _optional(moment: datetime | None) -> int | None:
    return None if moment is None else to_instant(moment)


def _key(task: ReplicationTask) -> dict[str, int | str]:
    return {"rule": task.rule_id, "repository": task.repository_id, "name": task.tag}


def _due(now: datetime) -> dict[str, int]:
    return {
        "now": to_instant(now),
        "late": to_instant(now + _NEVER_SO_LATE),
        "long": to_instant(now + _NEVER_SO_LONG),
    }
