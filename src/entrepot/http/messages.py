"""Requests and answers as values, whatever the server underneath."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl

from entrepot.errors import Invalid

_MAX_PARAMETERS = 200
_MAX_TARGET = 2048


class Headers(Protocol):
    """The part of the server's headers that we use; names are lower-case."""

    def get(self, key: str, default: None = None) -> str | None:
        """The first value of that name."""

    def get_all(self, key: str) -> list[str]:
        """Every value of that name."""

    def __contains__(self, key: str) -> bool:
        """Whether there is one of that name, be it text or not."""

    def keys(self) -> list[str]:
        """Each name once."""

    def values(self) -> list[str]:
        """Every value that is text."""


@dataclass(frozen=True, slots=True)
class Outside:
    """How a request looked outside of our own proxies; empty where they do not say."""

    address: str
    scheme: str = ""
    host: str = ""


@dataclass(slots=True)
class Request:
    """One request. `path` is percent-decoded once; the body can be read once."""

    method: str
    path: str
    query_string: str
    headers: Headers
    body: AsyncIterator[bytes]
    scheme: str
    client: str
    id: str
    # Who asks, as far as trusted proxies say: the peer itself where there is none.
    address: str = ""
    # How it looked outside of our proxies, once somebody asked.
    outside: Outside | None = None
    # What the log says of the request beside its outcome; names, never secrets.
    facts: dict[str, str] = field(default_factory=dict)
    # The cookies once somebody read them.
    cookies: list[tuple[str, str]] | None = None
    _query: dict[str, list[str]] | None = None

    def header(self, name: str) -> str | None:
        """The first value of that header."""
        return self.headers.get(name)

    @property
    def sender(self) -> str:
        """The client's address: as far as trusted proxies say, else the peer's."""
        return self.address or self.client

    @property
    def content_length(self) -> int | None:
        """The announced length of the body in bytes, where one was announced."""
        text = self.headers.get("content-length")
        return int(text) if text is not None and text.isascii() and text.isdigit() else None

    @property
    def target(self) -> str:
        """The address to come back to: the path, with its query where that is not long."""
        query = self.query_string
        return f"{self.path}?{query}" if 0 < len(query) <= _MAX_TARGET else self.path

    def query_all(self, name: str) -> list[str]:
        """Every value of that parameter, in order."""
        return self._parsed.get(name, [])

    def query_names(self) -> list[str]:
        """The names of all parameters, each once."""
        return list(self._parsed)

    def query(self, name: str) -> str | None:
        """The last value of that parameter: some clients append theirs to one that is there."""
        values = self.query_all(name)
        return values[-1] if values else None

    @property
    def _parsed(self) -> dict[str, list[str]]:
        if self._query is None:
            self._query = _parse_query(self.query_string)
        return self._query


@dataclass(frozen=True, slots=True)
class FileBody:
    """`length` bytes of a file from `start` on, sent by the server itself."""

    path: Path
    start: int
    length: int
    whole: bool


Body = bytes | FileBody | AsyncIterator[bytes]


@dataclass(slots=True)
class Response:
    """One answer; `length` is given for bodies that are not bytes."""

    status: int
    headers: list[tuple[str, str]]
    body: Body = b""

    @property
    def size(self) -> int:
        """Bytes of the body as far as they are known here."""
        if isinstance(self.body, bytes):
            return len(self.body)
        return self.body.length if isinstance(self.body, FileBody) else 0


def empty(status: int, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """An answer without a body."""
    length = () if status in (204, 304) else (("content-length", "0"),)
    return Response(status, [*headers, *length])


def content(
    status: int, media_type: str, body: bytes, headers: Iterable[tuple[str, str]] = ()
) -> Response:
    """An answer with a body of that media type."""
    return Response(
        status,
        [*headers, ("content-type", media_type), ("content-length", str(len(body)))],
        body,
    )


def without_body(response: Response) -> Response:
    """Return the response to HEAD: the same status and headers without the body."""
    return Response(response.status, response.headers)


def _parse_query(text: str) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError as error:
        raise Invalid("too many query parameters") from error
    query: dict[str, list[str]] = {}
    for name, value in pairs:
        query.setdefault(name, []).append(value)
    return query


class PlainHeaders:
    """Headers from a mapping or pairs; for tests and for requests we make ourselves."""

    def __init__(self, values: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        pairs = values.items() if isinstance(values, Mapping) else values
        self._pairs = [(name.lower(), value) for name, value in pairs]

    def get(self, key: str, default: None = None) -> str | None:
        """The first value of that name."""
        return next((value for name, value in self._pairs if name == key), default)

    def __contains__(self, key: str) -> bool:
        """Whether there is one of that name."""
        return any(name == key for name, _ in self._pairs)

    def keys(self) -> list[str]:
        """Each name once."""
        return list(dict(self._pairs))

    def values(self) -> list[str]:
        """Every value."""
        return [value for _, value in self._pairs]

    def get_all(self, key: str) -> list[str]:
        """Every value of that name."""
        return [value for name, value in self._pairs if name == key]
