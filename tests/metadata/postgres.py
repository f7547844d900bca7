"""A PostgreSQL server of the tests' own: no network, no durability, gone afterwards."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from tests.support.requirements import find_program, missing

STARTS_WITHIN: Final = 60.0
_SETTINGS: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "40",
}


@contextmanager
def serving(**settings: str) -> Iterator[str]:
    """The URL of a fresh server; without its programs the test is skipped, or under CI fails."""
    initdb, postgres = _program("initdb"), _program("postgres")
    directory = Path(tempfile.mkdtemp(prefix="etp-pg-"))
    owner = _unprivileged()
    if owner is not None:
        shutil.chown(directory, owner)
    try:
        _make_cluster(initdb, directory / "data", owner)
        with _running(postgres, directory, owner, _SETTINGS | settings):
            yield f"postgresql://postgres@/postgres?host={directory}"
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _make_cluster(initdb: Path, data: Path, owner: str | None) -> None:
    # An ICU locale, which sorts as dictionaries do: the schema must ask for byte order itself.
    command = [
        *(str(initdb), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"),
        *("--no-sync", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US"),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, user=owner, cwd=data.parent
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def _running(
    postgres: Path, directory: Path, owner: str | None, settings: Mapping[str, str]
) -> Iterator[None]:
    told = [f"--{name}={value}" for name, value in settings.items()]
    command = [str(postgres), "-D", str(directory / "data"), "-k", str(directory), *told]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, user=owner, cwd=directory, start_new_session=True
        )
        try:
            _wait_until_ready(process, directory)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _wait_until_ready(process: subprocess.Popen[bytes], directory: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        assert process.poll() is None, (directory / "log").read_text()
        try:
            psycopg.connect(f"postgresql://postgres@/postgres?host={directory}").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError((directory / "log").read_text())


def _unprivileged() -> str | None:
    """Who runs the server: it refuses to be root's."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _program(name: str) -> Path:
    found = find_program(name)
    if found is None:
        missing(f"{name} is not installed (the Debian package postgresql): make test brings it")
    return found
