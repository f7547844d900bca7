"""The process that reads what strangers pushed: no network, no files of its own, little memory.

Tasks come in on standard input and findings go out on standard output, each as JSON behind its
length (4 bytes, big-endian), one after the other. The last argument is the descriptor over which
it is handed the blobs (`entrepot.extract.sandbox.handing`).
"""

import signal
import struct
import sys
from types import FrameType

from msgspec import json

from entrepot.extract.files import open_by
from entrepot.extract.findings import ExtractionState, Findings, Task
from entrepot.extract.read import read_task
from entrepot.extract.sandbox.confinement import confine
from entrepot.extract.sandbox.handing import Handed
from entrepot.extract.sandbox.renderer import MARKDOWN


class _OutOfTime(BaseException):
    """The task took longer than it may; no reader catches this."""


def main() -> None:
    """Read tasks until there are no more."""
    open_by(Handed(int(sys.argv[-1])).open)
    signal.signal(signal.SIGALRM, _stop)
    confine()
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
    if task.extractor == MARKDOWN:
        return _render(task)
    signal.setitimer(signal.ITIMER_REAL, task.seconds)
    try:
        return read_task(task)
    except _OutOfTime:
        return Findings(
            state=ExtractionState.TOO_LARGE, reason="reading it took longer than it may"
        )
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _render(task: Task) -> Findings:
    """Draw a text within a limit of processor time; past it the kernel ends this process.

    The parser and the cleaner are compiled: no handler of Python's would run before they are done.
    """
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, task.seconds)
    try:
        return read_task(task)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _stop(number: int, frame: FrameType | None) -> None:
    raise _OutOfTime


if __name__ == "__main__":
    main()
