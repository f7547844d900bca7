"""Facts in PostgreSQL, for hubs of more than one machine."""

from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy.dialects import postgresql

from entrepot.errors import Unavailable
from entrepot.metadata.engine import Row, Statement, Value
from entrepot.metadata.upserts import teach_postgresql

teach_postgresql()

DIALECT: Final = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


class PostgresTransaction:
    """Statements on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self, statement: Statement, **values: Value) -> list[Row]:
        """Every row."""
        cursor = await self._execute(statement, values)
        return list(await cursor.fetchall())

    async def one(self, statement: Statement, **values: Value) -> Row | None:
        """The first row."""
        cursor = await self._execute(statement, values)
        return await cursor.fetchone()

    async def run(self, statement: Statement, **values: Value) -> int:
        """Change rows."""
        cursor = await self._execute(statement, values)
        return cursor.rowcount

    async def run_many(self, statement: Statement, rows: Sequence[dict[str, Value]]) -> None:
        """Change rows, once per row of values, in one round trip."""
        text, constants = _text(statement)
        async with self._connection.cursor() as cursor:
            await cursor.executemany(text, [{**constants, **values} for values in rows])

    async def lock(self, name: str) -> None:
        """An advisory lock, which ends with the transaction."""
        await self._connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])

    async def _execute(
        self, statement: Statement, values: dict[str, Value]
    ) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        text, constants = _text(statement)
        return await self._connection.execute(text, {**constants, **values})


class PostgresReader:
    """Reads on whichever connection of the pool is free."""

    def __init__(self, pool: AsyncConnectionPool[Connection]) -> None:
        self._pool = pool

    async def all(self, statement: Statement, **values: Value) -> list[Row]:
        """Every row."""
        async with _connection(self._pool) as connection:
            return await PostgresTransaction(connection).all(statement, **values)

    async def one(self, statement: Statement, **values: Value) -> Row | None:
        """The first row."""
        async with _connection(self._pool) as connection:
            return await PostgresTransaction(connection).one(statement, **values)


class PostgresMetadata:
    """A database behind a pool of connections; `open` it before use."""

    def __init__(self, url: str, *, connections: int = 10) -> None:
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=connections,
            open=False,
            kwargs={"autocommit": True},
            timeout=10,
        )
        self._reader = PostgresReader(self._pool)

    async def open(self) -> None:
        """Open the pool, waiting for the first connection."""
        try:
            await self._pool.open(wait=True, timeout=10)
        except PoolTimeout as error:
            raise Unavailable("the database does not answer") from error

    @property
    def reader(self) -> PostgresReader:
        """Reads what has been committed."""
        return self._reader

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[PostgresTransaction]:
        """One transaction on one connection."""
        async with _connection(self._pool) as connection, connection.transaction():
            yield PostgresTransaction(connection)

    async def version(self) -> Hashable | None:
        """Which transactions are visible: two equal snapshots show the same rows.

        PostgreSQL keeps no count of commits; its position in the log moves before a commit can be
        seen, so what was read in between would be remembered too long.
        """
        async with _connection(self._pool) as connection:
            cursor = await connection.execute("SELECT pg_current_snapshot()::text")
            row = await cursor.fetchone()
        return None if row is None else str(row[0])

    async def close(self) -> None:
        """Close the pool."""
        await self._pool.close()


@asynccontextmanager
async def _connection(pool: AsyncConnectionPool[Connection]) -> AsyncIterator[Connection]:
    try:
        async with pool.connection() as connection:
            yield connection
    except (PoolTimeout, psycopg.OperationalError) as error:
        raise Unavailable("the database failed") from error


def _text(statement: Statement) -> tuple[bytes, dict[str, Value]]:
    compiled = statement.compiled(DIALECT)
    return compiled.text.encode(), compiled.constants
