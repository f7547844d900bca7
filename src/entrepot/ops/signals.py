"""How processes of a hub end: with the one that started them, and at once while they start."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_DEATH_SIGNAL: Final = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


def end_with(parent: int) -> None:
    """Be killed when that process ends, which must have started this one; end if it has ended.

    The kernel's word is for the thread that forked: a hub forks in its first one.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        # It ended before the kernel was asked.
        os._exit(1)


@contextmanager
def held_back() -> Iterator[None]:
    """Signals to end wait until this is over: a process that is being forked hears of them too."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_at_once() -> None:
    """Let SIGTERM end this process until something else handles it.

    SIGINT is left to the parent, which hears of it too and sends SIGTERM.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))


@contextmanager
def ended_later() -> Iterator[None]:
    """A SIGTERM that arrives meanwhile ends this process afterwards, whichever thread got it."""
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
    if asked:
        os.kill(os.getpid(), signal.SIGTERM)
