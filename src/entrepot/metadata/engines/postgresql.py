"""Facts in PostgreSQL, for hubs of more than one machine.

A server that is restarted cuts every connection. What was only asked is asked again, and so is a
transaction that could not begin; one that was cut later raises `Unavailable`, for it is unknown
whether it was committed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy import TextClause
from sqlalchemy.dialects import postgresql

from entrepot.errors import OutOfSpace, Unavailable
from entrepot.metadata.engines.engine import Compiled, LastWorks, Row, SqlStatement, Value
from entrepot.metadata.engines.postgresql_pipeline import NoAnswer, Pipeline, Question
from entrepot.metadata.engines.upserts import teach_postgresql

teach_postgresql()

DIALECT: Final = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

_log = logging.getLogger(__name__)
_SNAPSHOT: Final = SqlStatement(
    TextClause("SELECT CAST(pg_current_snapshot() AS text)"), is_short=True
)
_RIGHTS_REVISION: Final = SqlStatement(
    TextClause("SELECT revision FROM rights_revision"), is_short=True
)
_ATTEMPTS: Final = 3
_RECONNECT: Final = 3.0
"""Seconds after which a connection is given up: the pool waits longer and longer in between."""
_LOCK: Final = """
SELECT pg_advisory_xact_lock(hash) FROM (
    SELECT DISTINCT hashtext(name) AS hash FROM unnest(%s::text[]) AS name ORDER BY hash OFFSET 0
) AS hashes
"""
_PASSING: Final = (
    PoolTimeout,
    psycopg.OperationalError,
    errors.ReadOnlySqlTransaction,
    errors.InFailedSqlTransaction,
    errors.IdleInTransactionSessionTimeout,
)


class PostgresTransaction(LastWorks):
    """Statements on one connection."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    async def all(self, statement: SqlStatement, **values: Value) -> list[Row]:
        """Every row."""
        cursor = await self._execute(statement, values)
        return list(await cursor.fetchall())

    async def one(self, statement: SqlStatement, **values: Value) -> Row | None:
        """The first row."""
        cursor = await self._execute(statement, values)
        return await cursor.fetchone()

    async def run(self, statement: SqlStatement, **values: Value) -> int:
        """Change rows."""
        cursor = await self._execute(statement, values)
        return cursor.rowcount

    async def run_many(self, statement: SqlStatement, rows: Sequence[dict[str, Value]]) -> None:
        """Change rows, once per row of values, in one round trip."""
        text, constants = _text(statement)
        async with self._connection.cursor() as cursor:
            await cursor.executemany(text, [{**constants, **values} for values in rows])

    async def lock(self, *names: str) -> None:
        """Advisory locks, which end with the transaction."""
        await self._connection.execute(_LOCK, [list(names)])

    async def _execute(
        self, statement: SqlStatement, values: dict[str, Value]
    ) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        text, constants = _text(statement)
        return await self._connection.execute(text, {**constants, **values})


class Pool:
    """Connections, of which those that the server has cut are replaced."""

    def __init__(self, url: str, connections: int) -> None:
        self.connections: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=connections,
            open=False,
            kwargs={"autocommit": True},
            timeout=10,
            reconnect_timeout=_RECONNECT,
        )
        self._checking: asyncio.Task[None] | None = None

    async def take(self, stack: AsyncExitStack, *, transaction: bool = False) -> Connection:
        """A connection, given back with the stack; in a transaction that has begun, if wanted."""
        for _ in range(_ATTEMPTS):
            connection = await stack.enter_async_context(self.connections.connection())
            try:
                if transaction:
                    await stack.enter_async_context(connection.transaction())
            except psycopg.OperationalError:
                if not connection.broken:
                    raise
                with suppress(psycopg.Error):
                    await stack.aclose()
                await self.replace_cut()
            else:
                return connection
        raise Unavailable("the database cuts every connection")

    async def replace_cut(self) -> None:
        """Begin to look for connections that are cut: after a restart all of them are."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self.connections.check())
        # It takes them out of the pool first, and only then asks them.
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Close them all."""
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)
        await self.connections.close()


