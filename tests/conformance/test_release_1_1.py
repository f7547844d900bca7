"""What the suite of release 1.1.1 asks of a registry and its successor no longer does.

That suite is a Go test, not a program, and module proxies do not carry it. These are its remaining
points in our own words, asked on a hub where nobody needs a name.
"""

import hashlib
import itertools
import json
from collections.abc import Mapping

import pytest

from tests.conformance.conftest import Hubs, Manner
from tests.support.http import Client
from tests.wire.repositories import Repository, finishing

pytestmark = pytest.mark.conformance

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
DUMMY = "sha256:" + "0123456789abcdef" * 4
_numbers = itertools.count(1)


def digest_of(data: bytes) -> str:
    """The sha256 digest of some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def descriptor(data: bytes, kind: str = "application/octet-stream") -> dict[str, object]:
    """The words by which a manifest names some bytes."""
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}


def manifest(layer: bytes, **more: object) -> bytes:
    """An image without a `mediaType`, unless `more` says one."""
    config = descriptor(b"{}", CONFIG)
    whole = {"schemaVersion": 2, "config": config, "layers": [descriptor(layer)]}
    return json.dumps(whole | more).encode()


@pytest.fixture
def repository(hubs: Hubs) -> Repository:
    """A repository that no other test has touched, with an empty config and one layer."""
    client = Client("127.0.0.1", hubs.get(Manner(open=True)).port)
    made = Repository(client, f"release/number-{next(_numbers)}")
    made.push(b"{}")
    made.push(b"layer")
    return made


@pytest.fixture
def tagged(repository: Repository) -> Repository:
    """A repository whose only manifest has four tags."""
    for number in range(4):
        repository.tag(f"test{number}", manifest(b"layer"))
    return repository


def test_a_blob_in_one_post_is_readable_exactly_when_it_was_created(
    repository: Repository,
) -> None:
    data = b"in one post"
    answer = repository.client.post(f"{repository.uploads}?digest={digest_of(data)}", data)
    answer.expect(201, 202)
    readable = repository.client.get(repository.blob(digest_of(data))).status
    assert readable == (200 if answer.status == 201 else 404)


def test_the_first_location_of_an_upload_still_answers_after_a_chunk(
    repository: Repository,
) -> None:
    first, second = b"first chunk ", b"second chunk"
    location = repository.start()
    early = f"{len(first)}-{len(first) + len(second) - 1}"
    repository.client.patch(location, second, content_range=early).expect(416)
    chunk = f"0-{len(first) - 1}"
    later = repository.client.patch(location, first, content_range=chunk).expect(202)
    repository.client.patch(location, first, content_range=chunk).expect(416)
    status = repository.client.get(location).expect(204)
    assert status.headers["Range"] == chunk
    assert status.headers["Location"]
    end = finishing(later.headers["Location"], digest_of(first + second))
    repository.client.put(end, second, content_range=early).expect(201)
    assert repository.client.get(repository.blob(digest_of(first + second))).body == first + second


def test_a_mounted_blob_is_located_under_the_repository_that_has_it(
    repository: Repository,
) -> None:
    digest = digest_of(b"layer")
    other = Repository(repository.client, repository.name + "-mounted")
    for query in (f"?mount={digest}&from={repository.name}", f"?mount={digest}"):
        answer = other.client.post(other.uploads + query).expect(201)
        assert answer.headers["Location"] == f"/v2/{other.name}/blobs/{digest}"
        other.client.get(other.blob(digest)).expect(200)
        other.client.delete(other.blob(digest)).expect(202)
    other.client.post(f"{other.uploads}?mount={DUMMY}").expect(202)


def test_a_manifest_may_leave_its_type_to_the_header(repository: Repository) -> None:
    digest = repository.tag("tag", manifest(b"layer"))
    answer = repository.client.get(repository.manifest(digest)).expect(200)
    assert answer.headers["Content-Type"] == IMAGE


def test_a_name_that_is_no_tag_is_not_found(repository: Repository) -> None:
    for ask in (repository.client.get, repository.client.head_of):
        ask(repository.manifest(".INVALID_MANIFEST_NAME")).expect(404)


def test_a_malformed_digest_is_refused_in_the_words_of_the_specification(
    repository: Repository,
) -> None:
    wrong = repository.manifest("sha256:totallywrong")
    assert repository.client.put(wrong, b"blablabla", content_type=IMAGE).expect(400).codes
    repository.client.get(wrong).expect(400, 404)


def test_half_of_the_tags_are_exactly_half(tagged: Repository) -> None:
    assert tagged.list_tags("?n=2") == ["test0", "test1"]
    assert tagged.list_tags("?n=2&last=test1") == ["test2", "test3"]


def test_five_referrers_carry_their_annotations_and_two_pass_the_filter(
    repository: Repository,
) -> None:
    subject = manifest(b"layer", mediaType=IMAGE)
    about = {"subject": descriptor(subject, IMAGE)}
    digests = {}
    for number, (kind, when) in enumerate(
        [("config", "before"), ("type", "before"), ("config", "after"), ("type", "after")]
    ):
        if number == 2:
            repository.tag("subject", subject)
        body = _referrer(kind, about, {"key": f"{kind} {when}"})
        digests[repository.tag(digest_of(body), body)] = f"{kind} {when}"
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "artifactType": "x/index"}
    body = json.dumps(index | about | {"annotations": {"key": "index"}}).encode()
    digests[repository.tag(digest_of(body), body, INDEX)] = "index"
    assert _listed(repository, digest_of(subject)) == digests
    typed = {digest: said for digest, said in digests.items() if said.startswith("type")}
    assert _listed(repository, digest_of(subject), "?artifactType=x/type") == typed
    assert _listed(repository, DUMMY) == {}


def _referrer(kind: str, about: Mapping[str, object], annotations: dict[str, str]) -> bytes:
    if kind == "config":
        own: dict[str, object] = {"config": descriptor(b"{}", "x/config")}
    else:
        own = {"config": descriptor(b"{}", EMPTY), "artifactType": "x/type"}
    return manifest(b"layer", mediaType=IMAGE, annotations=annotations, **about, **own)


def _listed(repository: Repository, digest: str, query: str = "") -> dict[str, str]:
    answer = repository.client.get(repository.referrers(digest, query)).expect(200)
    assert answer.headers["Content-Type"] == INDEX
    listed = json.loads(answer.body)["manifests"]
    assert all(list(entry["annotations"]) == ["key"] for entry in listed)
    return {entry["digest"]: entry["annotations"]["key"] for entry in listed}


def test_a_deleted_tag_and_a_deleted_manifest_shorten_the_list(tagged: Repository) -> None:
    tagged.tag("other", manifest(b"layer", annotations={"a": "b"}))
    tagged.client.delete(tagged.manifest("test0")).expect(202)
    assert tagged.list_tags() == ["other", "test1", "test2", "test3"]
    digest = digest_of(manifest(b"layer"))
    tagged.client.delete(tagged.manifest(digest)).expect(202)
    tagged.client.get(tagged.manifest(digest)).expect(404)
    assert tagged.list_tags() == ["other"]


def test_blobs_are_deleted_after_their_manifest(tagged: Repository) -> None:
    tagged.client.delete(tagged.manifest(digest_of(manifest(b"layer")))).expect(202)
    for data in (b"{}", b"layer"):
        tagged.client.delete(tagged.blob(digest_of(data))).expect(202)
        tagged.client.get(tagged.blob(digest_of(data))).expect(404)
