"""A hub started as an operator would start it, with an account and an organization in it."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

# Another build of the hub, such as an installed wheel, can be tried in place of this checkout.
PROGRAM = Path(os.environ.get("ENTREPOT_TEST_PROGRAM", Path(sys.executable).with_name("entrepot")))
USER = "hubuser"
PASSWORD = "the-long-password-of-hubuser"
ORGANIZATION = "docker"
ADMIN_PASSWORD = "the-long-password-of-admin"
STARTS_WITHIN = 60.0
STOPS_WITHIN = 40.0


@dataclass(frozen=True, slots=True)
class Hub:
    """A running hub: what a client needs to know of it, and the operator's commands."""

    host: str
    data: Path
    ca: Path | None = None
    username: str = USER
    password: str = PASSWORD
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def tls(self) -> bool:
        """Whether it speaks HTTPS."""
        return self.ca is not None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.host.rpartition(":")[2])

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"{'https' if self.tls else 'http'}://{self.host}"

    @property
    def environment(self) -> dict[str, str]:
        """The process environment, with the private CA trusted where there is one."""
        return os.environ | ({"SSL_CERT_FILE": str(self.ca)} if self.ca else {})

    def cli(self, *words: str, stdin: str = "") -> str:
        """Run one of the operator's commands on this hub's data; it must succeed."""
        return operate(self.data, *words, stdin=stdin, settings=self.settings)


def operate(
    data: Path, *words: str, stdin: str = "", settings: Mapping[str, str] | None = None
) -> str:
    """Run one of the operator's commands on a data directory; it must succeed."""
    done = subprocess.run(
        [PROGRAM, *words, "--data", str(data)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | dict(settings or {}),
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@contextmanager
def serving(data: Path, *, tls: bool = False, **settings: str) -> Iterator[Hub]:
    """A hub of two workers with `hubuser`, who owns the organization `docker`."""
    with _as_chosen(data, tls=tls, **settings) as hub:
        hub.cli("user", "add", USER, "--password-stdin", stdin=PASSWORD)
        hub.cli("org", "add", ORGANIZATION, "--owner", USER)
        yield hub


@contextmanager
def _as_chosen(data: Path, *, tls: bool, **settings: str) -> Iterator[Hub]:
    # Late: they stand on this module.
    from tests.support import nodes

    manner = nodes.chosen()
    if manner is None or {"ENTREPOT_STORAGE", "ENTREPOT_DATABASE"} & settings.keys():
        with serving_again(data, tls=tls, **settings) as hub:
            yield hub
        return
    told = {"ENTREPOT_ADMIN_PASSWORD": ADMIN_PASSWORD} | settings
    with nodes.serving(manner, data, told, tls=tls) as running:
        yield Hub(f"localhost:{running.port}", data, running.ca, settings=running.settings)


@contextmanager
def serving_again(data: Path, *, tls: bool = False, **settings: str) -> Iterator[Hub]:
    """A hub of two workers on facts and bytes that are there: after a stop, or one node more."""
    port = free_port()
    command = [str(PROGRAM), "serve", "--data", str(data), "--port", str(port), "--workers", "2"]
    log = data.with_name(data.name + ".log")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, *(("--tls", "auto") if tls else ())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | {"ENTREPOT_ADMIN_PASSWORD": ADMIN_PASSWORD} | settings,
            start_new_session=True,
        )
    ca = data / "tls" / "ca.crt" if tls else None
    hub = Hub(f"localhost:{port}", data, ca, settings=settings)
    try:
        wait_until_ready(hub, process, log)
        yield hub
    finally:
        _stop(process)


def wait_until_ready(hub: Hub, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once `/readyz` answers 200; fail with the log when the hub ends or takes too long."""
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        if _is_ready(hub):
            return
        time.sleep(0.05)
    raise AssertionError(f"not ready within {STARTS_WITHIN} s:\n{log.read_text()}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(hub: Hub) -> bool:
    if hub.ca is not None and not hub.ca.exists():
        return False
    context = ssl.create_default_context(cafile=hub.ca) if hub.ca else None
    try:
        with urllib.request.urlopen(f"{hub.url}/readyz", timeout=5, context=context) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOPS_WITHIN)
    finally:
        # Workers included: none outlives the tests, whatever became of the one that started them.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
