"""Answers that are made piece by piece wait for their reader, and not in memory."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from entrepot.http import pipes
from entrepot.http.messages import Response
from entrepot.http.pipes import send_at_readers_pace

PIECE = 10_000
MANY = 500
PIPE = 64 * 1024


class Server:
    """The server's side: opens the path that it is given, and reads when it is told to."""

    def __init__(self) -> None:
        self.path = ""
        self.is_told = asyncio.Event()
        self.descriptor = -1

    def response_file(self, status: int, headers: list[tuple[str, str]], path: str) -> None:
        """What Granian does with a file, but for opening it."""
        assert (status, headers) == (206, [("x", "y")])
        self.path = path
        self.is_told.set()

    async def open(self) -> None:
        """Open the file."""
        await self.is_told.wait()
        self.descriptor = await asyncio.to_thread(os.open, self.path, os.O_RDONLY)

    async def read(self, count: int) -> bytes:
        """Read as a file is read."""
        return await asyncio.to_thread(os.read, self.descriptor, count)

    async def rest(self) -> bytes:
        """All that is left; closes the file."""
        found = b""
        while run := await self.read(65536):
            found += run
        os.close(self.descriptor)
        return found


class Source:
    """An answer in pieces, which counts those that were asked for."""

    def __init__(self, count: int = MANY) -> None:
        self.given = 0
        self.ended = False
        self._count = count

    async def runs(self) -> AsyncIterator[bytes]:
        """The pieces."""
        try:
            for number in range(self._count):
                self.given += 1
                yield bytes([number % 256]) * PIECE
        finally:
            self.ended = True


Send = Callable[[Server, Source], "asyncio.Task[None]"]


@pytest.fixture
def send(tmp_path: Path) -> Iterator[Send]:
    """Begins to send; in the end nothing is left of any pipe."""

    def begin(server: Server, source: Source) -> "asyncio.Task[None]":
        response = Response(206, [("x", "y")])
        return asyncio.create_task(send_at_readers_pace(server, response, source.runs(), tmp_path))

    yield begin
    assert list(tmp_path.iterdir()) == []


def descriptors() -> int:
    """How many this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_no_more_is_made_than_a_slow_reader_takes(send: Send) -> None:
    server, source = Server(), Source()
    task = send(server, source)
    await server.open()
    taken = 0
    for _ in range(20):
        taken += len(await server.read(PIECE))
        await asyncio.sleep(0.002)
        assert source.given * PIECE <= taken + PIPE + 2 * PIECE
    rest = await server.rest()
    await task
    assert taken + len(rest) == MANY * PIECE
    assert rest[-1] == (MANY - 1) % 256


@pytest.mark.parametrize("count", [1, 3, 7])
async def test_a_short_answer_is_there_although_it_is_opened_late(send: Send, count: int) -> None:
    server, source = Server(), Source(count)
    task = send(server, source)
    await asyncio.sleep(0.02)
    await server.open()
    found = await server.rest()
    await task
    assert len(found) == count * PIECE


async def test_a_reader_who_leaves_ends_the_answer_and_frees_everything(send: Send) -> None:
    before = descriptors()
    for opened_first in (True, False):
        server, source = Server(), Source()
        task = send(server, source)
        await server.open()
        if opened_first:
            await server.read(1)
            await asyncio.sleep(0.01)
        else:
            await server.read(PIPE)
        os.close(server.descriptor)
        await asyncio.wait_for(task, 10)
        assert source.given < 30
    assert descriptors() == before


async def test_a_reader_who_stalls_counts_as_gone(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipes, "STALLED", 0.05)
    monkeypatch.setattr(pipes, "OPENED_WITHIN", 0.05)
    before = descriptors()
    for opens in (True, False):
        server, source = Server(), Source(MANY if opens else 1)
        task = send(server, source)
        if opens:
            await server.open()
        await asyncio.wait_for(task, 10)
        if opens:
            os.close(server.descriptor)
    assert descriptors() == before


async def test_without_room_for_a_pipe_the_answer_comes_at_once(tmp_path: Path) -> None:
    answers: list[bytes] = []

    class Direct(Server):
        def response_bytes(self, status: int, headers: object, body: bytes) -> None:
            answers.append(body)

    response, source = Response(206, [("x", "y")]), Source(3)
    await send_at_readers_pace(Direct(), response, source.runs(), tmp_path / "none")
    assert list(map(len, answers)) == [3 * PIECE]
