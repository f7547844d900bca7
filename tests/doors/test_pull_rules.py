"""Pull rules: tags of another registry are kept here, as they are there."""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from entrepot.metadata.registry import manifests, policies, pull_rules
from entrepot.metadata.repositories import find_repository
from entrepot.model.mirroring.pull_rules import PullRule, RuleRun, RuleSettings, RuleState
from entrepot.model.policies import Policy
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, Tag
from tests.doors.mirror_doors import Mirrored, mirrored, upstream
from tests.doors.v2.test_prefetches import SIGNATURE, add_index, attach
from tests.support.upstream import Upstream

__all__ = ["mirrored", "upstream"]

TARGET = RepositoryName("acme/app")


@dataclass(slots=True)
class Rules:
    """A hub with a mirror, and its rules."""

    mirrored: Mirrored

    @property
    def upstream(self) -> Upstream:
        """The registry that is mirrored."""
        return self.mirrored.upstream

    async def add(self, **chosen: Any) -> PullRule:
        """Make a rule from the mirror's repository to that of acme."""
        settings = RuleSettings(**{"source": "up/lib/app", "target": "acme/*"} | chosen)
        return await self.mirrored.town.doors.app.pull_rules.add("app", settings)

    async def run(self, **options: Any) -> RuleRun:
        """Run it as it is now."""
        app = self.mirrored.town.doors.app
        return await app.rule_runs.run(await app.pull_rules.get("app"), **options)

    async def planned(self) -> dict[str, str]:
        """The actions that a run would take, by tag."""
        app = self.mirrored.town.doors.app
        found = await app.rule_runs.preview(await app.pull_rules.get("app"))
        return {each.tag: each.action for each in found.tags}

    async def tags(self) -> dict[str, str]:
        """The target's tags, and where they point."""
        reader = self.mirrored.town.metadata.reader
        found = await find_repository(reader, TARGET)
        if found is None:
            return {}
        tags = await manifests.list_tags(reader, found.id, "", 100)
        facts = {tag: await manifests.find_facts(reader, found.id, Tag(tag)) for tag in tags}
        return {tag: each.digest for tag, each in facts.items() if each is not None}

    async def holds(self, *digests: str) -> list[bool]:
        """Whether the target holds each manifest."""
        reader = self.mirrored.town.metadata.reader
        found = await find_repository(reader, TARGET)
        assert found is not None
        parsed = [Digest.parse(each) for each in digests]
        held = await manifests.find_sizes(reader, found.id, parsed)
        return [each in held for each in parsed]


@pytest.fixture
async def rules(mirrored: Mirrored) -> Rules:
    """No rules yet."""
    return Rules(mirrored)


async def test_tags_are_copied_with_all_that_belongs_to_them(rules: Rules) -> None:
    root = add_index(rules.upstream, "1.0", "amd64", "arm64")
    sbom = attach(rules.upstream, root, "application/spdx+json")
    signature = attach(rules.upstream, sbom, SIGNATURE)
    await rules.add()
    assert await rules.planned() == {"1.0": "copy"}
    assert await rules.tags() == {}
    run = await rules.run()
    assert (run.state, run.note, run.counts) == (RuleState.DONE, "", {"copy": 1})
    assert run.size > 0
    assert await rules.tags() == {"1.0": root}
    assert await rules.holds(sbom, signature) == [True, True]
    assert (await rules.run()).counts == {"skip": 1}
    # It is pulled from here without the registry.
    await rules.upstream.close()
    doors, auth = rules.mirrored.town.doors, rules.mirrored.town.auth["editor"]
    assert (await doors.ask("GET", f"/v2/{TARGET}/manifests/1.0", auth=auth)).status == 200


async def test_a_late_signature_follows_and_the_tag_is_not_pushed_again(rules: Rules) -> None:
    root = add_index(rules.upstream, "1.0", "amd64")
    await rules.add()
    await rules.run()
    late = attach(rules.upstream, root, SIGNATURE)
    cosign = attach(rules.upstream, root, "x", tag=f"{root.replace(':', '-')}.sig", listed=False)
    assert (await rules.run()).counts == {"copy": 1}
    assert await rules.holds(late, cosign) == [True, True]
    assert (await rules.tags())[f"{root.replace(':', '-')}.sig"] == cosign
    app = rules.mirrored.town.doors.app
    repository = await find_repository(app.metadata.reader, TARGET)
    assert repository is not None
    events = await app.history.list_events(repository, "1.0", 2**62, 100)
    assert len(events) == 1


