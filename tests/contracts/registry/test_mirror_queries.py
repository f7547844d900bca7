"""Mirrors, on every engine."""

from dataclasses import replace
from datetime import timedelta

from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import accounts, closing
from entrepot.metadata.registry import blobs, manifests, mirrors
from entrepot.model.mirrors import NEVER, BackOff, Mirror, MirrorVisibility
from entrepot.model.people.accounts import NamespaceKind
from entrepot.model.repositories import Repository, Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_manifest, add_organization, new_manifest


async def add_mirror(metadata: Metadata, name: str, **changes: object) -> Mirror:
    """A mirror of a registry that nobody asks."""
    async with metadata.begin() as tx:
        namespace_id = await accounts.insert_namespace(
            tx, name, NamespaceKind.MIRROR, Visibility.PRIVATE, START
        )
        assert namespace_id is not None
        made = Mirror(namespace_id, name, "https://up.test", MirrorVisibility.SIGNED_IN, START)
        made = replace(made, **changes)  # type: ignore[arg-type]
        await mirrors.save_mirror(tx, made)
    return made


async def test_a_mirror_is_found_as_it_was_saved(metadata: Metadata) -> None:
    made = await add_mirror(
        metadata,
        "b.test",
        username="robot",
        secret="wrapped",
        ttl=NEVER,
        size_limit=10**12,
        is_offline=True,
        allows_private=True,
        networks=("10.0.0.0/8",),
        token_hosts=("auth.test", "tokens.test"),
        answers_to=("b.test",),
        include=("lib/*",),
        exclude=("lib/x", "lib/y"),
    )
    other = await add_mirror(metadata, "a.test")
    assert await mirrors.find_mirror(metadata.reader, made.id) == made
    assert await mirrors.list_mirrors(metadata.reader) == [other, made]
    organization = await add_organization(metadata, "acme")
    assert await mirrors.find_mirror(metadata.reader, organization) is None
    async with metadata.begin() as tx:
        await mirrors.save_mirror(tx, replace(made, is_offline=False, size_limit=None))
    found = await mirrors.find_mirror(metadata.reader, made.id)
    assert found == replace(made, is_offline=False, size_limit=None)
    assert found is not None
    assert "wrapped" not in repr(found)


async def test_failures_are_recorded_and_forgotten(metadata: Metadata) -> None:
    made = await add_mirror(metadata, "a.test")
    back_off = BackOff(START + timedelta(seconds=30), 429, "too much", 2)
    async with metadata.begin() as tx:
        await mirrors.set_back_off(tx, made.id, back_off)
    found = await mirrors.find_mirror(metadata.reader, made.id)
    assert found is not None
    assert found.back_off == back_off
    async with metadata.begin() as tx:
        await mirrors.set_back_off(tx, made.id, None)
    assert await mirrors.find_mirror(metadata.reader, made.id) == made
    async with metadata.begin() as tx:
        await mirrors.set_back_off(tx, made.id, back_off)
        await mirrors.save_mirror(tx, made)
    found = await mirrors.find_mirror(metadata.reader, made.id)
    assert found is not None
    assert found.back_off is None


async def test_a_secret_is_replaced_unless_it_is_new(metadata: Metadata) -> None:
    made = await add_mirror(metadata, "a.test", username="robot", secret="old")
    async with metadata.begin() as tx:
        assert await mirrors.replace_secret(tx, made.id, "other", "new") == 0
        assert await mirrors.replace_secret(tx, made.id, "old", "new") == 1
    found = await mirrors.find_mirror(metadata.reader, made.id)
    assert found is not None
    assert found.secret == "new"


async def test_tags_remember_when_they_were_asked_for(metadata: Metadata) -> None:
    made = await add_mirror(metadata, "a.test")
    repository = await _add_repository(metadata, made, "a.test/lib")
    assert repository.is_mirrored
    reader = metadata.reader
    assert await mirrors.find_checked_at(reader, repository.id, "1") is None
    for moment in (START, START + timedelta(hours=1)):
        async with metadata.begin() as tx:
            await mirrors.set_checked_at(tx, repository.id, "1", moment)
        assert await mirrors.find_checked_at(reader, repository.id, "1") == moment
    async with metadata.begin() as tx:
        await repositories.delete_repository(tx, repository.id)
    assert await mirrors.find_checked_at(reader, repository.id, "1") is None


