"""Repositories and the catalog, as every engine keeps them."""

import asyncio
from datetime import timedelta

import pytest

from entrepot.errors import RepositoryUnknown
from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import blobs, manifests, uploads
from entrepot.metadata.repositories import PushTarget
from entrepot.model.repositories import Repository, Visibility
from entrepot.model.uploads import Upload
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, Tag
from tests.metadata.clocks import START
from tests.metadata.rows import (
    add_blob,
    add_manifest,
    add_organization,
    add_repository,
    new_manifest,
)

# In byte order, which no dictionary follows: signs before digits before letters.
NAMES = ["a", "a-a", "a.a", "a/a", "a/b", "a0", "a_a", "aa", "b", "b--b", "b/0", "b/a"]


async def list_all(metadata: Metadata, last: str = "", limit: int = 100) -> list[str]:
    """A page of the whole catalog."""
    return await repositories.list_all_names(metadata.reader, last, limit)


async def test_an_absent_repository_is_none(metadata: Metadata) -> None:
    found = await repositories.find_repository(metadata.reader, RepositoryName("no/such"))
    assert found is None


async def test_ensuring_a_repository_creates_it_once(metadata: Metadata) -> None:
    acme = await add_organization(metadata, "acme")
    first = await add_repository(metadata, "acme/app", Visibility.PUBLIC, acme)
    again = await add_repository(metadata, "acme/app", Visibility.PRIVATE, None)
    assert first == again
    assert first == Repository(
        first.id, RepositoryName("acme/app"), acme, Visibility.PUBLIC, START, 0
    )
    assert await repositories.find_repository(metadata.reader, first.name) == first


async def test_locking_a_repository_that_is_gone_fails(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "a/b")
    async with metadata.begin() as tx:
        await repositories.lock_repository(tx, repository)
        await repositories.delete_repository(tx, repository.id)

    async def lock() -> None:
        async with metadata.begin() as tx:
            assert not await repositories.lock_by_id(tx, repository.id)
            await repositories.lock_repository(tx, repository)

    with pytest.raises(RepositoryUnknown):
        await lock()


async def test_visibility_is_changed_for_that_repository_only(metadata: Metadata) -> None:
    one, two = await add_repository(metadata, "a/one"), await add_repository(metadata, "a/two")
    async with metadata.begin() as tx:
        await repositories.set_visibility(tx, one.id, Visibility.PUBLIC)
    found = await repositories.list_repositories(metadata.reader)
    assert [each.visibility for each in found] == [Visibility.PUBLIC, Visibility.PRIVATE]
    assert found[1] == two


async def test_pulls_add_up(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "a/b")
    for count in (1, 41):
        async with metadata.begin() as tx:
            await repositories.add_pulls(tx, repository.id, count, START + timedelta(days=count))
    found = await repositories.find_repository(metadata.reader, repository.name)
    assert found is not None
    assert found.pulls == 42


async def test_repositories_are_listed_by_bytes_of_their_names(metadata: Metadata) -> None:
    for name in reversed(NAMES):
        await add_repository(metadata, name)
    found = [each.name.text for each in await repositories.list_repositories(metadata.reader)]
    assert found == NAMES


async def test_a_repository_without_a_manifest_is_not_in_the_catalog(metadata: Metadata) -> None:
    await add_repository(metadata, "empty", Visibility.PUBLIC)
    full = await add_repository(metadata, "full", Visibility.PUBLIC)
    await add_manifest(metadata, full)
    assert await list_all(metadata) == ["full"]
    assert await repositories.list_names_of(metadata.reader, [], "", 10) == ["full"]


async def test_the_catalog_goes_on_after_any_text(metadata: Metadata) -> None:
    for name in NAMES:
        repository = await add_repository(metadata, name)
        await add_manifest(metadata, repository)
    for last in ("", "a", "a-", "a.a", "a/zzz", "b/a", "c", "A", "é"):
        after = [name for name in NAMES if name.encode() > last.encode()]
        for limit in (0, 1, 3, 100):
            assert await list_all(metadata, last, limit) == after[:limit]


