"""Replication rules and tasks, on every engine."""

from dataclasses import replace
from datetime import timedelta

import pytest

from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import manifests
from entrepot.metadata.replication import replicated_tags, replication_rules, replication_tasks
from entrepot.metadata.replication.replicated_tags import ReplicatedTag
from entrepot.model.replication import (
    DeletionMode,
    ReplicationRule,
    ReplicationTask,
    ReplicationTrigger,
    TaskState,
)
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from tests.metadata.clocks import START
from tests.metadata.rows import add_manifest, add_repository

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
UNTIL = START + MINUTE


async def add_rule(metadata: Metadata, name: str, **changes: object) -> ReplicationRule:
    """A rule to a registry that nobody asks."""
    rule = ReplicationRule(0, name, "https://there.test", START)
    rule = replace(rule, **changes)  # type: ignore[arg-type]
    async with metadata.begin() as tx:
        return replace(rule, id=await replication_rules.insert_rule(tx, rule))


async def find(metadata: Metadata, rule: ReplicationRule) -> ReplicationRule:
    """The rule as it is stored."""
    found = await replication_rules.find_rule(metadata.reader, rule.id)
    assert found is not None
    return found


async def ask(
    metadata: Metadata,
    rule: ReplicationRule,
    repository: Repository,
    *tags: str,
    after: timedelta = timedelta(),
    is_behind: bool = False,
) -> None:
    """Have these tags compared."""
    async with metadata.begin() as tx:
        for tag in tags:
            moment = START + after
            since = moment if is_behind else None
            await replication_tasks.ask(tx, rule.id, repository.id, tag, moment, since)


async def take(
    metadata: Metadata, rule: ReplicationRule, limit: int = 10, now: timedelta = timedelta()
) -> list[ReplicationTask]:
    """Take what is due at that moment, for a minute."""
    async with metadata.begin() as tx:
        moment = START + now
        return await replication_tasks.take(tx, rule.id, moment + MINUTE, moment, limit)


async def states(metadata: Metadata, rule: ReplicationRule) -> dict[str, TaskState]:
    """The tags that have a task, with their states."""
    lines = await replication_tasks.list_lines(metadata.reader, rule.id, START, 100)
    return {line.tag: line.state for line in lines}


async def test_a_rule_is_found_as_it_was_added(metadata: Metadata) -> None:
    made = await add_rule(
        metadata,
        "tokyo",
        username="robot",
        secret="wrapped",
        repositories=("acme/*", "b/c"),
        tags=("v*", "!*-rc*"),
        strip=1,
        prefix="mirror/acme",
        trigger=ReplicationTrigger.SCHEDULE,
        every=3600,
        deletes=DeletionMode.FOLLOW,
        with_attachments=False,
        allows_private=True,
        networks=("10.0.0.0/8",),
        token_hosts=("auth.test",),
    )
    other = await add_rule(metadata, "berlin")
    assert await replication_rules.list_rules(metadata.reader) == [other, made]
    assert await find(metadata, made) == made
    assert await replication_rules.list_on_push(metadata.reader) == [other]
    assert "wrapped" not in repr(made)
    async with metadata.begin() as tx:
        assert await replication_rules.replace_secret(tx, made.id, "other", "new") == 0
        assert await replication_rules.replace_secret(tx, made.id, "wrapped", "new") == 1
        await replication_rules.delete_rule(tx, other.id)
    assert await replication_rules.list_rules(metadata.reader) == [replace(made, secret="new")]


