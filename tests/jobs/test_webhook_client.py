"""What a request to somebody else's server takes and gives, whatever that server does."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from entrepot.http.certificates import CA, CERTIFICATE, KEY, ensure_certificate
from entrepot.hub.events.webhook_urls import WebhookUrls
from entrepot.jobs import webhook_client
from entrepot.jobs.webhook_client import MAX_RESPONSE, PostFailed, WebhookClient

Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OWN = ("127.0.0.0/8",)


@asynccontextmanager
async def server(behave: Behave, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server that does that with each connection; its port."""
    connections: set[asyncio.Task[None] | None] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.current_task())
        try:
            await behave(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    made = await asyncio.start_server(handle, host, 0)
    try:
        yield made.sockets[0].getsockname()[1]
    finally:
        made.close()
        # A transport that is open when the loop ends is a warning in whatever test comes next.
        for task in connections:
            if task is not None:
                task.cancel()
                await asyncio.wait([task])


def saying(*pieces: bytes) -> Behave:
    """Read the request, and say that."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return behave


async def post(behave: Behave, body: bytes = b"{}") -> webhook_client.Answer:
    """What posting to such a server gives."""
    targets = WebhookUrls(OWN)
    client = WebhookClient(targets)
    async with server(behave) as port:
        try:
            return await client.post(
                targets.parse(f"http://127.0.0.1:{port}/x?y"), {"A": "b"}, body
            )
        finally:
            client.close()


async def test_what_is_sent_is_one_request_by_the_book() -> None:
    seen = bytearray()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await reader.readuntil(b"\r\n\r\n"))
        seen.extend(await reader.readexactly(5))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    answer = await post(behave, b"hello")
    assert answer.status == 204
    lines = bytes(seen).decode().split("\r\n")
    assert lines[0] == "POST /x?y HTTP/1.1"
    assert lines[1].startswith("Host: 127.0.0.1:")
    assert lines[2:] == ["A: b", "Content-Length: 5", "Connection: close", "", "hello"]


@pytest.mark.parametrize(
    ("said", "status", "text"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore", 200, "ok"),
        (b"HTTP/1.0 500\r\n\r\noops\x00\xff", 500, "oops\ufffd\ufffd"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n\r\n", 201, ""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            200,
            "abc",
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            302,
            "",
        ),
    ],
)
async def test_answers_are_read_as_they_come(said: bytes, status: int, text: str) -> None:
    answer = await post(saying(said))
    assert (answer.status, answer.text) == (status, text)


async def test_of_a_huge_answer_only_the_beginning_is_read() -> None:
    sent = 0

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(2000):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000

    answer = await post(behave)
    assert answer.text == "x" * MAX_RESPONSE
    assert sent < 50_000_000


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 20",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 two\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 9,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_no_answer_is_a_failure(said: bytes) -> None:
    with pytest.raises(PostFailed):
        await post(saying(said))


async def test_who_says_nothing_is_waited_for_only_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook_client, "TIMEOUT", 0.2)
    over = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()

    with pytest.raises(PostFailed, match="no answer within"):
        await post(behave)
    over.set()


async def test_a_slow_body_does_not_undo_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_client, "_BODY_TIMEOUT", 0.2)
    over = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        await over.wait()

    answer = await post(behave)
    assert (answer.status, answer.text) == (200, "abc")
    over.set()


async def test_a_name_is_looked_up_once_and_the_answer_is_what_is_connected_to() -> None:
    """As with DNS rebinding: what a second look would say does not matter."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    async with server(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as port:
        targets = WebhookUrls(OWN)
        client = WebhookClient(targets, resolve)
        url = targets.parse(f"http://rebind.example:{port}/")
        assert (await client.post(url, {}, b"")).status == 204
        with pytest.raises(PostFailed, match="may not reach"):
            await client.post(url, {}, b"")
        client.close()
    assert asked == ["rebind.example", "rebind.example"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "::1"])
async def test_a_name_that_leads_inside_is_not_connected_to(address: str) -> None:
    arrived: list[int] = []

    async def resolve(host: str, port: int) -> list[str]:
        return ["1.1.1.1", address]

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(1)

    async with server(behave) as port:
        targets = WebhookUrls()
        client = WebhookClient(targets, resolve)
        with pytest.raises(PostFailed, match="may not reach"):
            await client.post(targets.parse(f"http://x.example:{port}/"), {}, b"")
        client.close()
    assert arrived == []


async def test_a_name_without_an_address_is_a_failure() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        raise OSError("nowhere")

    targets = WebhookUrls()
    with pytest.raises(PostFailed, match="no address"):
        await WebhookClient(targets, resolve).post(targets.parse("https://x.example/"), {}, b"")


@pytest.fixture
def receiver_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a receiver called hooks.example serves with; the hub's system trusts its authority."""
    ensure_certificate(tmp_path, "127.0.0.1", "https://hooks.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / CA))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / CERTIFICATE, tmp_path / KEY)
    return context


def answer_two(listener: socket.socket, tls: ssl.SSLContext) -> list[str]:
    """Answer two connections, of which some do not come as far as a request; their Hosts."""
    hosts: list[str] = []
    for _ in range(2):
        connection, _address = listener.accept()
        with suppress(OSError), connection, tls.wrap_socket(connection, server_side=True) as stream:
            if request := stream.recv(65_536):
                hosts.append(request.decode().split("\r\n")[1])
                stream.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    return hosts


async def test_tls_is_for_the_name_although_the_address_is_connected_to(
    receiver_tls: ssl.SSLContext,
) -> None:
    names: list[str | None] = []
    receiver_tls.sni_callback = lambda _tls, name, _context: names.append(name)

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    targets = WebhookUrls(OWN)
    client = WebhookClient(targets, resolve)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        listener.settimeout(10)
        serving = asyncio.create_task(asyncio.to_thread(answer_two, listener, receiver_tls))
        answer = await client.post(targets.parse(f"https://hooks.example:{port}/"), {}, b"")
        with pytest.raises(PostFailed, match="no private connection: CERTIFICATE_VERIFY_FAILED"):
            await client.post(targets.parse(f"https://other.example:{port}/"), {}, b"")
        hosts = await serving
    client.close()
    assert answer.status == 204
    assert names == ["hooks.example", "other.example"]
    assert hosts == [f"Host: hooks.example:{port}"]


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server(saying(b"HTTP/1.1 500 A Proxy\r\n\r\n")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        assert (await post(saying(b"HTTP/1.1 204 No Content\r\n\r\n"))).status == 204


async def test_the_path_goes_out_as_it_was_written() -> None:
    first: list[bytes] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first.append((await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0])
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with server(behave, host="::1") as port:
        targets = WebhookUrls(("::1/128",))
        client = WebhookClient(targets)
        await client.post(targets.parse(f"http://[::1]:{port}/a/../%7e[b]%zz?q='[]"), {}, b"")
        client.close()
    assert first == [b"POST /a/../%7e[b]%zz?q='[] HTTP/1.1"]


@pytest.mark.parametrize("location", ["http://[", "https://", "ftp://x/"])
async def test_a_redirect_is_an_answer_wherever_it_leads(location: str) -> None:
    said = f"HTTP/1.1 307 Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    assert (await post(saying(said.encode()))).status == 307


async def test_nobody_who_listens_is_said_in_the_systems_words() -> None:
    async with server(saying()) as port:
        pass
    targets = WebhookUrls(OWN)
    client = WebhookClient(targets)
    with pytest.raises(PostFailed, match="no connection: Connect"):
        await client.post(targets.parse(f"http://127.0.0.1:{port}/"), {}, b"")
    client.close()
