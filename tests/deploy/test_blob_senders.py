"""Blobs that the proxy sends: to clients the answers are those of the hub, header by header."""

import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx
import pytest

from entrepot.http.messages import Headers, Request
from entrepot.http.origin import Origins
from entrepot.http.proxied_files import ProxiedFiles
from entrepot.oci.digests import Digest
from entrepot.settings import BlobSender
from faults.servers import Server
from tests.support.nodes import nginx
from tests.support.server import free_port

CONTENT = random.Random(1).randbytes(300_000)
SMALL = b"a config"
REPOSITORY = "acme/blobs"
PASSWORD = "a password for the tests"
# Dates differ, and each connection is another.
PASSING = {"date", "server", "connection"}


@dataclass(frozen=True, slots=True)
class Hubs:
    """One hub: itself, behind nginx that passes bytes on, and behind nginx that sends them."""

    direct: httpx.Client
    passing: httpx.Client
    sending: httpx.Client
    files: Path


@pytest.fixture(scope="module")
def hubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hubs]:
    """The hub, with a large and a small blob in a private repository."""
    data = tmp_path_factory.mktemp("senders") / "data"
    shared = {"ENTREPOT_ADMIN_PASSWORD": PASSWORD, "ENTREPOT_CORS_ORIGINS": '["*"]'}
    with ExitStack() as stack:

        def serve(sender: str) -> int:
            environment = shared | {"ENTREPOT_BLOB_SENDER": sender}
            server = Server(data, free_port(), workers=1, environment=environment)
            server.start()
            stack.callback(server.stop)
            server.wait_ready()
            return server.port

        def ask(port: int) -> httpx.Client:
            client = httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=("admin", PASSWORD))
            return stack.enter_context(client)

        passing, sending = serve("hub"), serve("x-accel-redirect")
        behind = [
            stack.enter_context(nginx(data.with_name(f"data-{port}"), [port], files=data))
            for port in (passing, sending)
        ]
        found = Hubs(ask(sending), ask(behind[0]), ask(behind[1]), data / "blobs")
        for content in (CONTENT, SMALL):
            address = f"/v2/{REPOSITORY}/blobs/uploads/?digest={Digest.of(content)}"
            assert found.sending.post(address, content=content).status_code == 201
        yield found


def blob(content: bytes = CONTENT) -> str:
    """The address of a blob."""
    return f"/v2/{REPOSITORY}/blobs/{Digest.of(content)}"


def told(
    client: httpx.Client, method: str, address: str, asked: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    """All that a client sees of an answer: status, headers, bytes."""
    answer = client.request(method, address, headers=asked)
    headers = {key: value for key, value in answer.headers.items() if key not in PASSING}
    # Boundaries are chosen anew each time, and so are numbers in pages.
    if headers.get("content-type", "").startswith(("multipart/byteranges", "text/html")):
        return answer.status_code, {}, b""
    return answer.status_code, headers, answer.content


ETAG = f'"{Digest.of(CONTENT)}"'
ASKED: list[dict[str, str]] = [
    {},
    {"origin": "https://ui.example.org"},
    *({"range": f"bytes={text}"} for text in ("0-0", "5-9", "299999-", "-7", "0-", "-900000")),
    *(
        {"range": text}
        for text in ("bytes=9-5", "bytes=300000-", "bytes=-0", "bytes=x-", "lines=1")
    ),
    *({"range": text} for text in ("BYTES=1-2", "bytes= 1-2", "bytes=1-2,", "bytes=,1-2")),
    {"range": "bytes=1-2,9-20"},
    {"range": "bytes=0-299998,1-299999"},
    {"range": "bytes=1-2", "if-range": ETAG},
    {"range": "bytes=1-2", "if-range": '"another"'},
    {"range": "bytes=1-2", "if-range": "Sat, 28 Nov 2099 00:00:00 GMT"},
    *({"if-none-match": text} for text in (ETAG, f"W/{ETAG}", "*", '"another"')),
    {"if-match": '"another"'},
    {"if-modified-since": "Sat, 28 Nov 2099 00:00:00 GMT"},
    {"if-unmodified-since": "Sat, 28 Nov 1999 00:00:00 GMT"},
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_a_client_cannot_tell_who_sends(hubs: Hubs, method: str, asked: dict[str, str]) -> None:
    """Whatever is asked, status, headers and bytes are the same."""
    for address in (blob(), blob(SMALL), f"/r/{REPOSITORY}/-/blob/{Digest.of(CONTENT)}?name=a.tar"):
        status, headers, content = told(hubs.passing, method, address, asked)
        found = told(hubs.sending, method, address, asked)
        assert found[0] == status
        assert sorted(found[1].items() ^ headers.items()) == []
        assert found[2] == content


def test_the_bytes_are_those_of_the_proxy(hubs: Hubs) -> None:
    answer = hubs.direct.get(blob())
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["x-accel-redirect"].startswith("/.entrepot/blobs/sha256/")
    assert hubs.direct.get(blob(SMALL)).content == SMALL
    assert "x-accel-redirect" not in hubs.direct.head(blob()).headers


def test_a_peer_that_is_no_trusted_proxy_gets_bytes() -> None:
    body = cast(AsyncIterator[bytes], None)
    request = Request("GET", "/", "", cast(Headers, {}), body, "http", "192.0.2.7", "1")
    files = ProxiedFiles(BlobSender.X_ACCEL_REDIRECT, Origins(None, ("127.0.0.0/8",)))
    assert files.find_header(request, "sha256/ab/ab") is None
    request.client = "127.0.0.1"
    assert files.find_header(request, "sha256/ab/ab") == (
        "x-accel-redirect",
        "/.entrepot/blobs/sha256/ab/ab",
    )
    assert ProxiedFiles(BlobSender.HUB, Origins(None, ("::/0",))).find_header(request, "") is None


def test_nobody_gets_at_files_past_the_hub(hubs: Hubs) -> None:
    address = hubs.direct.get(blob()).headers["x-accel-redirect"]
    for path in (address, "/.entrepot/blobs/../entrepot.db", f"//{address[1:]}"):
        assert hubs.sending.get(path).status_code in (400, 404)
    stranger = httpx.get(str(hubs.sending.base_url.join(blob())))
    assert stranger.status_code == 401
    assert httpx.get(str(hubs.direct.base_url.join(blob()))).status_code == 401


def test_a_blob_that_is_damaged_is_unknown(hubs: Hubs) -> None:
    content = os.urandom(100_000)
    address = f"/v2/{REPOSITORY}/blobs/uploads/?digest={Digest.of(content)}"
    assert hubs.sending.post(address, content=content).status_code == 201
    assert hubs.sending.get(blob(content)).content == content
    key = hubs.direct.get(blob(content)).headers["x-accel-redirect"].partition("/blobs/")[2]
    (hubs.files / key).write_bytes(content[:-1])
    assert hubs.sending.get(blob(content)).status_code == 404
