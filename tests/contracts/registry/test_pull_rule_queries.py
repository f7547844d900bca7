"""Pull rules, on every engine."""

from dataclasses import replace
from datetime import timedelta

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import closing
from entrepot.metadata.registry import pull_rules
from entrepot.model.mirroring.pull_rules import (
    PullRule,
    RuleRun,
    RuleSettings,
    RuleState,
    RuleTag,
    TagAction,
)
from tests.contracts.registry.test_mirror_queries import add_mirror
from tests.metadata.clocks import START

SETTINGS = RuleSettings(source="up.test/lib/app", target="acme/*", include=("1.*", "/2+/"))


async def add_rule(metadata: Metadata, name: str, namespace_id: int, **changes: object) -> PullRule:
    """A rule of a mirror."""
    made = PullRule(0, name, namespace_id, SETTINGS, START)
    made = replace(made, **changes)  # type: ignore[arg-type]
    async with metadata.begin() as tx:
        return replace(made, id=await pull_rules.insert_rule(tx, made))


async def test_a_rule_is_found_as_it_was_saved(metadata: Metadata) -> None:
    mirror = await add_mirror(metadata, "up.test")
    second = await add_rule(metadata, "b", mirror.id)
    first = await add_rule(metadata, "a", mirror.id, due_at=START)
    assert await pull_rules.find_rule(metadata.reader, "b") == second
    assert await pull_rules.find_rule(metadata.reader, "c") is None
    assert await pull_rules.list_rules(metadata.reader) == [first, second]
    settings = RuleSettings(source="up.test/lib/x", target="acme/x", newest=3)
    changed = replace(second, settings=settings, due_at=START + timedelta(hours=1))
    async with metadata.begin() as tx:
        await pull_rules.change_rule(tx, changed)
    assert await pull_rules.find_rule(metadata.reader, "b") == changed
    async with metadata.begin() as tx:
        await pull_rules.delete_rule(tx, first.id)
    assert await pull_rules.list_rules(metadata.reader) == [changed]


async def test_rules_are_due_those_that_wait_longest_first(metadata: Metadata) -> None:
    mirror = await add_mirror(metadata, "up.test")
    later = await add_rule(metadata, "a", mirror.id, due_at=START)
    sooner = await add_rule(metadata, "b", mirror.id, due_at=START - timedelta(hours=1))
    await add_rule(metadata, "c", mirror.id)
    reader = metadata.reader
    assert await pull_rules.list_due(reader, START, 5) == [sooner, later]
    assert await pull_rules.list_due(reader, START, 1) == [sooner]
    assert await pull_rules.list_due(reader, START - timedelta(hours=2), 5) == []
    async with metadata.begin() as tx:
        moment = START - timedelta(hours=3)
        await pull_rules.ask_to_run(tx, later.id, moment, confirmed=True)
    found = await pull_rules.list_due(reader, START - timedelta(hours=2), 5)
    assert found == [replace(later, due_at=moment, is_confirmed=True)]


async def test_a_run_begins_and_ends(metadata: Metadata) -> None:
    mirror = await add_mirror(metadata, "up.test")
    rule = await add_rule(metadata, "a", mirror.id, due_at=START, is_confirmed=True)
    began = RuleRun(state=RuleState.RUNNING, started_at=START)
    async with metadata.begin() as tx:
        await pull_rules.begin_run(tx, rule.id, began)
    found = await pull_rules.find_rule(metadata.reader, "a")
    assert found is not None
    assert (found.run, found.due_at) == (began, START)
    ended = RuleRun(
        state=RuleState.FAILED,
        started_at=START,
        ended_at=START + timedelta(minutes=1),
        note="why",
        counts={"copy": 1},
        size=2**40,
    )
    async with metadata.begin() as tx:
        await pull_rules.end_run(tx, rule.id, ended, None)
    assert await pull_rules.find_rule(metadata.reader, "a") == replace(
        rule, run=ended, due_at=None, is_confirmed=False
    )


async def test_tags_are_noted_and_go_with_their_rule_and_its_mirror(metadata: Metadata) -> None:
    mirror = await add_mirror(metadata, "up.test")
    rule = await add_rule(metadata, "a", mirror.id)
    tags = [RuleTag(f"1.{n}", TagAction.COPY, f"sha256:{n}", "", n) for n in range(3)]
    async with metadata.begin() as tx:
        await pull_rules.note_tags(tx, rule.id, tags, START)
        failed = RuleTag("1.1", TagAction.FAIL, "", "why", 0)
        await pull_rules.note_tags(tx, rule.id, [failed], START + timedelta(hours=1))
    reader = metadata.reader
    found = await pull_rules.list_tags(reader, rule.id, "", 10)
    assert found == [tags[0], failed, tags[2]]
    assert found[1].changed_at == START + timedelta(hours=1)
    assert await pull_rules.list_tags(reader, rule.id, "1.0", 1) == [failed]
    async with metadata.begin() as tx:
        await closing.close_namespace(tx, mirror.id)
    assert await pull_rules.list_rules(reader) == []
    assert await pull_rules.list_tags(reader, rule.id, "", 10) == []
