"""Manifests: checked against what the repository holds, stored as they came, tagged, deleted."""

import asyncio
import json

import pytest

from entrepot.errors import (
    DigestMismatch,
    InvalidManifest,
    ManifestBlobUnknown,
    ManifestUnknown,
    RepositoryUnknown,
    TooManyTags,
)
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.repositories import PushTarget, delete_repository, find_repository
from entrepot.model.repositories import Repository
from entrepot.oci.digests import EMPTY_JSON, EMPTY_JSON_DIGEST, Digest
from entrepot.oci.media_types import DOCKER_LIST, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from entrepot.oci.names import Reference, Tag
from entrepot.registry.blobs import Blobs
from entrepot.registry.manifests import MAX_TAGS, Manifests
from entrepot.registry.uploads import Uploads
from tests.metadata.rows import add_repository
from tests.registry.bodies import body
from tests.registry.conftest import target_of
from tests.wire.content import CONFIG, LAYER, descriptor, encode, image, index

FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
CACHE = "application/vnd.buildkit.cacheconfig.v0"


@pytest.fixture
async def stocked(uploads: Uploads, target: PushTarget) -> PushTarget:
    """A repository that holds a config and two layers."""
    for content in (b"config", b"one", b"two"):
        await uploads.put(target, body(content), Digest.of(content))
    return target


def of(*layers: bytes, **fields: object) -> bytes:
    """A manifest of the config that is there and these layers."""
    return image(*layers, **{"config": descriptor(b"config", CONFIG), **fields})


async def put(
    manifests: Manifests,
    target: PushTarget,
    content: bytes,
    *names: str,
    digest: Digest | None = None,
) -> Digest:
    """Push a manifest under these tags and return its digest."""
    tags = [Tag(name) for name in names]
    pushed = await manifests.put(target, content, None, digest=digest, tags=tags, by=None)
    return pushed.digest


async def content_of(manifests: Manifests, repository: Repository, reference: Reference) -> bytes:
    """A manifest's bytes as a pull gets them."""
    return (await manifests.get(repository, reference)).content


async def test_a_manifest_is_kept_byte_for_byte(
    manifests: Manifests, stocked: PushTarget, repository: Repository
) -> None:
    content = json.dumps(json.loads(of(b"one", b"two")), indent=7).encode() + b"\n\n"
    digest = await put(manifests, stocked, content, "v1")
    assert digest == Digest.of(content)
    for reference in (digest, Tag("v1")):
        assert await content_of(manifests, repository, reference) == content
        facts = await manifests.get_facts(repository, reference)
        assert (facts.media_type, facts.size) == (OCI_MANIFEST, len(content))


async def test_an_absent_manifest_is_unknown(
    manifests: Manifests, stocked: PushTarget, repository: Repository
) -> None:
    await put(manifests, stocked, of(b"one"), "v1")
    for reference in (Tag("v2"), Tag("V1"), Digest.of(b"absent"), Digest.of(of(b"one"), "sha512")):
        with pytest.raises(ManifestUnknown):
            await manifests.get(repository, reference)
        with pytest.raises(ManifestUnknown):
            await manifests.get_facts(repository, reference)


async def test_a_manifest_by_digest_must_have_that_digest(
    manifests: Manifests, stocked: PushTarget, repository: Repository
) -> None:
    content = of(b"one")
    for digest in (Digest.of(content), Digest.of(content, "sha512")):
        assert await put(manifests, stocked, content, digest=digest) == digest
        assert await content_of(manifests, repository, digest) == content
    with pytest.raises(DigestMismatch):
        await put(manifests, stocked, content + b" ", digest=Digest.of(content))
    with pytest.raises(ManifestUnknown):
        await manifests.get(repository, Digest.of(content + b" "))


async def test_everything_missing_is_named_at_once(
    manifests: Manifests, stocked: PushTarget, repository: Repository
) -> None:
    content = of(b"one", b"absent", b"also absent", b"absent")
    with pytest.raises(ManifestBlobUnknown) as caught:
        await put(manifests, stocked, content, "v1")
    missing = (str(Digest.of(b"absent")), str(Digest.of(b"also absent")))
    assert caught.value.missing == missing
    with pytest.raises(ManifestUnknown):
        await manifests.get(repository, Tag("v1"))


async def test_a_blob_that_only_another_repository_holds_is_missing(
    manifests: Manifests, uploads: Uploads, stocked: PushTarget, metadata: Metadata
) -> None:
    other = target_of(await add_repository(metadata, "a/other"))
    await uploads.put(other, body(b"theirs"), Digest.of(b"theirs"))
    with pytest.raises(ManifestBlobUnknown):
        await put(manifests, stocked, of(b"theirs"), "v1")


