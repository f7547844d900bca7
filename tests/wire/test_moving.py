"""A hub moves to S3 and to PostgreSQL while clients push; commands are killed on the way."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_MANIFEST
from tests.metadata.postgres import serving as serving_postgres
from tests.support.s3 import BUCKET, CREDENTIALS, S3Server
from tests.support.server import PROGRAM, Hub, serving_again
from tests.wire.content import EMPTY, image

pytestmark = pytest.mark.wire

NAME = "moving"
OPEN = {"ENTREPOT_OPEN": "true"}
PATIENCE = 120.0
_random = random.Random(7)


def client_of(hub: Hub) -> httpx.Client:
    """A client that is sent on to where the bytes are."""
    return httpx.Client(base_url=hub.url, timeout=60, follow_redirects=True)


class Pusher:
    """Pushes images one after the other, and remembers those that were acknowledged."""

    def __init__(self, client: httpx.Client, prefix: str = "t") -> None:
        self.client = client
        self.prefix = prefix
        self.acknowledged: dict[str, bytes] = {}
        self.refused = 0

    def push(self, size: int = 100_000) -> bool:
        """Push an image under a tag of its own; say whether the hub took it."""
        layer = _random.randbytes(size)
        tag, content = f"{self.prefix}{len(self.acknowledged)}", image(layer)
        for each in (EMPTY, layer):
            path = f"/v2/{NAME}/blobs/uploads/?digest={Digest.of(each)}"
            answer = self.client.post(path, content=each)
            if not self._is_taken(answer):
                return False
        kind = {"content-type": OCI_MANIFEST}
        path = f"/v2/{NAME}/manifests/{tag}"
        if not self._is_taken(self.client.put(path, content=content, headers=kind)):
            return False
        self.acknowledged[tag] = content
        return True

    def _is_taken(self, answer: httpx.Response) -> bool:
        if answer.status_code == 201:
            return True
        assert answer.status_code == 503, answer.text
        assert answer.headers["retry-after"]
        self.refused += 1
        return False


@contextmanager
def pushing(pusher: Pusher) -> Iterator[None]:
    """Pushes that go on beside everything in this context."""
    stop, failures = Event(), []

    def work() -> None:
        try:
            while not stop.wait(0.01):
                pusher.push()
        except Exception as error:
            failures.append(error)

    thread = Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert failures == []


def expect_all(hub: Hub, acknowledged: dict[str, bytes]) -> None:
    """Every image that was acknowledged is there, byte for byte."""
    with client_of(hub) as client:
        for tag, content in acknowledged.items():
            answer = client.get(f"/v2/{NAME}/manifests/{tag}")
            assert answer.content == content, (tag, answer.text)
            for layer in json.loads(content)["layers"]:
                found = client.get(f"/v2/{NAME}/blobs/{layer['digest']}")
                assert str(Digest.of(found.content)) == layer["digest"]


def wait_for(condition: Callable[[], bool]) -> None:
    """Return once it is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def running(data: Path, settings: dict[str, str], **more: str) -> AbstractContextManager[Hub]:
    """A hub on what is there, where everybody may do everything."""
    return serving_again(data, tls=False, **OPEN, **settings, **more)


