"""The same hub with its bytes in S3: what one worker or node took, every one of them gives."""

import hashlib
import os
import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_MANIFEST
from tests.support.memory import peak_memory
from tests.support.s3 import BUCKET, CREDENTIALS, S3Server
from tests.support.server import ORGANIZATION, PASSWORD, USER, Hub, serving
from tests.support.tools import run, tool
from tests.wire.content import image

pytestmark = [pytest.mark.wire, pytest.mark.s3]

MIB = 1024 * 1024
NAME = f"{ORGANIZATION}/app"
LARGE = random.Random(1).randbytes(100 * MIB)
LARGE_DIGEST = str(Digest.of(LARGE))


def settings_of(server: S3Server, prefix: str, host: str, **more: str) -> dict[str, str]:
    """What a hub is told that keeps its bytes there."""
    return {
        "ENTREPOT_STORAGE": f"s3://{BUCKET}/{prefix}",
        "ENTREPOT_S3_ENDPOINT": f"http://{host}:{server.port}",
        **CREDENTIALS,
        **more,
    }


@pytest.fixture(scope="module")
def hub(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub of two workers that sends clients to the store under the machine's name."""
    data = tmp_path_factory.mktemp("bucket") / "data"
    with serving(data, tls=False, **settings_of(s3_server, "hub", socket.gethostname())) as running:
        yield running
        running.cli("check")
    assert "Traceback" not in data.with_name("data.log").read_text()


@pytest.fixture(scope="module")
def spooling(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that hands out every byte itself."""
    data = tmp_path_factory.mktemp("spooling") / "data"
    told = settings_of(s3_server, "spooling", "127.0.0.1", ENTREPOT_S3_REDIRECT="false")
    with serving(data, tls=False, **told) as running:
        yield running
        running.cli("check")
    assert "Traceback" not in data.with_name("data.log").read_text()


def client_of(hub: Hub) -> httpx.Client:
    """A client that is signed in, and follows nothing by itself."""
    return httpx.Client(base_url=hub.url, auth=(USER, PASSWORD), timeout=60)


def push(client: httpx.Client, content: bytes, *pieces: int) -> str:
    """Push a blob in pieces, each on a connection of its own; return its path."""
    digest = str(Digest.of(content))
    location = client.post(f"/v2/{NAME}/blobs/uploads/").headers["location"]
    at = 0
    for size in pieces:
        piece = content[at : at + size]
        headers = {"content-range": f"{at}-{at + len(piece) - 1}", "connection": "close"}
        answer = client.patch(location, content=piece, headers=headers)
        assert answer.status_code == 202, answer.text
        location, at = answer.headers["location"], at + size
    done = client.put(location, params={"digest": digest}, content=content[at:])
    assert done.status_code == 201, done.text
    return f"/v2/{NAME}/blobs/{digest}"


@pytest.mark.parametrize("pieces", [(), (300_000,), (100_000, 100_000), (1,) * 20])
def test_an_upload_wanders_over_the_workers(hub: Hub, pieces: tuple[int, ...]) -> None:
    content = random.Random(str(pieces)).randbytes(300_000)
    with client_of(hub) as client:
        path = push(client, content, *pieces)
        got = client.get(path)
        assert (got.status_code, got.content) == (200, content)
        assert int(client.head(path).headers["content-length"]) == len(content)


def test_two_writers_at_once_do_not_mix(hub: Hub) -> None:
    contents = [bytes([number]) * 3 * MIB for number in range(4)]
    with client_of(hub) as client:
        location = client.post(f"/v2/{NAME}/blobs/uploads/").headers["location"]
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda each: client.patch(location, content=each), contents))
        taken = [n for n, answer in enumerate(answers) if answer.status_code == 202]
        assert len(taken) == 1, [answer.status_code for answer in answers]
        digest = Digest.of(contents[taken[0]])
        location = answers[taken[0]].headers["location"]
        assert client.put(location, params={"digest": str(digest)}).status_code == 201
        assert client.get(f"/v2/{NAME}/blobs/{digest}").content == contents[taken[0]]


def test_a_small_range_is_answered_here(hub: Hub) -> None:
    content = random.Random(7).randbytes(10 * MIB)
    with client_of(hub) as client:
        path = push(client, content)
        for first, last in ((0, 0), (5, 1_000_000), (10 * MIB - 3, 10 * MIB - 1)):
            got = client.get(path, headers={"range": f"bytes={first}-{last}"})
            assert (got.status_code, got.content) == (206, content[first : last + 1])
        several = client.get(path, headers={"range": "bytes=0-9,1000000-1000009"})
        assert several.status_code == 206
        assert content[1_000_000:1_000_010] in several.content


def test_a_large_blob_is_handed_out_by_the_store(hub: Hub, s3_server: S3Server) -> None:
    with client_of(hub) as client:
        path = push(client, LARGE, 100 * MIB)
        head = client.head(path)
        assert (head.status_code, head.headers["content-length"]) == (200, str(len(LARGE)))
        moved = client.get(path)
        assert moved.status_code == 307
        assert moved.headers["docker-content-digest"] == LARGE_DIGEST
        target = moved.headers["location"]
    assert urlsplit(target).port == s3_server.port
    got = httpx.get(target, headers={"range": "bytes=5-9"})
    assert (got.status_code, got.content) == (206, LARGE[5:10])
    whole = httpx.get(target)
    assert str(Digest.of(whole.content)) == LARGE_DIGEST
    assert whole.headers["content-disposition"] == "attachment"


def test_nobody_is_sent_where_credentials_would_follow(hub: Hub) -> None:
    port = hub.port
    with client_of(hub) as client:
        path = push(client, random.Random(8).randbytes(9 * MIB))
        assert client.get(path).status_code == 307
        got = client.get(path, headers={"host": f"{socket.gethostname()}:{port}"})
        assert (got.status_code, len(got.content)) == (200, 9 * MIB)


def test_a_hub_without_redirects_hands_out_large_blobs_itself(spooling: Hub) -> None:
    with client_of(spooling) as client:
        path = push(client, LARGE, 60 * MIB, 40 * MIB)
        for _ in range(2):
            got = client.get(path)
            assert (got.status_code, str(Digest.of(got.content))) == (200, LARGE_DIGEST)
        part = client.get(path, headers={"range": f"bytes=7-{20 * MIB}"})
        assert (part.status_code, part.content) == (206, LARGE[7 : 20 * MIB + 1])
    held = [each.stat().st_size for each in (spooling.data / "spool").iterdir()]
    assert held == [len(LARGE)]


def test_bytes_that_are_gone_are_told_and_can_be_pushed_again(
    hub: Hub, s3_server: S3Server
) -> None:
    content = random.Random(9).randbytes(200_000)
    with client_of(hub) as client:
        path = push(client, content)
        for file in (s3_server.directory / BUCKET / "hub" / "blobs").iterdir():
            if file.stat().st_size == len(content):
                file.unlink()
        assert client.head(path).status_code == 404
        assert client.get(path).status_code == 404
        push(client, content)
        assert client.get(path).content == content


def test_memory_stays_flat(spooling: Hub) -> None:
    """Of 400 MiB that come and go, a worker never holds more than a few parts."""
    hasher = hashlib.sha256(LARGE * 4)
    params = {"digest": f"sha256:{hasher.hexdigest()}"}
    with client_of(spooling) as client:
        location = client.post(f"/v2/{NAME}/blobs/uploads/").headers["location"]
        runs = (LARGE[at : at + MIB] for _ in range(4) for at in range(0, len(LARGE), MIB))
        assert client.put(location, params=params, content=runs).status_code == 201
        path = f"/v2/{NAME}/blobs/{params['digest']}"
        with client.stream("GET", path) as got:
            received = sum(len(run) for run in got.iter_bytes())
    assert received == 4 * len(LARGE)
    assert peak_memory(spooling.data) < 200 * MIB


def test_oras_and_crane_push_and_pull(hub: Hub, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path), "PATH": os.environ["PATH"]}
    oras, crane = tool("oras"), tool("crane")
    (tmp_path / "large.bin").write_bytes(LARGE[:-1])
    (tmp_path / "empty.txt").write_bytes(b"")
    login = ("-u", USER, "--password-stdin")
    run(oras, "login", hub.host, *login, stdin=PASSWORD, env=home, cwd=tmp_path)
    run(crane, "auth", "login", hub.host, *login, stdin=PASSWORD, env=home, cwd=tmp_path)
    reference = f"{hub.host}/{ORGANIZATION}/files:1"
    run(oras, "push", reference, "large.bin", "empty.txt", env=home, cwd=tmp_path)
    run(oras, "pull", reference, "-o", "back", env=home, cwd=tmp_path)
    assert (tmp_path / "back" / "large.bin").read_bytes() == LARGE[:-1]
    assert (tmp_path / "back" / "empty.txt").read_bytes() == b""
    run(crane, "pull", "--format", "oci", reference, "layout", env=home, cwd=tmp_path)
    pulled = tmp_path / "layout" / "blobs" / "sha256" / Digest.of(LARGE[:-1]).hex
    assert pulled.read_bytes() == LARGE[:-1]


def test_what_nothing_names_is_collected(
    s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = tmp_path_factory.mktemp("collected") / "data"
    told = settings_of(s3_server, "collected", "127.0.0.1", ENTREPOT_GRACE="PT1S")
    with ExitStack() as stack:
        hub = stack.enter_context(serving(data, tls=False, **told))
        client = stack.enter_context(client_of(hub))
        path = push(client, b"a layer of an image" * 1000)
        manifest = image(b"a layer of an image" * 1000)
        headers = {"content-type": OCI_MANIFEST}
        put = client.put(f"/v2/{NAME}/manifests/v1", content=manifest, headers=headers)
        assert put.status_code == 201, put.text
        push(client, b"named by nothing")
        hub.cli("collect", "--now", "--yes")
        assert client.get(path).status_code == 200
        blobs = list((s3_server.directory / BUCKET / "collected" / "blobs").iterdir())
        assert b"named by nothing" not in [each.read_bytes() for each in blobs]
