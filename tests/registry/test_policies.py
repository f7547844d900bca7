"""Immutable tags, retention, and room: what is refused, what goes, what stays."""

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from entrepot.errors import Invalid, QuotaExceeded, TagImmutable
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import manifests as manifest_rows
from entrepot.metadata.registry import policies
from entrepot.metadata.repositories import delete_repository
from entrepot.model.policies import MOST, Policy, Rules
from entrepot.model.repositories import Repository
from entrepot.oci.digests import EMPTY_JSON, Digest
from entrepot.oci.names import Tag
from entrepot.registry.blobs import Blobs
from entrepot.registry.maintenance.collector import Collector
from entrepot.registry.quotas import Quotas
from entrepot.registry.removal import Removals
from entrepot.registry.retention import Reason, Retention
from entrepot.registry.uploads import Chunk, Uploads
from entrepot.storage.memory import MemoryStorage
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_organization, add_repository
from tests.registry.bodies import body
from tests.registry.conftest import target_of
from tests.registry.test_history import V1, Shop, history, removals, shop

__all__ = ["history", "removals", "shop"]
LATEST = Tag("latest")


async def tell(metadata: Metadata, repository: Repository, policy: Policy) -> None:
    """Give the repository a policy."""
    async with metadata.begin() as tx:
        await policies.set_of_repository(tx, repository.id, policy)


async def test_an_immutable_tag_is_neither_moved_nor_removed(
    shop: Shop, removals: Removals, metadata: Metadata
) -> None:
    first = await shop.image(b"first", "v1", "latest")
    await tell(metadata, shop.repository, Policy("*\n!latest"))
    with pytest.raises(
        TagImmutable, match="the tag v1 is immutable: it matches the rule \\* of the repos"
    ):
        await shop.image(b"second", "v1")
    with pytest.raises(TagImmutable):
        await shop.manifests.untag(shop.repository, V1, None)
    with pytest.raises(TagImmutable):
        await shop.manifests.delete(shop.repository, first, None)
    chosen = [(LATEST, first)]
    with pytest.raises(TagImmutable):
        await removals.remove(
            shop.repository, chosen, whole=True, others=frozenset({"v1"}), by=None, listener=None
        )
    assert await shop.pull(V1) == await shop.pull(LATEST) == str(first)
    second = await shop.image(b"second", "latest", "v2")
    assert await shop.image(b"first", "v1") == first
    assert [await shop.pull(each) for each in (V1, LATEST)] == [str(first), str(second)]


async def test_nothing_is_undone_that_an_immutable_tag_says(shop: Shop, metadata: Metadata) -> None:
    await shop.image(b"first", "v1")
    second = await shop.image(b"second", "v1")
    await tell(metadata, shop.repository, Policy("v*"))
    with pytest.raises(TagImmutable):
        await shop.undo("v1")
    assert await shop.pull(V1) == str(second)


async def test_what_is_refused_in_one_tag_changes_no_other(shop: Shop, metadata: Metadata) -> None:
    await shop.image(b"first", "v1")
    await tell(metadata, shop.repository, Policy("v1"))
    with pytest.raises(TagImmutable):
        await shop.image(b"second", "new", "v1")
    assert await shop.pull(Tag("new")) is None


async def test_whoever_signs_may_move_the_tag_of_the_signatures(
    shop: Shop, metadata: Metadata
) -> None:
    first = await shop.image(b"first", "v1")
    await tell(metadata, shop.repository, Policy("*"))
    signatures = f"sha256-{first.hex}.sig"
    await shop.image(b"one signature", signatures)
    again = await shop.image(b"two signatures", signatures)
    assert await shop.pull(Tag(signatures)) == str(again)


@pytest.fixture
def retention(metadata: Metadata, removals: Removals, clock: MovableClock) -> Retention:
    """What rules make of tags."""
    return Retention(metadata, removals, clock)


async def decided(retention: Retention, shop: Shop, rules: Rules) -> dict[str, Reason]:
    """What becomes of each tag."""
    return {each.tag: each.reason for each in await retention.preview(shop.repository, rules)}


