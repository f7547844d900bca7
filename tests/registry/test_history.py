"""What became of tags is remembered, and can be undone while the bytes are there."""

import pytest

from entrepot.errors import ManifestUnknown, RepositoryUnknown
from entrepot.metadata.engines.engine import Metadata, Transaction
from entrepot.metadata.repositories import PushTarget, delete_repository
from entrepot.model.repositories import ChangeType, Repository, RepositoryChange
from entrepot.model.tags import TagAction, TagEvent
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from entrepot.registry.history import History
from entrepot.registry.manifests import Manifests
from entrepot.registry.removal import Removals
from entrepot.registry.uploads import Uploads
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_repository
from tests.registry.bodies import body
from tests.wire.content import CONFIG, EMPTY_TYPE, descriptor, image, index

EVERY = 2**62
V1 = Tag("v1")


@pytest.fixture
def history(metadata: Metadata, clock: MovableClock) -> History:
    """What became of tags."""
    return History(metadata, clock)


@pytest.fixture
def removals(metadata: Metadata, clock: MovableClock) -> Removals:
    """Removing many tags at once."""
    return Removals(metadata, clock)


class Shop:
    """A repository to push to, to delete from, and to undo in."""

    def __init__(
        self, manifests: Manifests, uploads: Uploads, history: History, target: PushTarget
    ) -> None:
        self.manifests = manifests
        self._uploads = uploads
        self._history = history
        self._target = target
        assert target.found is not None
        self.repository = target.found
        self.changes: list[RepositoryChange] = []

    async def push(self, content: bytes, *tags: str) -> Digest:
        """Push a manifest whose blobs are there."""
        names = [Tag(tag) for tag in tags]
        pushed = await self.manifests.put(
            self._target, content, None, digest=None, tags=names, by=None
        )
        return pushed.digest

    async def image(self, name: bytes, *tags: str, **fields: object) -> Digest:
        """Push an image of one layer of its own."""
        for content in (b"config", name):
            await self._uploads.put(self._target, body(content), Digest.of(content))
        config = descriptor(b"config", CONFIG)
        return await self.push(image(name, config=config, **fields), *tags)

    async def referrer(self, subject: Digest, note: str, *tags: str) -> Digest:
        """Push something attached to a manifest."""
        named = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 2}
        fields = {"subject": {**named, "digest": str(subject)}, "annotations": {"note": note}}
        config = descriptor(b"{}", EMPTY_TYPE)
        return await self.push(image(config=config, artifactType="a/sbom", **fields), *tags)

    async def index(self, *children: Digest, tags: tuple[str, ...] = ()) -> Digest:
        """Push an index of manifests."""
        entries = []
        for each in children:
            found = await self.manifests.get(self.repository, each)
            entries.append(descriptor(found.content, found.media_type))
        return await self.push(index(*entries), *tags)

    async def pull(self, reference: Tag | Digest) -> str | None:
        """The digest of what is there."""
        try:
            found = await self.manifests.get(self.repository, reference)
        except ManifestUnknown:
            return None
        assert Digest.parse(found.digest) == Digest.of(found.content)
        return found.digest

    async def are_there(self, *digests: Digest) -> list[bool]:
        """Which of the manifests are there."""
        return [await self.pull(each) is not None for each in digests]

    async def events(self, tag: str | None = None) -> list[TagEvent]:
        """What became of tags, from the newest."""
        return list(await self._history.list_events(self.repository, tag, EVERY, 100))

    async def undo(self, tag: str = "v1") -> None:
        """Undo the newest event of a tag."""
        newest = (await self.events(tag))[0]
        await self._history.restore(self.repository, newest.id, None, self.listener)

    async def listener(self, _: Transaction, change: RepositoryChange) -> None:
        """Remember the change."""
        self.changes.append(change)


@pytest.fixture
def shop(manifests: Manifests, uploads: Uploads, history: History, target: PushTarget) -> Shop:
    """An empty shop."""
    return Shop(manifests, uploads, history, target)


async def test_a_push_is_remembered_once_and_a_move_with_where_it_was(shop: Shop) -> None:
    first = await shop.image(b"first", "v1")
    await shop.image(b"first", "v1")
    second = await shop.image(b"second", "v1", "latest")
    await shop.manifests.untag(shop.repository, V1, None)
    told = [(each.action, each.digest, each.previous) for each in await shop.events("v1")]
    assert told == [
        (TagAction.DELETED, str(second), str(second)),
        (TagAction.MOVED, str(second), str(first)),
        (TagAction.PUSHED, str(first), None),
    ]
    assert len(await shop.events()) == 4


async def test_a_move_is_undone_and_the_undoing_too(shop: Shop) -> None:
    first = await shop.image(b"first", "v1")
    second = await shop.image(b"second", "v1")
    await shop.undo()
    assert await shop.pull(V1) == str(first)
    newest = (await shop.events())[0]
    assert (newest.action, newest.previous) == (TagAction.RESTORED, str(second))
    (change,) = shop.changes
    assert (change.event, change.digest, change.tags) == (ChangeType.PUSHED, str(first), ("v1",))
    assert change.is_restored
    assert len(change.previous) == 1
    await shop.undo()
    assert await shop.pull(V1) == str(second)