async def test_blobs_that_a_manifest_lacks_are_counted(metadata: Metadata) -> None:
    made = await add_mirror(metadata, "a.test")
    repository = await _add_repository(metadata, made, "a.test/lib")
    digests = [Digest.of(each) for each in (b"one", b"two")]
    content = new_manifest(b"{}").content
    manifest_id = await add_manifest(metadata, repository, content, blobs=frozenset(digests))
    reader = metadata.reader
    listed = await mirrors.list_manifests_of_blob(reader, repository.id, str(digests[0]), 5)
    assert listed == [(manifest_id, content)]
    assert await mirrors.list_manifests_of_blob(reader, repository.id, "sha256:0", 5) == []
    for count, digest in enumerate(digests):
        assert await mirrors.count_lacking(reader, repository.id, manifest_id) == 2 - count
        async with metadata.begin() as tx:
            await blobs.insert_blob(tx, digest, 3, digest.hex, START)
            await blobs.link_blob(tx, repository.id, digest, START)
    assert await mirrors.count_lacking(reader, repository.id, manifest_id) == 0
    assert await mirrors.measure(reader, made.id) == 6
    assert await mirrors.measure(reader, made.id + 1000) == 0


async def test_manifests_are_listed_by_their_last_pull(metadata: Metadata) -> None:
    made = await add_mirror(metadata, "a.test")
    repository = await _add_repository(metadata, made, "a.test/lib")
    child, old, pulled = b'{"n":1}', b'{"n":2}', b'{"n":3}'
    children = frozenset({Digest.of(child)})
    child_id = await add_manifest(metadata, repository, child)
    pulled_id = await add_manifest(metadata, repository, pulled)
    old_id = await add_manifest(metadata, repository, old, children=children)
    subject = Digest.of(old)
    attached_id = await add_manifest(metadata, repository, b'{"n":4}', subject=subject)
    async with metadata.begin() as tx:
        await manifests.add_pulls(tx, pulled_id, 1, START + timedelta(hours=1))
    reader, later = metadata.reader, START + timedelta(hours=2)
    place = repository.id
    listed = await mirrors.list_longest_unpulled(reader, made.id, later, 9)
    assert listed == [(old_id, place), (pulled_id, place)]
    early = START + timedelta(minutes=1)
    assert await mirrors.list_longest_unpulled(reader, made.id, early, 9) == [(old_id, place)]
    async with metadata.begin() as tx:
        await manifests.delete_manifest(tx, old_id)
    listed = await mirrors.list_longest_unpulled(reader, made.id, early, 9)
    assert listed == [(child_id, place), (attached_id, place)]


async def test_repositories_are_opened_with_their_mirror(metadata: Metadata) -> None:
    made = await add_mirror(metadata, "a.test")
    await _add_repository(metadata, made, "a.test/lib")
    async with metadata.begin() as tx:
        await mirrors.set_visibility_of_all(tx, made.id, Visibility.PUBLIC)
    found = await repositories.find_repository(metadata.reader, RepositoryName("a.test/lib"))
    assert found is not None
    assert found.visibility is Visibility.PUBLIC


async def test_everybody_signed_in_sees_mirrors_for_them(metadata: Metadata) -> None:
    account = await add_account(metadata, "anna")
    made = await add_mirror(metadata, "a.test")
    await add_mirror(metadata, "b.test", visibility=MirrorVisibility.MEMBERS)
    assert await accounts.list_memberships(metadata.reader, account.id) == [made.id]


async def test_a_mirror_goes_with_its_namespace(metadata: Metadata) -> None:
    made = await add_mirror(metadata, "a.test")
    async with metadata.begin() as tx:
        await closing.close_namespace(tx, made.id)
    assert await mirrors.list_mirrors(metadata.reader) == []


async def _add_repository(metadata: Metadata, mirror: Mirror, name: str) -> Repository:
    parsed = RepositoryName(name)
    async with metadata.begin() as tx:
        target = repositories.PushTarget(
            parsed, mirror.id, Visibility.PRIVATE, None, is_mirrored=True
        )
        return await target.ensure(tx, START)
