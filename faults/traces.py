"""Calls of the system that fail on purpose: strace attached to a running process."""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CALLS = ("pwrite64", "fdatasync", "fsync", "rename", "unlink", "ftruncate")
"""Every way in which a server with SQLite and files changes what is on its disk."""
LETS_GO_WITHIN = 2.0
_INJECTED = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += .*\(INJECTED\)")
_KILLED = re.compile(r"\+\+\+ killed by SIGKILL")
_PATH = re.compile(r'[<"](/[^>"]*)[>"]')


class NoStrace(Exception):
    """The program is not installed, or may not trace."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the n-th call of a kind: an error, or the end of the process."""

    call: str
    error: str
    number: int
    onwards: bool = False

    def __str__(self) -> str:
        return f"{self.error} at {self.call} {self.number}"

    @property
    def kills(self) -> bool:
        """Whether the process ends with it."""
        return self.error == "SIGKILL"

    @property
    def injection(self) -> str:
        """As strace wants to be told."""
        what = f"signal={self.error}" if self.kills else f"error={self.error}"
        return f"inject={self.call}:{what}:when={self.number}{'+' * self.onwards}"


@dataclass(slots=True)
class Trace:
    """What strace saw; complete when it has let go."""

    output: Path

    @property
    def struck(self) -> bool:
        """Whether the fault came."""
        return self.path is not None or bool(_KILLED.search(self._text()))

    @property
    def call(self) -> str | None:
        """The call that failed."""
        found = self._failed()
        return None if found is None else found[1]

    @property
    def path(self) -> Path | None:
        """The file that the failed call was about."""
        found = self._failed()
        if found is None:
            return None
        named = _PATH.search(found[2])
        return Path(named[1]) if named else Path("/")

    def _failed(self) -> re.Match[str] | None:
        lines = self._text().splitlines()
        return next(filter(None, (_INJECTED.match(line) for line in lines)), None)

    def _text(self) -> str:
        return self.output.read_text(errors="replace") if self.output.exists() else ""


def command(fault: Fault, output: Path) -> list[str]:
    """The words before those of a program, or of the process to attach to."""
    program = shutil.which("strace")
    if program is None:
        raise NoStrace("strace is not installed")
    traced = f"trace={fault.call}"
    return [program, "-f", "-y", "-o", str(output), "-e", traced, "-e", fault.injection]


@contextmanager
def attached(pid: int, fault: Fault, output: Path) -> Iterator[Trace]:
    """Make calls of a process fail while this lasts."""
    words = [*command(fault, output), "-p", str(pid)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as strace:
        if strace.stderr is None or "attached" not in (said := strace.stderr.readline()):
            strace.kill()
            raise NoStrace(said)
        try:
            yield Trace(output)
        finally:
            strace.send_signal(signal.SIGINT)
            try:
                strace.wait(LETS_GO_WITHIN)
            except subprocess.TimeoutExpired:
                # A thread that began while its process was killed is never reported to strace.
                strace.kill()