async def test_a_removed_tag_comes_back(shop: Shop) -> None:
    first = await shop.image(b"first", "v1")
    await shop.manifests.untag(shop.repository, V1, None)
    await shop.undo()
    assert await shop.pull(V1) == str(first)


async def test_a_deleted_manifest_comes_back_byte_for_byte_with_each_of_its_tags(
    shop: Shop,
) -> None:
    first = await shop.image(b"first", "v1", "latest")
    before = await shop.manifests.get(shop.repository, V1)
    await shop.manifests.delete(shop.repository, first, None)
    assert await shop.are_there(first) == [False]
    await shop.undo("latest")
    assert await shop.pull(Tag("latest")) == str(first)
    assert await shop.pull(V1) is None
    await shop.undo("v1")
    after = await shop.manifests.get(shop.repository, V1)
    assert (after.content, after.media_type) == (before.content, before.media_type)


async def test_undoing_a_move_brings_back_what_was_deleted_since(shop: Shop) -> None:
    first = await shop.image(b"first", "v1")
    await shop.image(b"second", "v1")
    await shop.manifests.delete(shop.repository, first, None)
    await shop.undo()
    assert await shop.pull(V1) == str(first)


async def test_what_is_restored_keeps_its_references(shop: Shop, uploads: Uploads) -> None:
    first = await shop.image(b"first", "v1")
    await shop.manifests.delete(shop.repository, first, None)
    await shop.undo()
    await shop.manifests.delete(shop.repository, first, None)
    await shop.undo()
    assert await shop.pull(V1) == str(first)


async def test_nothing_comes_back_whose_content_is_gone(
    shop: Shop, metadata: Metadata, target: PushTarget
) -> None:
    first = await shop.image(b"first", "v1")
    await shop.manifests.delete(shop.repository, first, None)
    await unlink(metadata, shop.repository, Digest.of(b"first"))
    with pytest.raises(ManifestUnknown, match="a blob of the manifest was permanently deleted"):
        await shop.undo()
    assert await shop.are_there(first) == [False]
    assert shop.changes == []
    # Whoever pushes the bytes again can have it back.
    await shop.image(b"first")
    await shop.undo()
    assert await shop.pull(V1) == str(first)


async def unlink(metadata: Metadata, repository: Repository, digest: Digest) -> None:
    """Have the repository hold a blob no more."""
    from sqlalchemy import bindparam, delete

    from entrepot.metadata.engines.engine import SqlStatement
    from entrepot.metadata.tables import repository_blobs

    columns = repository_blobs.c
    statement = SqlStatement(
        delete(repository_blobs).where(
            columns.repository_id == bindparam("id"), columns.digest == bindparam("digest")
        )
    )
    async with metadata.begin() as tx:
        assert await tx.run(statement, id=repository.id, digest=str(digest)) == 1


async def test_an_index_comes_back_with_its_children_and_all_that_was_attached(
    shop: Shop, removals: Removals
) -> None:
    children = [await shop.image(b"amd64"), await shop.image(b"arm64")]
    built = await shop.index(*children, tags=("v1",))
    sbom = await shop.referrer(children[0], "sbom")
    signature = await shop.referrer(sbom, "signature")
    legacy = await shop.image(b"legacy", f"sha256-{built.hex}.sig")
    everything = (built, *children, sbom, signature, legacy)
    chosen = [(V1, built)]
    await removals.remove(shop.repository, chosen, whole=True, by=None, listener=None)
    assert await shop.are_there(*everything) == [False] * 6
    await shop.undo()
    assert await shop.are_there(*everything) == [True] * 6
    assert await shop.pull(V1) == str(built)
    assert await shop.pull(Tag(f"sha256-{built.hex}.sig")) == str(legacy)


async def test_what_was_deleted_before_stays_deleted(
    shop: Shop, removals: Removals, clock: MovableClock
) -> None:
    first = await shop.image(b"first", "v1")
    old, new = await shop.referrer(first, "old"), await shop.referrer(first, "new")
    await shop.manifests.delete(shop.repository, old, None)
    clock.advance(clock.moment - clock.moment.replace(year=2025))
    await removals.remove(shop.repository, [(V1, first)], whole=True, by=None, listener=None)
    assert await shop.are_there(first, old, new) == [False, False, False]
    await shop.undo()
    assert await shop.are_there(first, old, new) == [True, False, True]


async def test_undoing_what_deleted_nothing_brings_back_nothing_else(shop: Shop) -> None:
    first = await shop.image(b"first", "v1")
    await shop.image(b"second", "v1")
    sbom = await shop.referrer(first, "sbom")
    await shop.manifests.delete(shop.repository, sbom, None)
    await shop.undo()
    assert await shop.are_there(first, sbom) == [True, False]


async def test_events_of_other_repositories_are_none_of_ours(
    shop: Shop, metadata: Metadata, history: History
) -> None:
    await shop.image(b"first", "v1")
    (event,) = await shop.events()
    other = await add_repository(metadata, "a/other")
    for repository, number in ((other, event.id), (shop.repository, event.id + 1)):
        with pytest.raises(ManifestUnknown, match="no such event"):
            await history.restore(repository, number, None)
    async with metadata.begin() as tx:
        await delete_repository(tx, other.id)
    with pytest.raises(RepositoryUnknown):
        await history.restore(other, event.id, None)
