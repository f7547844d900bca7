"""An S3 server of the tests' own: a program on a free port, over a directory."""

import itertools
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from entrepot.storage.buckets import Bucket, BucketConfig, Patience
from entrepot.storage.object_store import ObjectStorage
from tests.support.server import free_port
from tests.support.tools import tool

BUCKET: Final = "hub"
STARTS_WITHIN: Final = 30.0
CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "the-tests",
    "AWS_SECRET_ACCESS_KEY": "the-secret-of-the-tests",
    "AWS_REGION": "us-east-1",
}
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running server: its address, and the directory in which objects are files."""

    port: int
    directory: Path

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def new_place(self, port: int | None = None) -> BucketConfig:
        """A prefix that nobody else uses; `port` is that of a proxy."""
        url = f"http://127.0.0.1:{port or self.port}"
        return BucketConfig(BUCKET, f"tests/{next(_numbers)}", url, "us-east-1")

    def open_storage(self, spool: Path, patience: Patience | None = None) -> ObjectStorage:
        """An empty store."""
        return ObjectStorage(open_bucket(self.new_place(), patience), spool)


def open_bucket(place: BucketConfig, patience: Patience | None = None) -> Bucket:
    """A bucket, opened with the credentials of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        return Bucket(place, patience)


@contextmanager
def serving(directory: Path, store: str = "versitygw") -> Iterator[S3Server]:
    """A server for as long as it is needed; without its program the test is skipped or fails."""
    program = tool(store)
    server = S3Server(free_port(), directory)
    (directory / BUCKET).mkdir()
    key, secret = CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
    command: list[str | Path] = [
        program,
        "--port",
        f":{server.port}",
        "--quiet",
        "posix",
        directory,
    ]
    keys = {"ROOT_ACCESS_KEY": key, "ROOT_SECRET_KEY": secret}
    if store == "minio":
        command = [program, "server", "--quiet", "--address", f":{server.port}", directory]
        keys = {"MINIO_ROOT_USER": key, "MINIO_ROOT_PASSWORD": secret, "MINIO_BROWSER": "off"}
    log = directory.with_name(directory.name + ".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | keys,
        )
    try:
        _wait_until_ready(server, process, log)
        yield server
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_ready(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        if listens(server.port):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
