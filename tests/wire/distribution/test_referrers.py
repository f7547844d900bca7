"""Manifests that speak about another one."""

from urllib.parse import quote

import pytest

from tests.support.http import Answer
from tests.wire.content import (
    CONFIG,
    DOCKER_IMAGE,
    EMPTY,
    EMPTY_TYPE,
    IMAGE,
    INDEX,
    NOWHERE,
    descriptor,
    digest_of,
    image,
    index,
)
from tests.wire.repositories import Repository

pytestmark = pytest.mark.wire

SBOM = "application/vnd.example.sbom"
SIGNATURE = "application/vnd.example.signature+json"
SUBJECT = image(annotations={"role": "subject"})
DIGEST = digest_of(SUBJECT)


def about(artifact_type: str | None = None, **fields: object) -> bytes:
    """An image manifest about the subject."""
    if artifact_type is not None:
        fields["artifactType"] = artifact_type
    return image(subject=descriptor(SUBJECT, IMAGE), **fields)


def listed(repo: Repository, digest: str = DIGEST, query: str = "") -> list[dict[str, object]]:
    """The descriptors of the referrers, out of an answer that is right in every other way."""
    return read(repo.client.get(repo.referrers(digest, query)))


def read(answer: Answer) -> list[dict[str, object]]:
    answer.expect(200)
    assert answer.headers["Content-Type"] == INDEX
    body = answer.object()
    assert body["schemaVersion"] == 2
    assert body["mediaType"] == INDEX
    assert isinstance(body["manifests"], list)
    return body["manifests"]


def test_nothing_refers_to_an_unknown_digest_of_an_unknown_repository(repo: Repository) -> None:
    assert listed(repo, NOWHERE) == []
    assert listed(repo, "sha512:" + "0" * 128) == []
    bare = repo.client.head_of(repo.referrers(NOWHERE)).expect(200)
    assert bare.headers["Content-Type"] == INDEX


def test_nothing_refers_to_an_unknown_digest(stocked: Repository) -> None:
    stocked.tag("latest", SUBJECT)
    assert listed(stocked, NOWHERE) == []
    assert listed(stocked, DIGEST) == []


def test_a_subject_that_is_absent_is_confirmed_and_listed_at_once(stocked: Repository) -> None:
    body = about(SBOM, annotations={"a": "b", "org.example.note": "all of them"})
    answer = stocked.put(digest_of(body), body).expect(201)
    assert answer.headers["OCI-Subject"] == DIGEST
    wanted = descriptor(body, IMAGE, artifactType=SBOM)
    wanted["annotations"] = {"a": "b", "org.example.note": "all of them"}
    for _ in range(4):
        assert listed(stocked) == [wanted]
    stocked.client.get(stocked.manifest(DIGEST)).expect(404)


def test_a_subject_that_is_present_is_confirmed_too(stocked: Repository) -> None:
    stocked.tag("latest", SUBJECT)
    answer = stocked.put("sbom", about(SBOM)).expect(201)
    assert answer.headers["OCI-Subject"] == DIGEST
    assert [item["digest"] for item in listed(stocked)] == [digest_of(about(SBOM))]


def test_without_an_artifact_type_the_type_of_the_config_counts(stocked: Repository) -> None:
    stocked.put("a", about()).expect(201)
    assert [item["artifactType"] for item in listed(stocked)] == [CONFIG]
    stocked.put("b", about(config=descriptor(EMPTY, EMPTY_TYPE))).expect(201)
    assert {item["artifactType"] for item in listed(stocked)} == {CONFIG, EMPTY_TYPE}


def test_an_index_refers_as_well(stocked: Repository) -> None:
    plain = index(subject=descriptor(SUBJECT, IMAGE))
    typed = index(subject=descriptor(SUBJECT, IMAGE), artifactType=SBOM)
    stocked.put("plain", plain, INDEX).expect(201)
    stocked.put("typed", typed, INDEX).expect(201)
    found = {item["digest"]: item for item in listed(stocked)}
    assert set(found) == {digest_of(plain), digest_of(typed)}
    assert "artifactType" not in found[digest_of(plain)]
    assert found[digest_of(typed)]["artifactType"] == SBOM
    assert found[digest_of(plain)]["mediaType"] == INDEX


def test_a_filter_leaves_equal_types_and_says_so(stocked: Repository) -> None:
    stocked.put("a", about(SBOM)).expect(201)
    stocked.put("b", about(SIGNATURE)).expect(201)
    answer = stocked.client.get(
        stocked.referrers(DIGEST, f"?artifactType={quote(SIGNATURE, safe='')}")
    )
    assert [item["digest"] for item in read(answer)] == [digest_of(about(SIGNATURE))]
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"


