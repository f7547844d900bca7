"""The API of a hub, whichever way it is reached; an error of it ends the command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar
from urllib.parse import urlencode

from msgspec import DecodeError, Raw, Struct, json

from entrepot.cli.common.output import fail, printable

T = TypeVar("T")

Parameter = str | int | bool | Sequence[str] | None
Body = Mapping[str, object]

_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API: its status and its JSON, empty where there is none."""

    status: int
    body: bytes


class Transport(Protocol):
    """A way to the API of a hub."""

    @property
    def host(self) -> str:
        """The host of a hub that is far away, such as `hub.example.org`; else empty."""

    def send(self, method: str, path: str, query: str, body: bytes | None) -> Answer:
        """Send a request to a path below `/api/v1`; a hub that cannot be reached ends the command.

        `path` is not percent-encoded, `query` is.
        """


class _Problem(Struct):
    """An error of the API (RFC 9457)."""

    detail: str = ""


class _Page(Struct):
    """A page of any list."""

    items: list[Raw]
    next: str | None = None


class Hub:
    """The API of a hub. Paths begin below `/api/v1`; parameters that are `None` are left out.

    `hint` follows the reason where the hub wants to know who asks.
    """

    def __init__(self, transport: Transport, hint: str = "") -> None:
        self._transport = transport
        self._hint = hint

    @property
    def host(self) -> str:
        """The host of a hub that is far away; empty for one whose data is here."""
        return self._transport.host

    @property
    def suffix(self) -> str:
        """Where the hub is, for questions and sentences: ` on hub.example.org`, or nothing."""
        return f" on {self.host}" if self.host else ""

    def get(self, path: str, kind: type[T], **query: Parameter) -> T:
        """Return what is there."""
        return self._read(self._send("GET", path, None, query), kind)

    def find(self, path: str, kind: type[T], **query: Parameter) -> T | None:
        """Return what is there, or `None` where nothing is, or where nobody may know of it."""
        answer = self._answer("GET", path, None, query)
        return None if answer.status == 404 else self._read(self._checked(answer), kind)

    def list_all(
        self, path: str, kind: type[T], most: int | None = None, **query: Parameter
    ) -> list[T]:
        """Return the entries of a list from all its pages, `most` of them at most."""
        entries: list[T] = []
        after: str | None = ""
        while after is not None and (most is None or len(entries) < most):
            limit = _PAGE if most is None else min(_PAGE, most - len(entries))
            page = self.get(path, _Page, **query, limit=limit, after=after or None)
            entries += [self._read(each, kind) for each in page.items]
            after = page.next
        return entries

    def ask(
        self, method: str, path: str, kind: type[T], body: Body | None = None, **query: Parameter
    ) -> T:
        """Return the answer to a request that may change something."""
        return self._read(self._send(method, path, body, query), kind)

    def act(self, method: str, path: str, body: Body | None = None) -> None:
        """Change something, where the answer is of no interest."""
        self._send(method, path, body, {})

    def attempt(self, method: str, path: str) -> bool:
        """Try to change something, and say whether the hub did so."""
        return self._answer(method, path, None, {}).status < 300

    def _send(
        self, method: str, path: str, body: Body | None, query: Mapping[str, Parameter]
    ) -> bytes:
        return self._checked(self._answer(method, path, body, query))

    def _answer(
        self, method: str, path: str, body: Body | None, query: Mapping[str, Parameter]
    ) -> Answer:
        encoded = None if body is None else json.encode(body)
        return self._transport.send(method, path, _query_string(query), encoded)

    def _checked(self, answer: Answer) -> bytes:
        if answer.status >= 300:
            reason = _reason(answer) + (self._hint if answer.status == 401 else "")
            fail(f"{self.host}: {reason}" if self.host else reason)
        return answer.body

    def _read(self, body: bytes | Raw, kind: type[T]) -> T:
        try:
            return json.decode(body, type=kind)
        except DecodeError as error:
            where = self.host or "the hub"
            fail(f"{where} answers as no Entrepot of this version does: {error}")


def _reason(answer: Answer) -> str:
    try:
        reason = json.decode(answer.body, type=_Problem).detail
    except DecodeError:
        reason = ""
    return printable(reason) or f"the answer has status {answer.status}"


def _query_string(query: Mapping[str, Parameter]) -> str:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if value is None:
            continue
        if isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif isinstance(value, str | int):
            pairs.append((name, str(value)))
        else:
            pairs += [(name, each) for each in value]
    return urlencode(pairs)
