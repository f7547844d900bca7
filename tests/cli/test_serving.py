"""`entrepot serve` from its first moment to its last: what it says, and how it ends."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.server import PROGRAM, free_port

WORKERS = 2
PATIENCE = 60
"""Seconds for a start on a busy machine."""
AT_ONCE = 10
"""Seconds for an end that takes less than two; ends that waited took thirty."""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path, empty_database: Path) -> Iterator[Start]:
    """Start a hub on a database that is there."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "entrepot.db").write_bytes(empty_database.read_bytes())
    begun: list[subprocess.Popen[str]] = []

    def begin(port: int, **environment: str) -> subprocess.Popen[str]:
        words = ["serve", "--data", str(data), "--port", str(port), "--workers", str(WORKERS)]
        process = subprocess.Popen(
            [PROGRAM, *words],
            env=os.environ | {"ENTREPOT_ADMIN_PASSWORD": "the password of admin"} | environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        begun.append(process)
        return process

    yield begin
    for process in begun:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def children_of(process: int) -> list[int]:
    """The processes that it started and that are there."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            status = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if status[1] == str(process) and status[0] != "Z":
            found.append(int(entry.name))
    return sorted(found)


def wait_for(is_so: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Return once it is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def line_of(process: subprocess.Popen[str]) -> str:
    """The first line that it prints."""
    assert process.stdout is not None
    return process.stdout.readline()


def test_a_hub_says_that_it_serves_once_it_answers(start: Start, tmp_path: Path) -> None:
    port = free_port()
    process = start(port)
    assert line_of(process) == f"Entrepot serves {tmp_path}/data on http://localhost:{port}\n"
    assert urllib.request.urlopen(f"http://localhost:{port}/healthz").status == 200
    assert line_of(process).startswith("Extraction sandbox: resource limits, ")
    address = tmp_path / "data" / "address"
    assert address.read_text() == f"http://localhost:{port}\n"
    process.terminate()
    process.communicate(timeout=PATIENCE)
    assert not address.exists()


def test_a_first_password_that_is_too_short_is_one_line(start: Start) -> None:
    process = start(free_port(), ENTREPOT_ADMIN_PASSWORD="short")
    output, errors = process.communicate(timeout=PATIENCE)
    said = "entrepot: invalid admin_password: use 8 to 1024 characters\n"
    assert (process.returncode, output, errors) == (1, "", said)


def test_a_busy_port_is_one_line(start: Start) -> None:
    with socket.socket() as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        process = start(port)
        output, errors = process.communicate(timeout=PATIENCE)
    said = f"another program already listens on 127.0.0.1:{port}: choose another port with --port"
    assert (process.returncode, output, errors) == (1, "", f"entrepot: {said}\n")


def test_of_hubs_that_start_together_on_one_port_one_serves(start: Start) -> None:
    port = free_port()
    both = [start(port), start(port)]
    wait_for(lambda: any(each.poll() is not None for each in both))
    (refused,) = [each for each in both if each.poll() is not None]
    (serving,) = [each for each in both if each.poll() is None]
    _, errors = refused.communicate()
    assert refused.returncode == 1
    assert errors.splitlines() == [
        f"entrepot: another program already listens on 127.0.0.1:{port}: "
        "choose another port with --port"
    ]
    assert "Entrepot serves" in line_of(serving)


def test_a_hub_that_is_refused_leaves_the_files_of_the_other(start: Start, tmp_path: Path) -> None:
    port, theirs = free_port(), tmp_path / "data" / "metrics" / "theirs"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    with socket.socket(socket.AF_UNIX) as claim:
        claim.bind(f"\0entrepot 127.0.0.1:{port}")
        process = start(port)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert theirs.exists()
    assert not (tmp_path / "data" / "address").exists()


def test_hubs_on_one_directory_leave_each_others_files(start: Start, tmp_path: Path) -> None:
    first = start(free_port())
    line_of(first)
    theirs = tmp_path / "data" / "metrics" / "theirs"
    theirs.touch()
    second = start(free_port())
    line_of(second)
    assert theirs.exists()
    address = (tmp_path / "data" / "address").read_text()
    first.terminate()
    first.communicate(timeout=PATIENCE)
    assert (tmp_path / "data" / "address").read_text() == address
    second.kill()
    second.communicate(timeout=PATIENCE)
    line_of(start(free_port()))
    assert not theirs.exists()


@pytest.mark.parametrize("loaded", ["", "uvloop", "msgspec", "argon2", "entrepot.db"])
def test_an_end_while_workers_start_waits_for_nothing(start: Start, loaded: str) -> None:
    process = start(free_port())
    wait_for(lambda: len(children_of(process.pid)) == WORKERS)
    workers = children_of(process.pid)
    # How far a worker has come is told by what it has mapped.
    wait_for(lambda: loaded in Path(f"/proc/{workers[0]}/maps").read_text())
    process.terminate()
    _, errors = process.communicate(timeout=AT_ONCE)
    assert process.returncode == 0
    assert "Killing worker" not in errors
    wait_for(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), AT_ONCE)


@pytest.mark.parametrize("is_ready", [False, True], ids=["starting", "serving"])
def test_workers_end_with_a_parent_that_is_killed(start: Start, is_ready: bool) -> None:
    port = free_port()
    process = start(port)
    wait_for(lambda: len(children_of(process.pid)) == WORKERS)
    if is_ready:
        assert "Entrepot serves" in line_of(process)
    workers = children_of(process.pid)
    process.kill()
    process.wait()
    wait_for(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), AT_ONCE)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_no_environment_and_no_command_line_holds_a_secret(start: Start, tmp_path: Path) -> None:
    secret = "the secret of the provider"
    (tmp_path / "entrepot.toml").write_text(f'admin_password = "{secret}"\n')
    process = start(free_port(), ENTREPOT_ADMIN_PASSWORD="")
    line_of(process)
    for one in (process.pid, *children_of(process.pid)):
        for file in ("environ", "cmdline"):
            assert secret not in Path(f"/proc/{one}/{file}").read_text()
