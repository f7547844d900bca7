"""A removal takes what its preview showed: no more, and nothing that somebody else holds."""

import pytest

from entrepot.errors import OtherTags
from entrepot.metadata.engines.engine import Metadata, Transaction
from entrepot.metadata.registry import blobs
from entrepot.model.repositories import ChangeType, RepositoryChange
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from entrepot.registry.removal import Going, Removal, Removals
from tests.metadata.clocks import START, MovableClock
from tests.metadata.rows import add_repository
from tests.registry.test_history import V1, Shop, history, removals, shop

__all__ = ["history", "removals", "shop"]
V2 = Tag("v2")


async def preview(removals: Removals, shop: Shop, *tags: Tag) -> Removal:
    """What would go with all that only these tags hold."""
    return await removals.preview(shop.repository, tags, whole=True)


async def remove(removals: Removals, shop: Shop, *chosen: tuple[Tag, Digest]) -> None:
    """Remove these with all that only they hold."""
    await removals.remove(shop.repository, chosen, whole=True, by=None, listener=shop.listener)


async def test_a_preview_of_tags_alone_names_their_aliases(shop: Shop, removals: Removals) -> None:
    first = await shop.image(b"first", "v1", "latest")
    found = await removals.preview(shop.repository, [V1, Tag("absent")], whole=False)
    assert found == Removal((Going("v1", str(first), ("latest",)),))
    await removals.remove(shop.repository, [(V1, first)], whole=False, by=None, listener=None)
    assert await shop.pull(Tag("latest")) == str(first)
    assert await shop.pull(V1) is None


async def test_only_bytes_that_nobody_else_names_are_freed(
    shop: Shop, removals: Removals, metadata: Metadata
) -> None:
    first = await shop.image(b"four", "v1")
    second = await shop.image(b"sixsix", "v2")
    both = await preview(removals, shop, V1, V2)
    assert set(both.manifests) == {str(first), str(second)}
    # They share their config.
    assert both.freed == len(b"four") + len(b"sixsix") + len(b"config")
    assert (await preview(removals, shop, V1)).freed == len(b"four")
    other = await add_repository(metadata, "a/other")
    async with metadata.begin() as tx:
        await blobs.link_blob(tx, other.id, Digest.of(b"four"), START)
    assert (await preview(removals, shop, V1)).freed == 0
    await remove(removals, shop, (V1, first))
    assert await shop.are_there(first, second) == [False, True]


async def test_children_and_attachments_go_with_an_index(shop: Shop, removals: Removals) -> None:
    children = [await shop.image(b"amd64"), await shop.image(b"arm64")]
    built = await shop.index(*children, tags=("v1",))
    sbom = await shop.referrer(children[1], "sbom")
    signature = await shop.referrer(sbom, "signature")
    legacy = await shop.image(b"legacy", f"sha256-{built.hex}.sig")
    fallback = await shop.index(signature, tags=(f"sha256-{children[0].hex}",))
    found = await preview(removals, shop, V1)
    everything = (built, *children, sbom, signature, legacy, fallback)
    assert set(found.manifests) == {str(each) for each in everything}
    assert found.attachments == 4
    await remove(removals, shop, (V1, built))
    assert await shop.are_there(*everything) == [False] * 7
    assert {each.event for each in shop.changes} == {ChangeType.UNTAGGED, ChangeType.DELETED}
    first = shop.changes[0]
    assert (first.event, first.tags) == (ChangeType.UNTAGGED, ("v1",))
    assert len(first.previous) == 1
    assert {each.digest for each in shop.changes[1:]} == set(found.manifests)


async def test_what_a_tag_or_another_index_holds_stays(shop: Shop, removals: Removals) -> None:
    shared, tagged, own = [
        await shop.image(name, *tags)
        for name, tags in ((b"shared", ()), (b"tagged", ("v1-arm64",)), (b"own", ()))
    ]
    built = await shop.index(shared, tagged, own, tags=("v1",))
    other = await shop.index(shared, tags=("v2",))
    documented = await shop.referrer(built, "a document with a tag of its own", "handbook")
    found = await preview(removals, shop, V1)
    assert set(found.manifests) == {str(built), str(own)}
    assert (found.attachments, found.freed) == (0, len(b"own"))
    await remove(removals, shop, (V1, built))
    assert await shop.are_there(built, own) == [False, False]
    assert await shop.are_there(shared, tagged, other, documented) == [True] * 4


