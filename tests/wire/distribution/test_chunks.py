"""Chunks out of order, of the wrong length, at once, cut short, and from many connections."""

import pytest

from tests.support.http import Answer
from tests.wire.content import digest_of
from tests.wire.repositories import Repository, finishing, pieces
from tests.wire.waiting import at_once, until

pytestmark = pytest.mark.wire

DATA = b"abcdefghij" * 400
DIGEST = digest_of(DATA)
HALF = 2000


@pytest.fixture
def half(repo: Repository) -> str:
    """The location of an upload whose first half has arrived."""
    answer = repo.client.patch(repo.start(), DATA[:HALF], content_range=f"0-{HALF - 1}")
    return answer.expect(202).headers["Location"]


def offset(repo: Repository, location: str) -> str:
    return repo.client.get(location).expect(204).headers["Range"]


def assert_kept(repo: Repository, refused: Answer, location: str) -> None:
    """A refused chunk tells where to go on, changes nothing, and the upload can be finished."""
    assert refused.headers["Location"].startswith(repo.uploads)
    assert refused.headers["Range"] == f"0-{HALF - 1}"
    assert offset(repo, finishing(location, DIGEST)) == f"0-{HALF - 1}"
    rest = repo.client.patch(location, DATA[HALF:], content_range=f"{HALF}-{len(DATA) - 1}").expect(
        202
    )
    repo.client.put(finishing(rest.headers["Location"], DIGEST)).expect(201)
    assert repo.client.get(repo.blob(DIGEST)).expect(200).body == DATA


RANGES = {
    "gap": f"{HALF + 1}-{HALF + 100}",
    "overlap": f"{HALF - 1}-{HALF + 98}",
    "repeat": "0-99",
    "far": f"{10**15}-{10**15 + 99}",
}


@pytest.mark.parametrize("kind", RANGES)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_chunk_out_of_order_leaves_the_upload_as_it_was(
    repo: Repository, half: str, method: str, kind: str
) -> None:
    target = half if method == "PATCH" else finishing(half, DIGEST)
    answer = repo.client.request(method, target, b"x" * 100, {"Content-Range": RANGES[kind]})
    answer.expect(416)
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert_kept(repo, answer, half)


def test_the_first_chunk_must_begin_at_zero(repo: Repository) -> None:
    location = repo.start()
    answer = repo.client.patch(location, b"x" * 10, content_range="5-14").expect(416)
    assert answer.headers["Range"] == "0-0"
    assert offset(repo, location) == "0-0"
    repo.client.put(finishing(location, DIGEST), DATA).expect(201)


def test_repeating_an_accepted_chunk_at_the_first_location_is_refused(repo: Repository) -> None:
    first = repo.start()
    chunk = {"content_range": f"0-{HALF - 1}"}
    repo.client.patch(first, DATA[:HALF], **chunk).expect(202)
    answer = repo.client.patch(first, DATA[:HALF], **chunk).expect(416)
    assert_kept(repo, answer, first)


@pytest.mark.parametrize("asked", [f"{HALF}-{HALF + 99}", f"{HALF}-{HALF + 999}", f"{HALF}-{HALF}"])
def test_a_range_that_contradicts_the_length_is_refused(
    repo: Repository, half: str, asked: str
) -> None:
    answer = repo.client.patch(half, b"x" * 500, content_range=asked)
    answer.refused(400, "SIZE_INVALID")
    assert offset(repo, half) == f"0-{HALF - 1}"
    repo.client.put(finishing(half, DIGEST), DATA[HALF:]).expect(201)


@pytest.mark.parametrize(
    "asked", ["a-b", "-5", "5-", "-", "9-3", "1-2-3", "0x1-0x2", "--1", "1_0-1_9"]
)
def test_a_range_that_is_none_is_refused(repo: Repository, half: str, asked: str) -> None:
    answer = repo.client.patch(half, b"x" * 10, content_range=asked).expect(400, 416)
    assert answer.codes[0] in {"BLOB_UPLOAD_INVALID", "SIZE_INVALID"}
    assert offset(repo, half) == f"0-{HALF - 1}"


def test_a_chunked_body_may_have_a_range(repo: Repository, half: str) -> None:
    rest = pieces(DATA[HALF:], 333)
    answer = repo.client.patch(half, rest, content_range=f"{HALF}-{len(DATA) - 1}").expect(202)
    assert answer.headers["Range"] == f"0-{len(DATA) - 1}"
    repo.client.put(finishing(half, DIGEST)).expect(201)


def test_a_chunked_body_that_contradicts_its_range_is_refused(repo: Repository, half: str) -> None:
    answer = repo.client.patch(half, iter([b"x" * 10]), content_range=f"{HALF}-{HALF + 99}")
    answer.refused(400, "SIZE_INVALID")
    assert offset(repo, half) == f"0-{HALF - 1}"


def promise(repo: Repository, method: str, target: str, size: int) -> bytes:
    """The head of a request whose body shall have this many bytes."""
    head = repo.client.head(method, target)
    return head.replace(b"Content-Length: 0", b"Content-Length: %d" % size)


def test_a_patch_that_ends_early_keeps_what_arrived(repo: Repository, half: str) -> None:
    with repo.client.wire() as wire:
        wire.send(promise(repo, "PATCH", half, 2000) + DATA[HALF : HALF + 1000])
        wire.end()
        assert not wire.rest().startswith(b"HTTP/1.1 2")
    until(lambda: offset(repo, half) == f"0-{HALF + 999}" or None)
    rest = repo.client.patch(half, DATA[HALF + 1000 :]).expect(202)
    repo.client.put(finishing(rest.headers["Location"], DIGEST)).expect(201)


