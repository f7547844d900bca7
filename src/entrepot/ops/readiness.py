"""Whether a node should be sent requests: what it stands on answers, and it is not about to end."""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

_REMEMBERED: Final = 1.0
"""Seconds for which an answer counts: load balancers ask often, and each asks every node."""
_PATIENCE: Final = 4.0


class DrainFlag:
    """Says that a node is about to end, from its first process to those that answer requests.

    A file says so, since workers share no memory; nodes may share the directory it is in.
    """

    def __init__(self, directory: Path, node: int) -> None:
        self._file = directory / f"ending-{socket.gethostname()}-{node}"

    def announce(self) -> None:
        """Say it; repeating it does nothing. A disk that is full keeps nobody from ending."""
        try:
            self._file.touch()
        except OSError:
            return

    def withdraw(self) -> None:
        """Say it no longer: the node has ended, or one of the same name begins."""
        self._file.unlink(missing_ok=True)

    def is_announced(self) -> bool:
        """Whether it was said."""
        return os.path.exists(self._file)  # noqa: PTH110 - a tenth of the time


class Readiness:
    """Asks what a node stands on, at most once a second."""

    def __init__(
        self,
        asked: Callable[[], Awaitable[None]],
        ending: DrainFlag,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = asked
        self._ending = ending
        self._clock = clock
        self._is_ready = False
        self._until = float("-inf")

    async def __call__(self) -> bool:
        """Whether to send requests to this node."""
        if self._ending.is_announced():
            return False
        if self._clock() >= self._until:
            self._is_ready = await self._answers()
            self._until = self._clock() + _REMEMBERED
        return self._is_ready

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._ask()
        except Exception:
            return False
        return True
