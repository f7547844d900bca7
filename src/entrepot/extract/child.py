"""The process that reads what strangers pushed: no network, no new files, little memory.

Tasks come in on standard input and findings go out on standard output, each as JSON behind its
length (4 bytes, big-endian), one after the other.
"""

import ctypes
import os
import resource
import signal
import struct
import sys
from types import FrameType
from typing import Final

from msgspec import json

from entrepot.extract.findings import Findings, State, Task
from entrepot.extract.read import read_task

_MEMORY: Final = 1024 * 1024 * 1024
_NO_NETWORK: Final = 0x40000000
"""CLONE_NEWNET of unshare(2)."""


class _OutOfTime(BaseException):
    """The task took longer than it may; no reader catches this."""


def main() -> None:
    """Read tasks until there are no more."""
    _lock_in()
    signal.signal(signal.SIGALRM, _stop)
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    while True:
        header = incoming.read(4)
        if len(header) < 4:
            return
        task = json.decode(incoming.read(*struct.unpack(">I", header)), type=Task)
        body = json.encode(_read(task))
        outgoing.write(struct.pack(">I", len(body)) + body)
        outgoing.flush()


def _read(task: Task) -> Findings:
    signal.setitimer(signal.ITIMER_REAL, task.seconds)
    try:
        return read_task(task)
    except _OutOfTime:
        return Findings(state=State.TOO_LARGE, reason="reading it took longer than it may")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _stop(number: int, frame: FrameType | None) -> None:
    raise _OutOfTime


def _lock_in() -> None:
    """Give up everything that reading bytes does not need."""
    os.nice(10)
    for limit, value in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        _, hard = resource.getrlimit(limit)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (most, most))
    # Only root may leave the network by this call; for others the limits above are what there is.
    ctypes.CDLL(None, use_errno=True).unshare(_NO_NETWORK)
    if os.getuid() != 0:
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


if __name__ == "__main__":
    main()