async def release(shop: Shop, clock: MovableClock, tags: Sequence[str]) -> list[Digest]:
    """Push an image a day."""
    digests = []
    for tag in tags:
        digests.append(await shop.image(tag.encode(), tag))
        clock.advance(timedelta(days=1))
    return digests


async def test_each_rule_keeps_what_it_says(
    shop: Shop, retention: Retention, metadata: Metadata, clock: MovableClock
) -> None:
    await release(shop, clock, ["v1", "v2", "v3", "rc-1", "latest"])
    found = await manifest_rows.find_facts(metadata.reader, shop.repository.id, Tag("v1"))
    assert found is not None
    async with metadata.begin() as tx:
        await manifest_rows.add_pulls(tx, found.id, 1, clock())
    await tell(metadata, shop.repository, Policy("v2"))
    rules = Rules(tags="*\n!rc-*", keep="latest", pulled_within=1)
    assert await decided(retention, shop, rules) == {
        "v1": Reason.PULLED,
        "v2": Reason.IMMUTABLE,
        "v3": Reason.GOES,
        "rc-1": Reason.OTHER,
        "latest": Reason.KEPT,
    }
    assert await decided(retention, shop, Rules(newest=2)) == {
        "latest": Reason.NEWEST,
        "rc-1": Reason.NEWEST,
        "v3": Reason.GOES,
        "v2": Reason.IMMUTABLE,
        "v1": Reason.GOES,
    }
    by_age = await decided(retention, shop, Rules(tags="v*", pushed_within=4))
    assert [tag for tag, each in by_age.items() if each is Reason.PUSHED] == ["v3"]


async def test_what_rules_do_not_keep_goes_with_what_only_it_holds(
    shop: Shop, retention: Retention, metadata: Metadata, clock: MovableClock
) -> None:
    old, kept, new = await release(shop, clock, ["v1", "v2", "v3"])
    of_old, of_new = await shop.referrer(old, "old"), await shop.referrer(new, "new")
    child = await shop.image(b"child")
    parent = await shop.index(child, kept, tags=("all",))
    await shop.push((await shop.manifests.get(shop.repository, new)).content, "alias")
    await tell(metadata, shop.repository, Policy("", Rules(tags="v*", newest=1).text))
    assert await retention.run_all(shop.listener) == 2
    assert [await shop.pull(Tag(tag)) for tag in ("v1", "v2")] == [None, None]
    # An index that stays lists it; an alias that stays names it.
    assert await shop.are_there(old, of_old, kept, new, of_new, child, parent) == [
        False,
        False,
        True,
        True,
        True,
        True,
        True,
    ]
    assert {text for change in shop.changes for text in change.tags} == {"v1", "v2"}
    await shop.undo("v1")
    assert await shop.are_there(old, of_old) == [True, True]
    assert await retention.run_all() == 1


async def test_a_namespace_rules_where_a_repository_says_nothing(
    metadata: Metadata, retention: Retention
) -> None:
    acme = await add_organization(metadata, "acme")
    repository = await add_repository(metadata, "acme/one", namespace_id=acme)
    async with metadata.begin() as tx:
        await policies.set_of_namespace(tx, acme, Policy("", Rules(newest=3).text))
    assert await retention.find_rules(repository) == Rules(newest=3)
    await tell(metadata, repository, Policy("", Rules(pulled_within=9).text))
    assert await retention.find_rules(repository) == Rules(pulled_within=9)


@pytest.mark.parametrize(
    "numbers", [{}, {"newest": 0}, {"pushed_within": MOST + 1}, {"pulled_within": -1}]
)
def test_rules_that_keep_nothing_are_none(numbers: dict[str, int]) -> None:
    with pytest.raises(Invalid):
        Rules(**numbers)  # type: ignore[arg-type]


def test_a_number_that_is_not_given_is_not_stored() -> None:
    rules = Rules(tags="v*", newest=3)
    assert json.loads(rules.text) == {"tags": "v*", "keep": "", "newest": 3}
    assert Rules.parse(rules.text) == rules


