"""Manifests, tags and referrers, as every engine keeps them."""

from datetime import timedelta

import pytest

from entrepot.metadata.contents import artifact_relations
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import manifests
from entrepot.model.manifests import ManifestFacts, StoredManifest
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import DOCKER_MANIFEST, OCI_MANIFEST
from entrepot.oci.names import Tag
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_manifest, add_repository, new_manifest

# In byte order, which no dictionary follows.
TAGS = ["0", "1.0", "10", "2.0", "A", "B", "Z", "_", "a", "a-b", "a.b", "aB", "a_b", "ab", "v1"]
SUBJECT = Digest.of(b"subject")


@pytest.fixture
async def repository(metadata: Metadata) -> Repository:
    """A repository without content."""
    return await add_repository(metadata, "a/b")


async def tag(metadata: Metadata, repository: Repository, name: str, manifest_id: int) -> None:
    """Point a tag at a manifest."""
    async with metadata.begin() as tx:
        await manifests.move_tag(tx, repository.id, Tag(name), manifest_id, None, START)


async def test_a_manifest_is_found_byte_for_byte(
    metadata: Metadata, repository: Repository
) -> None:
    content = bytes(range(256)) * 17
    manifest_id = await add_manifest(metadata, repository, content)
    await tag(metadata, repository, "v1", manifest_id)
    digest = Digest.of(content)
    stored = StoredManifest(manifest_id, str(digest), OCI_MANIFEST, len(content), content)
    facts = ManifestFacts(manifest_id, str(digest), OCI_MANIFEST, len(content))
    for reference in (digest, Tag("v1")):
        found = await manifests.find_manifest(metadata.reader, repository.id, reference)
        assert found == stored
        assert isinstance(found.content, bytes)
        assert await manifests.find_facts(metadata.reader, repository.id, reference) == facts


async def test_an_absent_manifest_is_none(metadata: Metadata, repository: Repository) -> None:
    other = await add_repository(metadata, "a/other")
    await tag(metadata, other, "v1", await add_manifest(metadata, other, b"theirs"))
    for reference in (Digest.of(b"theirs"), Tag("v1"), Tag("V1")):
        assert await manifests.find_manifest(metadata.reader, repository.id, reference) is None
        assert await manifests.find_facts(metadata.reader, repository.id, reference) is None


async def test_sizes_are_those_of_manifests_that_the_repository_has(
    metadata: Metadata, repository: Repository
) -> None:
    other = await add_repository(metadata, "a/sizes")
    for size in range(200):
        await add_manifest(metadata, repository, b"x" * size)
    await add_manifest(metadata, other, b"theirs")
    asked = [Digest.of(b"x" * size) for size in range(3, 500)] + [Digest.of(b"theirs")]
    found = await manifests.find_sizes(metadata.reader, repository.id, asked)
    assert found == {Digest.of(b"x" * size): size for size in range(3, 200)}
    assert await manifests.find_sizes(metadata.reader, repository.id, []) == {}


async def test_pushing_a_manifest_again_changes_its_type_only(
    metadata: Metadata, repository: Repository
) -> None:
    blob, child = Digest.of(b"blob"), Digest.of(b"child")
    references = {"blobs": frozenset({blob}), "children": frozenset({child})}
    first = await add_manifest(metadata, repository, b"same", **references)
    again = await add_manifest(
        metadata, repository, b"same", media_type=DOCKER_MANIFEST, **references
    )
    assert first == again
    found = await manifests.find_facts(metadata.reader, repository.id, Digest.of(b"same"))
    assert found is not None
    assert found.media_type == DOCKER_MANIFEST
    assert await manifests.count_all(metadata.reader) == 1


async def test_a_manifest_knows_who_pushed_it_and_names_one_digest_twice(
    metadata: Metadata, repository: Repository
) -> None:
    account = await add_account(metadata, "alice")
    both = frozenset({Digest.of(b"both")})
    async with metadata.begin() as tx:
        manifest_id = await manifests.insert_manifest(
            tx, repository.id, new_manifest(b"m", blobs=both, children=both), account.id, START
        )
        await manifests.move_tag(tx, repository.id, Tag("v1"), manifest_id, account.id, START)
    assert await manifests.find_facts(metadata.reader, repository.id, Tag("v1")) is not None


