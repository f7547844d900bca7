"""How long finding takes in a large hub: in one process, on SQLite, counts and all."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.hub_data import generate
from entrepot.hub.contents.search import Search
from entrepot.hub.people.actors import ANONYMOUS, OPERATOR, Identity
from entrepot.hub.permissions import Permissions
from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.model.search import SearchOrder

BAR = 100.0
"""Milliseconds that the median of every search stays below."""

QUERIES = (
    "",
    "redis",
    "nginx",
    "re",
    "postgres operator",
    "grafana-exporter",
    '"web worker"',
    "nginx -redis",
    "kind:helm-chart",
    "kind:image arch:arm64 signed:true",
    "nginx kind:image kind:helm-chart license:MIT",
    "namespace:nginx-org0",
    "package:redis",
    "package:lib*",
    "package:redis@*.0.*",
    "pkg:cargo/kafka",
    "cve:CVE-2020-1000",
    "cve:CVE-2021-*",
    "tag:0.0.1",
    "tag:0.*",
    "user1/nginx",
    "postgers-opertaor",
)
PACKAGES = ("redis", "nginx@*", "lib*", "redis@*.1.*")


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Milliseconds that one search took, a median and the longest, and how much it found."""

    name: str
    total: int
    median: float
    longest: float

    @property
    def is_met(self) -> bool:
        """Whether it stays below the bar."""
        return self.median <= BAR


def measure_search(directory: Path, rounds: int, *, quick: bool) -> list[SearchResult]:
    """Fill a hub, and search it as the operator and as a stranger."""
    directory.mkdir(parents=True)
    path = directory / "entrepot.db"
    if quick:
        generate(path, repositories=1000, tags=10_000, sboms=100, packages=50_000)
    else:
        generate(path)
    return measure_searches_of(path, rounds)


def measure_searches_of(path: Path, rounds: int) -> list[SearchResult]:
    """Search a hub that is there."""
    return asyncio.run(_measure(path, max(3, rounds * 3)))


async def _measure(path: Path, times: int) -> list[SearchResult]:
    metadata = SqliteMetadata(path)
    permissions = Permissions(metadata.reader, is_open=False)
    search = Search(metadata.reader, permissions)
    results = []
    for who, identity in (("all", OPERATOR.identity), ("public", ANONYMOUS)):
        for text in QUERIES:
            results.append(await take(f"{who}: {text!r}", times, _finding(search, identity, text)))
        for order in SearchOrder:
            finding = _finding(search, identity, "nginx", order)
            results.append(await take(f"{who}: 'nginx' by {order}", times, finding))
        for package in PACKAGES:
            shipping = _shipping(search, identity, package)
            results.append(await take(f"{who}: what ships {package}", times, shipping))
    await metadata.close()
    return results


def _finding(
    search: Search, identity: Identity, text: str, order: SearchOrder = SearchOrder.RELEVANCE
) -> Callable[[], Awaitable[int]]:
    async def find() -> int:
        return (await search.find(identity, text, order=order)).found.total

    return find


def _shipping(search: Search, identity: Identity, package: str) -> Callable[[], Awaitable[int]]:
    async def ship() -> int:
        return (await search.packages(identity, package)).total

    return ship


async def take(name: str, times: int, finding: Callable[[], Awaitable[int]]) -> SearchResult:
    """Do it several times; `finding` returns how much there was."""
    total, taken = await finding(), []
    for _ in range(times):
        began = time.perf_counter()
        await finding()
        taken.append((time.perf_counter() - began) * 1000)
    return SearchResult(name, total, median(taken), max(taken))


def print_search(results: Sequence[SearchResult], console: Console) -> None:
    """The table of searches."""
    table = Table("search", "found", "median ms", "longest ms", "met")
    for each in results:
        table.add_row(*search_row(each))
    console.print(table)


def search_row(result: SearchResult) -> tuple[str, str, str, str, str]:
    """One line of the table."""
    met = "yes" if result.is_met else "NO"
    took = (f"{result.median:.1f}", f"{result.longest:.1f}")
    return (result.name, f"{result.total:,}", *took, met)
