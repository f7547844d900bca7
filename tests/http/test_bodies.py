"""Bodies are read within a bound."""

from collections.abc import AsyncIterator

import pytest

from entrepot.errors import Invalid, TooLarge
from entrepot.http.bodies import join_chunks, read_body
from entrepot.http.messages import PlainHeaders, Request


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    """The pieces, and a failure for whoever reads on after them."""
    for piece in pieces:
        yield piece


def request(body: AsyncIterator[bytes], length: str | None = None) -> Request:
    """A request with that body, which announces that length."""
    headers = PlainHeaders([] if length is None else [("content-length", length)])
    return Request("PUT", "/", "", headers, body, "http", "::1", "0")


@pytest.mark.parametrize("length", [None, "4", "x"])
async def test_a_body_within_the_bound_is_read_as_a_whole(length: str | None) -> None:
    assert await read_body(request(chunks(b"ab", b"cd"), length), 4) == b"abcd"


async def test_a_body_that_is_announced_as_larger_is_refused_unread() -> None:
    body = chunks(b"ab")
    with pytest.raises(TooLarge):
        await read_body(request(body, "5"), 4)
    assert [piece async for piece in body] == [b"ab"]


async def test_a_body_that_turns_out_larger_is_refused_at_once() -> None:
    body = chunks(b"abc", b"de", b"f")
    with pytest.raises(TooLarge):
        await read_body(request(body), 4)
    with pytest.raises(Invalid):
        await join_chunks(chunks(b"abc", b"de"), 4, Invalid("that is too much"))
