"""PostgreSQL looks up what is asked often: it reads no large table from end to end."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import psycopg
import pytest

from bench.loads import BIG, Amounts, load
from bench.writes import SPOTS, WRITES, Writer, read_spots
from entrepot.metadata import repositories
from entrepot.metadata.contents import artifact_relations, artifacts
from entrepot.metadata.engines.engine import Reader, Row, SqlStatement, Value
from entrepot.metadata.engines.postgresql import DIALECT, PostgresTransaction
from entrepot.metadata.migrate import upgrade_postgresql
from entrepot.metadata.registry import (
    blobs,
    gc_queries,
    history,
    manifests,
    recommended_tags,
    tag_groups,
    tag_listing,
)
from entrepot.metadata.tables import tags
from entrepot.model.tags import Filters, TagAction, TagEvent, TagOrder
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, Tag

pytestmark = pytest.mark.postgresql

AMOUNTS = Amounts(repositories=400, manifests=10_000)
# A row for each repository or fewer; the page of a catalogue may choose to read them all.
SMALL = frozenset({"repositories", "namespaces", "accounts"})
DIGEST = Digest("sha256", "ab" * 32)
NOW = datetime(2026, 7, 4, tzinfo=UTC)
ANY = Filters()
EVENT = TagEvent(7, "v7", TagAction.DELETED, str(DIGEST), None, NOW, None)

Question = Callable[[Reader], Awaitable[object]]
QUESTIONS: dict[str, Question] = {
    "a repository": lambda to: repositories.find_repository(to, RepositoryName("team2/app1")),
    "a manifest by tag": lambda to: manifests.find_manifest(to, BIG, Tag("v7")),
    "a manifest by digest": lambda to: manifests.find_manifest(to, BIG, DIGEST),
    "facts by tag": lambda to: manifests.find_facts(to, BIG, Tag("v7")),
    "facts by digest": lambda to: manifests.find_facts(to, BIG, DIGEST),
    "a blob": lambda to: blobs.find_blob(to, BIG, DIGEST),
    "a blob anywhere": lambda to: blobs.find_blob_anywhere(to, DIGEST),
    "sizes of blobs": lambda to: blobs.find_sizes(to, BIG, [DIGEST]),
    "sizes of manifests": lambda to: manifests.find_sizes(to, BIG, [DIGEST]),
    "a link": lambda to: blobs.is_linked(to, BIG, DIGEST),
    "holders of a blob": lambda to: blobs.list_holders(to, DIGEST, 100),
    "a page of tags": lambda to: manifests.list_tags(to, BIG, "v5", 100),
    "tags that begin so": lambda to: manifests.list_tagged_like(to, BIG, "sha256-", 100),
    "referrers": lambda to: manifests.list_referrers(to, BIG, DIGEST, 0, 100),
    "attached": lambda to: artifacts.list_attached(to, BIG, str(DIGEST)),
    "parents with sizes": lambda to: artifact_relations.list_parents_with_sizes(
        to, BIG, str(DIGEST)
    ),
    "children": lambda to: artifact_relations.list_children(to, BIG, 7, 200),
    "parents": lambda to: artifacts.list_parents(to, BIG, str(DIGEST)),
    "the catalogue": lambda to: repositories.list_all_names(to, "team5", 100),
    "a stranger's catalogue": lambda to: repositories.list_names_of(to, [3, 4], "team5", 100),
    "a tag": lambda to: tag_listing.find_row(to, BIG, "v7"),
    "the greatest stable version": lambda to: tag_listing.find_stable(to, BIG),
    "recommended tags": lambda to: recommended_tags.list_recommended(to, [BIG, 7, 8]),
    "where tags point": lambda to: history.list_pointed_at(to, BIG, ["v7", "v8"]),
    "what can be restored": lambda to: history.list_restorable(to, BIG, [str(DIGEST)]),
    "events of one action": lambda to: history.list_together(to, BIG, EVENT),
    "aliases": lambda to: tag_listing.list_aliases(to, 7),
    "links to collect": lambda to: gc_queries.list_links(to, (BIG, "sha256:5"), NOW, 50),
    "rows to collect": lambda to: gc_queries.list_rows(to, "sha256:5", NOW, 50),
    "links of a blob": lambda to: gc_queries.count_links(to, str(DIGEST)),
    "named keys": lambda to: gc_queries.list_named(to, ["sha256/ab", "sha256/cd"]),
    "an untagged manifest": lambda to: gc_queries.is_still_free(
        to, gc_queries.Untagged(7, BIG, str(DIGEST), True), NOW
    ),
    "manifests to collect": lambda to: gc_queries.list_untagged(to, 5000, NOW, 50),
    "blobs to check": lambda to: blobs.list_blobs(to, "sha256:5", 100),
    "manifests to check": lambda to: manifests.list_stored(to, 5000, 100),
}


def _page_by(order: TagOrder) -> Question:
    return lambda to: tag_listing.list_rows(to, BIG, order, ANY, limit=20, offset=0)


def _groups_by(order: TagOrder) -> Question:
    return lambda to: tag_groups.list_groups(to, BIG, order, ANY, limit=20, offset=0)


for _order in (
    TagOrder.VERSION,
    TagOrder.NEWEST,
    TagOrder.NAME,
):
    QUESTIONS[f"a page of the tags by {_order}"] = _page_by(_order)
    QUESTIONS[f"a page of manifests by {_order} of their tags"] = _groups_by(_order)


class ExplainingTransaction(PostgresTransaction):
    """Answers as the engine does, and keeps which tables were read from end to end."""

    def __init__(self, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        super().__init__(connection)
        self._explained = connection
        self.scanned: set[str] = set()

    async def all(self, statement: SqlStatement, **values: Value) -> list[Row]:
        """Every row."""
        await self._explain(statement, values)
        return await super().all(statement, **values)

    async def one(self, statement: SqlStatement, **values: Value) -> Row | None:
        """The first row."""
        await self._explain(statement, values)
        return await super().one(statement, **values)

    async def run(self, statement: SqlStatement, **values: Value) -> int:
        """Change rows."""
        await self._explain(statement, values)
        return await super().run(statement, **values)

    async def run_many(self, statement: SqlStatement, rows: Sequence[dict[str, Value]]) -> None:
        """Change rows, once per row of values."""
        for values in rows:
            await self.run(statement, **values)

    async def _explain(self, statement: SqlStatement, values: dict[str, Value]) -> None:
        compiled = statement.compiled(DIALECT)
        text = f"EXPLAIN (FORMAT JSON) {compiled.text}".encode()
        cursor = await self._explained.execute(text, {**compiled.constants, **values})
        found = await cursor.fetchone()
        assert found is not None
        plan = found[0] if isinstance(found[0], list) else json.loads(str(found[0]))
        self.scanned |= set(_scanned(plan[0]["Plan"]))


class ExplainingMetadata:
    """Transactions that are explained, on one connection."""

    def __init__(self, explaining: ExplainingTransaction) -> None:
        self.reader = explaining

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[ExplainingTransaction]:
        """Each statement is committed by itself: only its plan is asked for."""
        yield self.reader

    async def version(self) -> Hashable:
        """As `rights_revision`, of every commit."""
        return 0

    async def rights_revision(self) -> int:
        """Nobody's rights change here."""
        return 0

    async def close(self) -> None:
        """Nothing is open but what the fixture closes."""


