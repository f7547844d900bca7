"""Short questions to PostgreSQL, sent together: those of one moment share a packet and a wake-up.

A round trip costs a worker several times what it costs the server. Questions that come while others
are answered wait for nothing but the next turn of the event loop, each is a transaction of its own,
and equal ones that have not been sent yet are one.
"""

import asyncio
import itertools
import re
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg import pq

from entrepot.metadata.engines.engine import Compiled, Row, Value

_BIND: Final = re.compile(r"%\((\w+)\)s")
_CONNECT_WITHIN: Final = 10.0
_BINARY: Final = 1


def _read_int(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)


_LOADERS: Final[dict[int, Callable[[bytes], object]]] = {
    17: bytes,
    20: _read_int,
    21: _read_int,
    23: _read_int,
    25: bytes.decode,
    1043: bytes.decode,
}
"""Readers of binary values, by the number of their type: what columns hold, and nothing else."""


class NoAnswer(Exception):
    """The question has to be asked in another way: the connection or the statement failed."""


@dataclass(eq=False, slots=True)
class Question:
    """A statement in the server's own notation, and the names of its values in their order."""

    text: bytes
    names: tuple[str, ...]

    @classmethod
    def of(cls, compiled: Compiled) -> "Question":
        """The question that a compiled statement is."""
        names = tuple(dict.fromkeys(_BIND.findall(compiled.text)))
        places = {name: f"${number}" for number, name in enumerate(names, start=1)}
        text = _BIND.sub(lambda found: places[found[1]], compiled.text).replace("%%", "%")
        return cls(text.encode(), names)


@dataclass(eq=False, slots=True)
class _Asked:
    """A question with its values, all who wait for the answer, and what has come of it."""

    question: Question
    values: tuple[bytes | None, ...]
    waiting: list[asyncio.Future[list[Row]]] = field(default_factory=list)
    rows: list[Row] | None = None
    error: NoAnswer | None = None


class Pipeline:
    """One connection that answers many short questions at once; open it before use."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._socket = -1
        self._names: dict[Question, bytes] = {}
        self._numbers = itertools.count()
        self._queued: dict[tuple[Question, tuple[bytes | None, ...]], _Asked] = {}
        self._sent: deque[_Asked] = deque()

    async def open(self) -> None:
        """Connect; raise what the driver raises."""
        async with asyncio.timeout(_CONNECT_WITHIN):
            connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        connection.pgconn.nonblocking = 1
        connection.pgconn.enter_pipeline_mode()
        self._names.clear()
        self._connection = connection
        self._socket = connection.pgconn.socket
        asyncio.get_running_loop().add_reader(self._socket, self._receive)

    async def ask(self, question: Question, values: Mapping[str, Value]) -> list[Row]:
        """The rows as they are committed when this is asked, or later; else `NoAnswer`."""
        if self._connection is None:
            # In the background, one attempt at a time.
            if self._opening is None or self._opening.done():
                self._opening = asyncio.create_task(self._try_to_open())
            raise NoAnswer
        dumped = tuple(_dump(values[name]) for name in question.names)
        key = (question, dumped)
        asked = self._queued.get(key)
        loop = asyncio.get_running_loop()
        if asked is None:
            if not self._queued:
                loop.call_soon(self._send)
            asked = self._queued[key] = _Asked(question, dumped)
        waiting: asyncio.Future[list[Row]] = loop.create_future()
        asked.waiting.append(waiting)
        return await waiting

    async def close(self) -> None:
        """Let go of the connection; closing twice succeeds."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        self._break()

    async def _try_to_open(self) -> None:
        # Who asks next tries again.
        with suppress(psycopg.Error, OSError, TimeoutError):
            await self.open()

    def _send(self) -> None:
        """Send all that was asked since the last turn, in one packet."""
        asked_now, self._queued = list(self._queued.values()), {}
        if self._connection is None:
            self._answer_none(asked_now)
            return
        connection = self._connection.pgconn
        self._sent.extend(asked_now)
        try:
            for asked in asked_now:
                name = self._names.get(asked.question)
                if name is None:
                    name = self._names[asked.question] = b"short%d" % next(self._numbers)
                    connection.send_prepare(name, asked.question.text)
                connection.send_query_prepared(name, asked.values, result_format=_BINARY)
                # Each is a transaction of its own: it sees what is committed by now.
                connection.pipeline_sync()
        except psycopg.Error:
            self._break()
        self._flush()

    def _flush(self) -> None:
        """Send what waits to be sent, as far as the connection takes it now."""
        if self._connection is None:
            return
        loop = asyncio.get_running_loop()
        try:
            if self._connection.pgconn.flush():
                loop.add_writer(self._socket, self._flush)
            else:
                loop.remove_writer(self._socket)
        except psycopg.Error:
            self._break()

    def _receive(self) -> None:
        if self._connection is None:
            return
        connection = self._connection.pgconn
        try:
            connection.consume_input()
            ends = 0
            # Between the answers of two commands there is an empty one.
            while ends < 2 and self._sent and not connection.is_busy():
                result = connection.get_result()
                ends = ends + 1 if result is None else 0
                if result is not None:
                    self._take(result)
        except psycopg.Error:
            self._break()

    def _take(self, result: pq.abc.PGresult) -> None:
        asked = self._sent[0]
        status = result.status
        if status == pq.ExecStatus.TUPLES_OK:
            asked.rows = _rows_of(result)
            if asked.rows is None:
                asked.error = NoAnswer()
        elif status == pq.ExecStatus.PIPELINE_SYNC:
            self._sent.popleft()
            _settle(asked)
        elif status != pq.ExecStatus.COMMAND_OK:
            # Prepared for a schema that is no longer, it may be: the next one prepares it anew.
            self._names.pop(asked.question, None)
            asked.error = NoAnswer()

    def _break(self) -> None:
        """Give the connection up; who waits asks in another way."""
        connection, self._connection = self._connection, None
        if connection is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._socket)
            loop.remove_writer(self._socket)
            connection.pgconn.finish()
        waiting = [*self._sent, *self._queued.values()]
        self._sent.clear()
        self._queued.clear()
        self._answer_none(waiting)

    def _answer_none(self, asked: list[_Asked]) -> None:
        for each in asked:
            each.error = NoAnswer()
            _settle(each)


def _settle(asked: _Asked) -> None:
    for waiting in asked.waiting:
        if waiting.done():
            continue
        if asked.error is not None or asked.rows is None:
            waiting.set_exception(asked.error or NoAnswer())
        else:
            waiting.set_result(asked.rows)


def _rows_of(result: pq.abc.PGresult) -> list[Row] | None:
    """The rows; `None` where a column holds what this does not read."""
    columns = [(place, _LOADERS.get(result.ftype(place))) for place in range(result.nfields)]
    rows: list[Row] = []
    for row in range(result.ntuples):
        values: list[object] = []
        for place, load in columns:
            raw = result.get_value(row, place)
            if load is None:
                return None
            values.append(None if raw is None else load(raw))
        rows.append(tuple(values))
    return rows


def _dump(value: Value) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, int):
        return b"%d" % value
    if value is None:
        return None
    raise NoAnswer