@pytest.fixture
async def acme(metadata: Metadata) -> int:
    """An organization that may hold ten bytes."""
    acme = await add_organization(metadata, "acme")
    async with metadata.begin() as tx:
        await policies.set_quota(tx, acme, 10)
    return acme


async def used(metadata: Metadata, acme: int) -> int:
    """Bytes that count."""
    found = await policies.find_quota(metadata.reader, acme)
    assert found is not None
    return found.used


async def test_a_push_that_finds_no_room_is_refused(
    metadata: Metadata, acme: int, uploads: Uploads, blobs: Blobs
) -> None:
    one, two, other = [
        await add_repository(metadata, name, namespace_id=acme if "acme" in name else None)
        for name in ("acme/one", "acme/two", "b/other")
    ]
    await uploads.put(target_of(one), body(b"12345678"), Digest.of(b"12345678"))
    # What the namespace holds already costs nothing, however it comes.
    await uploads.put(target_of(one), body(b"12345678"), Digest.of(b"12345678"))
    assert await blobs.mount(target_of(two), one, Digest.of(b"12345678"))
    assert await used(metadata, acme) == 8
    await uploads.put(target_of(other), body(b"abc"), Digest.of(b"abc"))
    with pytest.raises(QuotaExceeded, match=r"3 bytes more would exceed .* 10 bytes, .* 8 bytes"):
        await uploads.put(target_of(one), body(b"abc"), Digest.of(b"abc"))
    with pytest.raises(QuotaExceeded):
        await blobs.mount(target_of(one), other, Digest.of(b"abc"))
    begun = await uploads.begin(target_of(two), None, "sha256")
    with pytest.raises(QuotaExceeded):
        await uploads.finish(begun, Chunk(body(b"xyz")), Digest.of(b"xyz"))
    await uploads.put(target_of(two), body(b"ab"), Digest.of(b"ab"))
    assert await used(metadata, acme) == 10


async def test_a_look_ahead_refuses_before_bytes_are_sent(metadata: Metadata, acme: int) -> None:
    quotas, digest = Quotas(metadata), Digest.of(b"abc")
    (await quotas.find_room(acme)).check(10)
    (await quotas.find_room(None)).check(10**9)
    for size in (11, 10**15):
        with pytest.raises(QuotaExceeded):
            (await quotas.find_room(acme)).check(size)
    async with metadata.begin() as tx:
        await policies.take_room(tx, acme, digest, 10)
    with pytest.raises(QuotaExceeded):
        (await quotas.find_room(acme)).check(0)


async def test_what_is_gone_counts_no_longer_at_once(
    metadata: Metadata,
    acme: int,
    uploads: Uploads,
    blobs: Blobs,
    storage: MemoryStorage,
    clock: MovableClock,
) -> None:
    one, two = [
        await add_repository(metadata, name, namespace_id=acme) for name in ("acme/1", "acme/2")
    ]
    for content in (b"1234", b"abc", EMPTY_JSON):
        await uploads.put(target_of(one), body(content), Digest.of(content))
    assert await blobs.mount(target_of(two), one, Digest.of(b"abc"))
    await blobs.unlink(one, Digest.of(b"1234"))
    assert await used(metadata, acme) == 3
    await blobs.unlink(one, Digest.of(b"abc"))
    assert await used(metadata, acme) == 3
    clock.advance(timedelta(days=2))
    assert (await Collector(metadata, storage, clock, grace=timedelta(days=1)).run()).links == 2
    assert await used(metadata, acme) == 0


async def test_what_was_deleted_with_its_repository_is_measured(
    metadata: Metadata, acme: int, uploads: Uploads
) -> None:
    one = await add_repository(metadata, "acme/one", namespace_id=acme)
    await uploads.put(target_of(one), body(b"1234"), Digest.of(b"1234"))
    async with metadata.begin() as tx:
        await delete_repository(tx, one.id)
    await Quotas(metadata).measure_all()
    assert await used(metadata, acme) == 0
