"""Which manifests are refused, and that nothing of a refused one is kept."""

from collections.abc import Mapping

import pytest

from tests.wire.content import (
    CONFIG,
    DOCKER_IMAGE,
    EMPTY,
    EMPTY_TYPE,
    IMAGE,
    INDEX,
    LAYER,
    NOWHERE,
    descriptor,
    digest_of,
    image,
    index,
)
from tests.wire.repositories import Repository

pytestmark = pytest.mark.wire

FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
NONDISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
DEEP = 100_000


def assert_refused(repo: Repository, body: bytes, code: str, media_type: str = IMAGE) -> None:
    """The manifest is refused by tag and by digest, and neither exists afterwards."""
    repo.put("refused", body, media_type).refused(400, code)
    repo.put(digest_of(body), body, media_type).refused(400, code)
    repo.client.get(repo.manifest("refused")).expect(404)
    repo.client.get(repo.manifest(digest_of(body))).expect(404)


def layer(**fields: object) -> bytes:
    return image(layers=[descriptor(b"layer") | fields])


def without(key: str) -> bytes:
    fields = {name: value for name, value in descriptor(b"layer").items() if name != key}
    return image(layers=[fields])


INVALID: Mapping[str, bytes] = {
    "nothing": b"",
    "no json": b"not json",
    "half a manifest": image()[:-1],
    "two manifests": image() + image(),
    "a list": b"[]",
    "null": b"null",
    "a number": b"2",
    "a string": b'"manifest"',
    "bad utf-8": image(annotations={"a": "?"}).replace(b"?", b"\xff\xfe"),
    "utf-16": image().decode().encode("utf-16"),
    "a trailing comma": image()[:-1] + b",}",
    "not a number": image(extra="?").replace(b'"?"', b"NaN"),
    "an infinite number": image(extra="?").replace(b'"?"', b"Infinity"),
    "no schema version": image().replace(b'"schemaVersion":2,', b""),
    "schema version 1": image(schemaVersion=1),
    "schema version 3": image(schemaVersion=3),
    "a schema version in words": image(schemaVersion="2"),
    "another media type": image(mediaType=DOCKER_IMAGE),
    "an index's media type": image(mediaType=INDEX),
    "a number as media type": image(mediaType=7),
    "manifests in an image": image(manifests=[]),
    "no config": image().replace(b'"config"', b'"other"'),
    "a list as config": image(config=[]),
    "an object as layers": image(layers={}),
    "a string as layer": image(layers=["layer"]),
    "no digest": without("digest"),
    "no size": without("size"),
    "no type": without("mediaType"),
    "a negative size": layer(size=-1),
    "a broken size": layer(size=1.5),
    "a size in words": layer(size="5"),
    "a size that is a truth": layer(size=True),
    "a short digest": layer(digest="sha256:abc"),
    "an upper case digest": layer(digest="sha256:" + "A" * 64),
    "a digest out of a path": layer(digest="sha256:../../../../etc/passwd"),
    "a number as digest": layer(digest=5),
    "an unhashable algorithm": layer(digest="md5:" + "a" * 32),
    "annotations that are a list": image(annotations=[]),
    "annotations that are numbers": image(annotations={"a": 1}),
    "a subject that is a string": image(subject=NOWHERE),
    "a subject without a digest": image(subject={"mediaType": IMAGE, "size": 2}),
    "a key twice": image().replace(b'"layers":[]', b'"layers":[],"layers":[]'),
    "a key twice below": image(config=descriptor(EMPTY, CONFIG)).replace(
        b'"size":2', b'"size":2,"size":2'
    ),
}


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID.keys())
def test_what_is_no_manifest_is_refused(stocked: Repository, body: bytes) -> None:
    assert_refused(stocked, body, "MANIFEST_INVALID")


@pytest.mark.parametrize("key", ["layers", "config"])
def test_an_index_with_parts_of_an_image_is_refused(stocked: Repository, key: str) -> None:
    body = index(layers=[]) if key == "layers" else index(config=descriptor(EMPTY, CONFIG))
    assert_refused(stocked, body, "MANIFEST_INVALID", INDEX)


def test_an_index_without_manifests_is_refused(stocked: Repository) -> None:
    body = index().replace(b'"manifests"', b'"other"')
    assert_refused(stocked, body, "MANIFEST_INVALID", INDEX)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * DEEP,
        b"[" * DEEP + b"]" * DEEP,
        b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        image(extra="?").replace(b'"?"', b"[" * DEEP + b"]" * DEEP),
        image(annotations={"a": "?"}).replace(b'"?"', b'{"a":' * DEEP + b"1" + b"}" * DEEP),
        image(extra="?").replace(b'"?"', b"9" * DEEP),
        image(layers=[descriptor(b"layer", size=0) | {"size": "?"}]).replace(b'"?"', b"9" * DEEP),
    ],
    ids=["open", "list", "object", "inside", "annotation", "digits", "size"],
)
def test_json_made_to_exhaust_its_reader_is_refused(stocked: Repository, body: bytes) -> None:
    assert_refused(stocked, body, "MANIFEST_INVALID")


