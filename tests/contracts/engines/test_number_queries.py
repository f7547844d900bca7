"""What is counted and measured, as every engine does it."""

from datetime import timedelta

import pytest

from entrepot.errors import RepositoryUnknown
from entrepot.metadata import repositories, repository_facts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import (
    blobs,
    deletion_impact,
    manifests,
    policies,
    statistics,
    uploads,
)
from entrepot.model.operators.statistics import HubNumbers
from entrepot.model.repositories import Repository, RepositoryFacts, Visibility
from entrepot.model.uploads import Upload
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_blob, add_manifest, add_repository

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def repository(metadata: Metadata) -> Repository:
    """A repository without content."""
    return await add_repository(metadata, "a/b")


async def test_a_repositorys_facts_are_as_they_were_written(
    metadata: Metadata, repository: Repository
) -> None:
    reader = metadata.reader
    new = RepositoryFacts(*("a/b", Visibility.PRIVATE, "", "", 0, 0, 0, 0, START, None, None, None))
    assert await repository_facts.get_facts(reader, repository.id) == new
    assert await repository_facts.find_readme(reader, repository.id) == ""
    assert await repository_facts.find_readme(reader, repository.id + 1) == ""
    async with metadata.begin() as tx:
        await repository_facts.set_summary(tx, repository.id, "chart", 2**40, 3)
        await policies.lock_for_manifest(tx, repository.id, START + MINUTE)
        await repositories.add_pulls(tx, repository.id, 4, START + 2 * MINUTE)
    found = await repository_facts.get_facts(reader, repository.id)
    assert (found.kind, found.size, found.tag_count) == ("chart", 2**40, 3)
    assert (found.pushed_at, found.pulls) == (START + MINUTE, 4)
    assert found.pulled_at == START + 2 * MINUTE
    assert await repository_facts.find_name(reader, repository.id) == "a/b"


async def test_a_repository_that_is_gone_has_no_facts(metadata: Metadata) -> None:
    assert await repository_facts.find_name(metadata.reader, 1) is None
    assert await repository_facts.measure(metadata.reader, 1) == (0, 0)
    with pytest.raises(RepositoryUnknown):
        await repository_facts.get_facts(metadata.reader, 1)


async def test_a_repository_is_measured_by_its_blobs_and_tags(
    metadata: Metadata, repository: Repository
) -> None:
    other = await add_repository(metadata, "a/other")
    for content in (b"one", b"fifteen"):
        await add_blob(metadata, repository, content)
    await add_blob(metadata, other, b"theirs alone")
    of = await add_manifest(metadata, repository)
    async with metadata.begin() as tx:
        for name in ("v1", "v2", f"sha256-{'0' * 64}.sig"):
            await manifests.move_tag(tx, repository.id, Tag(name), of, None, START)
    assert await repository_facts.measure(metadata.reader, repository.id) == (10, 2)


async def test_only_bytes_that_nothing_else_names_are_freed(
    metadata: Metadata, repository: Repository
) -> None:
    own, shared = await add_blob(metadata, repository, b"own"), Digest.of(b"shared")
    mounted = await add_blob(metadata, repository, b"mounted")
    await add_blob(metadata, repository, b"shared")
    other = await add_repository(metadata, "a/other")
    async with metadata.begin() as tx:
        await blobs.link_blob(tx, other.id, mounted, START)
    named = frozenset({own, shared, mounted})
    first = await add_manifest(metadata, repository, b"first", blobs=named)
    second = await add_manifest(metadata, repository, b"second", blobs=frozenset({shared}))
    third = await add_manifest(metadata, repository, b"third", children=frozenset({own}))

    async def freed(*ids: int) -> int:
        return await deletion_impact.measure_freed(metadata.reader, repository.id, ids)

    assert await freed(first, third) == len(b"own")
    assert await freed(first, second, third) == len(b"own") + len(b"shared")
    assert await freed(second) == await freed() == 0
    await add_manifest(metadata, other, b"first", blobs=frozenset({shared}))
    assert await freed(first, second, third) == len(b"own") + len(b"shared")


async def test_everything_is_counted_once(metadata: Metadata, repository: Repository) -> None:
    assert await statistics.find_numbers(metadata.reader) == HubNumbers(0, 1, 0, 0, 0, 0, 0)
    alice = await add_account(metadata, "alice")
    other = await add_repository(metadata, "a/other")
    for each in (repository, other):
        await add_blob(metadata, each, b"shared")
        of = await add_manifest(metadata, each)
        async with metadata.begin() as tx:
            await manifests.move_tag(tx, each.id, Tag("v1"), of, None, START)
    async with metadata.begin() as tx:
        upload = Upload("0" * 32, other.id, alice.id, 0, "sha256", None)
        await uploads.insert_upload(tx, upload, START)
    assert await statistics.find_numbers(metadata.reader) == HubNumbers(1, 2, 2, 2, 1, 6, 1)
    assert await statistics.find_namespace_name(metadata.reader, alice.id) == "alice"
    assert await statistics.find_namespace_name(metadata.reader, alice.id + 1) is None
