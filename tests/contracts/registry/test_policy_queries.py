"""Policies and quotas, as every engine keeps them."""

from datetime import timedelta

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import blobs, manifests, policies
from entrepot.metadata.repositories import delete_repository, find_repository
from entrepot.model.policies import Policy, Quota
from entrepot.oci.digests import EMPTY_JSON, Digest
from entrepot.oci.names import Tag
from tests.metadata.clocks import START
from tests.metadata.rows import add_blob, add_manifest, add_organization, add_repository


async def test_policies_are_replaced_and_go_with_their_repository(metadata: Metadata) -> None:
    acme = await add_organization(metadata, "acme")
    one = await add_repository(metadata, "acme/one", namespace_id=acme)
    alone = await add_repository(metadata, "alone")
    reader = metadata.reader
    assert await policies.find_of_repository(reader, one.id) == (Policy(), Policy())
    assert await policies.find_of_namespace(reader, acme) == Policy()
    async with metadata.begin() as tx:
        await policies.set_of_namespace(tx, acme, Policy("a", "{1}"))
        await policies.set_of_namespace(tx, acme, Policy("b", ""))
        await policies.set_of_repository(tx, one.id, Policy("c", "{2}"))
        await policies.set_of_repository(tx, alone.id, Policy("d"))
    assert await policies.find_of_repository(reader, one.id) == (Policy("b"), Policy("c", "{2}"))
    assert await policies.find_of_repository(reader, alone.id) == (Policy(), Policy("d"))
    assert await policies.find_of_namespace(reader, acme) == Policy("b")
    assert await policies.find_of_repository(reader, 999) == (Policy(), Policy())
    assert [each.id for each in await policies.list_retaining(reader, 0, 9)] == [one.id]
    assert await policies.list_retaining(reader, one.id, 9) == []
    async with metadata.begin() as tx:
        await policies.set_of_namespace(tx, acme, Policy("", "{3}"))
        await delete_repository(tx, one.id)
    assert await policies.list_retaining(reader, 0, 9) == []


async def test_tags_are_told_with_when_they_moved(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "a/b")
    manifest_id = await add_manifest(metadata, repository)
    later = START + timedelta(hours=1)
    async with metadata.begin() as tx:
        for tag, moment in (("v2", START), ("v1", later), ("sha256-" + "0" * 64, START)):
            await manifests.move_tag(tx, repository.id, Tag(tag), manifest_id, None, moment)
    found = await policies.list_tag_facts(metadata.reader, repository.id, "", 9)
    assert [(each.tag, each.moved_at, each.pulled_at) for each in found] == [
        ("v1", later, None),
        ("v2", START, None),
    ]
    assert {each.digest for each in found} == {str(Digest.of(b"{}"))}
    rest = await policies.list_tag_facts(metadata.reader, repository.id, "v1", 9)
    assert [each.tag for each in rest] == ["v2"]


async def test_a_blob_counts_once_in_a_namespace(metadata: Metadata) -> None:
    acme, other = await add_organization(metadata, "acme"), await add_organization(metadata, "b")
    for name, namespace in (("acme/one", acme), ("acme/two", acme), ("b/one", other)):
        repository = await add_repository(metadata, name, namespace_id=namespace)
        digest = await add_blob(metadata, repository, b"shared")
    own = await add_blob(metadata, repository, b"of b alone")
    reader = metadata.reader
    assert await policies.measure_namespace(reader, acme) == len(b"shared")
    assert await policies.measure_namespace(reader, other) == len(b"sharedof b alone")
    async with metadata.begin() as tx:
        await policies.set_quota(tx, acme, 100)
        await policies.count_used(tx, acme)
        await policies.count_used(tx, other)
    for blob, holds in ((digest, True), (own, False), (None, False)):
        assert await policies.find_quota(reader, acme, blob) == Quota(acme, 100, 6, holds)
    assert await policies.find_quota(reader, other, digest) is None


async def test_room_is_limited_counted_and_limited_no_longer(metadata: Metadata) -> None:
    acme = await add_organization(metadata, "acme")
    repository = await add_repository(metadata, "acme/one", namespace_id=acme)
    reader = metadata.reader
    assert await policies.find_quota(reader, acme) is None
    async with metadata.begin() as tx:
        await policies.set_of_namespace(tx, acme, Policy("a"))
        await policies.set_quota(tx, acme, 100)
        await policies.take_room(tx, acme, Digest.of(b"new"), 42)
        assert await policies.lock_quota_of(tx, repository.id) == Quota(acme, 100, 42)
    assert await policies.find_quota(reader, acme) == Quota(acme, 100, 42)
    assert await policies.list_quotas(reader) == [Quota(acme, 100, 42)]
    async with metadata.begin() as tx:
        await policies.set_quota(tx, acme, None)
        assert await policies.lock_quota_of(tx, repository.id) is None
    assert await policies.list_quotas(reader) == []
    assert await policies.find_of_namespace(reader, acme) == Policy("a")


async def test_locking_says_whether_room_is_limited_and_where_the_blob_is(
    metadata: Metadata,
) -> None:
    acme = await add_organization(metadata, "acme")
    limited = await add_repository(metadata, "acme/one", namespace_id=acme)
    other = await add_repository(metadata, "b/other")
    digest, absent = await add_blob(metadata, other, b"blob"), Digest.of(b"absent")
    async with metadata.begin() as tx:
        await policies.set_quota(tx, acme, 100)
        known = await policies.lock_for_blob(tx, limited.id, digest)
        blob = await blobs.find_blob_anywhere(tx, digest)
        assert blob is not None
        assert known == (True, blob.key)
        assert await policies.lock_for_blob(tx, other.id, absent) == (False, None)
        assert await policies.lock_for_blob(tx, limited.id + other.id, digest) is None
        assert await policies.lock_for_manifest(tx, limited.id, START) == (True, False)
        assert await policies.lock_for_manifest(tx, other.id, START) == (False, False)
        assert await policies.lock_for_manifest(tx, limited.id + other.id, START) is None
    found = [await find_repository(metadata.reader, each.name) for each in (limited, other)]
    assert [each and each.pushed_at for each in found] == [START, START]


async def test_room_is_taken_once_and_freed_with_the_last_link(metadata: Metadata) -> None:
    acme = await add_organization(metadata, "acme")
    one, two = [
        await add_repository(metadata, name, namespace_id=acme) for name in ("acme/1", "acme/2")
    ]
    for repository in (one, two):
        digest = await add_blob(metadata, repository, b"shared")
    own, empty = await add_blob(metadata, one, b"own"), await add_blob(metadata, one, EMPTY_JSON)
    found = []
    async with metadata.begin() as tx:
        await policies.set_quota(tx, acme, 100)
        await policies.count_used(tx, acme)
        await policies.take_room(tx, acme, own, len(b"own"))
        for repository, gone in ((one, [digest, own, empty]), (two, [digest])):
            for each in gone:
                await blobs.unlink_blob(tx, repository.id, each)
            await policies.free_room(tx, acme, [str(each) for each in gone])
            found.append(await policies.lock_quota_of(tx, one.id))
        # More than was ever counted: there is never less than nothing.
        await policies.free_room(tx, acme, [str(own)])
        found.append(await policies.lock_quota_of(tx, one.id))
    assert found == [Quota(acme, 100, used) for used in (len(b"shared"), 0, 0)]
