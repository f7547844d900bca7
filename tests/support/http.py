"""A small HTTP/1.1 client that sends exactly what a test says and reads answers strictly.

Every request travels on a connection of its own unless asked otherwise, so that a server of several
workers answers from whichever worker the kernel picks.
"""

import json
import select
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

PATIENCE = 30.0
_LONGEST_HEAD = 256 * 1024
_BODILESS = (204, 304)


class BadAnswer(AssertionError):
    """The server broke the rules of HTTP/1.1 itself."""


class NoAnswer(AssertionError):
    """The server closed the connection before it answered."""


@dataclass(frozen=True, slots=True)
class Headers:
    """Header lines in the order they came; names match in any case."""

    lines: tuple[tuple[str, str], ...] = ()

    def all(self, name: str) -> list[str]:
        """Every value of a header, one for each line."""
        return [value for key, value in self.lines if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """The only value of a header, or nothing; two lines of it are a bad answer."""
        values = self.all(name)
        if len(values) > 1:
            raise BadAnswer(f"{name} was sent {len(values)} times: {values}")
        return values[0] if values else None

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise AssertionError(f"no {name} among {self.names()}")
        return value

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def names(self) -> set[str]:
        """The names of all headers, in lower case."""
        return {key.lower() for key, _ in self.lines}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one request."""

    asked: str
    status: int
    headers: Headers
    body: bytes = b""
    interim: tuple[int, ...] = ()

    def expect(self, *statuses: int) -> Self:
        """Itself, when the status is one of these; otherwise the test fails and shows it."""
        if self.status not in statuses:
            raise AssertionError(f"{self.describe()}\nwanted {' or '.join(map(str, statuses))}")
        return self

    def describe(self) -> str:
        """The question and the whole answer, cut to what a person can read."""
        lines = "\n".join(f"{key}: {value}" for key, value in self.headers.lines)
        return f"{self.asked}\n-> {self.status}\n{lines}\n\n{self.body[:2000]!r}"

    def json(self) -> object:
        """The body as JSON."""
        return json.loads(self.body)

    def object(self) -> dict[str, object]:
        """The body as a JSON object."""
        value = self.json()
        assert isinstance(value, dict), self.describe()
        return value

    def texts(self, key: str) -> list[str]:
        """A list of strings inside the body's JSON object."""
        value = self.object()[key]
        assert isinstance(value, list), self.describe()
        assert all(isinstance(item, str) for item in value), self.describe()
        return value

    @property
    def codes(self) -> list[str]:
        """The codes of an OCI error body; any other shape fails the test."""
        assert self.headers["Content-Type"] == "application/json", self.describe()
        errors = self.object().get("errors")
        assert isinstance(errors, list), self.describe()
        assert errors, self.describe()
        return [_code_of(error) for error in errors]

    def refused(self, status: int, code: str) -> Self:
        """Itself, when it is this refusal in the shape that the OCI specification gives errors."""
        self.expect(status)
        assert self.codes[0] == code, self.describe()
        return self


def _code_of(error: object) -> str:
    assert isinstance(error, dict)
    code, message = error.get("code"), error.get("message")
    assert isinstance(code, str)
    assert code.replace("_", "").isalpha(), code
    assert code.isupper(), code
    assert isinstance(message, str)
    return code


Body = bytes | Iterable[bytes] | None


class Wire:
    """One connection to the server, on which a test says byte for byte what it wants."""

    def __init__(self, host: str, port: int, *, patience: float = PATIENCE) -> None:
        self._socket = socket.create_connection((host, port), timeout=patience)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Send these bytes, to a server that may no longer listen: its answer may wait already."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(data)

    def end(self) -> None:
        """Say that nothing more will be sent, while still listening."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def wait(self, seconds: float) -> None:
        """Give the server so much time to say something before the next step."""
        select.select([self._socket], [], [], seconds)

    def cut(self) -> None:
        """End the connection rudely, with a reset and without a farewell."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close the connection; a second time does nothing."""
        self._socket.close()

    def rest(self) -> bytes:
        """Everything the server sends until it closes the connection."""
        data = self._unread
        self._unread = b""
        while more := self._receive():
            data += more
        return data

    def answer(self, asked: str = "GET") -> Answer:
        """The next answer; `asked` is the request line, whose method decides about the body."""
        interim: list[int] = []
        while True:
            status, headers = self._head()
            if status >= 200:
                break
            interim.append(status)
        body = self._body(asked.split(" ", 1)[0], status, headers)
        return Answer(asked, status, headers, body, tuple(interim))

    def interim(self) -> int:
        """The status of the next head, which has no body, such as 100."""
        return self._head()[0]

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(1 << 16)
        except ConnectionResetError:
            return b""

    def _head(self) -> tuple[int, Headers]:
        while b"\r\n\r\n" not in self._unread:
            if len(self._unread) > _LONGEST_HEAD:
                raise BadAnswer("an endless head")
            more = self._receive()
            if not more:
                raise NoAnswer(f"closed after {self._unread!r}")
            self._unread += more
        head, self._unread = self._unread.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        return _status(first), Headers(tuple(_header(line) for line in lines))

    def _body(self, method: str, status: int, headers: Headers) -> bytes:
        length, coding = headers.get("Content-Length"), headers.get("Transfer-Encoding")
        if length is not None and coding is not None:
            raise BadAnswer("both Content-Length and Transfer-Encoding")
        if method == "HEAD" or status in _BODILESS:
            return b""
        if coding is not None:
            return b"".join(self._chunks())
        if length is not None:
            return self._exactly(int(length))
        return self.rest()

    def _exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            more = self._receive()
            if not more:
                raise BadAnswer(f"body ended after {len(self._unread)} of {size} bytes")
            self._unread += more
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._line(), 16):
            yield self._exactly(size)
            self._exactly(2)
        while self._line():
            pass

    def _line(self) -> bytes:
        while b"\r\n" not in self._unread:
            more = self._receive()
            if not more:
                raise BadAnswer("closed inside a chunked body")
            self._unread += more
        line, self._unread = self._unread.split(b"\r\n", 1)
        return line


