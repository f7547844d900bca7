"""The history as people read it: one entry and one undo for what was done at once."""

from entrepot.metadata.engines.engine import Metadata
from entrepot.model.tags import TagAction
from entrepot.oci.names import Tag
from entrepot.registry.history import History
from entrepot.registry.history_entries import HistoryEntry, list_entries
from entrepot.registry.removal import Removals
from tests.registry.test_history import V1, Shop, history, removals, shop

__all__ = ["history", "removals", "shop"]
OTHERS = frozenset({"latest", "stable", "1.0"})


async def entries(metadata: Metadata, shop: Shop) -> list[HistoryEntry]:
    """All entries, from the newest."""
    return await list_entries(metadata.reader, shop.repository.id, await shop.events())


async def test_tags_deleted_together_are_one_entry_and_come_back_together(
    metadata: Metadata, shop: Shop, removals: Removals, history: History
) -> None:
    first = await shop.image(b"first", "v1", *sorted(OTHERS))
    await removals.remove(
        shop.repository, [(V1, first)], whole=True, others=OTHERS, by=None, listener=None
    )
    newest = (await entries(metadata, shop))[0]
    assert {event.tag for event in newest.events} == {"v1", *OTHERS}
    assert newest.event.action is TagAction.DELETED
    assert newest.can_undo
    await history.restore_action(shop.repository, newest.event.id, None, shop.listener)
    for name in ("v1", *OTHERS):
        assert await shop.pull(Tag(name)) == str(first)
    assert len(shop.changes) == 4


async def test_what_is_undone_is_not_offered_again(
    metadata: Metadata, shop: Shop, removals: Removals, history: History
) -> None:
    first = await shop.image(b"first", "v1")
    await removals.remove(shop.repository, [(V1, first)], whole=True, by=None, listener=None)
    deleted = (await entries(metadata, shop))[0]
    await history.restore_action(shop.repository, deleted.event.id, None)
    assert [each.can_undo for each in await entries(metadata, shop)] == [False, False, False]


async def test_manifests_deleted_by_digest_take_their_tags_in_one_action(
    metadata: Metadata, shop: Shop
) -> None:
    first = await shop.image(b"first", "v1", "latest")
    await shop.manifests.delete(shop.repository, first, None)
    newest = (await entries(metadata, shop))[0]
    assert {event.tag for event in newest.events} == {"v1", "latest"}


async def test_a_move_is_an_entry_of_its_own_that_can_be_undone(
    metadata: Metadata, shop: Shop, history: History
) -> None:
    first = await shop.image(b"first", "v1")
    await shop.image(b"second", "v1")
    moved, pushed = await entries(metadata, shop)
    assert (len(moved.events), moved.can_undo, pushed.can_undo) == (1, True, False)
    await history.restore_action(shop.repository, moved.event.id, None)
    assert await shop.pull(V1) == str(first)
