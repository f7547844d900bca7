"""A stranger cannot tell a private repository from one that does not exist."""

from collections.abc import Iterator

import pytest

from tests.support.http import Answer, Client
from tests.wire.content import IMAGE, NOWHERE, digest_of, image
from tests.wire.people import ALL, Person
from tests.wire.repositories import Repository, finishing

pytestmark = pytest.mark.wire

LAYER = b"a layer of the private repository"
UNSTABLE = {"date", "x-request-id", "docker-upload-uuid"}


def seen(answer: Answer, name: str) -> tuple[object, ...]:
    """Everything a client could compare, with the asked name taken out."""
    headers = sorted(
        (key.lower(), value.replace(name, "NAME"))
        for key, value in answer.headers.lines
        if key.lower() not in UNSTABLE
    )
    return answer.status, headers, answer.body.replace(name.encode(), b"NAME")


def requests(name: str, digest: str) -> Iterator[tuple[str, str, bytes | None]]:
    """Every kind of request to a repository."""
    for method in ("GET", "HEAD", "DELETE"):
        yield method, f"/v2/{name}/manifests/latest", None
        yield method, f"/v2/{name}/manifests/{digest}", None
        yield method, f"/v2/{name}/blobs/{digest_of(LAYER)}", None
    yield "GET", f"/v2/{name}/tags/list", None
    yield "HEAD", f"/v2/{name}/tags/list", None
    yield "GET", f"/v2/{name}/referrers/{digest}", None
    yield "GET", f"/v2/{name}/referrers/{NOWHERE}", None
    yield "PUT", f"/v2/{name}/manifests/latest", image()
    yield "POST", f"/v2/{name}/blobs/uploads/", None
    yield "POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(LAYER)}", LAYER
    yield "GET", f"/v2/{name}/blobs/uploads/some-id", None
    yield "PATCH", f"/v2/{name}/blobs/uploads/some-id", b"x"
    yield "PUT", f"/v2/{name}/blobs/uploads/some-id?digest={NOWHERE}", b"x"
    yield "DELETE", f"/v2/{name}/blobs/uploads/some-id", None


@pytest.fixture
def hidden(alice: Person, private: str) -> str:
    """The digest of an image in the private repository."""
    repo = alice.repository(private)
    repo.lay(LAYER)
    return repo.tag("latest", image(LAYER))


def clients(person: Person, name: str) -> Iterator[Client]:
    """The ways in which somebody may come: without a token, and with one asked for the name."""
    yield person.stranger
    yield person.with_token(f"repository:{name}:{ALL}")


@pytest.mark.parametrize("who", ["stranger", "bob"])
def test_a_private_repository_looks_like_none(
    stranger: Person, bob: Person, private: str, hidden: str, who: str
) -> None:
    person = bob if who == "bob" else stranger
    absent = private[:-1] + ("x" if private[-1] != "x" else "y")
    pairs = zip(clients(person, private), clients(person, absent), strict=True)
    for mine, theirs in pairs:
        asked = zip(requests(private, hidden), requests(absent, hidden), strict=True)
        for (method, path, body), (_, other_path, _) in asked:
            kind = {"Content-Type": IMAGE} if "/manifests/" in path else {}
            found = mine.request(method, path, body, kind)
            missed = theirs.request(method, other_path, body, kind)
            assert found.status == 401, found.describe()
            assert seen(found, private) == seen(missed, absent), f"{method} {path}"


@pytest.mark.parametrize("who", ["stranger", "bob"])
def test_the_token_service_tells_nothing_about_private_repositories(
    stranger: Person, bob: Person, private: str, hidden: str, who: str
) -> None:
    person = bob if who == "bob" else stranger
    absent = "alice/absent"
    granted = (
        person.granted(f"repository:{private}:{ALL}"),
        person.granted(f"repository:{absent}:{ALL}"),
    )
    assert hidden
    assert granted == ({}, {})