def _status(line: str) -> int:
    version, _, rest = line.partition(" ")
    if version not in ("HTTP/1.1", "HTTP/1.0") or not rest[:3].isdigit():
        raise BadAnswer(f"not a status line: {line!r}")
    return int(rest[:3])


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or name != name.strip() or not name:
        raise BadAnswer(f"not a header: {line!r}")
    return name, value.strip()


@dataclass(slots=True)
class Client:
    """Sends whole requests; `headers` go with each of them."""

    host: str
    port: int
    headers: Mapping[str, str] = field(default_factory=dict)

    def request(
        self,
        method: str,
        target: str,
        body: Body = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    ) -> Answer:
        """The answer to one request on a new connection; an iterable body goes out in chunks."""
        with self.wire() as wire:
            wire.send(self.head(method, target, body, headers))
            for piece in encoded(body):
                wire.send(piece)
            return wire.answer(f"{method} {target}")

    def wire(self) -> Wire:
        """A new connection to the server."""
        return Wire(self.host, self.port)

    def head(
        self,
        method: str,
        target: str,
        body: Body = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    ) -> bytes:
        """The first lines of a request, with the length of `body` or the chunked coding."""
        lines = [("Host", f"{self.host}:{self.port}"), *self.headers.items(), *pairs(headers)]
        if isinstance(body, bytes):
            lines.append(("Content-Length", str(len(body))))
        elif body is not None:
            lines.append(("Transfer-Encoding", "chunked"))
        elif method in ("POST", "PUT", "PATCH"):
            lines.append(("Content-Length", "0"))
        text = "".join(f"{name}: {value}\r\n" for name, value in lines)
        return f"{method} {target} HTTP/1.1\r\n{text}\r\n".encode("latin-1")

    def get(self, target: str, **headers: str) -> Answer:
        """The answer to a GET; `if_none_match="x"` becomes the header `If-None-Match: x`."""
        return self.request("GET", target, headers=_named(headers))

    def head_of(self, target: str, **headers: str) -> Answer:
        """The answer to a HEAD."""
        return self.request("HEAD", target, headers=_named(headers))

    def post(self, target: str, body: Body = None, **headers: str) -> Answer:
        """The answer to a POST."""
        return self.request("POST", target, body, _named(headers))

    def put(self, target: str, body: Body = None, **headers: str) -> Answer:
        """The answer to a PUT."""
        return self.request("PUT", target, body, _named(headers))

    def patch(self, target: str, body: Body = None, **headers: str) -> Answer:
        """The answer to a PATCH."""
        return self.request("PATCH", target, body, _named(headers))

    def delete(self, target: str, **headers: str) -> Answer:
        """The answer to a DELETE."""
        return self.request("DELETE", target, headers=_named(headers))


def pairs(
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
) -> Iterable[tuple[str, str]]:
    """The pairs of a mapping, or the pairs as they are: a list may repeat a name."""
    return headers.items() if isinstance(headers, Mapping) else headers


def encoded(body: Body) -> Iterator[bytes]:
    """The bytes of a body as they travel: as they are, or one chunk for each piece."""
    if body is None:
        return
    if isinstance(body, bytes):
        yield body
        return
    for piece in body:
        if piece:
            yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-").title(): value for name, value in headers.items()}
