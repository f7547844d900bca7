"""The two registries, started the same way on the same disk."""

import os
import shutil
import socket
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path
from typing import Protocol
from urllib.parse import urlencode

from bench.http import Connection
from bench.processes import Tree

ROOT = Path(__file__).parents[1]
USER, PASSWORD, NAMESPACE = "bench", "a password for the benchmark", "bench"
STARTS_WITHIN = 60.0


class Peer(Protocol):
    """A registry that can be measured."""

    name: str
    port: int
    tree: Tree

    def start(self) -> float:
        """Start it, and return the seconds until it answered its first request with 200."""

    def authorization(self, *repositories: str) -> str | None:
        """The header to send for these repositories; `None` where it asks for none."""


class Distribution:
    """CNCF distribution with files, without authentication, without an access log."""

    name = "distribution"

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.port = free_port()
        (directory / "data").mkdir(parents=True, exist_ok=True)
        (directory / "config.yml").write_text(
            "version: 0.1\n"
            "log: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {directory}/data}}, "
            "delete: {enabled: true}}\n"
            f"http: {{addr: '127.0.0.1:{self.port}'}}\n"
        )

    def start(self) -> float:
        """Start it."""
        program = find_program("registry")
        command = [program, "serve", str(self._directory / "config.yml")]
        environment = {"OTEL_TRACES_EXPORTER": "none"}
        self.tree = Tree(command, self._directory / "log", environment)
        return wait_for(self, "/v2/")

    def authorization(self, *_: str) -> str | None:
        """It asks for none."""
        return None


class Entrepot:
    """Entrepot with two workers, as `entrepot serve` starts it: with accounts, counters, log.

    With `checkout` it is that of another checkout, such as the commit before a change.
    """

    def __init__(self, directory: Path, checkout: Path | None = None) -> None:
        self.name = "entrepot" if checkout is None else "before"
        self._directory = directory
        self.port = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        programs = Path(sys.executable).parent if checkout is None else checkout / ".venv" / "bin"
        self._program = str(programs / "entrepot")
        self._is_new = True

    @property
    def data(self) -> Path:
        """Its data directory."""
        return self._directory / "data"

    def start(self) -> float:
        """Start it; the first time, make the account."""
        command = [self._program, "serve", "--data", str(self.data), "--port", str(self.port)]
        self.tree = Tree([*command, "--workers", "2"], self._directory / "log", {})
        seconds = wait_for(self, "/readyz")
        if self._is_new:
            self._operate("user", "add", USER, "--password-stdin", stdin=PASSWORD)
            self._is_new = False
        return seconds

    def authorization(self, *repositories: str) -> str | None:
        """A token for these repositories, got as clients get it."""
        scopes = [("scope", f"repository:{name}:pull,push") for name in repositories]
        scopes.append(("scope", "registry:catalog:*"))
        basic = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        connection = Connection(self.port, f"Basic {basic}")
        answer = connection.request("GET", f"/token?{urlencode(scopes)}").expect(200)
        connection.close()
        return f"Bearer {answer.text('token')}"

    def _operate(self, *words: str, stdin: str) -> None:
        command = [self._program, *words, "--data", str(self.data)]
        subprocess.run(command, input=stdin, text=True, check=True, stdout=subprocess.DEVNULL)


def wait_for(peer: Peer, path: str) -> float:
    """Seconds from the start of the program to its first 200 there."""
    while True:
        try:
            connection = Connection(peer.port)
            status = connection.request("GET", path).status
            connection.close()
        except OSError:
            status = 0
        seconds = time.perf_counter() - peer.tree.began
        if status == 200:
            return seconds
        if seconds > STARTS_WITHIN or not peer.tree.is_alive:
            raise RuntimeError(f"{peer.name} did not start")
        time.sleep(0.005)


def find_program(name: str) -> str:
    """A program of the tools directory or of the PATH."""
    tools, packages = ROOT / ".tools" / "bin", ROOT / ".tools" / "debian" / "bin"
    places = (str(tools), os.environ["PATH"], str(packages))
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise SystemExit(f"{name} is not installed: run scripts/packages.sh and scripts/tools.sh")
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
