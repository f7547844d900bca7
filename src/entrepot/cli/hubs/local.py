"""The API of a hub whose data is here, asked in this process with the operator's rights."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from entrepot.api.door import ApiDoor
from entrepot.api.requests import PREFIX
from entrepot.app import open_app
from entrepot.cli.common.output import find_settings
from entrepot.cli.hubs.hub import Answer
from entrepot.http.messages import PlainHeaders, Request
from entrepot.hub.people.actors import OPERATOR


class LocalTransport:
    """Hands requests to the door of the API; whoever may read the data may do everything."""

    host = ""

    def __init__(self, runner: asyncio.Runner, door: ApiDoor) -> None:
        self._runner = runner
        self._door = door

    def send(self, method: str, path: str, query: str, body: bytes | None) -> Answer:
        """Ask the door."""
        return self._runner.run(self._ask(method, path, query, body))

    async def _ask(self, method: str, path: str, query: str, body: bytes | None) -> Answer:
        async def chunks() -> AsyncIterator[bytes]:
            yield body or b""

        headers = (
            []
            if body is None
            else [
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
            ]
        )
        response = await self._door.answer(
            Request(
                method=method,
                path=PREFIX + path,
                query_string=query,
                headers=PlainHeaders(headers),
                body=chunks(),
                scheme="http",
                client="",
                id="",
            )
        )
        return Answer(response.status, response.body if isinstance(response.body, bytes) else b"")


@contextmanager
def open_local(data: Path | None) -> Iterator[LocalTransport]:
    """Open the hub in the data directory; a directory without one ends the command."""
    settings = find_settings(data)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        app = runner.run(stack.enter_async_context(open_app(settings)))
        try:
            yield LocalTransport(runner, ApiDoor(app, OPERATOR.identity))
        finally:
            runner.run(stack.aclose())