async def test_a_mirror_may_leave_blobs_out(
    sparse_manifests: Manifests, target: PushTarget, repository: Repository
) -> None:
    content = of(b"absent")
    await put(sparse_manifests, target, content, "v1")
    assert await content_of(sparse_manifests, repository, Tag("v1")) == content


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
async def test_children_of_an_index_may_be_absent(
    manifests: Manifests, target: PushTarget, repository: Repository, media_type: str
) -> None:
    content = index(descriptor(b"absent", OCI_MANIFEST), mediaType=media_type)
    await put(manifests, target, content, "v1")
    assert await content_of(manifests, repository, Tag("v1")) == content


@pytest.mark.parametrize("media_type", [CACHE, LAYER])
async def test_children_of_an_index_that_are_blobs_must_be_there(
    manifests: Manifests, stocked: PushTarget, media_type: str
) -> None:
    """BuildKit's registry cache is such an index."""
    await put(manifests, stocked, index(descriptor(b"one", media_type)), "cache")
    with pytest.raises(ManifestBlobUnknown):
        await put(manifests, stocked, index(descriptor(b"absent", media_type)), "cache")


async def test_layers_that_live_elsewhere_may_be_absent(
    manifests: Manifests, stocked: PushTarget
) -> None:
    elsewhere = descriptor(b"windows", FOREIGN, urls=["https://example.org/windows"])
    await put(manifests, stocked, of(layers=[elsewhere]), "v1")
    for pretended in (
        descriptor(b"windows", FOREIGN),
        descriptor(b"windows", FOREIGN, urls=[]),
        descriptor(b"windows", LAYER, urls=["https://example.org/windows"]),
    ):
        with pytest.raises(ManifestBlobUnknown):
            await put(manifests, stocked, of(layers=[pretended]), "v1")


async def test_the_empty_descriptor_needs_no_push(
    manifests: Manifests, blobs: Blobs, target: PushTarget, repository: Repository
) -> None:
    empty = descriptor(EMPTY_JSON, OCI_EMPTY)
    content = image(config=empty, layers=[empty], artifactType="application/x")
    await put(manifests, target, content, "v1")
    blob = await blobs.get(repository, EMPTY_JSON_DIGEST)
    assert b"".join([run async for run in blobs.read(blob, 0, blob.size)]) == EMPTY_JSON


async def test_the_empty_descriptor_is_linked_for_mirrors_too(
    sparse_manifests: Manifests, blobs: Blobs, target: PushTarget, repository: Repository
) -> None:
    await put(sparse_manifests, target, image(config=descriptor(EMPTY_JSON, OCI_EMPTY)), "v1")
    assert (await blobs.get(repository, EMPTY_JSON_DIGEST)).size == 2


async def test_a_manifest_creates_its_repository(
    manifests: Manifests, new_target: PushTarget, metadata: Metadata
) -> None:
    await put(manifests, new_target, index(), "v1")
    made = await find_repository(metadata.reader, new_target.name)
    assert made is not None
    assert await manifests.list_tags(made, "", 10) == ["v1"]


async def test_a_refused_manifest_creates_nothing(
    manifests: Manifests, new_target: PushTarget, metadata: Metadata
) -> None:
    with pytest.raises(ManifestBlobUnknown):
        await put(manifests, new_target, of(b"absent"), "v1")
    assert await find_repository(metadata.reader, new_target.name) is None


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b'{"schemaVersion":2}', encode({"schemaVersion": 1})]
)
async def test_what_is_no_manifest_is_refused(
    manifests: Manifests, stocked: PushTarget, repository: Repository, content: bytes
) -> None:
    with pytest.raises(InvalidManifest):
        await put(manifests, stocked, content, "v1")
    assert await manifests.list_tags(repository, "", 10) == []


async def test_several_tags_are_set_at_once(
    manifests: Manifests, stocked: PushTarget, repository: Repository
) -> None:
    content = of(b"one")
    digest = Digest.of(content)
    pushed = await manifests.put(
        stocked, content, OCI_MANIFEST, digest=digest, tags=[Tag("a"), Tag("b")], by=None
    )
    assert pushed.tags == (Tag("a"), Tag("b"))
    assert await manifests.list_tags(repository, "", 10) == ["a", "b"]


