"""Clients that do nothing, or little, or go away: nobody must notice, and nothing stays."""

import asyncio
import random
import resource
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from faults.clients import Connection, InDoubt, NotSent
from faults.contents import digest_of
from faults.history import History, Key
from faults.servers import Server
from faults.steps import Refused, Steps, Weather

REPOSITORY: Final = "crowd/home"
BODY: Final = 10_000_000
SETTLES_WITHIN: Final = 60
SPARE: Final = 200
_LISTENS: Final = "0A"
ENVIRONMENT: Final = {"ENTREPOT_OPEN": "true", "ENTREPOT_UPLOAD_EXPIRY": "PT1S"}


@dataclass(slots=True)
class Crowd:
    """What others went through, and what was left."""

    idle: int
    slow: int
    done: int = 0
    vanished: int = 0
    complaints: list[str] = field(default_factory=list)


class Crowding:
    """One server, a crowd, and one client who works."""

    def __init__(self, server: Server, found: Crowd, *, seed: int) -> None:
        self._server = server
        self._rng = random.Random(seed)
        self._history = History()
        self.found = found

    async def run(self, patience: int) -> Crowd:
        """Let the crowd in, work beside it, and look at what it leaves."""
        self._server.start()
        await asyncio.to_thread(self._server.wait_ready)
        large = self._rng.randbytes(BODY)
        await self._work(large)
        crowd = [self._connect(b"") for _ in range(self.found.idle)]
        crowd += [self._connect(self._slow_head(n)) for n in range(self.found.slow)]
        for _ in range(20):
            await self._work(self._rng.randbytes(5_000))
            for each in crowd[-self.found.slow :]:
                with suppress(OSError):
                    each.send(b"x")
        for each in crowd:
            each.close()
        for number in range(40):
            self._vanish(number, digest_of(large))
        await self._settles(patience)
        await self._work(self._rng.randbytes(5_000))
        return self.found

    async def _work(self, data: bytes) -> None:
        """Push a blob and pull it."""
        key = Key("blob", REPOSITORY, digest_of(data))
        async with Connection(self._server.port) as connection:
            try:
                await Steps(connection, self._history, Weather()).put_whole(key, data)
                answer = await connection.request("GET", f"/v2/{REPOSITORY}/blobs/{key.name}")
            except (InDoubt, NotSent, Refused) as error:
                self._complain(f"somebody who worked was kept from it: {error}")
                return
        if answer.body != data:
            self._complain(f"somebody who pulled {key} got something else: {answer.status}")
        self.found.done += 1

    def _connect(self, head: bytes) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._server.port))
        connection.setblocking(False)
        if head:
            connection.send(head)
        return connection

    def _slow_head(self, number: int) -> bytes:
        """Half of them never end their headers, half never their body."""
        line = f"POST /v2/{REPOSITORY}/blobs/uploads/?digest={digest_of(b'')} HTTP/1.1\r\n"
        head = line + "Host: localhost\r\nX-Slow: "
        return (head if number % 2 else head + "1\r\nContent-Length: 1000\r\n\r\n").encode()

    def _vanish(self, number: int, digest: str) -> None:
        """Go away in the middle of an upload, or of a download."""
        if number % 2:
            line = f"POST /v2/{REPOSITORY}/blobs/uploads/?digest={digest} HTTP/1.1\r\n"
            head = f"{line}Host: localhost\r\nContent-Length: {BODY}\r\n\r\n".encode()
            data = head + self._rng.randbytes(self._rng.randrange(100_000))
        else:
            data = f"GET /v2/{REPOSITORY}/blobs/{digest} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", self._server.port)) as connection:
            connection.sendall(data)
            if not number % 2:
                connection.recv(1000)
        self.found.vanished += 1

    def _left_over(self) -> list[str]:
        """Connections, uploads and blobs that the workers have open, and uploads on the disk.

        The file of an upload that ended is a blob: one that was not closed is found there.

        What else a worker has open says nothing: it opens its connections to the database, its
        pipes to the child that reads artifacts and the like when it first needs them.
        """
        uploads, blobs = self._server.data / "uploads", self._server.data / "blobs"
        sockets = _connected(self._server.port)
        open_there = [
            found
            for pid in self._server.worker_pids()
            for found in _open_files(pid)
            if found.startswith((f"{uploads}/", f"{blobs}/")) or found in sockets
        ]
        return [*open_there, *(path.name for path in uploads.iterdir())]

    async def _settles(self, patience: int) -> None:
        for _ in range(patience):
            if not self._left_over():
                return
            await asyncio.sleep(1)
        self._complain(f"files or connections are left over: {self._left_over()}")

    def _complain(self, text: str) -> None:
        self.found.complaints.append(text)


def _connected(port: int) -> frozenset[str]:
    """The sockets of this port that somebody was let in by, as `/proc/PID/fd` names them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return frozenset(
        f"socket:[{row[9]}]"
        for row in rows
        if int(row[1].rpartition(":")[2], 16) == port and row[3] != _LISTENS
    )


def _open_files(pid: int) -> Iterator[str]:
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            yield str(descriptor.readlink())


def run(
    place: Path,
    port: int,
    *,
    idle: int,
    slow: int,
    seed: int,
    bug: str | None = None,
    patience: int = SETTLES_WITHIN,
) -> Crowd:
    """Let a crowd in."""
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(idle + slow + SPARE, most)), most))
    environment = dict(ENVIRONMENT)
    if bug is not None:
        injection = str(Path(__file__).with_name("injection"))
        environment |= {"PYTHONPATH": injection, "TORTURE_MEDDLE": bug}
    server = Server(place / "data", port, 2, environment=environment)
    try:
        return asyncio.run(Crowding(server, Crowd(idle, slow), seed=seed).run(patience))
    finally:
        server.stop()