async def test_the_catalog_of_somebody_joins_the_public_and_their_own(metadata: Metadata) -> None:
    mine, theirs = await add_organization(metadata, "m"), await add_organization(metadata, "t")
    for name, visibility, namespace_id in [
        ("hub", Visibility.PRIVATE, None),
        ("open", Visibility.PUBLIC, None),
        ("m/private", Visibility.PRIVATE, mine),
        ("m/public", Visibility.PUBLIC, mine),
        ("t/private", Visibility.PRIVATE, theirs),
        ("t/public", Visibility.PUBLIC, theirs),
    ]:
        await add_manifest(metadata, await add_repository(metadata, name, visibility, namespace_id))
    reader = metadata.reader
    public = ["m/public", "open", "t/public"]
    assert await repositories.list_names_of(reader, [], "", 10) == public
    both = ["m/private", *public]
    assert await repositories.list_names_of(reader, [mine], "", 10) == both
    assert await repositories.list_names_of(reader, [mine], "m/private", 2) == public[:2]
    everything = ["m/private", "m/public", "open", "t/private", "t/public"]
    assert await repositories.list_names_of(reader, [theirs, mine], "", 10) == everything
    assert await list_all(metadata) == ["hub", *everything]


async def test_deleting_a_repository_takes_all_that_is_its_own(metadata: Metadata) -> None:
    gone, stays = (
        await add_repository(metadata, "a/gone"),
        await add_repository(metadata, "a/stays"),
    )
    digest = await _fill(metadata, gone)
    assert await _fill(metadata, stays) == digest
    async with metadata.begin() as tx:
        await repositories.delete_repository(tx, gone.id)
    reader = metadata.reader
    assert await repositories.find_repository(reader, gone.name) is None
    assert await repositories.find_repository(reader, stays.name) == stays
    assert not await blobs.is_linked(reader, gone.id, digest)
    assert await blobs.is_linked(reader, stays.id, digest)
    assert await blobs.find_blob_anywhere(reader, digest) is not None
    assert await manifests.find_manifest(reader, gone.id, Tag("v1")) is None
    assert await manifests.find_manifest(reader, stays.id, Tag("v1")) is not None
    assert await uploads.find_upload(reader, f"up-{gone.id}") is None
    assert await uploads.find_upload(reader, f"up-{stays.id}") is not None


async def _fill(metadata: Metadata, repository: Repository) -> Digest:
    """Give the repository one of everything."""
    digest = await add_blob(metadata, repository, b"layer")
    manifest = new_manifest(b"manifest", blobs=frozenset({digest}))
    async with metadata.begin() as tx:
        found = await manifests.insert_manifest(tx, repository.id, manifest, None, START)
        await manifests.move_tag(tx, repository.id, Tag("v1"), found, None, START)
        upload = Upload(f"up-{repository.id}", repository.id, None, 0, "sha256", None)
        await uploads.insert_upload(tx, upload, START)
    return digest


async def test_a_target_is_created_by_the_first_push(metadata: Metadata) -> None:
    target = PushTarget(RepositoryName("a/new"), None, Visibility.PUBLIC, None)
    async with metadata.begin() as tx:
        made = await target.ensure(tx, START)
    async with metadata.begin() as tx:
        assert await target.ensure(tx, START) == made
    assert made.visibility is Visibility.PUBLIC


async def test_a_target_that_was_deleted_meanwhile_is_not_made_again(metadata: Metadata) -> None:
    found = await add_repository(metadata, "a/b")
    async with metadata.begin() as tx:
        await repositories.delete_repository(tx, found.id)
    target = PushTarget(found.name, None, found.visibility, found)

    async def ensure() -> None:
        async with metadata.begin() as tx:
            await target.ensure(tx, START)

    with pytest.raises(RepositoryUnknown):
        await ensure()


async def test_a_name_that_is_being_given_is_waited_for(metadata: Metadata) -> None:
    """Whoever renames sees what a push was about to create, or the push what was renamed."""
    name, begun = RepositoryName("acme/new"), asyncio.Event()

    async def create() -> None:
        async with metadata.begin() as tx:
            await repositories.insert_repository(tx, name, None, Visibility.PUBLIC, START)
            begun.set()
            for _ in range(20):
                await repositories.find_repository(tx, name)

    async def look() -> Repository | None:
        await begun.wait()
        async with metadata.begin() as tx:
            await repositories.lock_name(tx, name)
            return await repositories.find_repository(tx, name)

    _, found = await asyncio.gather(create(), look())
    assert found is not None
