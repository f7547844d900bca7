"""`python -m bench.large`: how long questions take with 1,000,000 manifests in PostgreSQL.

A million tags, ten million links to blobs. Each question is asked many times, each time about
something else; all that is asked on the way of a pull or a push, and by pages of lists. Then
pushes and deletions, each with its commits.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import psycopg
from rich.console import Console
from rich.table import Table

from bench.loads import BIG, NAMESPACES, Amounts, load
from bench.writes import SPOTS, WRITES, Spot, Writer, read_spots
from entrepot.metadata import repositories
from entrepot.metadata.contents import artifacts
from entrepot.metadata.engines.engine import Reader
from entrepot.metadata.engines.postgresql import PostgresMetadata, PostgresTransaction
from entrepot.metadata.migrate import upgrade_postgresql
from entrepot.metadata.registry import blobs, gc_queries, manifests, tag_listing
from entrepot.model.tags import Filters, TagOrder
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, Tag
from tests.metadata.postgres import serving

ALLOWED = 20.0
"""Milliseconds that the slowest of a hundred may take."""
_NOW = datetime(2026, 7, 4, tzinfo=UTC)
_ANY = Filters()
_SETTINGS = {"shared_buffers": "1GB", "work_mem": "64MB", "max_wal_size": "8GB"}

Ask = Callable[[Reader, "Picker"], Awaitable[object]]


class Picker:
    """Picks what is asked about: something else each time."""

    def __init__(self, amounts: Amounts, known: list[tuple[int, str, int]], seed: int) -> None:
        self._amounts = amounts
        self._known = known
        self._random = random.Random(seed)

    @property
    def repository(self) -> int:
        """A repository; every second time the large one."""
        return self._random.choice((BIG, self._random.randint(1, self._amounts.repositories)))

    @property
    def name(self) -> RepositoryName:
        """A repository's name."""
        number = self.repository
        return RepositoryName(f"team{1 + number % NAMESPACES}/app{number}")

    @property
    def manifest(self) -> tuple[int, Digest, int]:
        """A repository, and a manifest in it by digest and id."""
        repository_id, digest, number = self._random.choice(self._known)
        return repository_id, Digest.parse(digest), number

    @property
    def start(self) -> str:
        """Where a page of digests begins."""
        return f"sha256:{self._random.getrandbits(32):08x}"


def _tag(picker: Picker) -> tuple[int, Tag]:
    repository_id, _, number = picker.manifest
    return repository_id, Tag(f"v{number}")


QUESTIONS: dict[str, Ask] = {
    "repository by name": lambda to, it: repositories.find_repository(to, it.name),
    "manifest by tag": lambda to, it: manifests.find_manifest(to, *_tag(it)),
    "manifest by digest": lambda to, it: manifests.find_manifest(to, *it.manifest[:2]),
    "facts by tag": lambda to, it: manifests.find_facts(to, *_tag(it)),
    "blob": lambda to, it: blobs.find_blob(to, *it.manifest[:2]),
    "link of a blob": lambda to, it: blobs.is_linked(to, *it.manifest[:2]),
    "holders of a blob": lambda to, it: blobs.list_holders(to, it.manifest[1], 100),
    "page of tags": lambda to, it: manifests.list_tags(to, it.repository, _tag(it)[1].text, 100),
    "referrers": lambda to, it: manifests.list_referrers(to, *it.manifest[:2], 0, 100),
    "parents": lambda to, it: artifacts.list_parents(to, it.manifest[0], str(it.manifest[1])),
    "catalogue": lambda to, it: repositories.list_all_names(to, it.name.text, 100),
    "a stranger's catalogue": lambda to, it: repositories.list_names_of(
        to, [3, 4], it.name.text, 100
    ),
    "row of a tag": lambda to, it: tag_listing.find_row(to, it.manifest[0], _tag(it)[1].text),
    "tags page by version": lambda to, it: _rows(to, it, TagOrder.VERSION),
    "tags page by time": lambda to, it: _rows(to, it, TagOrder.NEWEST),
    "tags page by name": lambda to, it: _rows(to, it, TagOrder.NAME),
    "links to collect": lambda to, it: gc_queries.list_links(
        to, (it.repository, it.start), _NOW, 50
    ),
    "rows to collect": lambda to, it: gc_queries.list_rows(to, it.start, _NOW, 50),
    "manifests to collect": lambda to, it: gc_queries.list_untagged(to, it.manifest[2], _NOW, 50),
    "blobs to check": lambda to, it: blobs.list_blobs(to, it.start, 100),
    "manifests to check": lambda to, it: manifests.list_stored(to, it.manifest[2], 100),
}


