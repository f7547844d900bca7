"""Tags are pushed to another hub over sockets: all that belongs to them, and nothing twice."""

import itertools
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from entrepot.app import App
from entrepot.hub.replication import RuleSettings
from entrepot.jobs.replication import Attempt, ReplicationLane
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.replication import (
    DeletionMode,
    ReplicationStatus,
    ReplicationTrigger,
    TaskState,
)
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from entrepot.settings import Settings
from entrepot.storage.memory import MemoryStorage
from entrepot.upstream import pushing
from tests.support.artifacts import Shelf
from tests.wire.hubs import ADMIN_PASSWORD, Hub
from tests.wire.people import basic
from tests.wire.repositories import Repository

pytestmark = pytest.mark.wire

JSON = "application/json"
_numbers = itertools.count(1)


@dataclass(slots=True)
class Pair:
    """A hub in this process with a repository, and one over a socket that it pushes to."""

    app: App
    shelf: Shelf
    there: Repository
    attempts: list[Attempt] = field(default_factory=list)

    async def add(self, **settings: object) -> None:
        """Have a rule for the repository."""
        client = self.there.client
        url = f"http://{client.host}:{client.port}"
        known: dict[str, object] = {"url": url, "repositories": (self.shelf.name,)}
        made = RuleSettings(allows_private=True, **(known | settings))  # type: ignore[arg-type]
        await self.app.replication.add("there", made)

    async def run(self) -> ReplicationStatus:
        """Compare every tag; `attempts` are those of this run."""
        self.attempts.clear()
        await self.app.replication.run("there")
        return await self.drain()

    async def drain(self) -> ReplicationStatus:
        """Do what is queued."""
        app = self.app
        lane = ReplicationLane(
            app.metadata, app.replication_tasks, app.now, lambda: 0.5, self.attempts.append
        )
        rule = await app.replication.get("there")
        try:
            await lane.drain(rule.id)
        finally:
            await lane.stop()
        return await app.replication.get_status("there")

    @property
    def sent(self) -> int:
        """The bytes of blobs that the last run sent."""
        return sum(each.sent for each in self.attempts)

    def digest(self, reference: str) -> str | None:
        """Where a tag points there."""
        answer = self.there.client.get(self.there.manifest(reference), accept="*/*")
        return answer.headers.get("Docker-Content-Digest") if answer.status == 200 else None

    def referrers(self, subject: Digest) -> set[str]:
        """The digests of what is attached to a manifest there."""
        listed = self.there.client.get(self.there.referrers(str(subject))).expect(200)
        return {each["digest"] for each in json.loads(listed.body)["manifests"]}


@pytest.fixture
async def pair(
    metadata: Metadata, storage: MemoryStorage, tmp_path: Path, open_hub: Hub
) -> AsyncIterator[Pair]:
    """Two hubs; the one over the socket takes everything."""
    app = App(Settings(data=tmp_path, open=True), metadata, storage)
    name = f"copied/app-{next(_numbers)}"
    yield Pair(app, Shelf(app, name), Repository(open_hub.client, name))
    await app.close()


@pytest.fixture
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing, "MONOLITHIC", 1000)
    monkeypatch.setattr(pushing, "CHUNK", 100_000)


async def test_a_tag_goes_with_all_that_belongs_to_it(pair: Pair) -> None:
    shelf = pair.shelf
    children = [await shelf.image(layer) for layer in (b"amd64", b"arm64")]
    index = await shelf.index(*children, tag="v1")
    sbom = await shelf.attach(index, "sbom")
    signature_of_sbom = await shelf.attach(sbom, "signature")
    of_child = await shelf.attach(children[0], "attestation")
    signed = await shelf.sign(index, b"signature")
    await pair.add()
    status = await pair.run()
    assert (status.waiting, status.conflicts, status.failed) == (0, 0, 0)
    assert pair.digest("v1") == str(index)
    assert pair.digest(f"sha256-{index.hex}.sig") == str(signed)
    assert all(pair.digest(str(each)) for each in children)
    assert pair.referrers(index) == {str(sbom)}
    assert pair.referrers(sbom) == {str(signature_of_sbom)}
    assert pair.referrers(children[0]) == {str(of_child)}
    assert pair.sent > 0
    rule = status.rule
    assert (rule.sent_tags, rule.sent_bytes) == (1, pair.sent)