def kill_when(hub: Hub, condition: Callable[[], bool], *words: str) -> None:
    """Begin `entrepot migrate` and kill it as soon as something is so."""
    process = subprocess.Popen(
        [PROGRAM, "migrate", *words, "--data", str(hub.data)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | dict(hub.settings),
    )
    wait_for(lambda: process.poll() is not None or condition())
    process.kill()
    process.wait()


def first_pushes(data: Path) -> dict[str, bytes]:
    """What a hub on files and SQLite took."""
    with running(data, {}) as hub, client_of(hub) as client:
        pusher = Pusher(client)
        assert all(pusher.push() for _ in range(60))
    return pusher.acknowledged


def count_moved(data: Path) -> int:
    """How many rows name bytes that are no longer files."""
    with closing(sqlite3.connect(data / "entrepot.db")) as rows:
        wanted = "SELECT count(*) FROM blobs WHERE storage_key NOT LIKE 'sha256/%'"
        return int(rows.execute(wanted).fetchone()[0])


def move_under_pushes(hub: Hub, place: str, acknowledged: dict[str, bytes]) -> dict[str, bytes]:
    """Move the bytes, beginning again and again; return what was pushed meanwhile."""
    words = ("--to-storage", place)
    with client_of(hub) as client:
        pusher = Pusher(client, "late")
        with pushing(pusher):
            for _ in range(3):
                enough = count_moved(hub.data) + 5
                kill_when(hub, partial(has_moved, hub.data, enough), *words)
                expect_all(hub, acknowledged)
            told = json.loads(hub.cli("migrate", *words, "--json"))
    assert told["problems"] == 0
    again = json.loads(hub.cli("migrate", *words, "--json"))
    assert (again["copied"], again["problems"]) == (0, 0)
    assert pusher.acknowledged
    return pusher.acknowledged


def has_moved(data: Path, enough: int) -> bool:
    """Whether that many rows have followed their bytes."""
    return count_moved(data) > enough


@pytest.mark.s3
def test_bytes_move_to_s3_and_back(s3_server: S3Server, tmp_path: Path) -> None:
    data, place = tmp_path / "data", f"s3://{BUCKET}/moved"
    acknowledged = first_pushes(data)
    endpoint = {"ENTREPOT_S3_ENDPOINT": s3_server.url, **CREDENTIALS}
    there = {**endpoint, "ENTREPOT_STORAGE": place}
    with running(data, there, ENTREPOT_STORAGE_FROM="files") as hub:
        expect_all(hub, acknowledged)
        acknowledged |= move_under_pushes(hub, place, acknowledged)
    shutil.rmtree(data / "blobs")
    with running(data, there) as hub:
        expect_all(hub, acknowledged)
        assert "no problems" in hub.cli("check")
    with running(data, endpoint, ENTREPOT_STORAGE="files", ENTREPOT_STORAGE_FROM=place) as hub:
        expect_all(hub, acknowledged)
        assert json.loads(hub.cli("migrate", "--to-storage", "files", "--json"))["problems"] == 0
    with running(data, {}) as hub:
        expect_all(hub, acknowledged)
        assert "no problems" in hub.cli("check")


def is_sealed(data: Path) -> bool:
    """Whether the SQLite file refuses changes."""
    with closing(sqlite3.connect(data / "entrepot.db")) as rows:
        wanted = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'"
        return bool(rows.execute(wanted).fetchone()[0])


def move_facts(hub: Hub, url: str, pusher: Pusher) -> None:
    """Move the facts, killed and cancelled again and again, while images are pushed."""
    with pushing(pusher):
        for _ in range(3):
            kill_when(hub, partial(is_sealed, hub.data), "--to-database", url)
            assert is_sealed(hub.data)
            hub.cli("migrate", "--cancel")
            enough = len(pusher.acknowledged) + 2
            wait_for(partial(has_pushed, pusher, enough))
        told = json.loads(hub.cli("migrate", "--to-database", url, "--json"))
        assert told["rows"] > len(pusher.acknowledged)
        refused = pusher.refused
        wait_for(lambda: pusher.refused > refused)
    assert json.loads(hub.cli("migrate", "--to-database", url, "--json")) == told


def has_pushed(pusher: Pusher, enough: int) -> bool:
    """Whether that many pushes were acknowledged."""
    return len(pusher.acknowledged) > enough


@pytest.mark.postgresql
def test_facts_move_to_postgresql(tmp_path: Path) -> None:
    data = tmp_path / "data"
    acknowledged = first_pushes(data)
    with serving_postgres() as url:
        with running(data, {}) as hub, client_of(hub) as client:
            pusher = Pusher(client, "late")
            move_facts(hub, url, pusher)
            acknowledged |= pusher.acknowledged
            expect_all(hub, acknowledged)
            assert not pusher.push()
        with running(data, {}, ENTREPOT_DATABASE=url) as hub, client_of(hub) as client:
            expect_all(hub, acknowledged)
            assert "no problems" in hub.cli("check")
            assert Pusher(client, "new").push()
            listed = client.get(f"/v2/{NAME}/tags/list").json()["tags"]
            assert set(acknowledged) <= set(listed)
