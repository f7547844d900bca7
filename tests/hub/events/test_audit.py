"""The audit log: written with what it tells of, chained, and read by whoever may."""

import asyncio
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from entrepot.errors import Denied, NamespaceUnknown
from entrepot.hub.events.audit import Audited, AuditLog, Entry, audit_and_notify, record, verify
from entrepot.hub.people.actors import ANONYMOUS, OPERATOR, Actor, Identity, actor_of
from entrepot.hub.permissions import PULL
from entrepot.metadata.engines.engine import Metadata, Transaction
from entrepot.metadata.events import audit as audit_rows
from entrepot.metadata.people import accounts as account_rows
from entrepot.metadata.registry import policies
from entrepot.metadata.repositories import PushTarget
from entrepot.model.audit import AuditQuery, AuditRow
from entrepot.model.people.accounts import Role
from entrepot.model.repositories import ChangeType, RepositoryChange, Visibility
from entrepot.oci.names import RepositoryName
from tests.metadata.clocks import START, MovableClock
from tests.metadata.rows import add_account, add_organization, add_repository


async def write(metadata: Metadata, *targets: str, actor: Actor = OPERATOR) -> None:
    """Record something about each target."""
    for target in targets:
        async with metadata.begin() as tx:
            await record(tx, Entry(None, actor, Audited.ORG_CREATE, target), START)


async def test_an_entry_says_who_what_when_and_from_where(
    metadata: Metadata, audit_log: AuditLog
) -> None:
    alice = await add_account(metadata, "alice")
    actor = actor_of(alice, "192.0.2.1", "request-1")
    entry = Entry(alice.id, actor, Audited.REPO_CREATE, "alice/app", {"visibility": "public"})
    await audit_log.note(entry)
    page = await audit_log.list_all(OPERATOR, AuditQuery())
    (row,) = page.rows
    assert (row.actor_id, row.actor, row.action) == (alice.id, "alice", "repo.create")
    assert (row.target, row.details) == ("alice/app", '{"visibility":"public"}')
    assert (row.address, row.request, row.at) == ("192.0.2.1", "request-1", START)


async def test_what_is_undone_was_not_recorded(metadata: Metadata, audit_log: AuditLog) -> None:
    async def fail() -> None:
        async with metadata.begin() as tx:
            await record(tx, Entry(None, OPERATOR, Audited.ORG_CREATE, "acme"), START)
            raise NamespaceUnknown

    with pytest.raises(NamespaceUnknown):
        await fail()
    assert (await audit_log.list_all(OPERATOR, AuditQuery())).rows == []


async def test_a_log_that_nobody_touched_is_whole(metadata: Metadata) -> None:
    assert await verify(metadata.reader) is None
    await asyncio.gather(*(write(metadata, f"org{number}") for number in range(20)))
    assert await verify(metadata.reader) is None


@pytest.mark.parametrize(
    ("tampering", "broken"),
    [
        ("UPDATE audit SET target = 'x' WHERE id = 2", 2),
        ("UPDATE audit SET at = at + 1 WHERE id = 3", 3),
        ("UPDATE audit SET actor = 'other' WHERE id = 1", 1),
        ("UPDATE audit SET actor_id = 1 WHERE id = 1", 1),
        ("UPDATE audit SET namespace_id = 1 WHERE id = 4", 4),
        ("UPDATE audit SET details = '{\"a\":1}' WHERE id = 4", 4),
        ("UPDATE audit SET address = 'x' WHERE id = 1", 1),
        ("DELETE FROM audit WHERE id = 1", 2),
        ("DELETE FROM audit WHERE id = 3", 4),
        ("UPDATE audit SET id = 9 WHERE id = 2", 3),
    ],
)
async def test_a_row_that_was_changed_or_removed_is_noticed(
    metadata: Metadata, database: Path, tampering: str, broken: int
) -> None:
    await write(metadata, "a", "b", "c", "d")
    with sqlite3.connect(database) as connection:
        connection.execute(tampering)
    connection.close()
    assert await verify(metadata.reader) == broken


async def test_an_entry_is_one_line_whatever_the_client_wrote(
    metadata: Metadata, audit_log: AuditLog
) -> None:
    actor = Actor(
        Identity(label="\x1b[2Jrobot\n2026 admin"), "1\r\n2", "\N{RIGHT-TO-LEFT OVERRIDE}"
    )
    await write(metadata, "a\0b" + "x" * 2000, actor=actor)
    (row,) = (await audit_log.list_all(OPERATOR, AuditQuery())).rows
    for text in (row.actor, row.target, row.address, row.request):
        assert text.isprintable()
        assert len(text) <= 500
    assert await verify(metadata.reader) is None