async def test_what_is_there_is_not_sent_again(pair: Pair) -> None:
    await pair.shelf.image(b"layer", "v1", "v2")
    await pair.add()
    await pair.run()
    await pair.run()
    assert [each.transferred and each.transferred.is_changed for each in pair.attempts] == [
        False,
        False,
    ]
    assert pair.sent == 0


async def test_a_late_signature_follows(pair: Pair) -> None:
    image = await pair.shelf.image(b"layer", "v1")
    await pair.add()
    await pair.run()
    late = await pair.shelf.attach(image, "late")
    signed = await pair.shelf.sign(image, b"signature")
    await pair.run()
    assert pair.referrers(image) == {str(late)}
    assert pair.digest(f"sha256-{image.hex}.sig") == str(signed)
    more = await pair.shelf.sign(image, b"signature", b"another")
    await pair.run()
    assert pair.digest(f"sha256-{image.hex}.sig") == str(more)


async def test_signatures_that_only_the_destination_has_stay(pair: Pair) -> None:
    image = await pair.shelf.image(b"layer", "v1")
    more = await pair.shelf.sign(image, b"signature", b"another")
    await pair.add()
    await pair.run()
    await pair.shelf.sign(image, b"signature")
    status = await pair.run()
    name = f"sha256-{image.hex}.sig"
    assert pair.digest(name) == str(more)
    # The signature asks for the tag once more, while it runs or after that.
    kept = [each.transferred.kept for each in pair.attempts if each.transferred]
    assert set(kept) == {(name,)}
    assert status.conflicts == 0


async def test_patterns_and_names_decide_what_goes_where(pair: Pair) -> None:
    image = await pair.shelf.image(b"layer", "v1", "v2-rc1", "latest")
    await pair.add(tags=("v*", "!*-rc*"), strip=1, prefix="mirrored/here")
    await pair.run()
    name = pair.shelf.name.partition("/")[2]
    there = Repository(pair.there.client, f"mirrored/here/{name}")
    assert there.list_tags() == ["v1"]
    pair.there = there
    assert pair.digest("v1") == str(image)


async def test_an_immutable_tag_is_a_conflict_that_is_shown(pair: Pair) -> None:
    first = await pair.shelf.image(b"first", "v1")
    await pair.add()
    await pair.run()
    policies = f"/api/v1/repositories/{pair.shelf.name}/-/policies"
    headers = {"Authorization": basic("admin", ADMIN_PASSWORD), "Content-Type": JSON}
    pair.there.client.request("PUT", policies, b'{"immutable": ["v*"]}', headers=headers).expect(
        200
    )
    await pair.shelf.image(b"second", "v1")
    status = await pair.run()
    assert (status.waiting, status.conflicts, status.failed) == (0, 1, 0)
    assert pair.digest("v1") == str(first)
    (line,) = await pair.app.replication.list_tasks("there", 10)
    assert (line.tag, line.state) == ("v1", TaskState.CONFLICT)
    assert "immutable" in line.error
    pair.there.client.request("PUT", policies, b"{}", headers=headers).expect(200)
    assert (await pair.run()).conflicts == 0


async def test_pushes_are_followed_and_what_is_attached_to_them(pair: Pair) -> None:
    await pair.add()
    child = await pair.shelf.image(b"layer")
    index = await pair.shelf.index(child, tag="v1")
    await pair.shelf.image(b"other", "other")
    status = await pair.app.replication.get_status("there")
    assert (status.waiting, status.behind) == (2, 2)
    assert status.behind_since is not None
    assert (await pair.drain()).behind_since is None
    assert (pair.digest("v1"), pair.there.list_tags()) == (str(index), ["other", "v1"])
    # What is attached belongs to every tag that leads to it.
    attached = await pair.shelf.attach(child, "late")
    deeper = await pair.shelf.attach(attached, "later")
    signed = await pair.shelf.sign(index, b"signature")
    await pair.drain()
    assert pair.referrers(child) == {str(attached)}
    assert pair.referrers(attached) == {str(deeper)}
    assert pair.digest(f"sha256-{index.hex}.sig") == str(signed)


