"""Answers that are made piece by piece, sent at their reader's pace.

Granian takes every piece of a streamed answer at once, and keeps in memory what its client has not
read: a hundred slow readers cost a hundred answers. Of a file it reads as much as the client takes.
So pieces go through a pipe, which the server opens like a file, and which holds 64 KiB.
"""

import array
import asyncio
import fcntl
import logging
import os
import secrets
import termios
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from entrepot.errors import EntrepotError
from entrepot.http.messages import Response

_log = logging.getLogger(__name__)

PIPES: Final = "pipes"
"""The directory of pipes, below the data directory."""
STALLED: Final = 300.0
"""Seconds without a byte taken after which a reader counts as gone."""
OPENED_WITHIN: Final = 30.0
"""Seconds within which the server takes the first byte; clients leave before it does."""
_FIRST_LOOK: Final = 0.001
_LAST_LOOK: Final = 0.1


def make_pipes_directory(data: Path) -> Path:
    """The directory for pipes; a disk that is full ends no start."""
    path = data / PIPES
    with suppress(OSError):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


async def send_at_readers_pace(
    protocol: Any, response: Response, body: AsyncIterator[bytes], directory: Path
) -> None:
    """Send the answer; a reader who leaves or stalls ends it, and is no error.

    The pipe is in the directory for as long as the server needs to open it.
    """
    try:
        pipe = _Pipe(directory)
    except OSError:
        # No room for so much as a name: who reads is still to be answered.
        whole = b"".join([run async for run in body])
        protocol.response_bytes(response.status, response.headers, whole)
        return
    try:
        protocol.response_file(response.status, response.headers, str(pipe.path))
        async with asyncio.timeout(None) as patience:
            loop = asyncio.get_running_loop()
            async for run in body:
                view = memoryview(run)
                while view:
                    patience.reschedule(loop.time() + STALLED)
                    view = view[await pipe.write(view) :]
            patience.reschedule(loop.time() + STALLED)
            await pipe.wait_opened()
    except (BrokenPipeError, TimeoutError):
        return
    except EntrepotError as error:
        # It is too late for another status: the client notices that bytes are missing.
        _log.warning("an answer ended early", extra={"error": str(error)})
    finally:
        pipe.close()


class _Pipe:
    """A pipe whose reading end is another's, once it has opened it by its path.

    Our own reading end is kept until then: without any, the pipe would be gone. Afterwards it is
    closed, so that writing fails when the reader has left.
    """

    def __init__(self, directory: Path) -> None:
        # A name that is never used again: the number of a descriptor could be another file's by
        # the time at which the server opens it.
        self.path = directory / secrets.token_hex(16)
        os.mkfifo(self.path, 0o600)
        self._reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._writer = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._is_opened = False
        self._written = 0

    async def write(self, data: memoryview) -> int:
        """Write what there is room for, once there is some; `BrokenPipeError` without a reader."""
        while True:
            try:
                count = os.write(self._writer, data)
            except BlockingIOError:
                await self._wait_for_room()
                continue
            self._written += count
            return count

    async def wait_opened(self) -> None:
        """Wait until the server has its end; what is in the pipe then stays there for it."""
        pause = _FIRST_LOOK
        async with asyncio.timeout(OPENED_WITHIN):
            while not self._is_opened and self._written:
                # Somebody has read: there is another end than ours.
                if self._left() < self._written:
                    self._note_opened()
                    return
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LAST_LOOK)

    def close(self) -> None:
        """Close our ends: the reader comes to the end of what was written."""
        self._note_opened()
        os.close(self._writer)

    async def _wait_for_room(self) -> None:
        # A reading end of ours that is open would hide that the reader's is closed.
        await self.wait_opened()
        loop = asyncio.get_running_loop()
        room = asyncio.Event()
        loop.add_writer(self._writer, room.set)
        try:
            await room.wait()
        finally:
            loop.remove_writer(self._writer)

    def _note_opened(self) -> None:
        if not self._is_opened:
            self._is_opened = True
            self.path.unlink(missing_ok=True)
            os.close(self._reader)

    def _left(self) -> int:
        """Bytes that nobody has read yet."""
        found = array.array("i", [0])
        fcntl.ioctl(self._writer, termios.FIONREAD, found)
        return found[0]