def test_a_patch_that_is_cut_can_be_resumed_at_the_reported_offset(
    repo: Repository, half: str
) -> None:
    with repo.client.wire() as wire:
        wire.send(promise(repo, "PATCH", half, 2000) + DATA[HALF : HALF + 1000])
        wire.cut()
    until(lambda: _resume(repo, half))
    repo.client.put(finishing(half, DIGEST)).expect(201)
    assert repo.client.get(repo.blob(DIGEST)).expect(200).body == DATA


def _resume(repo: Repository, location: str) -> bool | None:
    """Whether everything after the reported offset was accepted, as a client would send it."""
    start = int(offset(repo, location).removeprefix("0-")) + 1
    asked = f"{start}-{len(DATA) - 1}"
    answer = repo.client.patch(location, DATA[start:], content_range=asked)
    return answer.expect(202, 409, 416).status == 202 or None


def test_a_closing_put_that_ends_early_is_dropped(repo: Repository, half: str) -> None:
    with repo.client.wire() as wire:
        wire.send(promise(repo, "PUT", finishing(half, DIGEST), 2000) + DATA[HALF:-1])
        wire.end()
        assert not wire.rest().startswith(b"HTTP/1.1 2")
    repo.client.get(repo.blob(DIGEST)).expect(404)
    answer = repo.client.get(half).expect(204, 404)
    assert answer.status == 404 or answer.headers["Range"] == f"0-{HALF - 1}"


def test_a_body_shorter_than_its_length_is_not_committed(repo: Repository) -> None:
    location = repo.start()
    with repo.client.wire() as wire:
        wire.send(promise(repo, "PUT", finishing(location, DIGEST), 5000) + DATA)
        wire.end()
        answer = wire.rest()
    assert not answer.startswith(b"HTTP/1.1 2")
    repo.client.get(repo.blob(DIGEST)).expect(404)


@pytest.mark.parametrize("sent", [HALF, len(DATA) - 1])
def test_a_chunked_body_that_ends_inside_a_chunk_is_not_committed(
    repo: Repository, sent: int
) -> None:
    location = repo.start()
    with repo.client.wire() as wire:
        wire.send(repo.client.head("PUT", finishing(location, DIGEST), iter(())))
        wire.send(b"%x\r\n%s" % (len(DATA), DATA[:sent]))
        wire.end()
        answer = wire.rest()
    assert not answer.startswith(b"HTTP/1.1 2")
    repo.client.get(repo.blob(DIGEST)).expect(404)


def test_a_cut_closing_put_leaves_nothing_readable_and_can_be_repeated(repo: Repository) -> None:
    with repo.client.wire() as wire:
        target = f"{repo.uploads}?digest={DIGEST}"
        wire.send(repo.client.head("POST", target, DATA) + DATA[:1000])
        wire.cut()
    repo.client.get(repo.blob(DIGEST)).expect(404)
    repo.client.post(target, DATA).expect(201)


def test_every_chunk_may_come_on_another_connection(repo: Repository) -> None:
    location, sent = repo.start(), 0
    for piece in pieces(DATA, 100):
        asked = f"{sent}-{sent + len(piece) - 1}"
        answer = repo.client.patch(location, piece, content_range=asked).expect(202)
        location, sent = answer.headers["Location"], sent + len(piece)
    repo.client.put(finishing(location, DIGEST)).expect(201)
    assert repo.client.get(repo.blob(DIGEST)).expect(200).body == DATA


def test_of_equal_chunks_at_once_one_is_accepted(repo: Repository, half: str) -> None:
    asked = f"{HALF}-{len(DATA) - 1}"
    answers = at_once(8, lambda _: repo.client.patch(half, DATA[HALF:], content_range=asked))
    assert sorted(answer.status for answer in answers) == [202] + [416] * 7
    assert offset(repo, half) == f"0-{len(DATA) - 1}"
    repo.client.put(finishing(half, DIGEST)).expect(201)


def test_chunks_appended_at_once_are_never_mixed(repo: Repository) -> None:
    location = repo.start()
    answers = at_once(8, lambda n: repo.client.patch(location, bytes([65 + n]) * 1000))
    accepted = sum(answer.expect(202, 409, 416).status == 202 for answer in answers)
    assert accepted
    assert offset(repo, location) == f"0-{1000 * accepted - 1}"


def test_one_blob_finished_by_many_uploads_at_once_is_created_by_each(repo: Repository) -> None:
    locations = [repo.start() for _ in range(8)]
    put = repo.client.put
    answers = at_once(8, lambda n: put(finishing(locations[n], DIGEST), DATA))
    assert [answer.status for answer in answers] == [201] * 8
    assert repo.client.get(repo.blob(DIGEST)).expect(200).body == DATA


def test_one_upload_finished_by_many_at_once_is_finished_once(repo: Repository, half: str) -> None:
    repo.client.patch(half, DATA[HALF:]).expect(202)
    answers = at_once(8, lambda _: repo.client.put(finishing(half, DIGEST)))
    statuses = [answer.expect(201, 404, 409, 416).status for answer in answers]
    assert 201 in statuses
    assert repo.client.get(repo.blob(DIGEST)).expect(200).body == DATA
