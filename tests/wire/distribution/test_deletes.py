"""Deleting tags and manifests, and what stays."""

import pytest

from tests.wire.content import IMAGE, INDEX, descriptor, digest_of, image, index
from tests.wire.repositories import Repository

pytestmark = pytest.mark.wire


def gone(repo: Repository, *references: str) -> None:
    """None of these can be read, whichever worker is asked."""
    for reference in references * 3:
        repo.client.get(repo.manifest(reference)).refused(404, "MANIFEST_UNKNOWN")
        repo.client.head_of(repo.manifest(reference)).expect(404)


def test_deleting_a_tag_removes_only_that_tag(stocked: Repository) -> None:
    digest = stocked.tag("one", image())
    stocked.tag("two", image())
    answer = stocked.client.delete(stocked.manifest("one")).expect(202)
    assert answer.headers["Content-Length"] == "0"
    gone(stocked, "one")
    assert stocked.client.get(stocked.manifest("two")).expect(200).body == image()
    assert stocked.client.get(stocked.manifest(digest)).expect(200).body == image()
    assert stocked.list_tags() == ["two"]


def test_deleting_the_last_tag_keeps_the_manifest(stocked: Repository) -> None:
    digest = stocked.tag("only", image())
    stocked.client.delete(stocked.manifest("only")).expect(202)
    assert stocked.client.get(stocked.manifest(digest)).expect(200).body == image()
    answer = stocked.client.get(stocked.tags()).expect(200)
    assert answer.json() == {"name": stocked.name, "tags": []}


def test_deleting_a_manifest_removes_every_tag_on_it(stocked: Repository) -> None:
    digest = stocked.tag("one", image())
    stocked.tag("two", image())
    stocked.tag("kept", image(b"layer"))
    stocked.client.delete(stocked.manifest(digest)).expect(202)
    gone(stocked, "one", "two", digest)
    assert stocked.list_tags() == ["kept"]


@pytest.mark.parametrize("kind", ["tag", "digest"])
def test_deleting_twice_finds_nothing(stocked: Repository, kind: str) -> None:
    digest = stocked.tag("latest", image())
    path = stocked.manifest("latest" if kind == "tag" else digest)
    stocked.client.delete(path).expect(202)
    stocked.client.delete(path).refused(404, "MANIFEST_UNKNOWN")


def test_a_deleted_manifest_can_be_pushed_again(stocked: Repository) -> None:
    digest = stocked.tag("latest", image())
    stocked.client.delete(stocked.manifest(digest)).expect(202)
    stocked.tag("again", image())
    assert stocked.list_tags() == ["again"]
    assert stocked.client.get(stocked.manifest(digest)).expect(200).body == image()


def test_deleting_a_manifest_keeps_its_blobs(stocked: Repository) -> None:
    digest = stocked.tag("latest", image(b"layer"))
    stocked.client.delete(stocked.manifest(digest)).expect(202)
    assert stocked.client.get(stocked.blob(digest_of(b"layer"))).expect(200).body == b"layer"


def test_a_manifest_that_an_index_names_is_deleted_or_protected(stocked: Repository) -> None:
    child = stocked.tag("child", image())
    parent = stocked.tag("parent", index(descriptor(image(), IMAGE)), INDEX)
    answer = stocked.client.delete(stocked.manifest(child)).expect(202, 405)
    if answer.status == 202:
        gone(stocked, "child", child)
    stocked.client.get(stocked.manifest(parent)).expect(200)


def test_the_children_of_a_deleted_index_stay(stocked: Repository) -> None:
    child = stocked.tag(digest_of(image()), image())
    parent = stocked.tag("parent", index(descriptor(image(), IMAGE)), INDEX)
    stocked.client.delete(stocked.manifest(parent)).expect(202)
    assert stocked.client.get(stocked.manifest(child)).expect(200).body == image()


def test_deleting_by_the_longer_hash_removes_its_tags(stocked: Repository) -> None:
    body = image(annotations={"hash": "sha512"})
    digest = digest_of(body, "sha512")
    stocked.put(f"{digest}?tag=long", body).expect(201)
    stocked.client.delete(stocked.manifest(digest)).expect(202)
    gone(stocked, digest, "long")
