"""A server of several processes that can be started, killed at once, and started again."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

POLL = 0.02
STARTS_WITHIN = 30.0
STOPS_WITHIN = 40.0


class ServerFailed(Exception):
    """The server did not start, did not stop, or died by itself."""


@dataclass(frozen=True, slots=True)
class Process:
    """One line of the process table."""

    pid: int
    parent: int
    group: int
    state: str
    command: str


def _processes() -> Iterator[Process]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        state, parent, group = stat.rpartition(")")[2].split()[:3]
        yield Process(int(entry.name), int(parent), int(group), state, command)


@dataclass(slots=True)
class Server:
    """`entrepot serve` in a process group of its own, on one data directory."""

    data: Path
    port: int
    workers: int = 2
    program: Sequence[str] = (str(Path(sys.executable).with_name("entrepot")),)
    environment: Mapping[str, str] = field(default_factory=lambda: {"ENTREPOT_OPEN": "true"})
    log: Path = Path()
    """Everything the server printed, over all its starts; by default beside its data."""
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.log == Path():
            self.log = self.data.with_name(self.data.name + ".log")

    @property
    def variables(self) -> dict[str, str]:
        """The environment of its processes."""
        return os.environ | dict(self.environment)

    def start(self) -> None:
        """Start the processes without waiting for them."""
        command = [*self.program, "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", str(self.workers), "--data", str(self.data)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.variables,
                start_new_session=True,
            )

    def wait_ready(self, patience: float = STARTS_WITHIN) -> float:
        """Seconds until `/readyz` was answered with 200; fails when that takes too long."""
        return self._wait(self._is_ready, patience, "ready")

    def kill(self) -> None:
        """Kill every process of the server at the same moment."""
        process = self._running()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._wait(lambda: not self.members(), STOPS_WITHIN, "dead")

    def kill_worker(self, choose: Callable[[Sequence[int]], int]) -> int:
        """Kill one worker; the supervisor and the others live on."""
        victim = choose(self.worker_pids())
        os.kill(victim, signal.SIGKILL)
        return victim

    def worker_pids(self) -> list[int]:
        """The processes that answer requests, oldest first."""
        supervisor = self._running().pid
        found = (p for p in self.members() if p.parent == supervisor)
        return sorted(p.pid for p in found if "resource_tracker" not in p.command)

    def members(self) -> list[Process]:
        """All living processes of the server."""
        group = self._running().pid
        return [p for p in _processes() if p.group == group and p.state != "Z"]

    def is_running(self) -> bool:
        """Whether the process that was started is still there."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ask the server to end, and kill what has not ended in time."""
        if self._process is None:
            return
        process = self._process
        try:
            if self.is_running():
                process.terminate()
                process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired as late:
            raise ServerFailed(f"did not end within {STOPS_WITHIN:.0f} s of SIGTERM") from late
        finally:
            self._sweep()

    def check(self) -> list[str]:
        """What `entrepot check` complains about; nothing when all is well."""
        command = [*self.program, "check", "--json", "--data", str(self.data)]
        done = subprocess.run(
            command, capture_output=True, check=False, timeout=120, env=self.variables
        )
        said = done.stdout.decode(errors="replace").strip()
        if done.returncode == 0:
            return []
        return [f"entrepot check: exit {done.returncode}: {said or done.stderr.decode()}"]

    def tail(self, lines: int = 40) -> str:
        """The last lines that the server printed, without those about single requests."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        told = [line for line in text.splitlines() if '"event": "request"' not in line]
        return "\n".join(told[-lines:])

    def _sweep(self) -> None:
        for process in self.members():
            os.kill(process.pid, signal.SIGKILL)
        self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServerFailed("not started")
        return self._process

    def _is_ready(self) -> bool:
        if not self.is_running():
            raise ServerFailed(f"ended by itself\n{self.tail()}")
        url = f"http://127.0.0.1:{self.port}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _wait(self, condition: Callable[[], bool], patience: float, name: str) -> float:
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > patience:
                raise ServerFailed(f"not {name} after {patience:.0f} s\n{self.tail()}")
            time.sleep(POLL)
        return time.monotonic() - began
