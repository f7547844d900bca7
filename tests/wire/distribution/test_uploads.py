"""The ways a blob can arrive, and what each of them answers."""

import json
import uuid

import pytest

from tests.support.http import Answer, Body
from tests.wire.content import NOWHERE, digest_of
from tests.wire.repositories import Repository, finishing, pieces

pytestmark = pytest.mark.wire

DATA = b"0123456789" * 500
DIGEST = digest_of(DATA)


def assert_session(repo: Repository, answer: Answer, last: int) -> str:
    """Everything that an answer about an open upload says; gives its location."""
    location = answer.headers["Location"]
    assert location.startswith(repo.uploads), location
    assert "%" not in location.partition("?")[0]
    assert answer.headers["Range"] == f"0-{last}"
    assert answer.headers["Docker-Upload-UUID"]
    if answer.status != 204:
        assert answer.headers["Content-Length"] == "0"
    return location


def assert_stored(repo: Repository, answer: Answer, digest: str = DIGEST) -> None:
    answer.expect(201)
    assert answer.headers["Location"] == repo.blob(digest)
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["Content-Length"] == "0"
    assert digest_of(repo.client.get(repo.blob(digest)).expect(200).body) == digest_of(DATA)


def test_an_upload_starts_empty(repo: Repository) -> None:
    answer = repo.client.post(repo.uploads).expect(202)
    location = assert_session(repo, answer, 0)
    assert "Link" not in answer.headers
    assert_session(repo, repo.client.get(location).expect(204), 0)


def test_every_upload_has_a_name_of_its_own(repo: Repository) -> None:
    assert len({repo.start() for _ in range(20)}) == 20


def test_an_upload_may_start_with_a_type_and_an_empty_json_body(repo: Repository) -> None:
    repo.client.post(repo.uploads, b"", content_type="application/json").expect(202)


@pytest.mark.parametrize("body", [DATA, list(pieces(DATA, 999))], ids=["length", "chunked"])
def test_a_blob_may_come_whole_in_one_post(repo: Repository, body: Body) -> None:
    assert_stored(repo, repo.client.post(f"{repo.uploads}?digest={DIGEST}", body))


@pytest.mark.parametrize("body", [DATA, list(pieces(DATA, 999))], ids=["length", "chunked"])
def test_a_blob_may_come_whole_in_the_closing_put(repo: Repository, body: Body) -> None:
    assert_stored(repo, repo.client.put(finishing(repo.start(), DIGEST), body))


@pytest.mark.parametrize("body", [DATA, list(pieces(DATA, 999))], ids=["length", "chunked"])
def test_a_blob_may_come_in_one_patch(repo: Repository, body: Body) -> None:
    answer = repo.client.patch(repo.start(), body).expect(202)
    location = assert_session(repo, answer, len(DATA) - 1)
    assert_stored(repo, repo.client.put(finishing(location, DIGEST)))


def test_a_blob_may_come_in_chunks_with_ranges(repo: Repository) -> None:
    location = repo.start()
    for start in range(0, len(DATA), 2000):
        chunk = DATA[start : start + 2000]
        last = start + len(chunk) - 1
        answer = repo.client.patch(location, chunk, content_range=f"{start}-{last}").expect(202)
        location = assert_session(repo, answer, last)
        assert_session(repo, repo.client.get(location).expect(204), last)
    assert_stored(repo, repo.client.put(finishing(location, DIGEST)))


def test_chunks_without_ranges_are_appended(repo: Repository) -> None:
    location = repo.start()
    for piece in pieces(DATA, 1234):
        location = repo.client.patch(location, piece).expect(202).headers["Location"]
    assert_stored(repo, repo.client.put(finishing(location, DIGEST)))


def test_the_last_chunk_may_come_in_the_closing_put(repo: Repository) -> None:
    location = repo.client.patch(repo.start(), DATA[:3000]).expect(202).headers["Location"]
    last = {"content_range": f"3000-{len(DATA) - 1}"}
    assert_stored(repo, repo.client.put(finishing(location, DIGEST), DATA[3000:], **last))


def test_the_last_chunk_may_come_in_a_put_without_a_range(repo: Repository) -> None:
    location = repo.client.patch(repo.start(), DATA[:3000]).expect(202).headers["Location"]
    body = pieces(DATA[3000:], 512)
    assert_stored(repo, repo.client.put(finishing(location, DIGEST), body))


def test_a_range_may_carry_its_unit_and_total(repo: Repository) -> None:
    location = repo.client.patch(
        repo.start(), DATA, content_range=f"bytes 0-{len(DATA) - 1}"
    ).expect(202)
    assert_stored(repo, repo.client.put(finishing(location.headers["Location"], DIGEST)))


def test_an_empty_patch_changes_nothing(repo: Repository) -> None:
    location = repo.start()
    assert_session(repo, repo.client.patch(location, b"").expect(202), 0)
    repo.client.patch(location, DATA).expect(202)
    assert_session(repo, repo.client.patch(location, b"").expect(202), len(DATA) - 1)
    assert_session(repo, repo.client.patch(location, iter(())).expect(202), len(DATA) - 1)
    assert_stored(repo, repo.client.put(finishing(location, DIGEST)))