async def test_the_tags_are_chosen(rules: Rules) -> None:
    for tag in ("16.1", "16.2", "17.0", "17.1", "17.2", "17.3-beta", "latest", "sha-1"):
        rules.upstream.add_image("lib/app", tag, tag.encode())
    choices: list[tuple[dict[str, object], set[str]]] = [
        ({"include": ("16.*",)}, {"16.1", "16.2"}),
        ({"include": ("/1[67]\\.[0-2]/",), "exclude": ("16.*",)}, {"17.0", "17.1", "17.2"}),
        ({"newest": 2, "exclude": ("*-*",)}, {"17.1", "17.2"}),
        ({"versions": (">=17.1 <18",)}, {"17.1", "17.2", "17.3-beta"}),
        ({"include": ("latest", "17.?")}, {"latest", "17.0", "17.1", "17.2"}),
    ]
    app = rules.mirrored.town.doors.app
    for chosen, expected in choices:
        await rules.add(**chosen)
        assert set(await rules.planned()) == expected
        await app.pull_rules.remove("app")


async def test_one_platform_of_an_index(rules: Rules) -> None:
    root = add_index(rules.upstream, "1.0", "amd64", "arm64")
    await rules.add(platforms=("linux/amd64",))
    assert (await rules.run()).state is RuleState.DONE
    assert await rules.tags() == {"1.0": root}
    index = json.loads(rules.upstream.manifests["lib/app:1.0"][0])
    (arm,) = (
        each["digest"] for each in index["manifests"] if each["platform"]["architecture"] == "arm64"
    )
    assert await rules.holds(arm) == [False]


async def test_a_tag_that_moved_is_moved_here_unless_the_rule_keeps_it(rules: Rules) -> None:
    first = rules.upstream.add_image("lib/app", "latest", b"one")
    await rules.add()
    await rules.run()
    second = rules.upstream.add_image("lib/app", "latest", b"two")
    assert await rules.planned() == {"latest": "move"}
    assert (await rules.run()).counts == {"move": 1}
    assert await rules.tags() == {"latest": second}
    app = rules.mirrored.town.doors.app
    kept = RuleSettings(source="up/lib/app", target="acme/app", overwrite=False)
    await app.pull_rules.edit("app", kept)
    rules.upstream.add_image("lib/app", "latest", b"one")
    assert (await rules.run()).counts == {"keep": 1}
    assert await rules.tags() == {"latest": second}
    assert first != second


async def test_one_tag_gets_another_name(rules: Rules) -> None:
    digest = rules.upstream.add_image("lib/app", "1.0", b"one")
    rules.upstream.add_image("lib/app", "2.0", b"two")
    await rules.add(source="up/lib/app:1.0", target="acme/app:stable")
    assert (await rules.run()).counts == {"copy": 1}
    assert await rules.tags() == {"stable": digest}


async def test_rules_of_the_target_hold(rules: Rules) -> None:
    rules.upstream.add_image("lib/app", "1.0", b"one")
    await rules.add()
    await rules.run()
    app = rules.mirrored.town.doors.app
    repository = await find_repository(app.metadata.reader, TARGET)
    assert repository is not None
    async with app.metadata.begin() as tx:
        await policies.set_of_repository(tx, repository.id, Policy(immutable="1.*"))
    before = await rules.tags()
    rules.upstream.add_image("lib/app", "1.0", b"other")
    assert await rules.planned() == {"1.0": "refuse"}
    run = await rules.run()
    assert (run.state, run.counts) == (RuleState.FAILED, {"refuse": 1})
    assert "immutable" in run.note
    assert await rules.tags() == before


async def test_deletions_follow_and_more_than_half_of_them_wait(rules: Rules) -> None:
    for tag in ("1", "2", "3", "4"):
        rules.upstream.add_image("lib/app", tag, tag.encode())
    await rules.add(delete="follow")
    await rules.run()
    for tag in ("3", "4"):
        del rules.upstream.manifests[f"lib/app:{tag}"]
    assert await rules.planned() == {"1": "skip", "2": "skip", "3": "delete", "4": "delete"}
    assert (await rules.run()).counts == {"delete": 2, "skip": 2}
    assert set(await rules.tags()) == {"1", "2"}
    rules.upstream.manifests.clear()
    run = await rules.run()
    assert (run.state, run.counts) == (RuleState.WAITING, {})
    assert "2 of 2 tags vanished" in run.note
    assert set(await rules.tags()) == {"1", "2"}
    assert (await rules.run(confirmed=True)).counts == {"delete": 2}
    assert await rules.tags() == {}


