"""Manifests by tag and by digest: pushing and reading them."""

from collections.abc import Mapping

import pytest

from tests.wire.content import (
    CONFIG,
    DOCKER_IMAGE,
    DOCKER_INDEX,
    EMPTY,
    IMAGE,
    INDEX,
    LARGEST_MANIFEST,
    NOWHERE,
    descriptor,
    digest_of,
    image,
    index,
    padded,
)
from tests.wire.repositories import Repository, pieces
from tests.wire.waiting import at_once

pytestmark = pytest.mark.wire


def test_a_manifest_by_tag_is_created_under_its_digest(stocked: Repository) -> None:
    body = image()
    answer = stocked.put("latest", body).expect(201)
    assert answer.headers["Location"] == stocked.manifest(digest_of(body))
    assert answer.headers["Docker-Content-Digest"] == digest_of(body)
    assert answer.headers["Content-Length"] == "0"
    assert "OCI-Subject" not in answer.headers


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_manifest_by_digest_is_created_under_it(stocked: Repository, algorithm: str) -> None:
    body = image()
    digest = digest_of(body, algorithm)
    answer = stocked.put(digest, body).expect(201)
    assert answer.headers["Location"] == stocked.manifest(digest)
    assert answer.headers["Docker-Content-Digest"] == digest
    read = stocked.client.get(stocked.manifest(digest)).expect(200)
    assert (read.body, read.headers["Docker-Content-Digest"]) == (body, digest)


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        (IMAGE, image()),
        (INDEX, index()),
        (DOCKER_IMAGE, image(mediaType=DOCKER_IMAGE)),
        (DOCKER_INDEX, index(mediaType=DOCKER_INDEX)),
    ],
)
def test_a_manifest_is_served_with_its_bytes_and_type(
    stocked: Repository, media_type: str, body: bytes
) -> None:
    digest = stocked.tag("latest", body, media_type)
    for reference in ("latest", digest):
        answer = stocked.client.get(stocked.manifest(reference)).expect(200)
        assert answer.body == body
        assert answer.headers["Content-Type"] == media_type
        assert answer.headers["Content-Length"] == str(len(body))
        assert answer.headers["Docker-Content-Digest"] == digest
        assert answer.headers["ETag"] == f'"{digest}"'


@pytest.mark.parametrize("reference", ["latest", digest_of(image())])
def test_a_head_of_a_manifest_tells_what_a_get_would(stocked: Repository, reference: str) -> None:
    stocked.tag("latest", image())
    full = stocked.client.get(stocked.manifest(reference)).expect(200)
    bare = stocked.client.head_of(stocked.manifest(reference)).expect(200)
    assert bare.body == b""
    for name in ("Content-Type", "Content-Length", "Docker-Content-Digest", "ETag"):
        assert bare.headers[name] == full.headers[name]


@pytest.mark.parametrize(
    "accept",
    [
        [],
        ["*/*"],
        [INDEX],
        [DOCKER_INDEX, DOCKER_IMAGE],
        [f"{IMAGE}, */*"],
        ["text/html", f"{INDEX};q=0.5,{IMAGE}"],
        [""],
        ["nonsense"],
    ],
)
def test_what_the_client_accepts_changes_nothing(stocked: Repository, accept: list[str]) -> None:
    stocked.tag("latest", image())
    lines = [("Accept", value) for value in accept]
    answer = stocked.client.request("GET", stocked.manifest("latest"), headers=lines).expect(200)
    assert (answer.body, answer.headers["Content-Type"]) == (image(), IMAGE)


@pytest.mark.parametrize("form", ['"{0}"', "{0}", 'W/"{0}"', '"x", "{0}"'])
def test_a_manifest_that_the_client_has_is_not_sent(stocked: Repository, form: str) -> None:
    digest = stocked.tag("latest", image())
    for reference in ("latest", digest):
        path = stocked.manifest(reference)
        answer = stocked.client.get(path, if_none_match=form.format(digest)).expect(304)
        assert answer.body == b""


