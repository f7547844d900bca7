"""Loaded by Python before a server, where `PYTHONPATH` names this directory.

`TORTURE_MEDDLE` lists what to change in it: things that make a run repeatable, and bugs planted on
purpose, each of which the faults has to notice.
"""

import concurrent.futures
import contextlib
import json
import os
import pathlib
from collections.abc import Callable
from typing import Any

ThreadPool = concurrent.futures.ThreadPoolExecutor
_POOLS: list[ThreadPool] = []


class _OneThread:
    """All pools of a process are one thread, so that its calls of the system have one order."""

    def __new__(cls, *_: object, **__: object) -> Any:
        if not _POOLS:
            _POOLS.append(ThreadPool(1))
        return _POOLS[0]


def one_thread() -> None:
    """Do one thing after the other."""
    concurrent.futures.ThreadPoolExecutor = _OneThread  # type: ignore


def at_rest() -> None:
    """Do nothing that no client asked for."""
    from entrepot.jobs.scheduler import Scheduler
    from entrepot.jobs.worker import JobWorker

    JobWorker.start = lambda _: None  # type: ignore
    Scheduler.start = lambda _: None  # type: ignore


def dies_at_a_step() -> None:
    """Kill who was ordered to die when the node comes to that step of what it does."""
    import psycopg

    from entrepot.metadata.engines.postgresql import PostgresTransaction
    from entrepot.storage.buckets import Bucket

    for name in ("run", "run_many", "lock"):
        _step_at(PostgresTransaction, name, f"sql {name}")
    _step_at(psycopg.AsyncTransaction, "__aexit__", "commit", after=True)
    for name in ("put", "put_parts", "create", "replace", "delete", "move"):
        _step_at(Bucket, name, f"s3 {name}", after=True)


def bytes_put_later() -> None:
    """Bug: small blobs are acknowledged a moment before they are in the bucket."""
    import asyncio

    from entrepot.storage.buckets import Bucket
    from entrepot.storage.object_store import ObjectStorage
    from entrepot.storage.object_uploads import ObjectUpload

    put, find_size = Bucket.put, ObjectStorage.find_size
    under_way: list[Any] = []

    async def put_later(self: Any, path: str, content: bytes) -> None:
        async def later() -> None:
            await asyncio.sleep(0.5)
            await put(self, path, content)

        under_way.append(asyncio.create_task(later()))

    async def believe(*_: object) -> None:
        return

    async def sure(self: Any, key: Any) -> Any:
        return await find_size(self, key) or 1

    Bucket.put = put_later  # type: ignore
    ObjectUpload._prove = believe  # type: ignore
    ObjectStorage.find_size = sure  # type: ignore


def _step_at(owner: Any, name: str, step: str, *, after: bool = False) -> None:
    plain = getattr(owner, name)

    async def stepping(*some: Any, **more: Any) -> Any:
        _step(f"before {step}")
        try:
            return await plain(*some, **more)
        finally:
            if after:
                _step(f"after {step}")

    setattr(owner, name, stepping)


def _step(name: str) -> None:
    order = pathlib.Path(os.environ.get("TORTURE_STEPS", "/nowhere"))
    if not order.exists():
        return
    told = json.loads(order.read_text())
    told["at"] -= 1
    if told["at"]:
        order.write_text(json.dumps(told))
        return
    order.with_suffix(".struck").write_text(name)
    if told["pid"]:
        os.kill(told["pid"], told["signal"])
    order.unlink()
    if not told["pid"]:
        os.killpg(0, told["signal"])


def sync_failures_ignored() -> None:
    """Bug: a sync that fails is taken for one that did not."""
    _wrap_syncs(_ignoring)


def nothing_synced() -> None:
    """Bug: bytes of blobs are never synced."""
    _wrap_syncs(lambda _: lambda _: None)


def sync_tried_again() -> None:
    """Bug: a sync that fails is tried again, which says yes and has written nothing."""
    _wrap_syncs(_retrying)


def failed_uploads_kept() -> None:
    """Bug: an upload whose sync failed can be gone on with."""
    from entrepot.storage.staged import StagedFile

    StagedFile._lose = lambda _: None  # type: ignore


