"""A Docker engine of our own, and the trust in the hub that it and others are given."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.requirements import IS_ROOT, require
from tests.support.server import Hub
from tests.support.tools import attempt, tool

STARTS_WITHIN = 60.0
STOPS_WITHIN = 60.0
CERTIFICATES = Path("/etc/docker/certs.d")


@contextmanager
def docker_engine() -> Iterator[str]:
    """The address of a running engine; everything of it is gone afterwards."""
    require(IS_ROOT)
    program, client = tool("dockerd"), tool("docker")
    # Short: a socket's path has room for a hundred characters.
    directory = Path(tempfile.mkdtemp(prefix="engine-", dir="/tmp"))
    address = f"unix://{directory}/docker.sock"
    command = [str(program), "--iptables=false", "--ip6tables=false", "--bridge=none"]
    command += ["--storage-driver=vfs", "--data-root", str(directory / "data")]
    command += ["--exec-root", str(directory / "exec"), "--pidfile", str(directory / "pid")]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-H", address], stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_for_engine(client, address, process, directory / "log")
        yield address
    finally:
        _stop(process)
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def docker_trust(hub: Hub) -> Iterator[None]:
    """Have the engine trust the hub's CA, where it has one, the way Docker documents it."""
    if hub.ca is None:
        yield
        return
    directory = CERTIFICATES / hub.host
    directory.mkdir(parents=True)
    try:
        shutil.copy(hub.ca, directory / "ca.crt")
        yield
    finally:
        shutil.rmtree(directory)


def certificate_directory(hub: Hub, parent: Path) -> Path:
    """A directory for `--cert-dir`: the hub's CA, where it has one."""
    directory = parent / "certificates"
    directory.mkdir(exist_ok=True)
    if hub.ca is not None:
        shutil.copy(hub.ca, directory / "ca.crt")
    return directory


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOPS_WITHIN)
    finally:
        # Its containerd too, should it have stayed.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _wait_for_engine(
    client: Path, address: str, process: subprocess.Popen[bytes], log: Path
) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        if attempt(client, "-H", address, "version", env=os.environ).status == 0:
            return
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(f"no engine within {STARTS_WITHIN} s:\n{log.read_text()}")
