"""Blobs taken from another repository instead of being sent again."""

import pytest

from tests.support.http import Answer
from tests.wire.content import NOWHERE, digest_of, image
from tests.wire.repositories import Repository, finishing

pytestmark = pytest.mark.wire


def assert_usable(repo: Repository, answer: Answer) -> None:
    """The answer is an upload that can be finished."""
    answer.expect(202)
    location = answer.headers["Location"]
    assert location.startswith(repo.uploads)
    assert answer.headers["Range"] == "0-0"
    assert answer.headers["Docker-Upload-UUID"]
    data = b"sent after all to " + repo.name.encode()
    repo.client.put(finishing(location, digest_of(data)), data).expect(201)


def assert_mounted(repo: Repository, answer: Answer, data: bytes) -> None:
    answer.expect(201)
    digest = digest_of(data)
    assert answer.headers["Location"] == repo.blob(digest)
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["Content-Length"] == "0"
    assert repo.client.get(repo.blob(digest)).expect(200).body == data


def test_a_blob_is_mounted_from_another_repository(repo: Repository, other: Repository) -> None:
    data = b"from " + other.name.encode()
    digest = other.push(data)
    answer = repo.client.post(f"{repo.uploads}?mount={digest}&from={other.name}")
    assert_mounted(repo, answer, data)


def test_a_blob_is_mounted_without_saying_from_where(repo: Repository, other: Repository) -> None:
    data = b"somewhere in " + other.name.encode()
    digest = other.push(data)
    assert_mounted(repo, repo.client.post(f"{repo.uploads}?mount={digest}"), data)


def test_other_parameters_do_not_hinder_a_mount(repo: Repository, other: Repository) -> None:
    data = b"origin of " + other.name.encode()
    digest = other.push(data)
    escaped = other.name.replace("/", "%2F")
    target = f"{repo.uploads}?from={escaped}&mount={digest.replace(':', '%3A')}&origin=x"
    assert_mounted(repo, repo.client.post(target), data)


def test_a_sha512_blob_is_mounted(repo: Repository, other: Repository) -> None:
    data = b"long hash in " + other.name.encode()
    digest = digest_of(data, "sha512")
    other.client.put(finishing(other.start(), digest), data).expect(201)
    answer = repo.client.post(f"{repo.uploads}?mount={digest}&from={other.name}").expect(201)
    assert answer.headers["Location"] == repo.blob(digest)
    assert repo.client.get(repo.blob(digest)).expect(200).body == data


@pytest.mark.parametrize("source", ["", "&from=", "&from=wire/never-made", "&from=UPPER/../x"])
def test_a_blob_that_is_nowhere_is_to_be_uploaded(repo: Repository, source: str) -> None:
    assert_usable(repo, repo.client.post(f"{repo.uploads}?mount={NOWHERE}{source}"))


def test_a_blob_that_is_not_in_the_named_repository_is_to_be_uploaded(
    repo: Repository, other: Repository
) -> None:
    other.push(b"another blob")
    answer = repo.client.post(f"{repo.uploads}?mount={NOWHERE}&from={other.name}")
    assert_usable(repo, answer)


def test_a_mount_of_no_digest_is_an_upload_or_refused(repo: Repository) -> None:
    for digest in ("sha256:short", "nonsense", ""):
        answer = repo.client.post(f"{repo.uploads}?mount={digest}&from={repo.name}")
        if answer.expect(202, 400).status == 400:
            assert answer.codes[0] == "DIGEST_INVALID"


def test_mounting_what_is_there_already_is_created(repo: Repository, other: Repository) -> None:
    data = b"in both, says " + repo.name.encode()
    digest = repo.push(data)
    other.push(data)
    for source in (f"&from={other.name}", f"&from={repo.name}", ""):
        answer = repo.client.post(f"{repo.uploads}?mount={digest}{source}")
        assert_mounted(repo, answer, data)


def test_a_mounted_blob_outlives_its_source(repo: Repository, other: Repository) -> None:
    data = b"outlives " + other.name.encode()
    digest = other.push(data)
    repo.client.post(f"{repo.uploads}?mount={digest}&from={other.name}").expect(201)
    other.client.delete(other.blob(digest)).expect(202)
    other.client.get(other.blob(digest)).expect(404)
    assert repo.client.get(repo.blob(digest)).expect(200).body == data


def test_a_blob_deleted_everywhere_can_no_longer_be_mounted(
    repo: Repository, other: Repository
) -> None:
    data = b"deleted from " + other.name.encode()
    digest = other.push(data)
    other.client.delete(other.blob(digest)).expect(202)
    for source in ("", f"&from={other.name}"):
        assert_usable(repo, repo.client.post(f"{repo.uploads}?mount={digest}{source}"))
    repo.client.get(repo.blob(digest)).expect(404)


def test_a_manifest_cannot_be_mounted_as_a_blob(repo: Repository, other: Repository) -> None:
    other.lay()
    digest = other.tag("latest", image(annotations={"of": other.name}))
    assert_usable(repo, repo.client.post(f"{repo.uploads}?mount={digest}&from={other.name}"))
