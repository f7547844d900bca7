"""The data directory of a hub whose one account has a quota, while bytes come in every way."""

import http.client
import json
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.wire.content import image
from tests.wire.hubs import Hub, serving
from tests.wire.people import Person, basic

MIB = 1024 * 1024
QUOTA = 32 * MIB
SLACK = 64 * MIB
NAME = "anna"
PASSWORD = "the long password of anna"
REPOSITORY = f"/v2/{NAME}/things"
Answered = tuple[int, dict[str, str], bytes]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub with anna, who may hold 32 MiB."""
    with serving(tmp_path / "data") as running:
        owner = running.newcomer(NAME, PASSWORD)
        running.make(f"{NAME}/things", "private", owner)
        running.cli("quota", NAME, f"{QUOTA}B")
        yield running


def du(directory: Path) -> int:
    """Bytes that the directory takes on the disk."""
    total = 0
    for place, _, names in os.walk(directory):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(Path(place) / name).st_blocks * 512
    return total


class Watching:
    """Looks at the directory again and again; `peak` is the most that it took."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._is_over = threading.Event()
        self.peak = 0
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Watching":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(0.02):
            self.peak = max(self.peak, du(self._directory))
        self.peak = max(self.peak, du(self._directory))


class Caller:
    """Sends requests, each on a connection of its own."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.auth = {"authorization": basic(NAME, PASSWORD)}

    def ask(self, method: str, target: str, body: object = None, **headers: str) -> Answered:
        """Status, headers and body of an answer; (0, …) where the connection was closed."""
        client = self._hub.client
        connection = http.client.HTTPConnection(client.host, client.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        is_chunked = not isinstance(body, bytes | str | None)
        try:
            connection.request(method, target, body, named, encode_chunked=is_chunked)  # type: ignore[arg-type]
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, found, answer.read()
        except OSError:
            return 0, {}, b""
        finally:
            connection.close()


def unfinished(caller: Caller) -> list[int]:
    """Begin many uploads, put something into each, and finish none."""
    found = []
    for _ in range(80):
        status, headers, _ = caller.ask("POST", f"{REPOSITORY}/blobs/uploads/", **caller.auth)
        if status == 202:
            body = secrets.token_bytes(2 * MIB)
            status, _, _ = caller.ask("PATCH", headers["location"], body, **caller.auth)
        found.append(status)
    return found


def at_once(caller: Caller) -> list[int]:
    """Push many blobs at once, announced and not."""

    def push(number: int) -> int:
        content = secrets.token_bytes(8 * MIB)
        target = f"{REPOSITORY}/blobs/uploads/?digest=sha256:{sha256(content).hexdigest()}"
        runs = iter([content[at : at + 65536] for at in range(0, len(content), 65536)])
        body = content if number % 2 else runs
        extra = {} if number % 2 else {"transfer_encoding": "chunked"}
        return caller.ask("POST", target, body, **caller.auth, **extra)[0]

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(push, range(32)))


def in_a_browser(caller: Caller) -> list[int]:
    """Upload large files from the browser's page."""
    _, headers, page = caller.ask("GET", "/login")
    cookie = headers["set-cookie"].partition(";")[0]
    fields = {"name": NAME, "password": PASSWORD, "token": _token(page)}
    form = {"content_type": "application/x-www-form-urlencoded", "cookie": cookie}
    _, headers, _ = caller.ask("POST", "/login", urlencode(fields), **form)
    cookie += "; " + headers["set-cookie"].partition(";")[0]
    target = f"/r/{NAME}/things/-/upload"
    token = _token(caller.ask("GET", target, cookie=cookie)[2])
    found = []
    for number in range(10):
        name = f'form-data; name="file"; filename="{number}.bin"'
        head = f"--edge\r\nContent-Disposition: {name}\r\n\r\n".encode()
        body = head + secrets.token_bytes(24 * MIB) + b"\r\n--edge--\r\n"
        kind = "multipart/form-data; boundary=edge"
        found.append(
            caller.ask("POST", f"{target}?token={token}", body, content_type=kind, cookie=cookie)[0]
        )
    return found


def _token(page: bytes) -> str:
    found = re.search(rb'name="token" value="([0-9a-f]+)"', page) or re.search(
        rb"token=([0-9a-f]{64})", page
    )
    assert found is not None
    return found[1].decode()


def manifests(caller: Caller) -> list[int]:
    """Push manifests that are as large as they may be."""
    found = []
    for number in range(40):
        body = image(annotations={"padding": secrets.token_hex(3 * MIB // 2)})
        target = f"{REPOSITORY}/manifests/v{number}"
        kind = json.loads(body)["mediaType"]
        found.append(caller.ask("PUT", target, body, **caller.auth, content_type=kind)[0])
    return found


@pytest.mark.parametrize("way", [manifests, unfinished, at_once, in_a_browser])
def test_the_disk_never_holds_more_than_the_quota_and_a_little(
    hub: Hub, way: Callable[[Caller], list[int]]
) -> None:
    caller = Caller(hub)
    with Watching(hub.data) as watching:
        found = way(caller)
    print(f"{way.__name__}: peak {watching.peak / MIB:.1f} MiB of {(QUOTA + SLACK) / MIB:.0f}")
    assert watching.peak <= QUOTA + SLACK
    assert any(each not in (201, 202, 303) for each in found), found
    owner = Person(hub.client, NAME, PASSWORD)
    assert owner.ask().expect(200)
