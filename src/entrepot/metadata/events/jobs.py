"""Work that must follow a commit: rows written in it, taken by whichever worker is free."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, bindparam, case, delete, func, literal, or_, select, update

from entrepot.metadata.artifact_tables import jobs
from entrepot.metadata.engines.engine import (
    Reader,
    Row,
    SqlStatement,
    Transaction,
    to_instant,
)
from entrepot.metadata.engines.rows import list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.events.job_lanes import (
    DELIVER,
    DUE,
    INDEX,
    IS_DELIVERY,
    JUDGE,
    LANES,
    MEASURE,
    QUEUED,
    REASSESS,
    RECOUNT,
    SPREAD,
    SUMMARIZE,
    VERIFY,
    Turns,
    interleave,
    list_lanes,
    number_of,
)
from entrepot.model.jobs import FailedJob, Job, Lane

__all__ = [
    "DELIVER",
    "INDEX",
    "JUDGE",
    "MEASURE",
    "QUEUED",
    "REASSESS",
    "RECOUNT",
    "SPREAD",
    "SUMMARIZE",
    "VERIFY",
    "Turns",
]

FAILED: Final = "failed"


# Asked for again while it waits: the earlier moment stands, or a busy repository never has one.
_SOONER: Final = case(
    (
        and_(
            jobs.c.state == QUEUED,
            jobs.c.leased_until == 0,
            jobs.c.run_at < bindparam("run_at"),
        ),
        jobs.c.run_at,
    ),
    else_=bindparam("run_at"),
)


def _add(kind: str) -> SqlStatement:
    namespace_id, repository_id = LANES.get(kind, (literal(0), literal(0)))
    lane = {"namespace_id": namespace_id, "repository_id": repository_id}
    return SqlStatement(
        insert(jobs)
        .values(
            kind=bindparam("kind"),
            subject=bindparam("subject"),
            state=QUEUED,
            attempts=0,
            run_at=bindparam("run_at"),
            leased_until=0,
            error="",
            created_at=bindparam("run_at"),
            **lane,
        )
        .on_conflict_do_update(
            index_elements=["kind", "subject"],
            # Asked for again while it runs: no attempts tell the worker that its end is not the
            # end. The lease stays, so that no other worker begins before.
            set_={"state": QUEUED, "attempts": 0, "run_at": _SOONER, **lane},
        )
    )


_ADD: Final = {kind: _add(kind) for kind in LANES}
_ADD_OTHER: Final = _add("")
_FOUND: Final = select(
    jobs.c.id,
    jobs.c.kind,
    jobs.c.subject,
    jobs.c.attempts,
    jobs.c.namespace_id,
    jobs.c.repository_id,
)
_OLDEST_FIRST: Final = (jobs.c.run_at, jobs.c.id)
_LIST_IN_LANE: Final = SqlStatement(
    _FOUND.where(
        *DUE,
        ~IS_DELIVERY,
        jobs.c.namespace_id == bindparam("namespace_id"),
        jobs.c.repository_id == bindparam("repository_id"),
    )
    .order_by(*_OLDEST_FIRST)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_LIST_DUE_DELIVERIES: Final = SqlStatement(
    _FOUND.where(*DUE, IS_DELIVERY)
    .order_by(*_OLDEST_FIRST)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_IS_DUE: Final = SqlStatement(select(jobs.c.id).where(*DUE, ~IS_DELIVERY).limit(1))
_IS_DELIVERY_DUE: Final = SqlStatement(select(jobs.c.id).where(*DUE, IS_DELIVERY).limit(1))
_LEASE: Final = SqlStatement(
    update(jobs)
    .where(jobs.c.id == bindparam("job_id"))
    .values(leased_until=bindparam("until"), attempts=jobs.c.attempts + 1)
)
_MINE: Final = (jobs.c.id == bindparam("job_id"), jobs.c.leased_until == bindparam("lease"))
_UNASKED: Final = (*_MINE, jobs.c.attempts > 0)
_FINISH: Final = SqlStatement(delete(jobs).where(*_UNASKED))
_RENEW: Final = SqlStatement(update(jobs).where(*_MINE).values(leased_until=bindparam("later")))
_RELEASE: Final = SqlStatement(
    update(jobs).where(*_MINE).values(leased_until=0, attempts=bindparam("before"))
)
_RETRY: Final = SqlStatement(
    update(jobs)
    .where(*_UNASKED)
    .values(
        state=bindparam("new_state"),
        run_at=bindparam("new_run_at"),
        leased_until=0,
        error=bindparam("why"),
    )
)
_NEVER_SO_LATE: Final = timedelta(minutes=10)
"""No work but deliveries is put off for longer, and no lease lasts so long."""
_BRING_FORWARD: Final = SqlStatement(
    update(jobs)
    .where(
        jobs.c.state == QUEUED,
        or_(
            and_(jobs.c.run_at > bindparam("late"), ~IS_DELIVERY),
            jobs.c.leased_until > bindparam("late"),
        ),
    )
    .values(run_at=bindparam("new_run_at"), leased_until=0)
)
_COUNT: Final = SqlStatement(
    select(jobs.c.kind, jobs.c.state, func.count()).group_by("kind", "state")
)
_FAILED: Final = SqlStatement(
    select(jobs.c.id, jobs.c.kind, jobs.c.subject, jobs.c.attempts, jobs.c.error, jobs.c.created_at)
    .where(jobs.c.state == bindparam("failed"))
    .order_by(jobs.c.id.desc())
    .limit(bindparam("limit"))
)
_REQUEUE: Final = SqlStatement(
    update(jobs)
    .where(jobs.c.id == bindparam("job_id"), jobs.c.state == bindparam("failed"))
    .values(state=QUEUED, attempts=0, run_at=0)
)


_failed_job: Final = row_mapper(FailedJob)


async def add_job(tx: Transaction, kind: str, subject: str, run_at: datetime) -> None:
    """Ask for the work at `run_at` or sooner; what runs just now is done once more after that."""
    at, statement = to_instant(run_at), _ADD.get(kind)
    if statement is None:
        await tx.run(_ADD_OTHER, kind=kind, subject=subject, run_at=at)
    else:
        await tx.run(statement, kind=kind, subject=subject, run_at=at, number=number_of(subject))


async def is_due(reader: Reader, now: datetime) -> bool:
    """Say whether any work waits, deliveries aside."""
    return await reader.one(_IS_DUE, queued=QUEUED, now=to_instant(now)) is not None


async def is_delivery_due(reader: Reader, now: datetime) -> bool:
    """Say whether a webhook waits to be told something."""
    return await reader.one(_IS_DELIVERY_DUE, queued=QUEUED, now=to_instant(now)) is not None


async def take_jobs(
    tx: Transaction, until: datetime, now: datetime, limit: int, turns: Turns | None = None
) -> list[Job]:
    """Lease up to `limit` queued jobs, deliveries aside, until `until`.

    The lanes behind the one that was served last come first, each with the same share; within a
    lane the oldest work. `turns` is not changed: the caller notes what it has done.
    """
    instant = to_instant(now)
    lanes = await list_lanes(tx, turns or Turns(), instant, limit)
    share = max(1, limit // max(1, len(lanes)))
    rows = [
        await tx.all(
            _LIST_IN_LANE,
            namespace_id=lane.namespace_id,
            repository_id=lane.repository_id,
            queued=QUEUED,
            now=instant,
            limit=share,
        )
        for lane in lanes
    ]
    return await _lease(tx, interleave(rows), until)


async def take_deliveries(tx: Transaction, until: datetime, now: datetime, limit: int) -> list[Job]:
    """As `take_jobs`, of deliveries: they wait for others, and must not keep other work."""
    instant = to_instant(now)
    rows = await tx.all(_LIST_DUE_DELIVERIES, queued=QUEUED, now=instant, limit=limit)
    return await _lease(tx, rows, until)


async def _lease(tx: Transaction, rows: Sequence[Row], until: datetime) -> list[Job]:
    for row in rows:
        await tx.run(_LEASE, job_id=row[0], until=to_instant(until))
    return [Job(row[0], row[1], row[2], row[3], Lane(row[4], row[5])) for row in rows]


async def renew_job(tx: Transaction, job: Job, until: datetime, later: datetime) -> bool:
    """Keep work that takes long until `later`; say whether it was still kept."""
    count = await tx.run(_RENEW, job_id=job.id, lease=to_instant(until), later=to_instant(later))
    return count > 0


async def finish_job(tx: Transaction, job: Job, until: datetime) -> None:
    """Forget work that is done, unless it was asked for again meanwhile."""
    if not await tx.run(_FINISH, job_id=job.id, lease=to_instant(until)):
        await tx.run(_RELEASE, job_id=job.id, lease=to_instant(until), before=0)


async def release_job(tx: Transaction, job: Job, until: datetime) -> None:
    """Leave work to others that was taken and not done; it counts as no attempt."""
    await tx.run(_RELEASE, job_id=job.id, lease=to_instant(until), before=job.attempts)


async def put_back(
    tx: Transaction, job: Job, until: datetime, again: datetime | None, error: str
) -> None:
    """Try once more at `again`; give up where it is `None`, unless it was asked for again."""
    state = FAILED if again is None else QUEUED
    run_at = to_instant(again or until)
    changed = await tx.run(
        _RETRY,
        job_id=job.id,
        lease=to_instant(until),
        new_state=state,
        new_run_at=run_at,
        why=error[:2000],
    )
    if not changed:
        await tx.run(_RELEASE, job_id=job.id, lease=to_instant(until), before=0)


async def bring_forward(tx: Transaction, now: datetime) -> int:
    """Have work done now that waits for a moment which a clock that was ahead has set.

    Says how much that is. Deliveries may wait for long: `deliveries.bring_forward` knows of those.
    """
    late, instant = to_instant(now + _NEVER_SO_LATE), to_instant(now)
    return await tx.run(_BRING_FORWARD, late=late, new_run_at=instant)


async def count_jobs(reader: Reader) -> dict[tuple[str, str], int]:
    """How many there are by kind and state."""
    rows = await reader.all(_COUNT)
    return {(str(kind), str(state)): int(count) for kind, state, count in rows}


async def list_failed(reader: Reader, limit: int) -> list[FailedJob]:
    """List the failed jobs, the newest first."""
    return await list_all(reader, _failed_job, _FAILED, failed=FAILED, limit=limit)


async def requeue(tx: Transaction, job_id: int) -> bool:
    """Queue a failed job again; return whether it exists."""
    return await tx.run(_REQUEUE, job_id=job_id, failed=FAILED) > 0


LEASE: Final = timedelta(minutes=1)
"""How long a worker may keep work, unless it renews it, before another takes it for lost: after a
crash, what it had taken waits for so long."""