async def test_too_many_tags_set_none(
    manifests: Manifests, stocked: PushTarget, repository: Repository
) -> None:
    names = [f"v{number}" for number in range(MAX_TAGS + 1)]
    with pytest.raises(TooManyTags):
        await put(manifests, stocked, of(b"one"), *names)
    assert await manifests.list_tags(repository, "", 10) == []
    await put(manifests, stocked, of(b"one"), *names[1:])
    assert len(await manifests.list_tags(repository, "", 1000)) == MAX_TAGS


async def test_a_refused_manifest_moves_no_tag(
    manifests: Manifests, stocked: PushTarget, repository: Repository
) -> None:
    await put(manifests, stocked, of(b"one"), "latest")
    with pytest.raises(ManifestBlobUnknown):
        await put(manifests, stocked, of(b"absent"), "latest", "v2")
    assert await content_of(manifests, repository, Tag("latest")) == of(b"one")
    assert await manifests.list_tags(repository, "", 10) == ["latest"]


async def test_a_tag_that_many_move_ends_on_one_of_theirs(
    manifests: Manifests, stocked: PushTarget, repository: Repository
) -> None:
    contents = [of(b"one", annotations={"n": str(number)}) for number in range(12)]
    await asyncio.gather(*(put(manifests, stocked, each, "latest") for each in contents))
    assert await content_of(manifests, repository, Tag("latest")) in contents
    for content in contents:
        assert await content_of(manifests, repository, Digest.of(content)) == content


async def test_pushing_again_changes_nothing(
    manifests: Manifests, stocked: PushTarget, repository: Repository
) -> None:
    first = await put(manifests, stocked, of(b"one"), "v1")
    assert await put(manifests, stocked, of(b"one"), "v1") == first
    assert await manifests.list_tags(repository, "", 10) == ["v1"]


async def test_untagging_leaves_the_manifest(
    manifests: Manifests, stocked: PushTarget, repository: Repository
) -> None:
    digest = await put(manifests, stocked, of(b"one"), "a", "b")
    await manifests.untag(repository, Tag("a"), None)
    assert await manifests.list_tags(repository, "", 10) == ["b"]
    assert await content_of(manifests, repository, digest) == of(b"one")
    with pytest.raises(ManifestUnknown):
        await manifests.untag(repository, Tag("a"), None)


async def test_deleting_a_manifest_takes_every_tag_on_it(
    manifests: Manifests, stocked: PushTarget, repository: Repository
) -> None:
    digest = await put(manifests, stocked, of(b"one"), "a", "b")
    await put(manifests, stocked, of(b"two"), "c")
    await manifests.delete(repository, digest, None)
    assert await manifests.list_tags(repository, "", 10) == ["c"]
    with pytest.raises(ManifestUnknown):
        await manifests.delete(repository, digest, None)
    with pytest.raises(ManifestUnknown):
        await manifests.get(repository, Tag("a"))


async def test_a_deleted_manifest_can_be_pushed_again(
    manifests: Manifests, stocked: PushTarget, repository: Repository
) -> None:
    digest = await put(manifests, stocked, of(b"one"), "a")
    await manifests.delete(repository, digest, None)
    await put(manifests, stocked, of(b"one"), "a")
    assert await content_of(manifests, repository, Tag("a")) == of(b"one")


async def test_the_same_manifest_in_two_repositories_is_deleted_in_one(
    manifests: Manifests, target: PushTarget, repository: Repository, metadata: Metadata
) -> None:
    other = await add_repository(metadata, "a/other")
    digest = await put(manifests, target, index(), "v1")
    await put(manifests, target_of(other), index(), "v1")
    await manifests.delete(repository, digest, None)
    assert await content_of(manifests, other, Tag("v1")) == index()


async def test_nothing_can_be_deleted_in_a_repository_that_is_gone(
    manifests: Manifests, target: PushTarget, repository: Repository, metadata: Metadata
) -> None:
    digest = await put(manifests, target, index(), "v1")
    async with metadata.begin() as tx:
        await delete_repository(tx, repository.id)
    with pytest.raises(RepositoryUnknown):
        await manifests.delete(repository, digest, None)
    with pytest.raises(RepositoryUnknown):
        await manifests.untag(repository, Tag("v1"), None)
    with pytest.raises(RepositoryUnknown):
        await put(manifests, target, index(), "v1")


async def test_a_push_says_which_subject_it_names(
    manifests: Manifests, stocked: PushTarget
) -> None:
    subject = descriptor(b"absent", OCI_MANIFEST)
    pushed = await manifests.put(
        stocked, of(b"one", subject=subject), None, digest=None, tags=[Tag("v1")], by=None
    )
    assert pushed.subject == Digest.of(b"absent")
