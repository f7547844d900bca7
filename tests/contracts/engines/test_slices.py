"""Whatever is written, no transaction is long: pushes wait for one of them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from entrepot.errors import Unavailable
from entrepot.extract.findings import Findings, FoundDocument, Package, Vulnerability
from entrepot.hub.permissions import Permissions
from entrepot.hub.repositories import Repositories
from entrepot.metadata.artifact_tables import (
    artifact_packages,
    artifact_vulnerabilities,
    documents,
)
from entrepot.metadata.contents import packages
from entrepot.metadata.contents.artifacts import list_document_names
from entrepot.metadata.engines.engine import Metadata, Reader, SqlStatement, Transaction
from entrepot.metadata.engines.slices import AT_ONCE, MOST
from entrepot.metadata.events import jobs
from entrepot.metadata.registry.manifests import find_facts
from entrepot.metadata.security.vulnerabilities import list_vulnerabilities
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from entrepot.registry.maintenance.collector import Collector
from entrepot.storage.memory import MemoryStorage
from tests.hub.shelves import SPDX, HereAndNow, Shelf
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_repository

COUNTS = [
    SqlStatement(select(func.count()).select_from(table))
    for table in (artifact_packages, artifact_vulnerabilities, documents)
]
Hook = Callable[[], Awaitable[None]]


class Watched:
    """A database that counts how many rows each commit adds and takes away."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self.most = self.commits = self._rows = 0
        self.hook: Hook | None = None
        self.left = 10**9
        """Transactions until the database is away."""

    @property
    def reader(self) -> Reader:
        """As the database's own."""
        return self._metadata.reader

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """As the database's own; then look, and let the test look."""
        self.left -= 1
        if self.left < 0:
            raise Unavailable("the database is away")
        async with self._metadata.begin() as tx:
            yield tx
        self.commits += 1
        rows = await self.count()
        self.most = max(self.most, abs(rows - self._rows))
        self._rows = rows
        if self.hook is not None:
            hook, self.hook = self.hook, None
            await hook()
            self.hook = self.hook or hook

    async def count(self) -> int:
        """Rows of the tables that one manifest can have many of."""
        rows = [await self.reader.one(statement) for statement in COUNTS]
        return sum(row[0] for row in rows if row is not None)

    async def version(self) -> Hashable:
        """As `rights_revision`, of every commit."""
        return await self._metadata.version()

    async def rights_revision(self) -> int:
        """As the database's own."""
        return await self._metadata.rights_revision()

    async def close(self) -> None:
        """Nothing: the fixture closes it."""


@pytest.fixture
def watched(metadata: Metadata) -> Watched:
    """Each engine in turn."""
    return Watched(metadata)


@pytest.fixture
def reader() -> HereAndNow:
    """What was found, as a test says."""
    return HereAndNow()


@pytest.fixture
async def shelf(watched: Watched, reader: HereAndNow, clock: MovableClock) -> Shelf:
    """A repository in that database."""
    repository = await add_repository(watched, "a/b")
    return Shelf(watched, MemoryStorage(clock), repository, clock, reader)


def findings(first: int = 0, end: int = 1700) -> Findings:
    """As many packages as that, some findings and some documents."""
    return Findings(
        packages=[Package(f"p{number}", "1", licenses="MIT") for number in range(first, end)],
        vulnerabilities=[
            Vulnerability(f"CVE-1-{number}", "low", f"p{number}", "1")
            for number in range(first, min(end, first + 900))
        ],
        documents=[FoundDocument(f"file:{number}", "text/plain", "a") for number in range(300)],
    )


async def push(shelf: Shelf, reader: HereAndNow, found: Findings, tag: str = "v1") -> Digest:
    """Something of which all that will be found."""
    reader.instead = found
    return await shelf.push_referrer(None, b"it", SPDX, tag=tag)


async def listed(shelf: Shelf, digest: Digest) -> set[str]:
    """The names of all packages that it is found by."""
    facts = await find_facts(shelf.metadata.reader, shelf.repository.id, digest)
    assert facts is not None
    found = await packages.list_packages(shelf.metadata.reader, facts.id, 0, 10_000)
    return {package[0] for _, package in found}