async def test_a_tag_moves_whole(metadata: Metadata, repository: Repository) -> None:
    one = await add_manifest(metadata, repository, b"one")
    two = await add_manifest(metadata, repository, b"two")
    for manifest_id in (one, two, two, one):
        await tag(metadata, repository, "latest", manifest_id)
        found = await manifests.find_facts(metadata.reader, repository.id, Tag("latest"))
        assert found is not None
        assert found.id == manifest_id
    assert await manifests.list_tags(metadata.reader, repository.id, "", 10) == ["latest"]


async def test_removing_a_tag_leaves_the_manifest_and_other_tags(
    metadata: Metadata, repository: Repository
) -> None:
    manifest_id = await add_manifest(metadata, repository)
    for name in ("one", "two"):
        await tag(metadata, repository, name, manifest_id)
    async with metadata.begin() as tx:
        assert await manifests.delete_tag(tx, repository.id, Tag("one"))
        assert not await manifests.delete_tag(tx, repository.id, Tag("one"))
    assert await manifests.list_tags(metadata.reader, repository.id, "", 10) == ["two"]


async def test_deleting_a_manifest_takes_its_tags_and_no_others(
    metadata: Metadata, repository: Repository
) -> None:
    gone = await add_manifest(metadata, repository, b"gone", blobs=frozenset({SUBJECT}))
    stays = await add_manifest(metadata, repository, b"stays")
    for name, manifest_id in (("a", gone), ("b", stays), ("c", gone)):
        await tag(metadata, repository, name, manifest_id)
    async with metadata.begin() as tx:
        await manifests.delete_manifest(tx, gone)
    reader = metadata.reader
    assert await manifests.list_tags(reader, repository.id, "", 10) == ["b"]
    assert await manifests.find_facts(reader, repository.id, Digest.of(b"gone")) is None
    assert await manifests.find_facts(reader, repository.id, Digest.of(b"stays")) is not None


async def test_tags_are_listed_in_byte_order_after_any_text(
    metadata: Metadata, repository: Repository
) -> None:
    manifest_id = await add_manifest(metadata, repository)
    async with metadata.begin() as tx:
        for name in reversed(TAGS):
            await manifests.move_tag(tx, repository.id, Tag(name), manifest_id, None, START)
    for last in ("", "0", "1", "2.0", "A", "a", "a.b", "aa", "v1", "z", "é"):
        after = [name for name in TAGS if name.encode() > last.encode()]
        for limit in (0, 1, 4, 100):
            found = await manifests.list_tags(metadata.reader, repository.id, last, limit)
            assert found == after[:limit]


async def test_referrers_are_listed_in_order_of_arrival(
    metadata: Metadata, repository: Repository
) -> None:
    ids = [
        await add_manifest(
            metadata,
            repository,
            f"referrer {number}".encode(),
            subject=SUBJECT,
            artifact_type=None if number == 2 else f"application/{number}",
            descriptor=f'{{"number":{number}}}',
        )
        for number in range(4)
    ]
    await add_manifest(metadata, repository, b"of another", subject=Digest.of(b"other"))
    found = await manifests.list_referrers(metadata.reader, repository.id, SUBJECT, 0, 10)
    assert [each.id for each in found] == ids
    assert [each.descriptor for each in found] == [f'{{"number":{n}}}' for n in range(4)]
    assert [each.artifact_type for each in found][1:3] == ["application/1", None]
    page = await manifests.list_referrers(metadata.reader, repository.id, SUBJECT, ids[0], 2)
    assert [each.id for each in page] == ids[1:3]


async def test_referrers_of_another_repository_are_not_listed(
    metadata: Metadata, repository: Repository
) -> None:
    other = await add_repository(metadata, "a/other")
    await add_manifest(metadata, other, b"r", subject=SUBJECT, descriptor="{}")
    found = await manifests.list_referrers(metadata.reader, repository.id, SUBJECT, 0, 10)
    assert found == []


async def test_what_manifests_name_as_subject_is_asked_at_once(
    metadata: Metadata, repository: Repository
) -> None:
    await add_manifest(metadata, repository, b"names it", subject=SUBJECT, descriptor="{}")
    await add_manifest(metadata, repository, b"names none")
    names_it, names_none = Digest.of(b"names it"), Digest.of(b"names none")
    asked = (names_it, names_none, Digest.of(b"absent"))
    found = await artifact_relations.find_subjects(metadata.reader, repository.id, asked)
    assert found == {names_it: str(SUBJECT), names_none: None}
    assert await artifact_relations.find_subjects(metadata.reader, repository.id, ()) == {}


