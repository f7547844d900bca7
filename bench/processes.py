"""Process trees: started, watched, measured, ended."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ENDS_WITHIN = 40.0


class Tree:
    """A program in a session of its own, with everything that it starts."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.began = time.perf_counter()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=os.environ | dict(environment),
                start_new_session=True,
            )

    @property
    def is_alive(self) -> bool:
        """Whether the program itself still runs."""
        return self._process.poll() is None

    def resident(self) -> int:
        """Bytes resident in all of its processes, shared pages counted in each."""
        return sum(_resident(pid) for pid in self.pids())

    def proportional(self) -> int:
        """Bytes in memory for all of its processes, a shared page counted once in all (PSS)."""
        return sum(_proportional(pid) for pid in self.pids())

    def processor_seconds(self) -> float:
        """Seconds of processor time, of user and system, that all of its processes have taken."""
        return sum(_processor_seconds(pid) for pid in self.pids())

    def pids(self) -> list[int]:
        """Every process of the session."""
        return [pid for pid in _all_pids() if _session(pid) == self._process.pid]

    def end(self) -> None:
        """Ask it to end, and wait until it has."""
        self._process.terminate()
        try:
            self._process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _processor_seconds(pid: int) -> float:
    try:
        # Behind the name, which may hold spaces: utime, stime, cutime, cstime (proc(5)).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
