"""Searches look things up: SQLite reads no table from end to end that grows with contents."""

import re
from pathlib import Path

import pytest

from bench.hub_data import generate
from entrepot.hub.contents.queries import parse_query
from entrepot.metadata.contents.search import search
from entrepot.metadata.contents.search_packages import packages_of
from entrepot.metadata.engines.engine import Row, SqlStatement, Value
from entrepot.metadata.engines.sqlite import DIALECT, SqliteReader
from entrepot.metadata.engines.sqlite_driver import dbapi2
from entrepot.metadata.engines.sqlite_file import connect
from entrepot.metadata.visibility import VisibleTo
from entrepot.model.search import SearchOrder

# Rows for every repository, which a search for nothing reads, and what a statement made itself.
SMALL = frozenset({"repositories", "repository_facets", "json_each", "search", "anon_1", "meant"})
STRANGER = VisibleTo(namespaces=(1, 2), repositories=(3,))
QUERIES = [
    "",
    "nginx",
    "nginx -redis kind:image -arch:arm64 license:MIT",
    "package:redis",
    "package:redis*@1.*",
    "pkg:cargo/kafka",
    "cve:CVE-2021-1001",
    "tag:0.0.1",
    "digest:sha256:0123",
]


class ExplainingReader(SqliteReader):
    """Answers as the engine does, and keeps how it went about it."""

    def __init__(self, connection: dbapi2.Connection) -> None:
        super().__init__(connection)
        self.steps: list[str] = []

    async def all(self, statement: SqlStatement, **values: Value) -> list[Row]:
        """Every row."""
        self._explain(statement, values)
        return await super().all(statement, **values)

    async def one(self, statement: SqlStatement, **values: Value) -> Row | None:
        """The first row."""
        self._explain(statement, values)
        return await super().one(statement, **values)

    @property
    def scanned(self) -> set[str]:
        """The tables that were read from end to end."""
        found = (re.match(r"SCAN (\w+)", step) for step in self.steps)
        return {each[1] for each in found if each}

    def _explain(self, statement: SqlStatement, values: dict[str, Value]) -> None:
        compiled = statement.compiled(DIALECT)
        text = f"EXPLAIN QUERY PLAN {compiled.text}"
        rows = self._execute(text, {**compiled.constants, **values}).fetchall()
        self.steps += [str(row[3]) for row in rows]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small hub with some of everything."""
    path = tmp_path_factory.mktemp("hub") / "entrepot.db"
    generate(path, repositories=60, tags=300, sboms=20, packages=2000, big_repository_tags=50)
    return path


@pytest.fixture(params=["with statistics", "without statistics"])
def reader(request: pytest.FixtureRequest, hub: Path, tmp_path: Path) -> ExplainingReader:
    """The hub, as the planner knows it after a while and at first."""
    path = tmp_path / "entrepot.db"
    path.write_bytes(hub.read_bytes())
    connection = connect(path)
    if request.param == "without statistics":
        for table in ("sqlite_stat1", "sqlite_stat4"):
            connection.execute(f"DROP TABLE IF EXISTS {table}")
        connection.close()
        connection = connect(path)
    else:
        connection.execute("ANALYZE")
    return ExplainingReader(connection)


@pytest.mark.parametrize("text", QUERIES)
async def test_a_search_reads_only_what_it_needs(reader: ExplainingReader, text: str) -> None:
    await search(reader, parse_query(text), STRANGER, order=SearchOrder.RELEVANCE)
    assert reader.scanned
    assert reader.scanned <= SMALL


@pytest.mark.parametrize("package", ["redis", "re*", "redis@1.*"])
async def test_a_list_of_packages_reads_only_those(reader: ExplainingReader, package: str) -> None:
    assert (await packages_of(reader, package, STRANGER)).entries or "@" in package
    assert reader.scanned <= SMALL


async def test_counts_of_few_look_each_one_up(reader: ExplainingReader) -> None:
    await search(reader, parse_query("package:redis"), STRANGER)
    assert any("ix_repository_facets_repository_id" in step for step in reader.steps)