async def test_failures_and_successes_are_recorded(metadata: Metadata) -> None:
    rule = await add_rule(metadata, "tokyo")
    async with metadata.begin() as tx:
        await replication_rules.set_queued_at(tx, rule.id, START)
        for _ in range(2):
            await replication_rules.set_back_off(tx, rule.id, UNTIL, "no answer")
    found = await find(metadata, rule)
    assert (found.backs_off_until, found.problem, found.failures) == (UNTIL, "no answer", 2)
    async with metadata.begin() as tx:
        await replication_rules.set_back_off(tx, rule.id, None)
    assert await find(metadata, rule) == replace(rule, queued_at=START)
    async with metadata.begin() as tx:
        await replication_rules.set_back_off(tx, rule.id, UNTIL, "no answer")
        for size in (7, 10**12):
            await replication_rules.note_success(tx, rule.id, UNTIL, count=1, size=size)
    found = await find(metadata, rule)
    assert (found.sent_tags, found.sent_bytes, found.succeeded_at) == (2, 10**12 + 7, UNTIL)
    assert (found.backs_off_until, found.problem, found.failures) == (None, "", 0)


async def test_tasks_are_taken_once_and_changes_first(metadata: Metadata) -> None:
    rule, repository = await add_rule(metadata, "tokyo"), await add_repository(metadata, "a/b")
    other = await add_rule(metadata, "berlin")
    await ask(metadata, rule, repository, "compared", "compared")
    await ask(metadata, rule, repository, "changed", after=SECOND, is_behind=True)
    await ask(metadata, rule, repository, "later", after=MINUTE)
    reader = metadata.reader
    assert await replication_tasks.list_due(reader, START - SECOND) == []
    assert await replication_tasks.list_due(reader, START) == [rule.id]
    assert await take(metadata, other) == []
    taken = await take(metadata, rule, 1, SECOND) + await take(metadata, rule, 9, SECOND)
    assert [(task.tag, task.asked) for task in taken] == [("changed", 1), ("compared", 2)]
    assert await take(metadata, rule, 9, SECOND) == []
    # What is not renewed is another's when the lease is over.
    again = await take(metadata, rule, 9, MINUTE + SECOND)
    assert {task.tag for task in again} == {"changed", "compared", "later"}


async def test_a_destination_that_fails_is_left_alone(metadata: Metadata) -> None:
    rule, repository = await add_rule(metadata, "tokyo"), await add_repository(metadata, "a/b")
    await ask(metadata, rule, repository, "v1")
    async with metadata.begin() as tx:
        await replication_rules.set_back_off(tx, rule.id, UNTIL, "no answer")
    assert await replication_tasks.list_due(metadata.reader, START) == []
    assert await replication_tasks.list_due(metadata.reader, UNTIL) == [rule.id]
    # A clock that was ahead has set a moment that nothing is put off to.
    async with metadata.begin() as tx:
        await replication_rules.set_back_off(tx, rule.id, START + timedelta(days=9), "no answer")
    assert await replication_tasks.list_due(metadata.reader, START) == [rule.id]


async def test_what_is_asked_for_while_it_runs_is_done_once_more(metadata: Metadata) -> None:
    rule, repository = await add_rule(metadata, "tokyo"), await add_repository(metadata, "a/b")
    await ask(metadata, rule, repository, "done", "again", "late")
    done, again, late = await take(metadata, rule)
    await ask(metadata, rule, repository, "again", "late", after=SECOND, is_behind=True)
    async with metadata.begin() as tx:
        for task in (done, again):
            await replication_tasks.finish(tx, task, UNTIL)
        await replication_tasks.put_back(tx, late, UNTIL, TaskState.FAILED, START, "no", START)
    assert await states(metadata, rule) == dict.fromkeys(("again", "late"), TaskState.WAITING)
    taken = await take(metadata, rule, now=SECOND)
    assert [(task.tag, task.asked, task.behind_since) for task in taken] == [
        ("again", 2, START + SECOND),
        ("late", 2, START + SECOND),
    ]


