"""Multipart forms (RFC 7578), field by field as the bytes come."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from python_multipart.multipart import MultipartParser, parse_options_header

from entrepot.errors import Invalid, UnsupportedForm
from entrepot.http.forms import MULTIPART, media_type
from entrepot.http.messages import Request

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

LONGEST_FIELD: Final = 8192
"""Bytes of a text field, and of a header of any field."""


@dataclass(slots=True)
class Part:
    """One field of the form: a text, or a file with a name."""

    name: str = ""
    filename: str = ""
    headers: dict[str, str] = field(default_factory=dict)


async def read_parts(request: Request) -> AsyncIterator[tuple[Part, AsyncIterator[bytes]]]:
    """The fields of a multipart form (RFC 7578) in order, each to be read before the next."""
    _, options = parse_options_header((request.header("content-type") or "").encode())
    boundary = options.get(b"boundary", b"")
    if media_type(request) != MULTIPART or not 0 < len(boundary) <= 200:
        raise UnsupportedForm
    events: list[tuple[str, Any]] = []
    parser = MultipartParser(boundary, cast("MultipartCallbacks", _callbacks(events)))
    source = _Events(request.body, parser, events)
    while (part := await source.next_part()) is not None:
        yield part, source.content()
        await source.finish_part()


class _Events:
    """What the parser says, in the order in which bytes come."""

    def __init__(
        self, body: AsyncIterator[bytes], parser: MultipartParser, events: list[tuple[str, Any]]
    ) -> None:
        self._body = body
        self._parser = parser
        self._events = events
        self._in_part = False

    async def next_part(self) -> Part | None:
        """The next field's headers; `None` at the end, which must be there."""
        while True:
            kind, value = await self._next()
            if kind == "end":
                return None
            if kind == "part":
                self._in_part = True
                return _part_of(value)

    async def content(self) -> AsyncIterator[bytes]:
        """The field's bytes."""
        while self._in_part:
            kind, value = await self._next()
            if kind == "data":
                yield value
            else:
                self._in_part = False

    async def finish_part(self) -> None:
        """Pass over what was not read of the field."""
        async for _ in self.content():
            pass

    async def _next(self) -> tuple[str, Any]:
        while not self._events:
            try:
                chunk = await anext(self._body)
            except StopAsyncIteration as error:
                raise Invalid("the form is incomplete: upload again") from error
            try:
                self._parser.write(chunk)
            except Exception as error:  # the library's own class differs between versions
                raise Invalid("invalid form data") from error
        return self._events.pop(0)


def _part_of(headers: dict[str, str]) -> Part:
    _, options = parse_options_header(headers.get("content-disposition", "").encode())
    name, filename = (
        options.get(key, b"").decode(errors="replace") for key in (b"name", b"filename")
    )
    return Part(name[:200], filename[:1000], headers)


def _callbacks(events: list[tuple[str, Any]]) -> dict[str, Callable[..., None]]:
    state: dict[str, Any] = {"headers": {}, "field": b"", "value": b""}

    def begin() -> None:
        state.update(headers={}, field=b"", value=b"")

    def header_field(data: bytes, start: int, end: int) -> None:
        state["field"] += data[start:end]

    def header_value(data: bytes, start: int, end: int) -> None:
        state["value"] += data[start:end]

    def header_end() -> None:
        if len(state["headers"]) > 20 or len(state["value"]) > LONGEST_FIELD:
            raise ValueError("too many headers")
        name = state["field"].decode(errors="replace").lower()
        state["headers"][name] = state["value"].decode(errors="replace")
        state.update(field=b"", value=b"")

    return {
        "on_part_begin": begin,
        "on_header_field": header_field,
        "on_header_value": header_value,
        "on_header_end": header_end,
        "on_headers_finished": lambda: events.append(("part", state["headers"])),
        "on_part_data": lambda data, start, end: events.append(("data", bytes(data[start:end]))),
        "on_part_end": lambda: events.append(("part-end", None)),
        "on_end": lambda: events.append(("end", None)),
    }
