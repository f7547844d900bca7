"""Parts of blobs: one range, several, and those that cannot be."""

import pytest

from tests.wire.content import digest_of
from tests.wire.repositories import Repository

pytestmark = pytest.mark.wire

DATA = bytes(range(256)) * 8
DIGEST = digest_of(DATA)


@pytest.fixture
def blob(repo: Repository) -> str:
    return repo.blob(repo.push(DATA))


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=500-1499", 500, 1499),
        ("bytes=500-", 500, 2047),
        ("bytes=-500", 1548, 2047),
        ("bytes=2000-5000", 2000, 2047),
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, 2047),
        ("bytes=2047-2047", 2047, 2047),
        ("bytes=2047-", 2047, 2047),
        ("bytes=-1", 2047, 2047),
        ("bytes=-5000", 0, 2047),
        ("bytes=0-999999999999999", 0, 2047),
        ("BYTES=1-2", 1, 2),
    ],
)
def test_a_range_gets_its_part(
    repo: Repository, blob: str, asked: str, first: int, last: int
) -> None:
    answer = repo.client.get(blob, range=asked).expect(206)
    assert answer.body == DATA[first : last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/2048"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert answer.headers["Docker-Content-Digest"] == DIGEST
    assert answer.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "asked", ["bytes=5000-10000", "bytes=2048-", "bytes=2048-2048", "bytes=-0", "bytes=500-0"]
)
def test_a_range_outside_the_blob_cannot_be_satisfied(
    repo: Repository, blob: str, asked: str
) -> None:
    answer = repo.client.get(blob, range=asked).expect(416)
    assert answer.headers["Content-Range"] == "bytes */2048"
    assert answer.codes


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=a-b",
        "lines=1-2",
        "bytes=0-99999999999999999999999",
        "bytes=--5",
        "bytes=1",
        "bytes=-",
    ],
)
def test_a_range_that_is_none_gets_all_or_is_refused(
    repo: Repository, blob: str, asked: str
) -> None:
    answer = repo.client.get(blob, range=asked).expect(200, 206, 416)
    assert answer.status == 416 or answer.body == DATA


@pytest.mark.parametrize("asked", ["bytes=0-9,20-29", "bytes=0-0, -1", "bytes=5-6,50-60,900-1000"])
def test_several_ranges_get_all_of_them_or_the_whole_blob(
    repo: Repository, blob: str, asked: str
) -> None:
    answer = repo.client.get(blob, range=asked).expect(200, 206)
    if answer.status == 200:
        assert answer.body == DATA
        return
    assert answer.headers["Content-Type"].startswith("multipart/byteranges; boundary=")
    assert answer.body.lower().count(b"content-range: bytes ") == asked.count("-")
    assert answer.headers["Content-Length"] == str(len(answer.body))


def test_two_thousand_ranges_do_no_harm(repo: Repository, blob: str) -> None:
    asked = "bytes=" + ",".join(f"{start}-{start}" for start in range(2000))
    answer = repo.client.get(blob, range=asked)
    answer.expect(200, 206, 400, 416, 431)
    assert len(answer.body) < 1_000_000


def test_a_head_with_a_range_has_no_body(repo: Repository, blob: str) -> None:
    answer = repo.client.head_of(blob, range="bytes=1-2").expect(200, 206)
    assert answer.body == b""
    assert answer.headers["Content-Length"] == ("2" if answer.status == 206 else "2048")


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=0-0", "bytes=-1"])
def test_no_range_of_the_empty_blob_can_be_satisfied(repo: Repository, asked: str) -> None:
    empty = repo.blob(repo.push(b""))
    answer = repo.client.get(empty, range=asked).expect(416)
    assert answer.headers["Content-Range"] == "bytes */0"


def test_if_range_with_this_digest_gets_the_part(repo: Repository, blob: str) -> None:
    etag = repo.client.head_of(blob).headers["ETag"]
    answer = repo.client.get(blob, range="bytes=1-2", if_range=etag).expect(206)
    assert answer.body == DATA[1:3]


def test_if_range_with_another_etag_gets_everything(repo: Repository, blob: str) -> None:
    answer = repo.client.get(blob, range="bytes=1-2", if_range='"another"').expect(200)
    assert answer.body == DATA


def test_a_blob_that_the_client_has_is_not_sent_in_parts_either(
    repo: Repository, blob: str
) -> None:
    repo.client.get(blob, range="bytes=1-2", if_none_match=f'"{DIGEST}"').expect(304)