async def test_a_lease_is_renewed_and_given_back(metadata: Metadata) -> None:
    rule, repository = await add_rule(metadata, "tokyo"), await add_repository(metadata, "a/b")
    await ask(metadata, rule, repository, "v1")
    (task,) = await take(metadata, rule)
    upload, later = ("sha256:abc", "/v2/a/b/blobs/uploads/1"), UNTIL + MINUTE
    async with metadata.begin() as tx:
        for is_kept in (True, False):
            found = await replication_tasks.renew(tx, task, UNTIL, later, sent=5, upload=upload)
            assert found is is_kept
    (line,) = await replication_tasks.list_lines(metadata.reader, rule.id, UNTIL, 100)
    assert (line.rule, line.repository, line.tag) == ("tokyo", "a/b", "v1")
    assert (line.is_running, line.sent, line.state) == (True, 5, TaskState.WAITING)
    async with metadata.begin() as tx:
        await replication_tasks.release(tx, task, later)
    (again,) = await take(metadata, rule)
    assert (again.upload_digest, again.upload_location) == upload


async def test_failures_are_listed_first_and_tried_again_on_request(metadata: Metadata) -> None:
    rule, repository = await add_rule(metadata, "tokyo"), await add_repository(metadata, "a/b")
    await ask(metadata, rule, repository, "a", "b", "c", is_behind=True)
    failed, refused, _ = await take(metadata, rule)
    async with metadata.begin() as tx:
        put_back = replication_tasks.put_back
        await put_back(tx, failed, UNTIL, TaskState.FAILED, UNTIL, "no answer", START)
        await put_back(tx, refused, UNTIL, TaskState.CONFLICT, START, "immutable", START)
    lines = await replication_tasks.list_lines(metadata.reader, rule.id, START, 100)
    assert [(each.tag, each.state, each.error, each.attempts) for each in lines] == [
        ("a", TaskState.FAILED, "no answer", 1),
        ("b", TaskState.CONFLICT, "immutable", 1),
        ("c", TaskState.WAITING, "", 0),
    ]
    page = await replication_tasks.list_lines(metadata.reader, rule.id, START, 1, 1)
    assert [each.tag for each in page] == ["b"]
    await add_rule(metadata, "idle")
    idle, status = await replication_tasks.list_status(metadata.reader, START)
    assert (idle.waiting, idle.behind, idle.lag(UNTIL)) == (0, 0, 0)
    assert (status.waiting, status.running, status.conflicts, status.failed) == (1, 1, 1, 1)
    assert (status.behind, status.behind_since, status.lag(UNTIL)) == (3, START, 60)
    async with metadata.begin() as tx:
        assert await replication_tasks.retry_all(tx, rule.id, START) == 2
    assert await states(metadata, rule) == dict.fromkeys("abc", TaskState.WAITING)


@pytest.mark.parametrize("what", ["rule", "repository"])
async def test_tasks_go_with_their_rule_and_their_repository(metadata: Metadata, what: str) -> None:
    rule, repository = await add_rule(metadata, "tokyo"), await add_repository(metadata, "a/b")
    await ask(metadata, rule, repository, "v1")
    async with metadata.begin() as tx:
        if what == "rule":
            await replication_rules.delete_rule(tx, rule.id)
        else:
            await repositories.delete_repository(tx, repository.id)
    assert await take(metadata, rule) == []


async def test_the_author_s_moment_of_a_tag_is_kept(metadata: Metadata) -> None:
    repository, reader = await add_repository(metadata, "a/b"), metadata.reader
    assert await replicated_tags.find_moved(reader, repository.id, "v1") is None
    assert await replicated_tags.find_replicated(reader, repository.id, "v1") is None
    manifest_id = await add_manifest(metadata, repository, b"{}")
    async with metadata.begin() as tx:
        await manifests.move_tag(tx, repository.id, Tag("v1"), manifest_id, None, UNTIL)
    digest = str(Digest.of(b"{}"))
    assert await replicated_tags.find_moved(reader, repository.id, "v1") == (digest, UNTIL)
    for said in (ReplicatedTag(digest, START, UNTIL), ReplicatedTag("", UNTIL, UNTIL)):
        async with metadata.begin() as tx:
            await replicated_tags.note_replicated(tx, repository.id, "v1", said)
        assert await replicated_tags.find_replicated(reader, repository.id, "v1") == said