def test_unknown_manifests_are_not_found(stocked: Repository) -> None:
    stocked.tag("latest", image())
    for reference in ("other", NOWHERE):
        path = stocked.manifest(reference)
        stocked.client.get(path).refused(404, "MANIFEST_UNKNOWN")
        stocked.client.head_of(path).expect(404)
        stocked.client.delete(path).refused(404, "MANIFEST_UNKNOWN")


def test_a_manifest_of_an_unknown_repository_is_not_found(repo: Repository) -> None:
    answer = repo.client.get(repo.manifest("latest")).expect(404)
    assert answer.codes[0] in {"MANIFEST_UNKNOWN", "NAME_UNKNOWN"}


def test_a_manifest_belongs_to_its_repository_only(stocked: Repository, other: Repository) -> None:
    digest = stocked.tag("latest", image(annotations={"of": stocked.name}))
    other.lay()
    other.tag("here", image())
    other.client.get(other.manifest(digest)).refused(404, "MANIFEST_UNKNOWN")
    other.client.delete(other.manifest(digest)).refused(404, "MANIFEST_UNKNOWN")
    stocked.client.get(stocked.manifest(digest)).expect(200)


@pytest.mark.parametrize("change", [b" ", b"\n", b"    "])
def test_a_manifest_that_does_not_match_its_digest_is_refused(
    stocked: Repository, change: bytes
) -> None:
    digest = digest_of(image())
    stocked.put(digest, image() + change).refused(400, "DIGEST_INVALID")
    stocked.client.get(stocked.manifest(digest)).refused(404, "MANIFEST_UNKNOWN")
    other = digest_of(image() + change)
    stocked.client.get(stocked.manifest(other)).refused(404, "MANIFEST_UNKNOWN")


def test_white_space_is_part_of_the_manifest(stocked: Repository) -> None:
    body = b"\n\t" + image() + b" \n"
    digest = stocked.tag("latest", body)
    assert digest == digest_of(body)
    assert stocked.client.get(stocked.manifest("latest")).expect(200).body == body


def test_a_manifest_may_come_chunked(stocked: Repository) -> None:
    body = image(b"layer")
    stocked.put("latest", pieces(body, 7)).expect(201)
    assert stocked.client.get(stocked.manifest("latest")).expect(200).body == body


def test_parameters_of_the_type_are_dropped(stocked: Repository) -> None:
    stocked.put("latest", image(), f"{IMAGE}; charset=utf-8").expect(201)
    answer = stocked.client.get(stocked.manifest("latest")).expect(200)
    assert answer.headers["Content-Type"] == IMAGE


def test_the_same_manifest_can_be_pushed_again_and_under_other_tags(stocked: Repository) -> None:
    digests = {stocked.tag(tag, image()) for tag in ("a", "b", "a", digest_of(image()))}
    assert digests == {digest_of(image())}
    assert stocked.list_tags() == ["a", "b"]


def test_a_tag_can_be_moved_and_the_old_manifest_stays(stocked: Repository) -> None:
    old = stocked.tag("latest", image())
    new = stocked.tag("latest", image(b"layer"))
    for _ in range(4):
        answer = stocked.client.head_of(stocked.manifest("latest")).expect(200)
        assert answer.headers["Docker-Content-Digest"] == new
    assert stocked.client.get(stocked.manifest(old)).expect(200).body == image()
    assert stocked.list_tags() == ["latest"]


