"""Reading, finding again and deleting blobs."""

import pytest

from tests.support.http import Client
from tests.wire.content import EMPTY, NOWHERE, digest_of, image
from tests.wire.repositories import Repository, finishing

pytestmark = pytest.mark.wire


def test_a_blob_is_served_as_it_was_pushed(repo: Repository) -> None:
    data = bytes(range(256)) * 300
    digest = repo.push(data)
    answer = repo.client.get(repo.blob(digest)).expect(200)
    assert answer.body == data
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Length"] == str(len(data))
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert digest in answer.headers["ETag"]


def test_a_head_tells_what_a_get_would(repo: Repository) -> None:
    digest = repo.push(b"some bytes")
    full, bare = repo.client.get(repo.blob(digest)), repo.client.head_of(repo.blob(digest))
    assert bare.expect(200).body == b""
    for name in (
        "Content-Type",
        "Content-Length",
        "Docker-Content-Digest",
        "Accept-Ranges",
        "ETag",
    ):
        assert bare.headers[name] == full.headers[name]


def test_an_unknown_blob_is_not_found(repo: Repository) -> None:
    repo.push(b"another")
    repo.client.get(repo.blob(NOWHERE)).refused(404, "BLOB_UNKNOWN")
    repo.client.head_of(repo.blob(NOWHERE)).expect(404)
    repo.client.delete(repo.blob(NOWHERE)).refused(404, "BLOB_UNKNOWN")


@pytest.mark.parametrize("form", ['"{0}"', "{0}", 'W/"{0}"', '"x", "{0}"', '"x","{0}", "y"', "*"])
def test_a_blob_that_the_client_has_is_not_sent(repo: Repository, form: str) -> None:
    digest = repo.push(b"cached")
    answer = repo.client.get(repo.blob(digest), if_none_match=form.format(digest)).expect(304)
    assert answer.body == b""
    assert "Content-Length" not in answer.headers or answer.headers["Content-Length"] != "0"


def test_several_lines_of_if_none_match_count_as_one_list(repo: Repository) -> None:
    digest = repo.push(b"cached twice")
    lines = [("If-None-Match", '"x"'), ("If-None-Match", f'"{digest}"')]
    repo.client.request("GET", repo.blob(digest), headers=lines).expect(304)


def test_another_etag_gets_the_blob(repo: Repository) -> None:
    digest = repo.push(b"fresh")
    answer = repo.client.get(repo.blob(digest), if_none_match=f'"{NOWHERE}"').expect(200)
    assert answer.body == b"fresh"


def test_a_blob_belongs_to_its_repository_only(repo: Repository, other: Repository) -> None:
    digest = repo.push(b"mine alone, says " + repo.name.encode())
    other.push(b"something")
    other.client.get(other.blob(digest)).refused(404, "BLOB_UNKNOWN")
    other.client.head_of(other.blob(digest)).expect(404)
    other.client.delete(other.blob(digest)).refused(404, "BLOB_UNKNOWN")
    repo.client.get(repo.blob(digest)).expect(200)


def test_a_deleted_blob_is_gone_at_once_from_this_repository_alone(
    repo: Repository, other: Repository
) -> None:
    data = b"shared by two repositories"
    digest = repo.push(data)
    other.push(data)
    repo.client.delete(repo.blob(digest)).expect(202)
    for _ in range(4):
        repo.client.head_of(repo.blob(digest)).expect(404)
        repo.client.get(repo.blob(digest)).refused(404, "BLOB_UNKNOWN")
    assert other.client.get(other.blob(digest)).expect(200).body == data


def test_a_blob_is_deleted_once(repo: Repository) -> None:
    digest = repo.push(b"once")
    answer = repo.client.delete(repo.blob(digest)).expect(202)
    assert answer.headers["Content-Length"] == "0"
    repo.client.delete(repo.blob(digest)).refused(404, "BLOB_UNKNOWN")


def test_a_deleted_blob_can_be_pushed_again(repo: Repository) -> None:
    digest = repo.push(b"back again")
    repo.client.delete(repo.blob(digest)).expect(202)
    repo.push(b"back again")
    assert repo.client.get(repo.blob(digest)).expect(200).body == b"back again"


def test_a_blob_that_a_manifest_names_can_be_deleted_or_is_protected(repo: Repository) -> None:
    repo.lay(b"layer in use")
    repo.tag("latest", image(b"layer in use"))
    digest = digest_of(b"layer in use")
    answer = repo.client.delete(repo.blob(digest)).expect(202, 405)
    repo.client.head_of(repo.blob(digest)).expect(404 if answer.status == 202 else 200)


def test_pushing_a_blob_again_is_created_again(repo: Repository) -> None:
    first, second = repo.push(b"same"), repo.push(b"same")
    assert first == second
    answer = repo.client.post(f"{repo.uploads}?digest={first}", b"same").expect(201)
    assert answer.headers["Location"] == repo.blob(first)


@pytest.mark.parametrize("body", [b"", iter(())], ids=["length", "chunked"])
def test_the_empty_blob_can_be_pushed_in_one_put(repo: Repository, body: bytes) -> None:
    digest = digest_of(b"")
    repo.client.put(finishing(repo.start(), digest), body).expect(201)
    answer = repo.client.get(repo.blob(digest)).expect(200)
    assert (answer.body, answer.headers["Content-Length"]) == (b"", "0")


def test_the_empty_blob_can_be_pushed_in_one_post(repo: Repository) -> None:
    digest = digest_of(b"")
    answer = repo.client.post(f"{repo.uploads}?digest={digest}").expect(201)
    assert answer.headers["Location"] == repo.blob(digest)
    assert answer.headers["Docker-Content-Digest"] == digest
    assert repo.client.head_of(repo.blob(digest)).expect(200).headers["Content-Length"] == "0"


def test_the_empty_object_is_an_ordinary_blob(repo: Repository) -> None:
    digest = repo.push(EMPTY)
    repo.client.delete(repo.blob(digest)).expect(202)
    repo.client.head_of(repo.blob(digest)).expect(404)


def test_a_manifest_is_not_a_blob(repo: Repository) -> None:
    repo.lay()
    digest = repo.tag("latest", image())
    repo.client.get(repo.blob(digest)).refused(404, "BLOB_UNKNOWN")


def test_a_blob_is_not_a_manifest(repo: Repository) -> None:
    repo.lay()
    repo.tag("latest", image())
    digest = repo.push(image(EMPTY))
    repo.client.get(repo.manifest(digest)).refused(404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_either_hash_can_name_a_blob(repo: Repository, algorithm: str) -> None:
    data = b"hashed with " + algorithm.encode()
    digest = digest_of(data, algorithm)
    answer = repo.client.put(finishing(repo.start(), digest), data).expect(201)
    assert answer.headers["Docker-Content-Digest"] == digest
    read = repo.client.get(repo.blob(digest)).expect(200)
    assert (read.body, read.headers["Docker-Content-Digest"]) == (data, digest)
    repo.client.delete(repo.blob(digest)).expect(202)
    repo.client.get(repo.blob(digest)).refused(404, "BLOB_UNKNOWN")


def test_a_blob_can_be_read_from_an_unknown_repository_by_nobody(client: Client) -> None:
    answer = client.get(f"/v2/wire/never-made/blobs/{NOWHERE}").expect(404)
    assert answer.codes[0] in {"BLOB_UNKNOWN", "NAME_UNKNOWN"}