def _scanned(plan: dict[str, object]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield str(plan["Relation Name"])
    below = plan.get("Plans", [])
    assert isinstance(below, list)
    for each in below:
        yield from _scanned(each)


@pytest.fixture(scope="module")
def loaded(postgres_url: str) -> str:
    """A database with a small share of a large registry, which the planner knows."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE plans")
    url = postgres_url.replace("/postgres?", "/plans?")
    upgrade_postgresql(url)
    load(url, AMOUNTS)
    return url


@pytest.fixture
async def explaining(loaded: str) -> AsyncIterator[ExplainingTransaction]:
    """Asks the database that was filled."""
    async with await psycopg.AsyncConnection.connect(loaded, autocommit=True) as connection:
        yield ExplainingTransaction(connection)


@pytest.mark.parametrize("question", QUESTIONS)
async def test_no_large_table_is_read_from_end_to_end(
    explaining: ExplainingTransaction, question: str
) -> None:
    await QUESTIONS[question](explaining)
    assert explaining.scanned <= SMALL


@pytest.mark.parametrize("write", WRITES)
async def test_no_push_and_no_deletion_reads_a_large_table_from_end_to_end(
    explaining: ExplainingTransaction, loaded: str, write: str
) -> None:
    with psycopg.connect(loaded) as connection:
        spots = read_spots(connection.execute(SPOTS, [100]).fetchall())
    # Which one is deleted matters to no other test.
    spot = spots[list(WRITES).index(write)]
    await WRITES[write](Writer(ExplainingMetadata(explaining)), spot)
    assert explaining.scanned <= SMALL


async def test_a_run_of_the_collector_reads_no_large_table_from_end_to_end(
    explaining: ExplainingTransaction, loaded: str
) -> None:
    writer = Writer(ExplainingMetadata(explaining))
    with psycopg.connect(loaded) as connection:
        spot = read_spots(connection.execute(SPOTS, [100]).fetchall())[-1]
    await WRITES["push a blob at once"](writer, spot)
    collected = await writer.collector.run(at_once=True)
    assert collected.blobs >= 1
    # Little was ever deleted here.
    assert explaining.scanned <= SMALL | {"deleted_manifests"}


async def test_the_plan_of_a_scan_is_noticed(explaining: ExplainingTransaction) -> None:
    await explaining.one(SqlStatement(tags.select().where(tags.c.moved_by == 1)))
    assert "tags" in explaining.scanned
