"""The interface of all database engines, and statements written once for all of them."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import ClauseElement
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

Value = str | int | bytes | None
Row = Sequence[Any]
"""A row's columns in the statement's order; each module of queries gives them their types."""

Clock = Callable[[], datetime]

LastWork = Callable[[], Awaitable[None]]
"""Work that a transaction does last."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def storable(text: str) -> str:
    """The text as every engine takes it: lone surrogates and NUL become U+FFFD."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\0", "\ufffd")


def to_instant(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def from_instant(instant: int) -> datetime:
    """The UTC datetime of some microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=instant)


def from_optional(instant: int | None) -> datetime | None:
    """As `from_instant`, where there may be none."""
    return None if instant is None else from_instant(instant)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement as one dialect's text, with the values it holds itself."""

    text: str
    constants: dict[str, Value]


@dataclass(slots=True)
class SqlStatement:
    """A SQLAlchemy Core statement, compiled once per dialect, then as cheap as a look-up.

    SQLAlchemy's own execution costs several times what SQLite takes to answer a point query.
    """

    clause: ClauseElement
    is_short: bool = False
    """Whether it is asked all the time and answered at once: by one row, found by a key."""
    _compiled: dict[str, Compiled] = field(default_factory=dict)

    def compiled(self, dialect: Dialect) -> Compiled:
        """The text for this dialect."""
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = _compile(self.clause, dialect)
        return found


def _compile(clause: ClauseElement, dialect: Dialect) -> Compiled:
    compiled = clause.compile(dialect=dialect)
    if not isinstance(compiled, SQLCompiler):
        raise TypeError(f"not a statement: {clause!r}")
    constants = {
        compiled.bind_names[bind]: bind.value
        for bind in compiled.bind_names
        if bind.value is not None
    }
    return Compiled(str(compiled), constants)


class Reader(Protocol):
    """Answers questions about what has been committed."""

    async def all(self, statement: SqlStatement, **values: Value) -> list[Row]:
        """Every row."""

    async def one(self, statement: SqlStatement, **values: Value) -> Row | None:
        """The first row, `None` when there is none."""


class Transaction(Reader, Protocol):
    """Changes that become visible and durable together, or not at all."""

    async def run(self, statement: SqlStatement, **values: Value) -> int:
        """Change rows; say how many."""

    async def run_many(self, statement: SqlStatement, rows: Sequence[dict[str, Value]]) -> None:
        """Run the statement once per row of values."""

    async def lock(self, *names: str) -> None:
        """Hold the locks of these names, alone, until this transaction ends.

        Locks that are asked for at once are taken in an order which is the same for everybody.
        """

    def at_end(self, work: LastWork) -> None:
        """Do this after all other work of the transaction, before it is committed.

        Nothing is done where the transaction is undone; work that raises undoes it.
        """


class LastWorks:
    """The part of every engine's transaction that keeps what is done last, in order."""

    def __init__(self) -> None:
        self._works: list[LastWork] = []

    def at_end(self, work: LastWork) -> None:
        """Do this after all other work of the transaction."""
        self._works.append(work)

    async def finish(self) -> None:
        """Do what is done last; called by the engine, right before it commits."""
        for work in self._works:
            await work()


class Metadata(Protocol):
    """A database of facts. Raises `Unavailable` when it cannot answer, never a wrong answer."""

    @property
    def reader(self) -> Reader:
        """Each statement sees everything committed before it began."""

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction: durable when its context has been left, undone when by a raise.

        Await nothing in it but the transaction itself: others may be waiting for their turn.
        Locks are taken in one order, so that no two transactions wait for one another: names
        (`Transaction.lock`), the repository's row, the row of its namespace's quota, then jobs and
        deliveries in the order of their subjects; the log of what was done is locked `at_end`.
        """

    async def version(self) -> Hashable:
        """A value that changes with every commit of any process."""

    async def rights_revision(self) -> int:
        """A number that changes with every commit that changes who may do what, of any process.

        What was read after the number is as it was for as long as the number stays: accounts,
        tokens, roles, teams and names, but not when and how often something was used.
        """

    async def close(self) -> None:
        """Let go of the connections; closing twice succeeds."""