@pytest.mark.parametrize(
    ("event", "digest", "tags", "found"),
    [
        (ChangeType.CREATED, "", (), ("repo.create", "a/b", "{}")),
        (ChangeType.PUSHED, "d", ("v1",), ("repo.tag.push", "a/b:v1", '{"digest":"d","tag":"v1"}')),
        (ChangeType.PUSHED, "d", (), None),
        (ChangeType.UNTAGGED, "", ("v1",), ("repo.tag.delete", "a/b:v1", '{"tag":"v1"}')),
        (ChangeType.DELETED, "d", (), ("repo.manifest.delete", "a/b", '{"digest":"d"}')),
    ],
)
async def test_what_clients_do_is_recorded(
    metadata: Metadata,
    audit_log: AuditLog,
    event: ChangeType,
    digest: str,
    tags: tuple[str, ...],
    found: tuple[str, str, str] | None,
) -> None:
    repository = await add_repository(metadata, "a/b")
    listener = audit_and_notify(OPERATOR, lambda: START)
    async with metadata.begin() as tx:
        await listener(tx, RepositoryChange(event, repository, digest, tags))
    rows = (await audit_log.list_all(OPERATOR, AuditQuery())).rows
    told = [(row.action, row.target, row.details) for row in rows]
    assert told == ([found] if found else [])


async def test_an_entry_is_the_last_statement_of_its_transaction_wherever_it_is_recorded(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    async def insert_row(tx: Transaction, row: AuditRow) -> None:
        steps.append(row.action)

    monkeypatch.setattr(audit_rows, "insert_row", insert_row)
    acme = await add_organization(metadata, "acme")
    listener = audit_and_notify(OPERATOR, lambda: START)
    target = PushTarget(RepositoryName("acme/app"), acme, Visibility.PRIVATE, None, listener)
    async with metadata.begin() as tx:
        repository = await target.ensure(tx, START)
        await listener(tx, RepositoryChange(ChangeType.PUSHED, repository, "d", ("v1",)))
        await policies.lock_quota_of(tx, repository.id)
        steps.append("all else")
    assert steps == ["all else", "repo.create", "repo.tag.push"]


async def test_the_log_is_read_by_pages(metadata: Metadata, audit_log: AuditLog) -> None:
    await write(metadata, "a", "b", "c")
    first = await audit_log.list_all(OPERATOR, AuditQuery(), 2)
    assert [row.target for row in first.rows] == ["c", "b"]
    second = await audit_log.list_all(OPERATOR, AuditQuery(before_id=first.next_before), 2)
    assert ([row.target for row in second.rows], second.next_before) == (["a"], None)


async def test_owners_read_of_theirs_and_administrators_of_everything(
    metadata: Metadata, audit_log: AuditLog, clock: MovableClock
) -> None:
    acme, zoo = await add_organization(metadata, "acme"), await add_organization(metadata, "zoo")
    people = {name: await add_account(metadata, name) for name in ("stranger", *Role)}
    admin = await add_account(metadata, "admin", is_admin=True)
    async with metadata.begin() as tx:
        for role in Role:
            await account_rows.set_role(tx, acme, people[role].id, role)
    for namespace_id in (acme, zoo, None):
        await audit_log.note(Entry(namespace_id, OPERATOR, Audited.ORG_CREATE, str(namespace_id)))
        clock.advance(timedelta(seconds=1))
    for actor in (actor_of(people[Role.OWNER]), actor_of(admin), OPERATOR):
        page = await audit_log.list_of(actor, "acme", AuditQuery(namespace_id=zoo))
        assert [row.target for row in page.rows] == [str(acme)]
    limited = Actor(Identity(people[Role.OWNER], PULL))
    for actor, error in (
        (Actor(ANONYMOUS), NamespaceUnknown),
        (actor_of(people["stranger"]), NamespaceUnknown),
        (actor_of(people[Role.MEMBER]), Denied),
        (actor_of(people[Role.EDITOR]), Denied),
        (limited, Denied),
    ):
        with pytest.raises(error):
            await audit_log.list_of(actor, "acme", AuditQuery())
    for account in people.values():
        with pytest.raises(Denied):
            await audit_log.list_all(actor_of(account), AuditQuery())
    assert len((await audit_log.list_all(actor_of(admin), AuditQuery())).rows) == 3
