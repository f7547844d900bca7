"""A PostgreSQL and an S3 server that can be killed and started again on what they had."""

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg

from faults.servers import ServerFailed

POLL: Final = 0.05
PATIENCE: Final = 60.0
BUCKET: Final = "hub"
CREDENTIALS: Final[Mapping[str, str]] = {
    "AWS_ACCESS_KEY_ID": "the-faults",
    "AWS_SECRET_ACCESS_KEY": "the-secret-of-the-faults",
    "AWS_REGION": "us-east-1",
}
# A killed server loses nothing that it wrote: the machine lives on. So it need not sync, but it
# must have written before it answers.
_SETTINGS: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "on",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "min_wal_size": "2MB",
}


@dataclass(slots=True)
class Postgres:
    """A cluster in a directory, and the server on it."""

    directory: Path
    log: Path | None = None
    """Where its log of changes is; by default with all the rest."""
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where clients find it: a socket in the directory."""
        return f"postgresql://postgres@/postgres?host={self.directory}"

    def create(self) -> None:
        """Make the cluster."""
        self.directory.mkdir(parents=True)
        owner = _unprivileged()
        if owner is not None:
            shutil.chown(self.directory, owner)
        command = [*(_program("initdb"), "-D", str(self.directory / "data"), "-U", "postgres")]
        command += ["-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C", "--wal-segsize=1"]
        if self.log is not None:
            self.log.mkdir()
            if owner is not None:
                shutil.chown(self.log, owner)
            command += ["-X", str(self.log)]
        done = subprocess.run(
            command, capture_output=True, check=False, user=owner, cwd=self.directory
        )
        if done.returncode != 0:
            raise ServerFailed(done.stderr.decode())

    def start(self) -> None:
        """Start the server, again and again while the one before still holds its memory."""
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            if self._process is None or self._process.poll() is not None:
                self._spawn()
            if time.monotonic() > deadline:
                raise ServerFailed((self.directory / "log").read_text()[-2000:])
            time.sleep(POLL)

    def kill(self) -> None:
        """Kill the postmaster as the kernel would; its children notice and end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def crash(self) -> None:
        """End every connection at once, without a checkpoint: `pg_ctl stop -m immediate`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(PATIENCE)

    def stop(self) -> None:
        """End the server as its operator would."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(PATIENCE)
        self._process = None

    @property
    def pid(self) -> int:
        """The process that stands for all of it."""
        return _pid(self._process)

    def restart(self) -> None:
        """Wait until it is dead, and start it again."""
        _wait_for_end(self._process)
        self.start()

    def run(self, statement: str) -> None:
        """Run one of the operator's statements."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def cut_all(self) -> None:
        """End every connection but this one."""
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _spawn(self) -> None:
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        command = [_program("postgres"), "-D", str(self.directory / "data")]
        command += ["-k", str(self.directory), *settings]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                user=_unprivileged(),
                cwd=self.directory,
                start_new_session=True,
            )


@dataclass(slots=True)
class Store:
    """An S3 server over a directory."""

    directory: Path
    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start the server, and return when it takes connections."""
        (self.directory / BUCKET).mkdir(parents=True, exist_ok=True)
        command = [_program("versitygw"), "--port", f":{self.port}", "--quiet"]
        with self.directory.with_name(f"{self.directory.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "posix", str(self.directory)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ
                | {
                    "ROOT_ACCESS_KEY": CREDENTIALS["AWS_ACCESS_KEY_ID"],
                    "ROOT_SECRET_KEY": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
                },
            )
        wait_until(lambda: _listens(self.port), "the S3 server")

    def kill(self) -> None:
        """Kill it as the kernel would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """Its process."""
        return _pid(self._process)

    def restart(self) -> None:
        """Wait until it is dead, and start it again."""
        _wait_for_end(self._process)
        self.start()

    def objects(self) -> int:
        """How many objects there are, parts of unfinished ones among them."""
        return sum(1 for path in self.directory.rglob("*") if path.is_file())

    def unfinished(self) -> list[str]:
        """Multipart uploads that nobody has completed or aborted."""
        places = self.directory.rglob(".sgwtmp/multipart/*/*")
        return sorted(path.name for path in places if path.is_dir())


def wait_until(
    condition: Callable[[], bool], what: str, patience: float = PATIENCE, poll: float = POLL
) -> float:
    """Seconds until it was so; fails when that takes too long."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > patience:
            raise ServerFailed(f"{what}: not so after {patience:.0f} s")
        time.sleep(poll)
    return time.monotonic() - began


def remove_directory(path: Path) -> None:
    """Remove it and all in it; children of a server that was killed may write there a while yet."""
    deadline = time.monotonic() + PATIENCE
    while path.exists() and time.monotonic() < deadline:
        shutil.rmtree(path, ignore_errors=True)
        if path.exists():
            time.sleep(POLL)


def _pid(process: subprocess.Popen[bytes] | None) -> int:
    if process is None:
        raise ServerFailed("not started")
    return process.pid


def _wait_for_end(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.wait(PATIENCE)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _unprivileged() -> str | None:
    """Who runs PostgreSQL: it refuses to be root's."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _program(name: str) -> str:
    own = Path(__file__).parent.parent / ".tools" / "bin"
    debian: Sequence[Path] = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places = itertools.chain([os.environ["PATH"], str(own)], map(str, debian))
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise ServerFailed(f"{name} is not installed")
    return found