class PostgresReader:
    """Reads on whichever connection of the pool is free, and asks what is short together."""

    def __init__(self, pool: Pool, pipeline: Pipeline) -> None:
        self._pool = pool
        self._pipeline = pipeline
        self._questions: dict[int, Question] = {}

    async def all(self, statement: SqlStatement, **values: Value) -> list[Row]:
        """Every row."""
        compiled = statement.compiled(DIALECT)
        if compiled.constants:
            values = {**compiled.constants, **values}
        if statement.is_short:
            with suppress(NoAnswer):
                return await self._pipeline.ask(self._question(compiled), values)
        cursor = await self._ask(compiled.text.encode(), values)
        return list(await cursor.fetchall())

    async def one(self, statement: SqlStatement, **values: Value) -> Row | None:
        """The first row."""
        if statement.is_short:
            return next(iter(await self.all(statement, **values)), None)
        text, constants = _text(statement)
        cursor = await self._ask(text, {**constants, **values})
        return await cursor.fetchone()

    def _question(self, compiled: Compiled) -> Question:
        # Statements are never made anew, so that their ids are theirs for good.
        question = self._questions.get(id(compiled))
        if question is None:
            question = self._questions[id(compiled)] = Question.of(compiled)
        return question

    async def _ask(
        self, text: bytes, values: dict[str, Value]
    ) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        """An answer, which the cursor holds; asked again where the connection was cut."""
        with _named_failures():
            for attempt in range(1, _ATTEMPTS + 1):
                async with AsyncExitStack() as stack:
                    connection = await self._pool.take(stack)
                    try:
                        return await connection.execute(text, values)
                    except psycopg.OperationalError:
                        if attempt == _ATTEMPTS or not connection.broken:
                            raise
                await self._pool.replace_cut()
        raise AssertionError("unreachable")


class PostgresMetadata:
    """A database behind a pool of connections; `open` it before use."""

    def __init__(self, url: str, *, connections: int = 10) -> None:
        self._pool = Pool(url, connections)
        self._pipeline = Pipeline(url)
        self._reader = PostgresReader(self._pool, self._pipeline)

    async def open(self) -> None:
        """Open the pool, waiting for the first connection."""
        try:
            await self._pool.connections.open(wait=True, timeout=10)
        except PoolTimeout as error:
            raise Unavailable("the database does not answer") from error
        # Without it all is asked by way of the pool, and it is tried again.
        with suppress(psycopg.Error, OSError, TimeoutError):
            await self._pipeline.open()

    @property
    def reader(self) -> PostgresReader:
        """Reads what has been committed."""
        return self._reader

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[PostgresTransaction]:
        """One transaction on one connection."""
        with _named_failures():
            async with AsyncExitStack() as stack:
                connection = await self._pool.take(stack, transaction=True)
                transaction = PostgresTransaction(connection)
                try:
                    yield transaction
                    await transaction.finish()
                finally:
                    if connection.broken:
                        await self._pool.replace_cut()

    async def version(self) -> str:
        """Which transactions are visible: two equal snapshots show the same rows."""
        row = await self._reader.one(_SNAPSHOT)
        return "" if row is None else str(row[0])

    async def rights_revision(self) -> int:
        """The number of the transaction that last changed them."""
        row = await self._reader.one(_RIGHTS_REVISION)
        return -1 if row is None else int(row[0])

    async def close(self) -> None:
        """Close the pool."""
        await self._pipeline.close()
        await self._pool.close()


@contextmanager
def _named_failures() -> Iterator[None]:
    """Raise `OutOfSpace` or `Unavailable` for what another attempt may not meet."""
    try:
        yield
    except errors.DiskFull as error:
        raise OutOfSpace from error
    # Every rule looks before it writes: only another transaction can have been quicker.
    except errors.UniqueViolation as error:
        raise Unavailable("another change was quicker: the key is no longer unique") from error
    except errors.ForeignKeyViolation as error:
        raise Unavailable("another change was quicker: a foreign key leads nowhere") from error
    except _PASSING as error:
        # The engine's words are for operators; an answer never holds them.
        _log.warning("the database failed", extra={"error": str(error)})
        raise Unavailable("the database failed") from error


def _text(statement: SqlStatement) -> tuple[bytes, dict[str, Value]]:
    compiled = statement.compiled(DIALECT)
    return compiled.text.encode(), compiled.constants
