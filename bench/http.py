"""The smallest HTTP client that can measure: one connection, no copies it can avoid."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers in lower case, and the body unless it was thrown away."""

    status: int
    headers: dict[str, str]
    body: bytes
    size: int

    def expect(self, status: int) -> "Answer":
        """Itself, or a failure that shows the body."""
        if self.status != status:
            raise RuntimeError(f"wanted {status}, got {self.status}: {self.body[:500]!r}")
        return self

    def text(self, key: str) -> str:
        """A field of the JSON body."""
        return str(json.loads(self.body)[key])


class Connection:
    """A keep-alive connection."""

    def __init__(self, port: int, authorization: str | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"Host: 127.0.0.1:{port}\r\n"
        if authorization:
            self._head += f"Authorization: {authorization}\r\n"
        self._rest = b""

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Path = b"",
        headers: Mapping[str, str] | None = None,
        *,
        keep: bool = True,
    ) -> Answer:
        """Send a request; a `Path` is sent by the kernel. `keep=False` throws the body away."""
        size = body.stat().st_size if isinstance(body, Path) else len(body)
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"{method} {path} HTTP/1.1\r\n{self._head}{lines}Content-Length: {size}\r\n\r\n"
        if isinstance(body, Path):
            self._socket.sendall(head.encode())
            self._send_file(body, size)
        else:
            self._socket.sendall(head.encode() + body)
        return self._answer(method, keep=keep)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _send_file(self, path: Path, size: int) -> None:
        with path.open("rb") as file:
            if self._socket.sendfile(file) != size:
                raise ConnectionError("the server did not take all of the body")

    def _answer(self, method: str, *, keep: bool) -> Answer:
        data = self._rest
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, rest = data.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
        body = self._body(rest, length, keep=keep)
        return Answer(int(status_line.split()[1]), headers, body, length)

    def _body(self, rest: bytes, length: int, *, keep: bool) -> bytes:
        if keep:
            while len(rest) < length:
                rest += self._receive()
            self._rest = rest[length:]
            return rest[:length]
        buffer = bytearray(_BUFFER)
        left = length - len(rest)
        self._rest = b""
        while left > 0:
            count = self._socket.recv_into(buffer, min(left, _BUFFER))
            if not count:
                raise ConnectionError("the server closed the connection")
            left -= count
        return b""

    def _receive(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data


def upload_path(location: str, digest: str) -> str:
    """The closing PUT's path for an upload's `Location`, absolute or not."""
    path = location[location.index("/v2/") :]
    return f"{path}{'&' if '?' in path else '?'}digest={digest}"
