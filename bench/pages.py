"""How long pages of a large hub take: whole requests through the doors, HTML drawn and all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from bench.hub_data import BIG
from bench.search import SearchResult, take
from entrepot.app import App
from entrepot.http.messages import PlainHeaders, Request
from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.metadata.registry.tag_listing import list_rows
from entrepot.model.tags import Filters, TagOrder
from entrepot.ops.metrics import Metrics, share_between_workers
from entrepot.settings import Settings
from entrepot.storage.filesystem import FileStorage
from entrepot.worker import Hub

PAGES = (
    "/",
    "/explore",
    "/search?q=nginx",
    "/search?q=package:redis",
    "/packages?q=redis",
    f"/r/{BIG}",
    f"/r/{BIG}/-/tags",
    f"/r/{BIG}/-/tags?sort=newest",
    f"/r/{BIG}/-/tags?sort=name",
    f"/r/{BIG}/-/tags?sort=size",
    f"/r/{BIG}/-/tags?q=1.2",
    f"/r/{BIG}/-/tags?page=1000",
    f"/r/{BIG}/-/history",
)


def measure_pages(path: Path, rounds: int) -> list[SearchResult]:
    """Open the pages of a hub that is there, as everybody sees an open one."""
    return asyncio.run(_measure(path, max(3, rounds * 2)))


async def _measure(path: Path, times: int) -> list[SearchResult]:
    share_between_workers(path.parent / "metrics")
    settings = Settings(data=path.parent, open=True)
    metadata = SqliteMetadata(path)
    app = App(settings, metadata, FileStorage(path.parent))
    hub = Hub(settings, app, Metrics())
    targets = [*PAGES, await _artifact(metadata)]
    results = [await take(f"page {each}", times, _opening(hub, each)) for each in targets]
    await app.close()
    return results


async def _artifact(metadata: SqliteMetadata) -> str:
    """The page of the newest version of the repository with most tags."""
    rows = await list_rows(metadata.reader, 1, TagOrder.NEWEST, Filters(), limit=1, offset=0)
    return f"/r/{BIG}:{rows[0].tag}" if rows else f"/r/{BIG}/-/tags?platform=linux/arm64"


def _opening(hub: Hub, target: str) -> Callable[[], Awaitable[int]]:
    path, _, query = target.partition("?")

    async def open_page() -> int:
        headers = PlainHeaders({"host": "localhost:5000", "accept": "text/html"})
        request = Request("GET", path, query, headers, _nothing(), "http", "127.0.0.1", "bench")
        response = await hub.answer(request)
        if response.status != 200:
            raise RuntimeError(f"{target}: {response.status}")
        return response.size

    return open_page


async def _nothing() -> AsyncIterator[bytes]:
    empty: tuple[bytes, ...] = ()
    for each in empty:
        yield each