async def test_a_subject_is_found_where_it_is_there(
    metadata: Metadata, repository: Repository
) -> None:
    attached = await add_manifest(metadata, repository, b"names it", subject=SUBJECT)
    await add_manifest(metadata, await add_repository(metadata, "a/other"), b"subject")
    assert await manifests.find_subject(metadata.reader, attached) is None
    subject = await add_manifest(metadata, repository, b"subject")
    assert await manifests.find_subject(metadata.reader, attached) == str(SUBJECT)
    assert await manifests.find_subject(metadata.reader, subject) is None


async def test_pulls_of_a_manifest_are_added(metadata: Metadata, repository: Repository) -> None:
    manifest_id = await add_manifest(metadata, repository)
    for _ in range(2):
        async with metadata.begin() as tx:
            await manifests.add_pulls(tx, manifest_id, 3, START + timedelta(hours=1))
    assert await manifests.count_all(metadata.reader) == 1


async def test_every_manifest_is_listed_with_its_repository(
    metadata: Metadata, repository: Repository
) -> None:
    other = await add_repository(metadata, "a/other")
    assert list(await manifests.list_stored(metadata.reader, 0, 10)) == []
    first = await add_manifest(metadata, repository, b"one")
    await add_manifest(metadata, other, b"two")
    rows = await manifests.list_stored(metadata.reader, 0, 10)
    assert [(row.content, owner) for row, owner in rows] == [
        (b"one", repository.id),
        (b"two", other.id),
    ]
    assert [row.content for row, _ in await manifests.list_stored(metadata.reader, first, 1)] == [
        b"two"
    ]


async def test_a_manifest_is_found_by_the_beginning_of_its_digest(
    metadata: Metadata, repository: Repository
) -> None:
    other = await add_repository(metadata, "a/other")
    await add_manifest(metadata, repository, b"content")
    await add_manifest(metadata, repository, b"more")
    digest = str(Digest.of(b"content"))
    for length in (20, 47, len(digest)):
        found = await manifests.find_by_prefix(metadata.reader, repository.id, digest[:length])
        assert found is not None
        assert (found.digest, found.content) == (digest, b"content")
    assert await manifests.find_by_prefix(metadata.reader, repository.id, "sha256:") is None
    assert await manifests.find_by_prefix(metadata.reader, other.id, digest) is None


async def test_a_manifest_is_found_by_its_id_with_its_repositorys(
    metadata: Metadata, repository: Repository
) -> None:
    manifest_id = await add_manifest(metadata, repository, b"content")
    found = await manifests.find_by_id(metadata.reader, manifest_id)
    assert found is not None
    assert (found[0].id, found[0].content, found[1]) == (manifest_id, b"content", repository.id)
    assert await manifests.find_by_id(metadata.reader, manifest_id + 1) is None


async def test_tags_are_found_by_how_they_begin(metadata: Metadata, repository: Repository) -> None:
    other = await add_repository(metadata, "a/other")
    await tag(metadata, other, "sha256-0.sig", await add_manifest(metadata, other))
    manifest_id = await add_manifest(metadata, repository)
    for name in ("sha256-0", "sha256-0.sig", "sha256-0.att", "sha256-1", "SHA256-0", "sha256"):
        await tag(metadata, repository, name, manifest_id)
    facts = await manifests.find_facts(metadata.reader, repository.id, Tag("sha256"))
    for limit in (2, 9):
        found = await manifests.list_tagged_like(metadata.reader, repository.id, "sha256-0", limit)
        names = ["sha256-0", "sha256-0.att", "sha256-0.sig"]
        assert found == [(name, facts) for name in names[:limit]]


async def test_a_digest_is_found_by_its_id(metadata: Metadata, repository: Repository) -> None:
    of = await add_manifest(metadata, repository, b"one")
    assert await manifests.find_digest(metadata.reader, of) == str(Digest.of(b"one"))
    assert await manifests.find_digest(metadata.reader, of + 1) is None
