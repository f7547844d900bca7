"""Bodies of requests as the rules get them."""

from collections.abc import AsyncIterator

from entrepot.errors import BodyCut


async def body(*runs: bytes) -> AsyncIterator[bytes]:
    """A body that arrives in these runs."""
    for run in runs:
        yield run


async def cut_body(*runs: bytes) -> AsyncIterator[bytes]:
    """A body that ends too early, after these runs."""
    for run in runs:
        yield run
    raise BodyCut