@pytest.mark.parametrize("media_type", ["text/plain", "application/json", "x", ";", IMAGE[:-1]])
def test_a_type_that_is_no_manifest_is_refused(stocked: Repository, media_type: str) -> None:
    body = image().replace(b'"mediaType":"' + IMAGE.encode() + b'",', b"", 1)
    assert_refused(stocked, body, "MANIFEST_INVALID", media_type)


def test_without_a_content_type_the_media_type_inside_decides(stocked: Repository) -> None:
    answer = stocked.client.put(stocked.manifest("latest"), image()).expect(201)
    assert answer.headers["Docker-Content-Digest"] == digest_of(image())
    read = stocked.client.get(stocked.manifest("latest")).expect(200)
    assert read.headers["Content-Type"] == IMAGE


def test_without_any_type_a_manifest_is_refused(stocked: Repository) -> None:
    body = image().replace(b'"mediaType":"' + IMAGE.encode() + b'",', b"", 1)
    stocked.client.put(stocked.manifest("x"), body).refused(400, "MANIFEST_INVALID")
    stocked.client.get(stocked.manifest("x")).expect(404)


def test_missing_layers_and_config_are_all_named(repo: Repository) -> None:
    repo.push(b"present")
    body = image(
        b"present", b"absent layer", b"absent too", config=descriptor(b"absent config", CONFIG)
    )
    answer = repo.put("latest", body).refused(400, "MANIFEST_BLOB_UNKNOWN")
    errors = answer.object()["errors"]
    assert isinstance(errors, list)
    named = {error["detail"]["digest"] for error in errors}
    assert named == {digest_of(x) for x in (b"absent config", b"absent layer", b"absent too")}
    assert {error["code"] for error in errors} == {"MANIFEST_BLOB_UNKNOWN"}
    repo.client.get(repo.manifest("latest")).expect(404)
    repo.client.get(repo.manifest(digest_of(body))).expect(404)


def test_a_layer_that_only_another_repository_has_is_missing(
    stocked: Repository, other: Repository
) -> None:
    data = b"only in " + other.name.encode()
    other.push(data)
    assert_refused(stocked, image(data), "MANIFEST_BLOB_UNKNOWN")


def test_the_missing_empty_blob_is_linked(repo: Repository) -> None:
    repo.push(b"layer")
    config = descriptor(EMPTY, EMPTY_TYPE, data="e30=")
    repo.tag("latest", image(b"layer", config=config))
    assert repo.client.get(repo.blob(digest_of(EMPTY))).expect(200).body == EMPTY


@pytest.mark.parametrize("media_type", [NONDISTRIBUTABLE, FOREIGN])
def test_layers_that_live_elsewhere_need_not_be_here(stocked: Repository, media_type: str) -> None:
    foreign = descriptor(b"elsewhere", media_type, urls=["https://elsewhere.example/layer"])
    kind = DOCKER_IMAGE if media_type == FOREIGN else IMAGE
    stocked.tag("latest", image(mediaType=kind, layers=[foreign]), kind)


def test_children_of_an_index_need_not_be_here(stocked: Repository) -> None:
    body = index(descriptor(b"absent child", IMAGE))
    stocked.tag("latest", body, INDEX)
    assert stocked.client.get(stocked.manifest("latest")).expect(200).body == body


def test_an_index_may_hold_images_indexes_and_layers(stocked: Repository) -> None:
    child = image(b"layer")
    stocked.tag(digest_of(child), child)
    inner = index(descriptor(child, IMAGE, platform={"os": "linux", "architecture": "amd64"}))
    stocked.tag(digest_of(inner), inner, INDEX)
    outer = index(descriptor(inner, INDEX), descriptor(b"layer", LAYER))
    stocked.tag("latest", outer, INDEX)
    assert stocked.client.get(stocked.manifest("latest")).expect(200).body == outer


def test_a_refused_manifest_leaves_a_tag_where_it_was(stocked: Repository) -> None:
    stocked.tag("latest", image())
    stocked.put("latest", image(b"absent")).refused(400, "MANIFEST_BLOB_UNKNOWN")
    stocked.put("latest", b"{}").refused(400, "MANIFEST_INVALID")
    assert stocked.client.get(stocked.manifest("latest")).expect(200).body == image()