@pytest.mark.parametrize("announced", ["", "?digest-algorithm=sha512", "?digest-algorithm=sha256"])
def test_the_digest_on_the_put_alone_decides_the_algorithm(
    repo: Repository, announced: str
) -> None:
    location = repo.client.post(repo.uploads + announced).expect(202).headers["Location"]
    location = repo.client.patch(location, DATA).expect(202).headers["Location"]
    digest = digest_of(DATA, "sha512")
    assert_stored(repo, repo.client.put(finishing(location, digest)), digest)


def test_an_unknown_algorithm_is_refused_at_the_start(repo: Repository) -> None:
    answer = repo.client.post(f"{repo.uploads}?digest-algorithm=md5")
    answer.refused(400, "DIGEST_INVALID")


def test_the_last_of_several_digests_counts(repo: Repository) -> None:
    target = f"{finishing(repo.start(), DIGEST)}&digest={DIGEST}"
    assert_stored(repo, repo.client.put(target, DATA))


def test_a_digest_on_a_patch_is_ignored(repo: Repository) -> None:
    location = repo.start()
    repo.client.patch(finishing(location, NOWHERE), DATA).expect(202)
    assert_session(repo, repo.client.get(finishing(location, DIGEST)).expect(204), 4999)
    assert_stored(repo, repo.client.put(finishing(location, DIGEST)))


def test_a_percent_escaped_digest_in_the_query_is_understood(repo: Repository) -> None:
    target = finishing(repo.start(), DIGEST.replace(":", "%3A"))
    assert_stored(repo, repo.client.put(target, DATA))


def test_other_parameters_are_ignored(repo: Repository) -> None:
    assert_stored(
        repo, repo.client.put(f"{finishing(repo.start(), DIGEST)}&origin=x&_state=", DATA)
    )


@pytest.mark.parametrize("form", ["post", "put", "patch", "chunked"])
def test_a_wrong_digest_stores_nothing(repo: Repository, form: str) -> None:
    wrong = digest_of(DATA + repo.name.encode())
    if form == "post":
        answer = repo.client.post(f"{repo.uploads}?digest={wrong}", DATA)
    elif form == "patch":
        repo.client.patch(location := repo.start(), DATA).expect(202)
        answer = repo.client.put(finishing(location, wrong))
    else:
        body: Body = DATA if form == "put" else pieces(DATA, 100)
        answer = repo.client.put(finishing(repo.start(), wrong), body)
    answer.refused(400, "DIGEST_INVALID")
    repo.client.get(repo.blob(wrong)).expect(404)
    repo.client.get(repo.blob(DIGEST)).expect(404)


def test_a_put_without_a_digest_keeps_the_upload(repo: Repository) -> None:
    location = repo.client.patch(repo.start(), DATA).expect(202).headers["Location"]
    repo.client.put(location).refused(400, "DIGEST_INVALID")
    repo.client.put(finishing(location, "")).refused(400, "DIGEST_INVALID")
    assert_session(repo, repo.client.get(location).expect(204), len(DATA) - 1)
    assert_stored(repo, repo.client.put(finishing(location, DIGEST)))


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("end", ["finished", "cancelled", "invented", "odd", "foreign"])
def test_an_upload_that_is_no_more_is_unknown(
    repo: Repository, other: Repository, method: str, end: str
) -> None:
    location = repo.start()
    if end == "finished":
        repo.client.put(finishing(location, DIGEST), DATA).expect(201)
    elif end == "cancelled":
        repo.client.delete(location).expect(204)
    elif end == "invented":
        location = f"{repo.uploads}{uuid.uuid4()}"
    elif end == "odd":
        location = f"{repo.uploads}{'x' * 300}"
    else:
        other.lay()
        location = location.replace(repo.name, other.name)
    body = b"abc" if method in {"PATCH", "PUT"} else None
    answer = repo.client.request(method, finishing(location, digest_of(b"abc")), body)
    answer.refused(404, "BLOB_UPLOAD_UNKNOWN")


def test_cancelling_drops_the_upload(repo: Repository) -> None:
    location = repo.client.patch(repo.start(), DATA).expect(202).headers["Location"]
    assert repo.client.delete(location).expect(204).body == b""
    repo.client.delete(location).refused(404, "BLOB_UPLOAD_UNKNOWN")
    repo.client.get(location).refused(404, "BLOB_UPLOAD_UNKNOWN")
    repo.client.put(finishing(location, DIGEST)).refused(404, "BLOB_UPLOAD_UNKNOWN")
    repo.client.get(repo.blob(DIGEST)).expect(404)


def test_a_foreign_repository_cannot_touch_an_upload(repo: Repository, other: Repository) -> None:
    location = repo.client.patch(repo.start(), DATA).expect(202).headers["Location"]
    other.lay()
    foreign = location.replace(repo.name, other.name)
    repo.client.patch(foreign, b"x").refused(404, "BLOB_UPLOAD_UNKNOWN")
    repo.client.delete(foreign).refused(404, "BLOB_UPLOAD_UNKNOWN")
    assert_session(repo, repo.client.get(location).expect(204), len(DATA) - 1)
    assert_stored(repo, repo.client.put(finishing(location, DIGEST)))


def test_the_catalog_shows_a_repository_once_it_has_a_manifest(repo: Repository) -> None:
    repo.client.patch(repo.start(), DATA).expect(202)
    listed = repo.client.get("/v2/_catalog?n=10000").expect(200).texts("repositories")
    assert repo.name not in listed
    assert json.loads(repo.client.get(repo.referrers(NOWHERE)).expect(200).body)["manifests"] == []
