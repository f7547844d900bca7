"""A large repository is emptied in slices before it is deleted, on every engine."""

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import func, select

from entrepot.errors import RepositoryUnknown, Unavailable
from entrepot.hub.contents.readmes import Readmes
from entrepot.hub.events.audit import AuditLog
from entrepot.hub.people.actors import OPERATOR
from entrepot.hub.permissions import Permissions
from entrepot.hub.repositories import Repositories
from entrepot.metadata.engines import emptying
from entrepot.metadata.engines.engine import Metadata, Reader, SqlStatement, Transaction
from entrepot.metadata.engines.slices import MOST
from entrepot.metadata.registry import manifests
from entrepot.metadata.repositories import find_repository
from entrepot.metadata.tables import tags
from entrepot.model.audit import AuditQuery
from entrepot.model.repositories import Repository
from entrepot.oci.names import Tag
from tests.metadata.clocks import START, MovableClock
from tests.metadata.rows import add_blob, add_manifest, add_repository
from tests.support.rendering import Inline

_TAGS = SqlStatement(select(func.count()).select_from(tags))


class Counted:
    """A database that counts how many tags each commit takes away; away after some of them."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self.most, self.left = 0, 10**9

    @property
    def reader(self) -> Reader:
        """As the database's own."""
        return self._metadata.reader

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """As the database's own."""
        self.left -= 1
        if self.left < 0:
            raise Unavailable("the database is away")
        before = await count_tags(self.reader)
        async with self._metadata.begin() as tx:
            yield tx
        self.most = max(self.most, before - await count_tags(self.reader))

    async def version(self) -> Hashable:
        """As `rights_revision`, of every commit."""
        return await self._metadata.version()

    async def rights_revision(self) -> int:
        """As the database's own."""
        return await self._metadata.rights_revision()

    async def close(self) -> None:
        """Nothing: the fixture closes it."""


async def count_tags(reader: Reader) -> int:
    """All tags there are."""
    row = await reader.one(_TAGS)
    return int(row[0]) if row else 0


@pytest.fixture
async def large(metadata: Metadata) -> Repository:
    """A repository of many tags, a few manifests and a blob."""
    repository = await add_repository(metadata, "a/large")
    await add_blob(metadata, repository, b"bytes")
    made = [await add_manifest(metadata, repository, b'{"n":%d}' % n) for n in range(30)]
    async with metadata.begin() as tx:
        for number in range(3 * MOST):
            tag = Tag(f"v{number}")
            await manifests.move_tag(tx, repository.id, tag, made[number % 30], None, START)
    return repository


@pytest.fixture
async def other(metadata: Metadata) -> Repository:
    """A repository with one tag."""
    repository = await add_repository(metadata, "a/other")
    made = await add_manifest(metadata, repository)
    async with metadata.begin() as tx:
        await manifests.move_tag(tx, repository.id, Tag("v1"), made, None, START)
    return repository


def rules_of(metadata: Metadata | Counted) -> Repositories:
    """Repositories as the operator sees them."""
    clock = MovableClock()
    permissions = Permissions(metadata.reader, is_open=True)
    return Repositories(metadata, permissions, Readmes(metadata, Inline(), clock), clock)


async def test_a_repository_is_large_by_its_rows(
    metadata: Metadata, large: Repository, other: Repository
) -> None:
    assert await emptying.is_large(metadata.reader, large.id)
    assert not await emptying.is_large(metadata.reader, other.id)


async def test_only_the_large_repository_is_emptied(
    metadata: Metadata, large: Repository, other: Repository
) -> None:
    await emptying.empty_repository(metadata, large.id)
    assert not await emptying.is_large(metadata.reader, large.id)
    assert await manifests.count_all(metadata.reader) == 1
    assert await count_tags(metadata.reader) == 1
    assert await find_repository(metadata.reader, large.name) is not None
    assert other.id != large.id


async def test_no_commit_of_its_deletion_takes_more_tags_than_a_slice(
    metadata: Metadata, large: Repository
) -> None:
    counted = Counted(metadata)
    await rules_of(counted).delete(large.name)
    assert 0 < counted.most <= MOST
    assert await find_repository(metadata.reader, large.name) is None
    assert await count_tags(metadata.reader) == 0


async def test_a_deletion_that_is_cut_short_goes_on_when_it_is_asked_for_again(
    metadata: Metadata, large: Repository
) -> None:
    counted = Counted(metadata)
    counted.left = 5
    with pytest.raises(Unavailable):
        await rules_of(counted).delete(large.name)
    found = await find_repository(metadata.reader, large.name)
    assert found is not None
    assert found.archived_at is not None
    assert 0 < await count_tags(metadata.reader) < 3 * MOST
    await rules_of(metadata).delete(large.name)
    with pytest.raises(RepositoryUnknown):
        await rules_of(metadata).delete(large.name)
    log = AuditLog(metadata, Permissions(metadata.reader, is_open=True), lambda: START)
    page = await log.list_all(OPERATOR, AuditQuery(action="repo"))
    assert [row.action for row in page.rows] == ["repo.delete", "repo.archive"]