async def test_a_child_that_was_chosen_leaves_its_index_whole(
    shop: Shop, removals: Removals
) -> None:
    child = await shop.image(b"arm64", "v1-arm64")
    built = await shop.index(child, tags=("v1",))
    arm64 = Tag("v1-arm64")
    assert (await preview(removals, shop, arm64)).manifests == ()
    await remove(removals, shop, (arm64, child))
    assert await shop.are_there(child, built) == [True, True]
    assert await shop.pull(arm64) is None


async def test_indexes_and_their_children_go_together_in_any_order(
    shop: Shop, removals: Removals
) -> None:
    child = await shop.image(b"arm64", "v1-arm64")
    inner = await shop.index(child, tags=("v1",))
    outer = await shop.index(inner, child, tags=("v2",))
    everything = {str(each) for each in (child, inner, outer)}
    for tags in ((Tag("v1-arm64"), V1, V2), (V2, V1, Tag("v1-arm64"))):
        assert set((await preview(removals, shop, *tags)).manifests) == everything
    assert (await preview(removals, shop, V1, Tag("v1-arm64"))).manifests == ()
    await remove(removals, shop, (Tag("v1-arm64"), child), (V1, inner), (V2, outer))
    assert await shop.are_there(child, inner, outer) == [False] * 3


async def test_a_tag_that_moved_after_the_preview_stays(shop: Shop, removals: Removals) -> None:
    first = await shop.image(b"first", "v1")
    second = await shop.image(b"second", "v1")
    third = await shop.image(b"third", "v2")
    await remove(removals, shop, (V1, first), (V2, third))
    assert await shop.pull(V1) == str(second)
    assert await shop.are_there(first, second, third) == [True, True, False]
    assert [each.tags for each in shop.changes if each.tags] == [("v2",)]


async def test_removing_twice_removes_once(shop: Shop, removals: Removals) -> None:
    first = await shop.image(b"first", "v1")
    for _ in range(2):
        await remove(removals, shop, (V1, first))
    assert len(shop.changes) == 2
    assert [each.action for each in await shop.events()] == ["deleted", "pushed"]


async def test_a_removal_that_its_witness_refuses_removes_nothing(
    shop: Shop, removals: Removals, clock: MovableClock
) -> None:
    first = await shop.image(b"first", "v1")

    async def refuse(_: Transaction, change: RepositoryChange) -> None:
        raise RuntimeError(change.event)

    chosen = [(V1, first)]
    with pytest.raises(RuntimeError, match="untagged"):
        await removals.remove(shop.repository, chosen, whole=True, by=None, listener=refuse)
    assert await shop.pull(V1) == str(first)
    assert len(await shop.events()) == 1


async def test_other_tags_of_the_manifest_are_told_before_they_go(
    shop: Shop, removals: Removals
) -> None:
    names = [f"1.0.{number}" for number in range(13)]
    await shop.image(b"first", "v1", *names)
    assert (await preview(removals, shop, V1)).other_tags == sorted(names)
    assert (await preview(removals, shop, V1, *map(Tag, names))).other_tags == []


@pytest.mark.parametrize("known", [(), ("latest",), ("latest", "stable")])
async def test_a_tag_that_nobody_named_keeps_its_manifest(
    shop: Shop, removals: Removals, known: tuple[str, ...]
) -> None:
    first = await shop.image(b"first", "v1", "latest", "stable", "set-since")
    with pytest.raises(OtherTags, match="set-since"):
        await removals.remove(
            shop.repository,
            [(V1, first)],
            whole=True,
            others=frozenset(known),
            by=None,
            listener=shop.listener,
        )
    assert await shop.pull(V1) == str(first)
    assert shop.changes == []


async def test_tags_that_were_named_go_with_their_manifest(shop: Shop, removals: Removals) -> None:
    first = await shop.image(b"first", "v1", "latest", "stable")
    others = frozenset((await preview(removals, shop, V1)).other_tags)
    await removals.remove(
        shop.repository, [(V1, first)], whole=True, others=others, by=None, listener=shop.listener
    )
    assert await shop.are_there(first) == [False]


async def test_untagging_leaves_the_other_tags_without_naming_them(
    shop: Shop, removals: Removals
) -> None:
    first = await shop.image(b"first", "v1", "latest")
    await removals.remove(shop.repository, [(V1, first)], whole=False, by=None, listener=None)
    assert await shop.pull(Tag("latest")) == str(first)