async def test_many_moves_while_a_destination_is_away_are_one_transfer(pair: Pair) -> None:
    await pair.add()
    for number in range(20):
        last = await pair.shelf.image(b"%d" % number, "latest")
    await pair.drain()
    assert pair.digest("latest") == str(last)
    assert len(pair.attempts) == 1


async def test_tags_that_no_rule_is_about_are_not_queued(pair: Pair) -> None:
    await pair.add(tags=("v*",))
    await pair.shelf.image(b"layer", "latest")
    await Shelf(pair.app, "other/app").image(b"layer", "v1")
    assert (await pair.app.replication.get_status("there")).waiting == 0


@pytest.mark.parametrize("mode", list(DeletionMode))
async def test_deletions_follow_where_the_rule_says_so(pair: Pair, mode: DeletionMode) -> None:
    await pair.shelf.image(b"one", "v1")
    image = await pair.shelf.image(b"two", "v2", "v3")
    await pair.add(deletes=mode)
    await pair.run()
    repository, manifests = await pair.shelf.find(), pair.app.manifests
    listener = (await pair.shelf.target()).listener
    await manifests.untag(repository, Tag("v1"), None, listener)
    await manifests.delete(repository, image, None, listener)
    assert (await pair.drain()).waiting == 0
    left = ["v1", "v2", "v3"] if mode is DeletionMode.NEVER else []
    assert pair.there.list_tags() == left


async def test_rules_are_run_by_their_schedule(pair: Pair) -> None:
    await pair.shelf.image(b"layer", "v1")
    await pair.add(trigger=ReplicationTrigger.SCHEDULE, every=3600)
    await pair.shelf.image(b"layer", "v2")
    replication = pair.app.replication
    assert (await replication.get_status("there")).waiting == 0
    await replication.queue_due()
    assert (await replication.get_status("there")).waiting == 2
    await pair.drain()
    await replication.queue_due()
    assert (await replication.get_status("there")).waiting == 0


@pytest.mark.usefixtures("_small_chunks")
async def test_a_large_blob_is_sent_in_chunks_and_taken_up(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = os.urandom(450_000)
    image = await pair.shelf.image(layer, "v1")
    await pair.add()
    storage, read = pair.app.storage, pair.app.storage.read
    # The config, two chunks, and a third that cannot be read.
    cut = iter([0, 0, 0, 1])

    async def failing(
        key: object, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        if next(cut, 0):
            raise OSError("the disk is away")
        async for run in read(key, start, length):  # type: ignore[arg-type]
            yield run

    monkeypatch.setattr(storage, "read", failing)
    status = await pair.run()
    assert (status.waiting, status.rule.problem) == (1, "")
    assert "the disk is away" in str(pair.attempts[0].error)
    assert pair.digest("v1") is None
    first = pair.sent
    await pair.run()
    assert pair.digest("v1") == str(image)
    assert 0 < first < len(layer)
    assert first + pair.sent <= len(layer) + 1000


async def test_a_blob_is_mounted_from_a_sibling(pair: Pair) -> None:
    layer = os.urandom(100_000)
    await pair.shelf.image(layer, "v1")
    await pair.add(repositories=(f"{pair.shelf.name}*",))
    await pair.run()
    assert pair.sent > len(layer)
    sibling = Shelf(pair.app, f"{pair.shelf.name}-sibling")
    await sibling.image(layer, "v1")
    await pair.run()
    assert pair.sent == 0
    there = Repository(pair.there.client, sibling.name)
    assert there.list_tags() == ["v1"]


async def test_a_destination_that_is_away_is_left_alone_and_keeps_nothing(pair: Pair) -> None:
    await pair.shelf.image(b"layer", "v1", "v2", "v3")
    await pair.add(url="http://127.0.0.1:9")
    status = await pair.run()
    assert status.waiting == 3
    assert status.rule.problem.startswith("there cannot be reached")
    assert status.rule.backs_off_until is not None
    assert len(pair.attempts) < 3


async def test_a_private_address_needs_leave(pair: Pair) -> None:
    await pair.shelf.image(b"layer", "v1")
    client = pair.there.client
    settings = RuleSettings(url=f"http://{client.host}:{client.port}")
    await pair.app.replication.add("there", settings)
    status = await pair.run()
    assert status.waiting == 1
    assert "--allow-private-network" in str(pair.attempts[0].error)