def test_a_tag_pushed_by_many_at_once_is_one_of_them(stocked: Repository) -> None:
    images = [image(annotations={"n": str(n)}) for n in range(8)]
    answers = at_once(8, lambda n: stocked.put("latest", images[n]))
    assert [answer.status for answer in answers] == [201] * 8
    assert stocked.client.get(stocked.manifest("latest")).expect(200).body in images
    assert stocked.list_tags() == ["latest"]
    for body in images:
        stocked.client.head_of(stocked.manifest(digest_of(body))).expect(200)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_tags_in_the_query_are_made_with_the_manifest(stocked: Repository, algorithm: str) -> None:
    body = image()
    digest = digest_of(body, algorithm)
    names = [f"v{n}" for n in range(10)]
    query = "&".join(f"tag={name}" for name in names)
    answer = stocked.put(f"{digest}?{query}", body).expect(201)
    listed = ",".join(answer.headers.all("OCI-Tag"))
    assert sorted(name.strip() for name in listed.split(",")) == sorted(names)
    assert stocked.list_tags() == sorted(names)
    read = stocked.client.get(stocked.manifest("v7")).expect(200)
    assert (read.body, read.headers["Docker-Content-Digest"]) == (body, digest)


def test_a_bad_tag_in_the_query_makes_none_of_them(stocked: Repository) -> None:
    body = image()
    answer = stocked.put(f"{digest_of(body)}?tag=good&tag=.bad", body)
    answer.refused(400, "MANIFEST_INVALID")
    stocked.client.get(stocked.manifest("good")).expect(404)
    stocked.client.get(stocked.manifest(digest_of(body))).expect(404)


def test_a_thousand_tags_in_the_query_are_made_or_too_many(stocked: Repository) -> None:
    body = image()
    query = "&".join(f"tag=t{n}" for n in range(1000))
    answer = stocked.put(f"{digest_of(body)}?{query}", body).expect(201, 400, 414, 431)
    made = stocked.client.get(stocked.tags())
    assert made.status == 404 or len(made.texts("tags")) == (1000 if answer.status == 201 else 0)


@pytest.mark.parametrize("form", ["length", "chunked"])
def test_a_manifest_of_four_mebibytes_is_accepted(stocked: Repository, form: str) -> None:
    body = padded(LARGEST_MANIFEST)
    assert len(body) == LARGEST_MANIFEST
    stocked.put("big", body if form == "length" else pieces(body, 65536)).expect(201)
    assert stocked.client.get(stocked.manifest("big")).expect(200).body == body


@pytest.mark.parametrize("form", ["length", "chunked"])
def test_a_manifest_of_one_byte_more_is_too_large(stocked: Repository, form: str) -> None:
    body = padded(LARGEST_MANIFEST + 1)
    answer = stocked.put("big", body if form == "length" else pieces(body, 65536))
    answer.refused(413, "MANIFEST_INVALID")
    stocked.client.get(stocked.manifest("big")).expect(404)


KEPT: Mapping[str, bytes] = {
    "unknown fields": image(extra={"deep": [1, {"x": None}]}, another="field"),
    "annotations": image(annotations={"a": "b", "": ""}),
    "an artifact type": image(artifactType="application/vnd.example+type"),
    "no layers": image(layers=[]),
    "data": image(config=descriptor(EMPTY, "application/vnd.oci.empty.v1+json", data="e30=")),
    "unknown types": image(config=descriptor(EMPTY, "x/y"), layers=[descriptor(b"layer", "a/b")]),
    "no media type": image().replace(b'"mediaType":"' + IMAGE.encode() + b'",', b"", 1),
    "unicode": image(annotations={"name": "caf\u00e9 \U0001f4a9"}),
    "raw unicode": image(annotations={"name": "?"}).replace(b"?", "\u00e9".encode()),
    "a platformed config": image(config=descriptor(EMPTY, CONFIG, platform={"os": "linux"})),
}


@pytest.mark.parametrize("body", KEPT.values(), ids=KEPT.keys())
def test_whatever_a_manifest_holds_is_kept_byte_for_byte(stocked: Repository, body: bytes) -> None:
    digest = stocked.tag("latest", body)
    assert digest == digest_of(body)
    assert stocked.client.get(stocked.manifest(digest)).expect(200).body == body
