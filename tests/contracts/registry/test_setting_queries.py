"""Stars, settings of repositories and trusted keys, as every engine keeps them."""

from dataclasses import replace
from datetime import timedelta

from entrepot.metadata import repository_settings, stars
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.repositories import delete_repository, find_repository
from entrepot.metadata.security import trust_roots, trusted_keys
from entrepot.model.repositories import Repository, Visibility
from entrepot.model.security.trust_roots import RootKind, StoredRoot
from entrepot.model.security.trusted_keys import TrustedKey
from entrepot.oci.names import RepositoryName
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_organization, add_repository


async def found(metadata: Metadata, name: str) -> Repository:
    """The repository of that name."""
    repository = await find_repository(metadata.reader, RepositoryName(name))
    assert repository is not None
    return repository


async def test_stars_are_counted_once_for_each_account(metadata: Metadata) -> None:
    alice, bob = await add_account(metadata, "alice"), await add_account(metadata, "bob")
    one, two = await add_repository(metadata, "a/one"), await add_repository(metadata, "a/two")
    async with metadata.begin() as tx:
        assert await stars.add_star(tx, alice.id, one.id, START)
        assert not await stars.add_star(tx, alice.id, one.id, START)
        assert await stars.add_star(tx, bob.id, one.id, START)
        assert await stars.add_star(tx, alice.id, two.id, START + timedelta(seconds=1))
    assert [(await found(metadata, each)).stars for each in ("a/one", "a/two")] == [2, 1]
    assert await stars.is_starred(metadata.reader, alice.id, one.id)
    assert not await stars.is_starred(metadata.reader, bob.id, two.id)
    counts = [await stars.count_stars_of(metadata.reader, each.id) for each in (alice, bob)]
    assert counts == [2, 1]
    names = [each.name.text for each in await stars.list_starred(metadata.reader, alice.id)]
    assert names == ["a/two", "a/one"]
    async with metadata.begin() as tx:
        assert await stars.remove_star(tx, alice.id, one.id)
        assert not await stars.remove_star(tx, alice.id, one.id)
        await delete_repository(tx, two.id)
    assert (await found(metadata, "a/one")).stars == 1
    assert await stars.list_starred(metadata.reader, alice.id) == []


async def test_a_repository_is_described_archived_and_moved(metadata: Metadata) -> None:
    acme = await add_organization(metadata, "acme")
    repository = await add_repository(metadata, "a/one", Visibility.PUBLIC)
    other = await add_repository(metadata, "a/two")
    async with metadata.begin() as tx:
        await repository_settings.describe(tx, repository.id, "One line", "# Page")
        await repository_settings.set_archived(tx, repository.id, START)
        await repository_settings.move(tx, repository.id, RepositoryName("acme/one"), acme)
    moved = await found(metadata, "acme/one")
    assert moved == replace(
        repository,
        name=RepositoryName("acme/one"),
        namespace_id=acme,
        description="One line",
        archived_at=START,
    )
    assert moved.is_archived
    assert await find_repository(metadata.reader, RepositoryName("a/one")) is None
    async with metadata.begin() as tx:
        await repository_settings.set_archived(tx, repository.id, None)
    assert not (await found(metadata, "acme/one")).is_archived
    assert await found(metadata, "a/two") == other


async def test_keys_are_trusted_by_name_in_one_namespace(metadata: Metadata) -> None:
    alice = await add_account(metadata, "alice")
    acme, zoo = await add_organization(metadata, "acme"), await add_organization(metadata, "zoo")
    key = TrustedKey(0, acme, "release", "PEM", START, alice.id)
    async with metadata.begin() as tx:
        assert await trusted_keys.insert_trusted_key(tx, key)
        assert not await trusted_keys.insert_trusted_key(tx, replace(key, pem="OTHER"))
        assert await trusted_keys.insert_trusted_key(tx, replace(key, namespace_id=zoo))
        assert await trusted_keys.insert_trusted_key(tx, replace(key, name="x", created_by=None))
    first, second = await trusted_keys.list_trusted_keys(metadata.reader, acme)
    assert first == replace(key, id=first.id)
    assert (second.name, second.created_by) == ("x", None)
    repository = await add_repository(metadata, "acme/app", Visibility.PRIVATE, acme)
    assert await trusted_keys.list_pems(metadata.reader, repository.id) == ["PEM", "PEM"]
    async with metadata.begin() as tx:
        assert await trusted_keys.delete_trusted_key(tx, acme, "release")
        assert not await trusted_keys.delete_trusted_key(tx, acme, "release")
    assert len(await trusted_keys.list_trusted_keys(metadata.reader, zoo)) == 1


async def test_trust_roots_have_names_of_their_own(metadata: Metadata) -> None:
    ours = StoredRoot("ours", RootKind.SIGSTORE, "{}", START, START)
    none = StoredRoot("gone", RootKind.REMOVED, "", None, START)
    async with metadata.begin() as tx:
        assert await trust_roots.insert_root(tx, ours)
        assert await trust_roots.insert_root(tx, none)
        assert not await trust_roots.insert_root(tx, replace(ours, content="other"))
    assert await trust_roots.list_roots(metadata.reader) == [none, ours]
    async with metadata.begin() as tx:
        assert await trust_roots.delete_root(tx, "ours")
        assert not await trust_roots.delete_root(tx, "ours")
    assert await trust_roots.list_roots(metadata.reader) == [none]