def full_disk_forgotten() -> None:
    """Bug: who once found the disk full says so for ever."""
    from entrepot.errors import OutOfSpace
    from entrepot.storage.filesystem import FileStorage

    open_one = FileStorage.open
    full: list[bool] = []

    @contextlib.asynccontextmanager
    async def open_unless_full(*some: Any, **more: Any) -> Any:
        if full:
            raise OutOfSpace
        try:
            async with open_one(*some, **more) as staged:
                yield staged
        except OutOfSpace:
            full.append(True)
            raise

    FileStorage.open = open_unless_full  # type: ignore


def full_database_unnamed() -> None:
    """Bug: a database that is full is taken for one that is away."""
    import psycopg.errors

    psycopg.errors.DiskFull = type("Never", (Exception,), {})  # type: ignore


def full_database_forgotten() -> None:
    """Bug: who once found the database failing says so for ever."""
    from entrepot.errors import Unavailable
    from entrepot.metadata.engines.postgresql import PostgresMetadata

    begin = PostgresMetadata.begin
    failed: list[bool] = []

    @contextlib.asynccontextmanager
    async def begin_unless_failed(self: Any) -> Any:
        if failed:
            raise Unavailable
        try:
            async with begin(self) as transaction:
                yield transaction
        except Unavailable:
            failed.append(True)
            raise

    PostgresMetadata.begin = begin_unless_failed  # type: ignore


def sparse_metrics() -> None:
    """Bug: files are mapped into memory that have no blocks on the disk."""
    os.posix_fallocate = lambda descriptor, start, size: os.ftruncate(descriptor, start + size)


def uploads_left_open() -> None:
    """Bug: the file of an upload is not closed when its request is over."""
    from entrepot.storage.staged import StagedFile

    async def keep(_: object) -> None:
        return

    StagedFile.close = keep  # type: ignore


def jumps_unnoticed() -> None:
    """Bug: what looks old after the clock was set is taken for old."""
    from entrepot.jobs.clock_guard import ClockJumpGuard

    ClockJumpGuard.holds = lambda _: False  # type: ignore


def blobs_taken_for_granted() -> None:
    """Bug: a manifest is acknowledged whether its blobs are there or not."""
    from entrepot.registry.manifests import Manifests

    async def believe(*_: object) -> None:
        return

    Manifests._check = believe  # type: ignore
    Manifests._check_references = believe  # type: ignore


def leases_to_the_letter() -> None:
    """Bug: a lease lasts until the clock shows its end, however far off that is."""
    from entrepot.jobs import scheduler

    take_lease = vars(scheduler)["take_lease"]

    async def take(tx: Any, name: str, until: Any, now: Any) -> bool:
        from sqlalchemy import bindparam, select

        from entrepot.metadata.engines.engine import SqlStatement, from_instant
        from entrepot.metadata.tables import leases

        find = SqlStatement(select(leases.c.until).where(leases.c.name == bindparam("lease")))
        found = await tx.one(find, lease=name)
        is_free = found is None or from_instant(found[0]) <= now
        return is_free and bool(await take_lease(tx, name, until, now))

    vars(scheduler)["take_lease"] = take


def own_clocks() -> None:
    """Bug: each node goes by its own clock."""
    from datetime import UTC, datetime

    from entrepot.metadata.engines.clocks import SharedClock

    SharedClock.__call__ = lambda _: datetime.now(UTC)  # type: ignore


def _wrap_syncs(wrap: Callable[[Any], Any]) -> None:
    os.fsync, os.fdatasync = wrap(os.fsync), wrap(os.fdatasync)


def _ignoring(sync: Callable[[Any], None]) -> Callable[[Any], None]:
    def ignoring(descriptor: Any) -> None:
        with contextlib.suppress(OSError):
            sync(descriptor)

    return ignoring


def _retrying(sync: Callable[[Any], None]) -> Callable[[Any], None]:
    def retrying(descriptor: Any) -> None:
        try:
            sync(descriptor)
        except OSError:
            sync(descriptor)

    return retrying


for _name in filter(None, os.environ.get("TORTURE_MEDDLE", "").split(",")):
    globals()[_name]()
