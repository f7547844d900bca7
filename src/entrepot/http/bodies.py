"""Bodies that are read as a whole: each within the bound that its reader sets."""

from collections.abc import AsyncIterable

from entrepot.errors import EntrepotError, TooLarge
from entrepot.http.messages import Request


async def read_body(request: Request, limit: int, refusal: EntrepotError | None = None) -> bytes:
    """The whole body; raise `refusal`, by default `TooLarge`, for more than `limit` bytes.

    A length that is announced is believed before anything is read.
    """
    if (request.content_length or 0) > limit:
        raise refusal or TooLarge()
    return await join_chunks(request.body, limit, refusal)


async def join_chunks(
    chunks: AsyncIterable[bytes], limit: int, refusal: EntrepotError | None = None
) -> bytes:
    """The chunks as one; raise `refusal`, by default `TooLarge`, for more than `limit` bytes."""
    joined = bytearray()
    async for chunk in chunks:
        joined += chunk
        if len(joined) > limit:
            raise refusal or TooLarge()
    return bytes(joined)