def names(first: int = 0, end: int = 1700) -> set[str]:
    """The names of the packages of `findings`."""
    return {f"p{number}" for number in range(first, end)}


async def index(shelf: Shelf, digest: Digest) -> None:
    """Find out about it, as a worker does."""
    facts = await find_facts(shelf.metadata.reader, shelf.repository.id, digest)
    assert facts is not None
    await shelf.indexing.index(facts.id)


async def test_no_commit_of_an_indexing_has_more_rows_than_a_slice(
    shelf: Shelf, watched: Watched, reader: HereAndNow
) -> None:
    digest = await push(shelf, reader, findings())
    states = []

    async def look() -> None:
        found, rows = await shelf.find(digest), await watched.count()
        states.append((found.state if found else "", rows))

    watched.hook = look
    await index(shelf, digest)
    assert watched.most <= MOST
    # Done is what has all its rows.
    assert {rows for state, rows in states if state == "done"} == {1700 + 900 + 303}
    assert {state for state, _ in states[:-2]} == {"queued"}
    assert await listed(shelf, digest) == names()


async def test_what_stays_is_found_while_it_is_read_again(
    shelf: Shelf, watched: Watched, reader: HereAndNow
) -> None:
    digest = await push(shelf, reader, findings())
    await index(shelf, digest)
    reader.instead = findings(1000, 3000)
    watched.most = 0

    async def look() -> None:
        assert await listed(shelf, digest) >= names(1000, 1700)

    watched.hook = look
    await index(shelf, digest)
    assert watched.most <= MOST
    assert await listed(shelf, digest) == names(1000, 3000)
    facts = await find_facts(watched.reader, shelf.repository.id, digest)
    assert facts is not None
    found = await list_vulnerabilities(watched.reader, facts.id, "", 10_000)
    assert {name for name, _ in found} == {f"CVE-1-{number}" for number in range(1000, 1900)}


async def test_reading_the_same_again_writes_one_transaction(
    shelf: Shelf, watched: Watched, reader: HereAndNow
) -> None:
    digest = await push(shelf, reader, Findings(packages=findings().packages))
    await index(shelf, digest)
    before = watched.commits
    await index(shelf, digest)
    # Its rows, and asking for what depends on it.
    assert watched.commits - before <= 2


@pytest.mark.parametrize("left", [2, 4, 6, 9])
async def test_an_indexing_that_is_cut_short_between_slices_is_queued_and_goes_on(
    shelf: Shelf, watched: Watched, reader: HereAndNow, left: int
) -> None:
    digest = await push(shelf, reader, findings())
    watched.left = left
    with pytest.raises(Unavailable):
        await index(shelf, digest)
    assert (await shelf.get(digest)).state == "queued"
    watched.left = 10**9
    await shelf.settle()
    assert (await shelf.get(digest)).state == "done"
    assert await listed(shelf, digest) == names()
    assert await watched.count() == 1700 + 900 + 303


@pytest.mark.parametrize("after", [2, 3, 5, 8])
async def test_two_that_index_the_same_manifest_never_mix(
    shelf: Shelf, watched: Watched, reader: HereAndNow, after: int
) -> None:
    digest = await push(shelf, reader, findings())
    commits = 0

    async def meddle() -> None:
        nonlocal commits
        commits += 1
        if commits == after:
            reader.instead = findings(1000, 3000)
            await index(shelf, digest)

    watched.hook = meddle
    await index(shelf, digest)
    assert commits > after
    assert (await shelf.get(digest)).state == "done"
    assert await listed(shelf, digest) == names(1000, 3000)
    assert await watched.count() == 2000 + 900 + 303


