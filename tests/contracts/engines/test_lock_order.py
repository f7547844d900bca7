"""Two transactions that need the same things take them in one order, whatever their steps."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from entrepot.hub.events.audit import Audited, AuditLog, Entry, audit_and_notify, record, verify
from entrepot.hub.people.actors import OPERATOR
from entrepot.hub.permissions import Permissions
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.engines.postgresql import PostgresMetadata
from entrepot.metadata.registry import policies
from entrepot.metadata.repositories import PushTarget
from entrepot.model.audit import AuditQuery
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName
from tests.contracts.conftest import EMPTY, Eraser
from tests.metadata.clocks import START
from tests.metadata.rows import add_organization

NAME = RepositoryName("acme/app")


@pytest.fixture
async def postgresql(migrated_postgres: str, eraser: Eraser) -> AsyncIterator[PostgresMetadata]:
    """An empty database, reached over two connections."""
    eraser.execute(EMPTY)
    metadata = PostgresMetadata(migrated_postgres, connections=2)
    await metadata.open()
    yield metadata
    await metadata.close()


@pytest.mark.postgresql
async def test_a_push_that_makes_a_repository_and_a_new_quota_wait_for_no_circle(
    postgresql: PostgresMetadata,
) -> None:
    namespace_id = await add_organization(postgresql, "acme")
    async with postgresql.begin() as tx:
        await policies.set_quota(tx, namespace_id, 100)
    made, limited = asyncio.Event(), asyncio.Event()

    async def push() -> None:
        listener = audit_and_notify(OPERATOR, lambda: START)
        target = PushTarget(NAME, namespace_id, Visibility.PRIVATE, None, listener)
        async with postgresql.begin() as tx:
            repository = await target.ensure(tx, START)
            made.set()
            await limited.wait()
            assert await policies.lock_quota_of(tx, repository.id) is not None

    async def limit() -> None:
        async with postgresql.begin() as tx:
            await policies.set_quota(tx, namespace_id, 200)
            limited.set()
            await made.wait()
            await record(tx, Entry(namespace_id, OPERATOR, Audited.ORG_QUOTA, "acme"), START)

    await asyncio.gather(push(), limit())
    log = AuditLog(postgresql, Permissions(postgresql.reader, is_open=False), lambda: START)
    rows = (await log.list_all(OPERATOR, AuditQuery())).rows
    assert [row.action for row in rows] == ["repo.create", "org.quota"]
    assert await verify(postgresql.reader) is None


async def test_what_is_done_at_the_end_comes_after_all_else_and_in_order(
    metadata: Metadata,
) -> None:
    done: list[str] = []

    async def note(text: str) -> None:
        done.append(text)

    async with metadata.begin() as tx:
        tx.at_end(lambda: note("first"))
        tx.at_end(lambda: note("second"))
        await policies.lock_quota(tx, 1)
        done.append("work")
    async with metadata.begin() as tx:
        done.append("nothing at the end")
    assert done == ["work", "first", "second", "nothing at the end"]


async def test_what_was_to_be_done_at_the_end_is_not_done_after_a_failure(
    metadata: Metadata,
) -> None:
    done: list[str] = []

    async def note() -> None:
        done.append("end")

    async def fail() -> None:
        async with metadata.begin() as tx:
            tx.at_end(note)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert done == []


async def test_a_failure_at_the_end_undoes_the_transaction(metadata: Metadata) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    async def limit() -> None:
        async with metadata.begin() as tx:
            await policies.set_quota(tx, namespace_id, 200)
            tx.at_end(fail)

    namespace_id = await add_organization(metadata, "acme")
    with pytest.raises(ZeroDivisionError):
        await limit()
    assert await policies.find_quota(metadata.reader, namespace_id) is None