async def test_a_tag_of_somebody_else_is_not_deleted(rules: Rules) -> None:
    rules.upstream.add_image("lib/app", "1", b"one")
    rules.upstream.add_image("lib/app", "2", b"two")
    await rules.add(delete="follow")
    await rules.run()
    # Somebody points the tag elsewhere.
    app = rules.mirrored.town.doors.app
    await app.promotions.promote(TARGET, Tag("2"), TARGET, [Tag("1")])
    del rules.upstream.manifests["lib/app:1"]
    assert (await rules.run()).counts == {"keep": 1, "skip": 1}
    assert set(await rules.tags()) == {"1", "2"}


async def test_one_failure_ends_none_of_the_others(rules: Rules) -> None:
    rules.upstream.add_image("lib/app", "1", b"one")
    rules.upstream.add_manifest("lib/app", "2", b"{}", "application/json")
    await rules.add()
    run = await rules.run()
    assert (run.state, run.counts) == (RuleState.FAILED, {"copy": 1, "fail": 1})
    found = await rules.mirrored.town.doors.app.pull_rules.list_tags(
        await rules.mirrored.town.doors.app.pull_rules.get("app"), "", 10
    )
    assert [(each.tag, str(each.action)) for each in found] == [("1", "copy"), ("2", "fail")]
    assert found[1].reason


async def test_a_registry_that_limits_or_is_away_ends_the_run(rules: Rules) -> None:
    rules.upstream.add_image("lib/app", "1", b"one")
    rule = await rules.add(schedule="every 6h")
    now = rules.mirrored.town.doors.app.now()
    assert rule.due_at is not None
    rules.upstream.fail, rules.upstream.fail_headers = 429, [("Retry-After", "120")]
    run = await rules.run()
    assert run.state is RuleState.FAILED
    found = await rules.mirrored.town.doors.app.pull_rules.get("app")
    assert found.due_at is not None
    assert timedelta(seconds=100) < found.due_at - now < timedelta(seconds=150)
    assert found.run == run


async def test_what_is_due_runs_by_the_clock(rules: Rules) -> None:
    rules.upstream.add_image("lib/app", "1", b"one")
    app = rules.mirrored.town.doors.app
    await rules.add(schedule="every 6h")
    assert await app.rule_runs.run_due() == 0
    await app.pull_rules.ask_to_run("app")
    assert await app.rule_runs.run_due() == 1
    assert await app.rule_runs.run_due() == 0
    found = await app.pull_rules.get("app")
    assert found.run is not None
    assert found.run.state is RuleState.DONE
    assert found.due_at is not None
    assert found.due_at > app.now() + timedelta(hours=5)
    async with app.metadata.begin() as tx:
        await pull_rules.ask_to_run(tx, found.id, app.now(), confirmed=False)
    await rules.mirrored.change(is_offline=True)
    assert await app.rule_runs.run_due() == 1
    found = await app.pull_rules.get("app")
    assert found.run is not None
    assert found.run.note == "up is offline here, and this is not cached"


async def test_a_rule_that_takes_long_keeps_no_other_waiting(rules: Rules) -> None:
    rules.upstream.add_image("lib/app", "1", b"one")
    rules.upstream.add_image("lib/slow", "1", b"slow" * 200_000)
    app = rules.mirrored.town.doors.app
    await rules.add()
    slow = RuleSettings(source="up/lib/slow", target="acme/slow")
    await app.pull_rules.add("slow", slow)
    for name in ("slow", "app"):
        await app.pull_rules.ask_to_run(name)
    rules.upstream.piece, rules.upstream.pause = 8192, 0.01
    running = asyncio.create_task(app.rule_runs.run_due())
    while (found := await app.pull_rules.get("app")).run is None or not found.run.ended_at:
        assert not running.done()
        await asyncio.sleep(0.01)
    other = (await app.pull_rules.get("slow")).run
    assert other is not None
    assert other.state is RuleState.RUNNING
    # A server that stops leaves it to the next one.
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    rules.upstream.pause = 0.0
    assert await app.rule_runs.run_due() == 1
    other = (await app.pull_rules.get("slow")).run
    assert other is not None
    assert other.state is RuleState.DONE


async def test_a_list_of_tags_without_an_end_deletes_nothing(rules: Rules) -> None:
    for tag in ("1", "2", "3"):
        rules.upstream.add_image("lib/app", tag, tag.encode())
    await rules.add(delete="follow")
    await rules.run()
    # Every page is the first one, and has another behind it.
    rules.upstream.endless_tags = True
    del rules.upstream.manifests["lib/app:3"]
    run = await rules.run()
    assert (run.state, run.counts) == (RuleState.FAILED, {})
    assert "or without an end" in run.note
    assert set(await rules.tags()) == {"1", "2", "3"}