@pytest.mark.parametrize("way", ["manifest", "whole", "collector", "repository"])
async def test_no_commit_of_a_deletion_takes_more_rows_than_a_slice(
    shelf: Shelf, watched: Watched, reader: HereAndNow, clock: MovableClock, way: str
) -> None:
    digest = await push(shelf, reader, findings(), "" if way == "collector" else "v1")
    await shelf.settle()
    watched.most = 0
    there = []

    async def look() -> None:
        facts = await find_facts(watched.reader, shelf.repository.id, digest)
        there.append((facts is not None, await watched.count()))

    watched.hook = look
    if way == "manifest":
        await shelf.manifests.delete(shelf.repository, digest, None)
    elif way == "whole":
        await shelf.removals.remove(
            shelf.repository, [(Tag("v1"), digest)], whole=True, by=None, listener=None
        )
    elif way == "repository":
        permissions = Permissions(watched.reader, is_open=True)
        rules = Repositories(watched, permissions, shelf.readmes, clock)
        await rules.delete(shelf.repository.name)
    else:
        clock.advance(timedelta(days=30))
        age = timedelta(days=1)
        storage = MemoryStorage(clock)
        await Collector(watched, storage, clock, grace=age, untagged_after=age).run()
    watched.hook = None
    assert watched.most <= MOST
    # It is there, bytes and tag, until the one transaction that takes it away with what is left.
    assert [rows for is_there, rows in there if is_there][-1] <= AT_ONCE
    assert await watched.count() == 0
    assert (await find_facts(watched.reader, shelf.repository.id, digest)) is None


@pytest.mark.parametrize("left", [1, 3, 5])
async def test_a_deletion_that_is_cut_short_leaves_a_manifest_that_is_read_again(
    shelf: Shelf, watched: Watched, reader: HereAndNow, clock: MovableClock, left: int
) -> None:
    digest = await push(shelf, reader, findings())
    await shelf.settle()
    watched.left = left
    with pytest.raises(Unavailable):
        await shelf.manifests.delete(shelf.repository, digest, None)
    watched.left = 10**9
    assert await shelf.manifests.get(shelf.repository, Tag("v1"))
    assert (await shelf.get(digest)).state == "queued"
    # Its process may have ended: nobody asked for the reading that moment.
    clock.advance(timedelta(minutes=6))
    await shelf.settle()
    assert (await shelf.get(digest)).state == "done"
    assert await listed(shelf, digest) == names()


async def test_a_deletion_that_is_refused_late_has_the_manifest_read_again(
    shelf: Shelf, watched: Watched, reader: HereAndNow
) -> None:
    digest = await push(shelf, reader, findings())
    await shelf.settle()
    asked = 0

    def condition(_: str | None) -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise Unavailable("moved meanwhile")

    with pytest.raises(Unavailable, match="moved meanwhile"):
        await shelf.manifests.delete(shelf.repository, digest, None, condition=condition)
    await shelf.settle()
    assert await listed(shelf, digest) == names()


async def test_who_indexes_what_is_being_deleted_stops(
    shelf: Shelf, watched: Watched, reader: HereAndNow
) -> None:
    digest = await push(shelf, reader, findings())
    commits = 0

    async def meddle() -> None:
        nonlocal commits
        commits += 1
        if commits == 4:
            await shelf.manifests.delete(shelf.repository, digest, None)

    watched.hook = meddle
    await index(shelf, digest)
    watched.hook = None
    assert await watched.count() == 0
    assert await shelf.find(digest) is None


async def test_long_documents_go_in_slices_of_bytes(
    shelf: Shelf, watched: Watched, reader: HereAndNow
) -> None:
    import random

    texts = [random.Random(number).randbytes(300_000).hex() for number in range(20)]
    found = [FoundDocument(f"file:{at}", "text/plain", text) for at, text in enumerate(texts)]
    digest = await push(shelf, reader, Findings(documents=found))
    await index(shelf, digest)
    facts = await find_facts(watched.reader, shelf.repository.id, digest)
    assert facts is not None
    # Each is some 300 kB: at most 2 MB in a transaction.
    assert len(await list_document_names(watched.reader, facts.id)) >= 20
    assert watched.most <= 7
    watched.most = 0
    await shelf.manifests.delete(shelf.repository, digest, None)
    assert watched.most <= 7
    assert await jobs.count_jobs(watched.reader)
