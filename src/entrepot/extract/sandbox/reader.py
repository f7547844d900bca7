"""The parent's side of reading: one child, given tasks one by one, and replaced when it fails."""

import asyncio
import struct
import sys
import time
from collections.abc import Sequence
from typing import Final

from msgspec import DecodeError, json

from entrepot.extract.findings import ExtractionState, Findings, Task
from entrepot.extract.sandbox.confinement import PROBE, Confinement, parse_probe
from entrepot.extract.sandbox.handing import Hander

_MOST: Final = 128 * 1024 * 1024
"""Bytes of findings that are taken from a child."""
_TASKS: Final = 200
"""Tasks after which a child is replaced: the memory that it gathered goes with it."""
_GRACE: Final = 5.0
LATE: Final = "reading it took longer than it may"
"""Why a child was ended that did not answer in time."""
_IDLE: Final = 30.0
CHILD: Final = (sys.executable, "-I", "-m", "entrepot.extract.sandbox.child")


class SandboxedReader:
    """Reads artifacts in a process of its own."""

    def __init__(self, command: Sequence[str] = CHILD) -> None:
        self._command = tuple(command)
        self._child: asyncio.subprocess.Process | None = None
        self._hander: Hander | None = None
        self._confinement: Confinement | None = None
        self._done = 0
        self._last = 0.0
        self._turn = asyncio.Lock()

    async def read(self, task: Task) -> Findings:
        """Return the findings; a child that dies or hangs is a finding too."""
        async with self._turn:
            try:
                async with asyncio.timeout(task.seconds + _GRACE):
                    return await self._ask(task)
            except TimeoutError:
                reason = LATE
            except (OSError, EOFError, DecodeError, asyncio.IncompleteReadError):
                reason = "it brought down the process that read it"
            except asyncio.CancelledError:
                await self._end()
                raise
            await self._end()
            return Findings(state=ExtractionState.FAILED, reason=reason)

    async def confinement(self) -> Confinement:
        """Which walls the reading process has on this machine; found out once."""
        if self._confinement is None:
            probe = await asyncio.create_subprocess_exec(
                *PROBE,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
            )
            output, _ = await probe.communicate()
            self._confinement = parse_probe(output)
        return self._confinement

    async def rest(self) -> None:
        """End a child that has had nothing to do for a while: it takes 40 MiB for nothing."""
        if self._child is None or time.monotonic() - self._last < _IDLE:
            return
        async with self._turn:
            await self._end()

    async def close(self) -> None:
        """End the child; closing twice succeeds."""
        async with self._turn:
            await self._end()

    async def _ask(self, task: Task) -> Findings:
        child = await self._ready()
        if child.stdin is None or child.stdout is None or self._hander is None:
            raise EOFError
        body = json.encode(self._hander.hand_out(task))
        child.stdin.write(struct.pack(">I", len(body)) + body)
        await child.stdin.drain()
        (length,) = struct.unpack(">I", await child.stdout.readexactly(4))
        if length > _MOST:
            raise EOFError
        self._done += 1
        self._last = time.monotonic()
        return json.decode(await child.stdout.readexactly(length), type=Findings)

    async def _ready(self) -> asyncio.subprocess.Process:
        if self._child is not None and self._done >= _TASKS:
            await self._end()
        if self._child is None or self._child.returncode is not None:
            await self._end()
            self._child = await self._begin()
            self._done = 0
        return self._child

    async def _begin(self) -> asyncio.subprocess.Process:
        hander = self._hander = Hander()
        try:
            return await asyncio.create_subprocess_exec(
                *self._command,
                str(hander.other_side),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                # Nothing of this process' environment, which may hold passwords.
                env={},
                pass_fds=(hander.other_side,),
                limit=2**20,
            )
        finally:
            hander.close_other_side()

    async def _end(self) -> None:
        child, self._child = self._child, None
        if self._hander is not None:
            self._hander.close()
        if child is None:
            return
        if child.returncode is None:
            child.kill()
        # To the end of its pipes, so that no transport is open when the loop is.
        await child.communicate()