def test_a_private_blob_cannot_be_mounted_by_another(
    bob: Person, private: str, hidden: str
) -> None:
    target = Repository(
        bob.with_token("repository:bob/target:pull,push", f"repository:{private}:pull"),
        "bob/target",
    )
    digest, absent = digest_of(LAYER), "alice/absent"
    for source in ("", f"&from={private}"):
        answer = target.client.post(f"{target.uploads}?mount={digest}{source}")
        missed = target.client.post(
            f"{target.uploads}?mount={NOWHERE}{source or '&from=' + absent}"
        )
        location, other = answer.expect(202).headers["Location"], missed.headers["Location"]
        assert missed.status == 202
        assert answer.headers.names() == missed.headers.names()
        assert len(location) == len(other)
        target.client.put(finishing(location, digest_of(b"own")), b"own").expect(201)
    target.client.get(target.blob(digest)).refused(404, "BLOB_UNKNOWN")


def test_pushing_a_blob_that_is_private_elsewhere_needs_its_bytes(bob: Person, hidden: str) -> None:
    target = bob.repository("bob/target")
    digest = digest_of(LAYER)
    target.client.put(finishing(target.start(), digest)).refused(400, "DIGEST_INVALID")
    target.client.put(finishing(target.start(), digest), LAYER[:-1]).expect(400)
    target.client.get(target.blob(digest)).expect(404)
    target.lay()
    target.put("x", image(LAYER)).refused(400, "MANIFEST_BLOB_UNKNOWN")


def test_an_own_private_blob_is_mounted_by_a_token_that_lists_its_repository(
    alice: Person, private: str, hidden: str
) -> None:
    target = alice.repository("alice/mount-target")
    path = f"{target.uploads}?mount={digest_of(LAYER)}"
    target.client.post(path).expect(202)
    both = alice.with_token("repository:alice/mount-target:pull,push", f"repository:{private}:pull")
    answer = both.post(path).expect(201)
    assert answer.headers["Location"] == target.blob(digest_of(LAYER))


def test_a_mount_whose_token_lacks_the_source_begins_an_upload(alice: Person, private: str) -> None:
    target = alice.repository("alice/mount-source")
    path = f"{target.uploads}?mount={digest_of(LAYER)}&from={private}"
    target.client.post(path).expect(202)
    both = alice.with_token("repository:alice/mount-source:pull,push", f"repository:{private}:pull")
    both.post(path).expect(201)


def test_a_public_blob_is_mounted_by_anybody(alice: Person, bob: Person, public: str) -> None:
    data = b"a public layer"
    alice.repository(public).push(data)
    target = bob.repository("bob/from-public")
    answer = target.client.post(f"{target.uploads}?mount={digest_of(data)}").expect(201)
    assert answer.headers["Location"] == target.blob(digest_of(data))


def test_another_persons_upload_is_unknown_even_where_both_may_push(
    hub: object, alice: Person, admin: Person
) -> None:
    name = "alice/shared-upload"
    repo, theirs = alice.repository(name), admin.repository(name)
    location = repo.client.patch(repo.start(), b"begun").expect(202).headers["Location"]
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        body = b"more" if method in {"PATCH", "PUT"} else None
        target = finishing(location, digest_of(b"more"))
        theirs.client.request(method, target, body).refused(404, "BLOB_UPLOAD_UNKNOWN")
    repo.client.put(finishing(location, digest_of(b"begun"))).expect(201)


def test_a_public_repository_is_pulled_by_a_stranger_with_a_token(
    stranger: Person, alice: Person, public: str
) -> None:
    mine = alice.repository(public)
    mine.lay()
    digest = mine.tag("latest", image())
    mine.client.get(mine.manifest("latest")).expect(200)
    repo = stranger.repository(public)
    assert repo.client.get(repo.manifest(digest)).expect(200).body == image()
    repo.client.post(repo.uploads).refused(401, "UNAUTHORIZED")
    repo.client.delete(repo.manifest(digest)).refused(401, "UNAUTHORIZED")
