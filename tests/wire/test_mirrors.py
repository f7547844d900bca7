"""Mirrors over sockets: two workers, real clients, a worker that is killed."""

import hashlib
import http.client
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.tools import attempt, run, tool
from tests.support.upstream import RunningUpstream, Upstream, digest_of
from tests.wire.hubs import ADMIN_PASSWORD, Hub, serving

pytestmark = pytest.mark.wire

LARGE = os.urandom(16 * 1024 * 1024)
OTHER = LARGE[::-1]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub of two workers; its bytes agree with its rows at the end."""
    with serving(tmp_path_factory.mktemp("mirrors") / "data") as running:
        yield running
        running.cli("check")
        assert "Traceback" not in running.log.read_text()


@pytest.fixture
def running() -> Iterator[RunningUpstream]:
    """A registry that is mirrored."""
    found = RunningUpstream()
    yield found
    found.end()


@pytest.fixture
def upstream(running: RunningUpstream) -> Upstream:
    """What it has and was asked."""
    return running.upstream


@pytest.fixture
def mirror(hub: Hub, upstream: Upstream, request: pytest.FixtureRequest) -> str:
    """The name of a public mirror of it."""
    name = hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    options = ["--allow-private-network", "--visibility", "public", "--ttl", "1h", "--json"]
    made = json.loads(hub.cli("mirror", "add", name, "--url", upstream.url, *options))
    assert made["state"] == "online"
    return name


def get(hub: Hub, path: str) -> tuple[int, str, bytes]:
    """The status, how it came, and the bytes; fewer where the connection was cut."""
    url = f"http://127.0.0.1:{hub.client.port}/v2/{path}"
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.headers.get("Entrepot-Cache", ""), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, "", error.read()


def test_clients_of_all_workers_share_one_download(
    hub: Hub, upstream: Upstream, mirror: str
) -> None:
    upstream.add_image("lib/app", "1", LARGE)
    upstream.pause = 0.01
    assert get(hub, f"{mirror}/lib/app/manifests/1")[:2] == (200, "miss")
    path = f"{mirror}/lib/app/blobs/{digest_of(LARGE)}"
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: get(hub, path), range(16)))
    assert all(body == LARGE for _, _, body in answers)
    assert upstream.count("GET", "/blobs/") == 1
    assert get(hub, path)[1] == "hit"
    assert list((hub.data / "fetches").iterdir()) == []


def test_a_killed_worker_is_followed_by_another(hub: Hub, upstream: Upstream, mirror: str) -> None:
    upstream.add_image("lib/app", "1", OTHER)
    get(hub, f"{mirror}/lib/app/manifests/1")
    upstream.pause = 0.05
    path = f"{mirror}/lib/app/blobs/{digest_of(OTHER)}"
    with ThreadPoolExecutor(12) as pool:
        clients = [pool.submit(_try, hub, path) for _ in range(12)]
        _wait(lambda: upstream.blob_bytes > len(OTHER) // 3)
        os.kill(_writer(hub.data / "fetches"), signal.SIGKILL)
        bodies = [each.result() for each in clients]
    # Those of the worker that died are cut; the others get all of it.
    assert any(body == OTHER for body in bodies)
    assert all(OTHER.startswith(body) for body in bodies)
    assert upstream.blob_bytes < 1.6 * len(OTHER)
    _wait(lambda: get(hub, path)[1] == "hit")


def test_crane_oras_and_skopeo_pull_what_the_upstream_has(
    hub: Hub, running: RunningUpstream, upstream: Upstream, mirror: str, tmp_path: Path
) -> None:
    digest = upstream.add_image("lib/app", "1", b"layer", config=_CONFIG)
    host = f"127.0.0.1:{hub.client.port}"
    name = f"{host}/{mirror}/lib/app:1"
    assert run(tool("crane"), "digest", "--insecure", name).strip() == digest
    manifest = run(tool("crane"), "manifest", "--insecure", name).encode()
    assert manifest == upstream.manifests["lib/app:1"][0]
    oras = tool("oras")
    fetched = run(oras, "manifest", "fetch", "--plain-http", "--descriptor", name)
    assert json.loads(fetched)["digest"] == digest
    skopeo = tool("skopeo")
    layout = f"dir:{tmp_path / 'copy'}"
    run(skopeo, "copy", "--src-tls-verify=false", f"docker://{name}", layout)
    assert (tmp_path / "copy" / "manifest.json").read_bytes() == manifest
    # With the upstream gone, all of that still works.
    running.stop()
    assert run(tool("crane"), "digest", "--insecure", name).strip() == digest
    again = f"dir:{tmp_path / 'again'}"
    run(skopeo, "copy", "--src-tls-verify=false", f"docker://{name}", again)
    lost = attempt(tool("crane"), "digest", "--insecure", f"{host}/{mirror}/lib/app:2")
    assert lost.status != 0


def test_a_push_is_refused_in_words(hub: Hub, upstream: Upstream, mirror: str) -> None:
    host = f"127.0.0.1:{hub.client.port}"
    crane = tool("crane")
    env = {"PATH": os.environ["PATH"], "HOME": str(hub.data.parent)}
    login = ("auth", "login", "--insecure", host, "-u", "admin", "-p", ADMIN_PASSWORD)
    run(crane, *login, env=env)
    upstream.add_image("lib/app", "1", b"layer", config=_CONFIG)
    source = f"{host}/{mirror}/lib/app:1"
    pushed = attempt(crane, "copy", "--insecure", source, f"{host}/{mirror}/lib/other:1", env=env)
    assert pushed.status != 0
    assert "is a mirror of" in pushed.said


def test_the_operators_commands(hub: Hub, running: RunningUpstream, upstream: Upstream) -> None:
    upstream.needs_token = True
    upstream.credentials = ("robot", "secret")
    options = ["--url", upstream.url, "--allow-private-network", "--user", "robot"]
    made = hub.cli("mirror", "add", "corp", *options, "--password-stdin", stdin="secret\n")
    assert made.startswith(f"Created mirror corp of {upstream.url}.")
    assert hub.cli("mirror", "test", "corp") == f"corp: {upstream.url} answers.\n"
    shown = json.loads(hub.cli("mirror", "show", "corp", "--json"))
    assert (shown["username"], shown["has_password"], shown["cached"]) == ("robot", True, 0)
    assert "secret" not in hub.cli("mirror", "show", "corp")
    database = (hub.data / "entrepot.db").read_bytes()
    assert b"secret\n" not in database
    assert "corp is offline now." in hub.cli("mirror", "offline", "corp", "on")
    assert "offline" in hub.cli("mirror", "list")
    assert "corp is online now." in hub.cli("mirror", "offline", "corp", "off")
    running.stop()
    assert hub.cli("mirror", "remove", "corp", "--yes") == "Deleted the mirror corp.\n"
    assert "corp" not in hub.cli("mirror", "list")


_CONFIG = json.dumps(
    {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest_of(b"layer")]},
        "config": {},
    }
).encode()


def _try(hub: Hub, path: str) -> bytes:
    """The bytes that came before the connection ended."""
    try:
        return get(hub, path)[2]
    except http.client.IncompleteRead as error:
        return error.partial
    except OSError:
        return b""


def _writer(directory: Path) -> int:
    """The process that has the arriving file locked, as the system says."""
    (file,) = [path for path in directory.iterdir() if path.suffix != ".size"]
    inode = file.stat().st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if words[1] == "FLOCK" and words[5].endswith(f":{inode}"):
            return int(words[4])
    raise AssertionError("nobody writes")


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)