async def _rows(to: Reader, picker: Picker, order: TagOrder) -> object:
    return await tag_listing.list_rows(to, picker.repository, order, _ANY, limit=20, offset=0)


def main() -> int:
    """Load and measure; 1 when a question takes too long."""
    options = _options()
    console = Console()
    amounts = Amounts(options.repositories, options.manifests)
    with serving(**_SETTINGS) as url:
        upgrade_postgresql(url)
        began = time.monotonic()
        load(url, amounts)
        console.print(f"loaded in {time.monotonic() - began:.0f} s: {_counts(url)}")
        taken = asyncio.run(_measure(url, amounts, options.times))
    return _report(console, taken)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.large", description=__doc__)
    parser.add_argument("--manifests", type=int, default=1_000_000, help="(1,000,000)")
    parser.add_argument("--repositories", type=int, default=20_000, help="(20,000)")
    parser.add_argument("--times", type=int, default=400, help="each question is asked (400)")
    return parser.parse_args()


def _counts(url: str) -> str:
    with psycopg.connect(url) as connection:
        connection.execute("CHECKPOINT")
        names = ("manifests", "tags", "blobs", "repository_blobs", "manifest_references")
        found = []
        for name in names:
            row = connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone()  # noqa: S608
            found.append(f"{row[0] if row else 0:,} {name}")
    return ", ".join(found)


async def _measure(url: str, amounts: Amounts, times: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {}
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        reader = PostgresTransaction(connection)
        cursor = await connection.execute(
            "SELECT repository_id, digest, id FROM manifests TABLESAMPLE SYSTEM (1) LIMIT 5000"
        )
        known = list(await cursor.fetchall())
        for name, ask in QUESTIONS.items():
            picker = Picker(amounts, known, seed=len(name))
            taken[name] = [await _time(ask(reader, picker)) for _ in range(times)]
        spots = read_spots(await (await connection.execute(SPOTS, [1])).fetchall())
    return taken | await _measure_writes(url, spots, times)


async def _measure_writes(url: str, spots: list[Spot], times: int) -> dict[str, list[float]]:
    metadata = PostgresMetadata(url)
    await metadata.open()
    writer, choice = Writer(metadata), random.Random(len(spots))
    taken = {}
    for name, write in WRITES.items():
        # No spot twice: what was deleted cannot be deleted again.
        chosen = choice.sample(spots, min(times, len(spots)))
        taken[name] = [await _time(write(writer, spot)) for spot in chosen]
    await metadata.close()
    return taken


async def _time(doing: Awaitable[object]) -> float:
    """The milliseconds that something takes."""
    began = time.perf_counter()
    await doing
    return (time.perf_counter() - began) * 1000


def _report(console: Console, taken: dict[str, list[float]]) -> int:
    table = Table("question", "median ms", "p99 ms", "longest ms", "met")
    is_met = True
    for name, each in taken.items():
        ordered = sorted(each)
        slow = ordered[int(len(ordered) * 0.99) - 1]
        is_met &= slow <= ALLOWED
        cells = (ordered[len(ordered) // 2], slow, ordered[-1])
        table.add_row(name, *(f"{cell:.2f}" for cell in cells), "yes" if slow <= ALLOWED else "NO")
    console.print(table)
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main())
