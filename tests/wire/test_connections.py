"""What happens on a connection besides whole requests and answers."""

import http.client
import ssl
from pathlib import Path

import pytest

from tests.support.http import Client, Wire
from tests.wire.content import IMAGE, digest_of, image
from tests.wire.hubs import serving
from tests.wire.repositories import Repository, finishing
from tests.wire.waiting import until

pytestmark = pytest.mark.wire


def hello() -> bytes:
    """The first bytes that a client of TLS sends."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    engine = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        engine.do_handshake()
    return outgoing.read()


def test_a_client_that_tries_tls_is_answered_in_plain_http(client: Client) -> None:
    with client.wire() as wire:
        wire.send(hello())
        answer = wire.rest()
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400")), answer[:100]


def test_a_connection_serves_many_requests(repo: Repository) -> None:
    digest = repo.push(b"again and again")
    with repo.client.wire() as wire:
        for _ in range(50):
            wire.send(repo.client.head("GET", repo.blob(digest)))
            assert wire.answer().expect(200).body == b"again and again"


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_refusals_keep_the_connection_in_step(repo: Repository, method: str) -> None:
    with repo.client.wire() as wire:
        for target in (repo.manifest("none"), "/v2/nothing", repo.tags(), "/v2/"):
            wire.send(repo.client.head(method, target))
            answer = wire.answer(method)
            assert answer.status in {200, 404, 405}


def test_a_client_that_says_close_is_closed(client: Client) -> None:
    with client.wire() as wire:
        wire.send(client.head("GET", "/v2/", headers={"Connection": "close"}))
        wire.answer().expect(200)
        assert wire.rest() == b""


def test_http_one_point_zero_is_answered(client: Client) -> None:
    with client.wire() as wire:
        wire.send(client.head("GET", "/v2/").replace(b"HTTP/1.1", b"HTTP/1.0"))
        said = wire.rest()
    assert said.startswith((b"HTTP/1.0 200", b"HTTP/1.1 200"))
    assert said.endswith(b"{}")


def expecting(client: Client, method: str, target: str, size: int, **headers: str) -> bytes:
    """The head of a request that waits to be asked for its body."""
    head = client.head(method, target, headers={"Expect": "100-continue"} | headers)
    return head.replace(b"Content-Length: 0", b"Content-Length: %d" % size)


def test_a_client_that_waits_is_asked_to_go_on(repo: Repository) -> None:
    data = b"sent when asked"
    with repo.client.wire() as wire:
        target = finishing(repo.start(), digest_of(data))
        wire.send(expecting(repo.client, "PUT", target, len(data)))
        assert wire.interim() == 100
        wire.send(data)
        wire.answer("PUT").expect(201)
    assert repo.client.get(repo.blob(digest_of(data))).expect(200).body == data


def test_a_client_that_waits_may_be_refused_without_its_body(repo: Repository) -> None:
    with repo.client.wire() as wire:
        wire.send(expecting(repo.client, "PUT", f"{repo.uploads}none?digest=x", 10_000_000))
        answer = wire.answer("PUT")
    answer.expect(400, 404)


def test_an_announced_manifest_that_is_too_large_is_refused(stocked: Repository) -> None:
    with stocked.client.wire() as wire:
        head = expecting(stocked.client, "PUT", stocked.manifest("x"), 10**12)
        wire.send(head.replace(b"Expect: 100-continue\r\n", f"Content-Type: {IMAGE}\r\n".encode()))
        wire.answer("PUT").expect(413)


def test_a_large_body_that_is_refused_still_gets_its_answer(repo: Repository) -> None:
    answer = repo.client.put(f"{repo.uploads}none?digest=x", b"x" * 3_000_000)
    answer.expect(400, 404)
    assert answer.codes


def test_stalled_requests_do_not_hold_up_the_others(repo: Repository) -> None:
    client, location = repo.client, repo.start()
    stalled = [client.wire() for _ in range(60)]
    try:
        for n, wire in enumerate(stalled):
            _stall(client, wire, location, n)
        for _ in range(20):
            client.get("/v2/").expect(200)
            repo.push(b"while others stall")
    finally:
        for wire in stalled:
            wire.close()


def _stall(client: Client, wire: Wire, location: str, n: int) -> None:
    """Begin one of three kinds of request and say no more."""
    if n % 3 == 0:
        wire.send(b"GET /v2/ HTTP/1.1\r\nHost: ")
    elif n % 3 == 1:
        head = client.head("PUT", f"/v2/wire/stalled-{n}/manifests/latest")
        wire.send(head.replace(b"Content-Length: 0", b"Content-Length: 1000") + b"{")
    else:
        wire.send(client.head("PATCH", location, iter(())) + b"5\r\nhel")


def test_readers_that_leave_early_do_no_harm(repo: Repository) -> None:
    data = bytes(4_000_000)
    path = repo.blob(repo.push(data))
    for n in range(30):
        with repo.client.wire() as wire:
            wire.send(repo.client.head("GET", path, headers={"Range": f"bytes={n}-"}))
            if n % 2:
                wire.interim()
            wire.cut()
    assert repo.client.get(path).expect(200).body == data


def test_writers_that_leave_early_leave_nothing(repo: Repository) -> None:
    data = b"never whole" * 10_000
    for n in range(20):
        with repo.client.wire() as wire:
            target = f"{repo.uploads}?digest={digest_of(data)}"
            wire.send(repo.client.head("POST", target, data) + data[: n * 5000])
            wire.cut()
    repo.client.get(repo.blob(digest_of(data))).expect(404)
    repo.push(data)


def test_a_manifest_that_is_cut_is_not_stored(stocked: Repository) -> None:
    body = image(annotations={"long": "x" * 5000})
    with stocked.client.wire() as wire:
        head = stocked.client.head("PUT", stocked.manifest("cut"), body, {"Content-Type": IMAGE})
        wire.send(head + body[:-1])
        wire.end()
        assert b" 201 " not in wire.rest()
    stocked.client.get(stocked.manifest("cut")).expect(404)


def test_many_connections_at_once_are_served(client: Client) -> None:
    wires = [client.wire() for _ in range(300)]
    try:
        for wire in wires:
            wire.send(client.head("GET", "/v2/"))
        for wire in wires:
            wire.answer().expect(200)
    finally:
        for wire in wires:
            wire.close()
    until(lambda: client.get("/v2/").status == 200 or None)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("PATCH", "/v2/wire/refused/blobs/uploads/none", 401),
        ("POST", "/v2/wire/refused/blobs/uploads/?digest=x", 401),
        ("PUT", "/v2/nothing", 404),
        ("POST", "/login", 415),
        ("POST", "/api/v1/nothing", 404),
        ("GET", "/healthz", 200),
    ],
)
def test_clients_that_send_all_of_a_large_body_first_get_their_answer(
    guarded: Client, method: str, target: str, status: int
) -> None:
    connection = http.client.HTTPConnection(guarded.host, guarded.port, timeout=60)
    try:
        # Raises where the server closes before it has all.
        connection.request(method, target, b"x" * 60_000_000)
        assert connection.getresponse().status == status
    finally:
        connection.close()


def test_an_idle_connection_is_closed_after_the_time_that_is_set(tmp_path: Path) -> None:
    with serving(tmp_path, ENTREPOT_IDLE_TIMEOUT="PT1S") as hub, hub.client.wire() as wire:
        wire.send(hub.client.head("GET", "/healthz"))
        wire.answer().expect(200)
        assert wire.rest() == b""
