"""Facts in one SQLite file, shared by any number of processes.

Reads run on the event loop: a point query costs less than a hop to a thread. Writes take turns, and
those that wait while one commits share the next commit, and so its two syncs of the disk.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy.dialects import sqlite

from entrepot.errors import EntrepotError, OutOfSpace, Unavailable
from entrepot.metadata.engines.engine import LastWorks, Row, SqlStatement, Value
from entrepot.metadata.engines.sentinels import SEAL
from entrepot.metadata.engines.sqlite_driver import dbapi2
from entrepot.metadata.engines.sqlite_file import WAIT_FOR_LOCK, check_library_version, connect

DIALECT: Final = sqlite.dialect(paramstyle="named")

_log = logging.getLogger(__name__)
_BATCH: Final = 64
_LONGEST_BATCH: Final = 0.05
"""Seconds after which no turn joins a batch: those of other processes wait for all of it."""
_ROWS: Final = 250
"""Rows that one call writes: it holds the event loop for a few milliseconds."""
_RETRY: Final = (0.0002, 0.0005, 0.001, 0.002, 0.004)


class SqliteReader:
    """Reads on a connection of its own; each statement sees the newest commit."""

    def __init__(self, connection: dbapi2.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute

    async def all(self, statement: SqlStatement, **values: Value) -> list[Row]:
        """Every row."""
        return self._query(statement, values).fetchall()  # type: ignore[no-any-return]

    async def one(self, statement: SqlStatement, **values: Value) -> Row | None:
        """The first row."""
        return self._query(statement, values).fetchone()  # type: ignore[no-any-return]

    def _query(self, statement: SqlStatement, values: dict[str, Value]) -> dbapi2.Cursor:
        compiled = statement.compiled(DIALECT)
        if compiled.constants:
            values = {**compiled.constants, **values}
        try:
            return self._execute(compiled.text, values)
        except dbapi2.DatabaseError as error:
            raise _named(error) from error


class SqliteTransaction(SqliteReader, LastWorks):
    """One turn of the batch that is open on the writing connection."""

    def __init__(self, connection: dbapi2.Connection) -> None:
        SqliteReader.__init__(self, connection)
        LastWorks.__init__(self)

    async def run(self, statement: SqlStatement, **values: Value) -> int:
        """Change rows."""
        count: int = self._query(statement, values).rowcount
        return count

    async def run_many(self, statement: SqlStatement, rows: Sequence[dict[str, Value]]) -> None:
        """Change rows, once per row of values; reads of others go on between some of them."""
        compiled = statement.compiled(DIALECT)
        for start in range(0, len(rows), _ROWS):
            if start:
                await asyncio.sleep(0)
            some = ({**compiled.constants, **row} for row in rows[start : start + _ROWS])
            try:
                self._connection.executemany(compiled.text, some)
            except dbapi2.DatabaseError as error:
                raise _named(error) from error

    async def lock(self, *names: str) -> None:
        """Nothing to do: transactions take turns."""


class _Batch:
    """Transactions that are committed together; `kept` counts those that were not undone."""

    def __init__(self) -> None:
        self.size = 0
        self.kept = 0
        self.began = time.monotonic()
        self.committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class SqliteMetadata:
    """A database in one file; make it inside the event loop that will use it."""

    def __init__(self, path: Path) -> None:
        check_library_version()
        self._read_connection = connect(path)
        self._write_connection = connect(path)
        self._write_connection.execute("PRAGMA busy_timeout = 0")
        self._reader = SqliteReader(self._read_connection)
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._batch: _Batch | None = None
        self._data_version = -1
        self._rights_revision = -1

    @property
    def reader(self) -> SqliteReader:
        """Reads what has been committed."""
        return self._reader

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqliteTransaction]:
        """Take a turn in the open batch, or open one; return when the batch is durable."""
        batch = await self._enter()
        # Where the first turn is undone nothing else of the batch is: it needs no savepoint.
        has_savepoint = batch.kept > 0
        try:
            if has_savepoint:
                self._write_connection.execute("SAVEPOINT turn")
            transaction = SqliteTransaction(self._write_connection)
            try:
                yield transaction
                await transaction.finish()
            except BaseException:
                self._undo_turn(has_savepoint=has_savepoint)
                raise
            if has_savepoint:
                self._write_connection.execute("RELEASE turn")
            batch.kept += 1
        finally:
            await self._leave(batch)
        await asyncio.shield(batch.committed)

    async def version(self) -> int:
        """SQLite's own count of the commits of other connections, the writing one among them."""
        return int(self._read_connection.execute("PRAGMA data_version").fetchone()[0])

    async def rights_revision(self) -> int:
        """Asked for anew after each commit of another connection, the writing one among them."""
        version = self._read_connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._data_version:
            self._data_version = version
            query = "SELECT revision FROM rights_revision"
            self._rights_revision = self._read_connection.execute(query).fetchone()[0]
        return self._rights_revision

    async def close(self) -> None:
        """Close both connections, checkpointing what is in the log."""
        async with self._turn:
            # Only advice for the query planner; another process may be writing just now.
            with suppress(dbapi2.Error):
                self._write_connection.execute("PRAGMA optimize")
            self._write_connection.close()
            self._read_connection.close()
        self._committer.shutdown()

    async def _enter(self) -> _Batch:
        self._waiting += 1
        try:
            await self._turn.acquire()
        except asyncio.CancelledError:
            self._waiting -= 1
            await self._commit_if_last()
            raise
        self._waiting -= 1
        try:
            if self._batch is None:
                await self._begin_immediate()
                self._batch = _Batch()
        except BaseException:
            self._turn.release()
            raise
        return self._batch

    async def _begin_immediate(self) -> None:
        """Wait for the other processes' writers without holding up this one's readers."""
        deadline = time.monotonic() + WAIT_FOR_LOCK
        attempt = 0
        while True:
            try:
                self._write_connection.execute("BEGIN IMMEDIATE")
                return
            except dbapi2.DatabaseError as error:
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise _named(error) from error
            pause = _RETRY[min(attempt, len(_RETRY) - 1)]
            attempt += 1
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - only spreads load

    def _undo_turn(self, *, has_savepoint: bool) -> None:
        # A full disk or an I/O error has already rolled everything back by itself.
        if not self._write_connection.in_transaction:
            return
        if has_savepoint:
            self._write_connection.execute("ROLLBACK TO turn")
            self._write_connection.execute("RELEASE turn")
        else:
            self._write_connection.execute("ROLLBACK")

    async def _leave(self, batch: _Batch) -> None:
        batch.size += 1
        is_open = batch.size < _BATCH and time.monotonic() - batch.began < _LONGEST_BATCH
        if self._waiting and is_open and self._write_connection.in_transaction:
            self._turn.release()
            return
        self._batch = None
        if not batch.kept and not self._write_connection.in_transaction:
            batch.committed.set_result(None)  # nobody waits for it: its only turn was undone
            self._turn.release()
            return
        # Shielded: a client that vanishes now must not leave the batch open.
        await asyncio.shield(asyncio.ensure_future(self._commit(batch)))

    async def _commit_if_last(self) -> None:
        """A waiter that gave up may have been the one the batch was kept open for."""
        if self._batch is not None and not self._waiting and not self._turn.locked():
            await self._turn.acquire()
            batch, self._batch = self._batch, None
            await self._commit(batch)

    async def _commit(self, batch: _Batch) -> None:
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._committer, self._commit_now)
        except EntrepotError as error:
            batch.committed.set_exception(error)
            # Waiters get the error; where there are none (all turns failed), that is no error.
            batch.committed.exception()
        else:
            batch.committed.set_result(None)
        finally:
            self._turn.release()

    def _commit_now(self) -> None:
        connection = self._write_connection
        try:
            if not connection.in_transaction:
                raise Unavailable("the database undid the transaction")
            connection.execute("COMMIT")
        except dbapi2.DatabaseError as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise _named(error) from error


def _is_busy(error: dbapi2.DatabaseError) -> bool:
    return "locked" in str(error) or "busy" in str(error)


def _named(error: dbapi2.DatabaseError) -> EntrepotError:
    if "full" in str(error):
        return OutOfSpace()
    if SEAL in str(error):
        return Unavailable(SEAL)
    # As PostgreSQL says it: every rule looks before it writes.
    if "FOREIGN KEY" in str(error):
        return Unavailable("another change was quicker: a foreign key leads nowhere")
    # The engine's words are for operators; an answer never holds them.
    _log.warning("the database failed", extra={"error": str(error)})
    return Unavailable("the database failed")
