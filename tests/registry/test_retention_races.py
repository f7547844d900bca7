"""What retention must not take, whatever happens between looking and taking."""

from datetime import timedelta

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import policies
from entrepot.model.policies import Policy, Rules
from entrepot.oci.names import Tag
from entrepot.registry.removal import Removals
from entrepot.registry.retention import Reason, Retention
from tests.metadata.clocks import MovableClock
from tests.registry.test_history import Shop, history, removals, shop

__all__ = ["history", "removals", "shop"]


@pytest.fixture
def retention(metadata: Metadata, removals: Removals, clock: MovableClock) -> Retention:
    """What rules make of tags."""
    return Retention(metadata, removals, clock)


async def rule(metadata: Metadata, shop: Shop, rules: Rules, immutable: str = "") -> None:
    """Give the shop these rules."""
    async with metadata.begin() as tx:
        await policies.set_of_repository(tx, shop.repository.id, Policy(immutable, rules.text))


async def test_what_is_attached_to_something_that_stays_stays(
    metadata: Metadata, shop: Shop, retention: Retention, clock: MovableClock
) -> None:
    stays, goes = await shop.image(b"stays", "v1"), await shop.image(b"goes", "dev-1")
    first = await shop.referrer(stays, "one", "dev-sbom")
    second = await shop.referrer(goes, "two")
    third = await shop.referrer(goes, "three", "dev-3")
    clock.advance(timedelta(days=2))
    await rule(metadata, shop, Rules(tags="dev-*", pushed_within=1))
    verdicts = {each.tag: each.reason for each in await retention.preview(shop.repository)}
    assert verdicts["dev-sbom"] is Reason.ATTACHED
    assert await retention.run(shop.repository) == 2
    assert await shop.are_there(stays, first) == [True, True]
    assert await shop.are_there(goes, second, third) == [False] * 3


async def test_what_is_attached_to_a_child_of_what_stays_stays(
    metadata: Metadata, shop: Shop, retention: Retention, clock: MovableClock
) -> None:
    child = await shop.image(b"child", "dev-1")
    await shop.index(child, tags=("v1",))
    attached = await shop.referrer(child, "one", "dev-sbom")
    clock.advance(timedelta(days=2))
    await rule(metadata, shop, Rules(tags="dev-*", pushed_within=1))
    assert await retention.run(shop.repository) == 1
    assert await shop.are_there(child, attached) == [True, True]


async def test_a_tag_that_is_set_meanwhile_keeps_its_manifest(
    shop: Shop, removals: Removals
) -> None:
    digest = await shop.image(b"one", "dev-1")
    chosen = [(Tag("dev-1"), digest)]
    # Between looking and taking, somebody gives the same manifest another name.
    assert await shop.image(b"one", "v1") == digest
    await removals.remove(
        shop.repository, chosen, whole=True, by=None, listener=None, spare_held=True
    )
    assert await shop.pull(Tag("v1")) == str(digest)
    assert await shop.pull(Tag("dev-1")) is None


async def test_a_tag_made_immutable_meanwhile_ends_nothing_else(
    metadata: Metadata,
    shop: Shop,
    retention: Retention,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await shop.image(b"one", "dev-1")
    clock.advance(timedelta(days=2))
    rules = Rules(tags="dev-*", pushed_within=1)
    await rule(metadata, shop, rules)
    looked = await retention.preview(shop.repository)

    async def stale(*_: object) -> object:
        return looked

    monkeypatch.setattr(retention, "_judge", stale)
    await rule(metadata, shop, rules, "dev-1")
    assert await retention.run_all() == 0
    assert await shop.pull(Tag("dev-1")) is not None