def test_a_filter_that_nothing_passes_is_applied_too(stocked: Repository) -> None:
    stocked.put("a", about(SBOM)).expect(201)
    answer = stocked.client.get(stocked.referrers(DIGEST, "?artifactType=application%2Fnone"))
    assert read(answer) == []
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"


def test_several_filters_are_alternatives(stocked: Repository) -> None:
    for name, artifact_type in (("a", SBOM), ("b", SIGNATURE), ("c", "application/other")):
        stocked.put(name, about(artifact_type)).expect(201)
    query = f"?artifactType={quote(SBOM)}&artifactType={quote(SIGNATURE)}"
    types = {item["artifactType"] for item in listed(stocked, query=query)}
    assert types == {SBOM, SIGNATURE}


@pytest.mark.parametrize("query", ["", "?artifactType=", "?other=x"])
def test_without_a_filter_nothing_is_left_out(stocked: Repository, query: str) -> None:
    stocked.put("a", about(SBOM)).expect(201)
    answer = stocked.client.get(stocked.referrers(DIGEST, query))
    assert len(read(answer)) == 1
    assert "OCI-Filters-Applied" not in answer.headers


def test_a_deleted_referrer_vanishes_at_once(stocked: Repository) -> None:
    body = about(SBOM)
    stocked.put("a", body).expect(201)
    stocked.client.delete(stocked.manifest(digest_of(body))).expect(202)
    for _ in range(4):
        assert listed(stocked) == []


def test_deleting_the_subject_keeps_its_referrers(stocked: Repository) -> None:
    stocked.tag("latest", SUBJECT)
    stocked.put("a", about(SBOM)).expect(201)
    stocked.client.delete(stocked.manifest(DIGEST)).expect(202)
    assert len(listed(stocked)) == 1
    stocked.client.get(stocked.manifest("a")).expect(200)


def test_a_deleted_tag_leaves_the_referrer_listed(stocked: Repository) -> None:
    stocked.put("a", about(SBOM)).expect(201)
    stocked.client.delete(stocked.manifest("a")).expect(202)
    assert len(listed(stocked)) == 1


def test_a_referrer_belongs_to_its_repository_only(stocked: Repository, other: Repository) -> None:
    stocked.put("a", about(SBOM)).expect(201)
    assert listed(other) == []


def test_a_subject_named_by_the_longer_hash_is_listed_under_it(stocked: Repository) -> None:
    digest = digest_of(SUBJECT, "sha512")
    body = image(subject=descriptor(SUBJECT, IMAGE) | {"digest": digest}, artifactType=SBOM)
    answer = stocked.put("a", body).expect(201)
    assert answer.headers["OCI-Subject"] == digest
    assert [item["digest"] for item in listed(stocked, digest)] == [digest_of(body)]


def test_an_image_of_docker_refers_as_well(stocked: Repository) -> None:
    body = image(subject=descriptor(SUBJECT, IMAGE), mediaType=DOCKER_IMAGE, artifactType=SBOM)
    stocked.put("a", body, DOCKER_IMAGE).expect(201)
    assert [item["mediaType"] for item in listed(stocked)] == [DOCKER_IMAGE]


def test_many_referrers_come_in_one_page(stocked: Repository) -> None:
    for n in range(60):
        body = about(SBOM, annotations={"n": str(n)})
        stocked.put(digest_of(body), body).expect(201)
    answer = stocked.client.get(stocked.referrers(DIGEST))
    assert len({str(item["digest"]) for item in read(answer)}) == 60
    assert "Link" not in answer.headers


def test_the_fallback_tag_is_an_ordinary_tag(stocked: Repository) -> None:
    tag = DIGEST.replace(":", "-")
    body = index(descriptor(about(SBOM), IMAGE, artifactType=SBOM))
    stocked.tag(tag, body, INDEX)
    assert stocked.client.get(stocked.manifest(tag)).expect(200).body == body
    assert stocked.list_tags() == [tag]


@pytest.mark.parametrize(
    ("artifact_type", "queries"),
    [
        (
            "application/spdx+json",
            ("application/spdx+json", "application/spdx%20json", "application%2Fspdx%2Bjson"),
        ),
        (
            "application/vnd.x+json; version=0.2+a",
            (
                "application/vnd.x+json;+version=0.2+a",
                "application/vnd.x%2Bjson;%20version=0.2%2Ba",
            ),
        ),
        ("dev.example.skills.v1", ("dev.example.skills.v1",)),
    ],
)
def test_a_type_is_found_by_a_plus_that_nobody_escaped(
    stocked: Repository, artifact_type: str, queries: tuple[str, ...]
) -> None:
    stocked.tag("typed", about(artifact_type))
    stocked.tag("other", about("application/other"))
    for query in queries:
        found = listed(stocked, query=f"?artifactType={query}")
        assert [item["artifactType"] for item in found] == [artifact_type], query
