"""Requests that are not HTTP: never a 5xx, nothing stored, and the server goes on."""

from collections.abc import Mapping

import pytest

from tests.support.http import Client
from tests.wire.content import IMAGE, image
from tests.wire.repositories import Repository

pytestmark = pytest.mark.wire

MANIFEST = image()
SIZE = str(len(MANIFEST)).encode()
HALF = str(len(MANIFEST) // 2).encode()
MORE = str(len(MANIFEST) + 50).encode()
LINE = b"PUT @TARGET@ HTTP/1.1\r\n"
HOST = b"Host: @HOST@\r\n"
TYPE = b"Content-Type: " + IMAGE.encode() + b"\r\n"
START = LINE + HOST + TYPE
LENGTH = b"Content-Length: " + SIZE + b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"\r\n"
CHUNK = b"%x\r\n%s\r\n" % (len(MANIFEST), MANIFEST)
LAST = b"0\r\n\r\n"


def sized(*values: bytes) -> bytes:
    """A request with these lengths and the manifest."""
    lines = b"".join(b"Content-Length: " + value + b"\r\n" for value in values)
    return START + lines + END + MANIFEST


def chunks(body: bytes, coding: bytes = CHUNKED) -> bytes:
    """A request with a body in chunks, or in what shall pass for them."""
    return START + coding + END + body


def with_line(line: bytes) -> bytes:
    """A request that is right but for one line among its headers."""
    return START + LENGTH + line + b"\r\n" + END + MANIFEST


RAW: Mapping[str, bytes] = {
    # Lengths
    "two different lengths": sized(SIZE, HALF),
    "two different lengths reversed": sized(HALF, SIZE),
    "a list of different lengths": sized(SIZE + b", " + HALF),
    "a negative length": sized(b"-1"),
    "a length with a plus": sized(b"+" + SIZE),
    "a length in hexadecimal": sized(b"0x" + SIZE),
    "a length with letters": sized(SIZE + b"a"),
    "a length of nothing": sized(b""),
    "a length with a fraction": sized(SIZE + b".0"),
    "a length with an underscore": sized(SIZE[:1] + b"_" + SIZE[1:]),
    "a length past 64 bits": sized(b"18446744073709551617"),
    "a length of a hundred digits": sized(b"9" * 100),
    "a length longer than the body": sized(MORE),
    "a length shorter than the body": sized(HALF),
    "a length of zero and a body": sized(b"0"),
    # Codings
    "a length and chunks": chunks(CHUNK + LAST, LENGTH + CHUNKED),
    "chunks and a length": chunks(CHUNK + LAST, CHUNKED + LENGTH),
    "chunked twice": chunks(CHUNK + LAST, CHUNKED + CHUNKED),
    "chunked and identity": chunks(CHUNK + LAST, b"Transfer-Encoding: chunked, identity\r\n"),
    "identity": chunks(MANIFEST, b"Transfer-Encoding: identity\r\n"),
    "gzip alone": chunks(MANIFEST, b"Transfer-Encoding: gzip\r\n"),
    "an unknown coding": chunks(CHUNK + LAST, b"Transfer-Encoding: xchunked\r\n"),
    "chunked with a tab": chunks(CHUNK + LAST, b"Transfer-Encoding:\tchunked\r\n"),
    "chunked with a vertical tab": chunks(CHUNK + LAST, b"Transfer-Encoding: \x0bchunked\r\n"),
    "a space before the colon": chunks(CHUNK + LAST, b"Transfer-Encoding : chunked\r\n"),
    "chunked in quotes": chunks(CHUNK + LAST, b'Transfer-Encoding: "chunked"\r\n'),
    "chunked in HTTP/1.0": chunks(CHUNK + LAST).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    # Chunks
    "a chunk of no number": chunks(b"zz\r\n" + MANIFEST + b"\r\n" + LAST),
    "a negative chunk": chunks(b"-5\r\nhello\r\n" + LAST),
    "a chunk in 0x": chunks(b"0x5\r\nhello\r\n" + LAST),
    "a chunk with a plus": chunks(b"+5\r\nhello\r\n" + LAST),
    "a chunk past 64 bits": chunks(b"1" + b"0" * 16 + b"\r\n" + MANIFEST + b"\r\n" + LAST),
    "a chunk size of a thousand digits": chunks(b"0" * 1000 + b"5\r\nhello\r\n" + LAST),
    "a chunk longer than it says": chunks(b"2\r\nhello\r\n" + LAST),
    "a chunk shorter than it says": chunks(b"ff\r\nhello\r\n" + LAST),
    "a chunk without its size": chunks(b"\r\n" + MANIFEST + b"\r\n" + LAST),
    "chunks with bare newlines": chunks(CHUNK.replace(b"\r\n", b"\n") + b"0\n\n"),
    "chunks without an end": chunks(CHUNK),
    "a chunk cut in its size": chunks(b"1"),
    "a huge chunk extension": chunks(b"5;" + b"x" * 100_000 + b"\r\nhello\r\n" + LAST),
    "an endless trailer": chunks(CHUNK + b"0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n"),
    # Lines
    "no host": LINE + TYPE + LENGTH + END + MANIFEST,
    "two hosts": with_line(b"Host: other.example"),
    "a host of nothing": START.replace(b"@HOST@", b"") + LENGTH + END + MANIFEST,
    "a host with a path": START.replace(b"@HOST@", b"a/b") + LENGTH + END + MANIFEST,
    "a header without a colon": with_line(b"nonsense"),
    "a header without a name": with_line(b": value"),
    "a header with a space in its name": with_line(b"X Y: value"),
    "a folded header": with_line(b"X-Folded: one\r\n two"),
    "a null byte in a header": with_line(b"X-Null: a\x00b"),
    "a bare carriage return in a header": with_line(b"X-Return: a\rb"),
    "bytes past ascii in a header": with_line(b"X-Bytes: \xff\xfe\x80"),
    "bytes past ascii in a name": with_line(b"X-\xff: y"),
    "a huge header": with_line(b"X-Huge: " + b"x" * 2_000_000),
    "ten thousand headers": with_line(b"\r\n".join(b"X-%d: y" % n for n in range(10_000))),
    "bare newlines": (START + LENGTH + END).replace(b"\r\n", b"\n") + MANIFEST,
    # First lines
    "no version": b"PUT @TARGET@\r\n" + HOST + END,
    "a version to come": START.replace(b"HTTP/1.1", b"HTTP/9.9") + LENGTH + END + MANIFEST,
    "a version of letters": START.replace(b"HTTP/1.1", b"HTTP/x.y") + LENGTH + END + MANIFEST,
    "two spaces": START.replace(b" HTTP", b"  HTTP") + LENGTH + END + MANIFEST,
    "a tab": START.replace(b"PUT ", b"PUT\t") + LENGTH + END + MANIFEST,
    "a method in lower case": START.replace(b"PUT", b"put") + LENGTH + END + MANIFEST,
    "a method of signs": START.replace(b"PUT", b"P@T") + LENGTH + END + MANIFEST,
    "a huge method": START.replace(b"PUT", b"P" * 100_000) + LENGTH + END + MANIFEST,
    "a huge target": START.replace(b"@TARGET@", b"@TARGET@?" + b"x" * 2_000_000) + END,
    "a target without a slash": START.replace(b"@TARGET@", b"v2/x") + LENGTH + END + MANIFEST,
    "a target of bytes": START.replace(b"@TARGET@", b"@TARGET@\xff\xfe") + LENGTH + END + MANIFEST,
    "a target with a null byte": START.replace(b"@TARGET@", b"@TARGET@\x00") + LENGTH + END,
    "the star": b"OPTIONS * HTTP/1.1\r\n" + HOST + END,
    "a star to read": b"GET * HTTP/1.1\r\n" + HOST + END,
    "a tunnel": b"CONNECT other.example:443 HTTP/1.1\r\n" + HOST + END,
    "a whole address": START.replace(b"@TARGET@", b"http://other.example/v2/") + END,
    "only newlines": b"\r\n" * 5_000,
    "nothing but zeros": b"\x00" * 5_000,
    "random bytes": bytes((n * 7919) % 256 for n in range(5_000)),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 30,
    "an upgrade to HTTP/2": with_line(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c"),
    "an upgrade to a websocket": b"GET /v2/ HTTP/1.1\r\n"
    + HOST
    + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    "half a request": START[:-5],
    "a proxy's greeting": b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + START + LENGTH + END,
    "another protocol": b"EHLO mail.example\r\nMAIL FROM:<a@b>\r\n",
}


GRACE = 0.5

# HTTP itself asks for 501 to an unknown coding and 505 to an unknown version.
REFUSED_OR_NOT = {b"%d" % status for status in (*range(100, 500), 501, 505)}


def say(repo: Repository, raw: bytes) -> bytes:
    """What the server says to these bytes, at the latest when it hears that there are no more."""
    client = repo.client
    data = raw.replace(b"@TARGET@", repo.manifest("raw").encode())
    with client.wire() as wire:
        wire.send(data.replace(b"@HOST@", f"{client.host}:{client.port}".encode()))
        wire.wait(GRACE)
        wire.end()
        return wire.rest()


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW.keys())
def test_a_malformed_request_is_never_an_error_of_the_server(
    stocked: Repository, raw: bytes
) -> None:
    client, said = stocked.client, say(stocked, raw)
    assert said[9:12] in REFUSED_OR_NOT or said == b"", said[:500]
    assert b"Traceback" not in said
    client.get("/v2/").expect(200, 401)
    stored = client.get(stocked.manifest("raw"))
    if b"HTTP/1.1 201" in said or b"HTTP/1.0 201" in said:
        assert stored.expect(200).body == MANIFEST
    elif said:
        stored.expect(404)


FATAL = (
    "two different lengths",
    "a list of different lengths",
    "a negative length",
    "a length with letters",
    "a length past 64 bits",
    "a length longer than the body",
    "chunked and identity",
    "gzip alone",
    "an unknown coding",
    "a space before the colon",
    "a chunk of no number",
    "a negative chunk",
    "a chunk past 64 bits",
    "a chunk longer than it says",
    "a chunk shorter than it says",
    "a header without a colon",
    "a null byte in a header",
)


@pytest.mark.parametrize("name", FATAL)
def test_a_body_whose_end_is_in_doubt_is_never_accepted(stocked: Repository, name: str) -> None:
    assert b" 201 " not in say(stocked, RAW[name])
    stocked.client.get(stocked.manifest("raw")).expect(404)


@pytest.mark.parametrize("order", ["length first", "chunks first"])
def test_a_request_hidden_behind_contradicting_lengths_is_not_carried_out(
    stocked: Repository, order: str
) -> None:
    client = stocked.client
    hidden = client.head("PUT", stocked.manifest("hidden"), MANIFEST, {"Content-Type": IMAGE})
    body = CHUNK + LAST + hidden + MANIFEST
    lengths = [b"Content-Length: %d\r\n" % len(body), CHUNKED]
    if order == "chunks first":
        lengths.reverse()
    say(stocked, START + b"".join(lengths) + END + body)
    client.get(stocked.manifest("hidden")).expect(404)


def test_requests_sent_together_are_answered_in_order(client: Client) -> None:
    with client.wire() as wire:
        wire.send(client.head("GET", "/v2/") * 3 + client.head("GET", "/v2/none"))
        assert [wire.answer().status for _ in range(4)] == [200, 200, 200, 404]
