"""Parts of blobs, and blobs in parts."""

import re

import pytest

from entrepot.oci.digests import Digest
from tests.doors.conftest import Open
from tests.doors.doors import Doors, basic

BLOB = b"0123456789"
BLOB_DIGEST = Digest.of(BLOB)
LARGE = bytes(range(256)) * 400
LARGE_DIGEST = Digest.of(LARGE)


@pytest.fixture
async def blobs(open_doors: Open) -> Doors:
    """An open hub with a small and a large blob in `a/b`, and an empty one."""
    doors = open_doors(open=True)
    for content in (BLOB, LARGE, b""):
        await doors.push("a/b", content, str(Digest.of(content)), basic("", ""))
    return doors


def blob(digest: Digest = BLOB_DIGEST) -> str:
    """Where a blob is."""
    return f"/v2/a/b/blobs/{digest}"


@pytest.mark.parametrize(
    ("asked", "content_range", "body"),
    [
        ("bytes=0-0", "bytes 0-0/10", b"0"),
        ("bytes=0-9", "bytes 0-9/10", BLOB),
        ("bytes=3-5", "bytes 3-5/10", b"345"),
        ("bytes=7-", "bytes 7-9/10", b"789"),
        ("bytes=-3", "bytes 7-9/10", b"789"),
        ("bytes=-100", "bytes 0-9/10", BLOB),
        ("bytes=5-100", "bytes 5-9/10", b"56789"),
        ("Bytes=1-2", "bytes 1-2/10", b"12"),
        ("bytes= 1-2 ", "bytes 1-2/10", b"12"),
        ("bytes=1-2,", "bytes 1-2/10", b"12"),
        ("bytes=1-2,50-60", "bytes 1-2/10", b"12"),
    ],
)
async def test_part_of_a_blob_is_answered(
    blobs: Doors, asked: str, content_range: str, body: bytes
) -> None:
    answer = await blobs.ask("GET", blob(), range=asked)
    assert (answer.status, answer.body) == (206, body)
    assert answer.header("content-range") == content_range
    assert answer.header("docker-content-digest") == str(BLOB_DIGEST)
    head = await blobs.ask("HEAD", blob(), range=asked)
    assert (head.status, sorted(head.pairs)) == (answer.status, sorted(answer.pairs))


@pytest.mark.parametrize(
    "asked", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=5-3", "bytes=99-"]
)
async def test_a_range_outside_is_refused_with_the_size(blobs: Doors, asked: str) -> None:
    answer = await blobs.ask("GET", blob(), range=asked)
    assert answer.status == 416
    assert answer.header("content-range") == "bytes */10"


@pytest.mark.parametrize(
    "asked",
    [
        *("", "bytes", "bytes=", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=0-1-2", "0-1"),
        *("bytes=1", "bytes=٣-٤", "bytes=+1-2", "bytes=0-9,0-9", "bytes=0-,0-,0-"),
    ],
)
async def test_what_is_no_range_is_answered_with_everything(blobs: Doors, asked: str) -> None:
    answer = await blobs.ask("GET", blob(), range=asked)
    assert (answer.status, answer.body) == (200, BLOB)


async def test_more_ranges_than_are_sent_are_answered_with_everything(blobs: Doors) -> None:
    asked = "bytes=" + ",".join(f"{n}-{n}" for n in range(65))
    answer = await blobs.ask("GET", blob(LARGE_DIGEST), range=asked)
    assert (answer.status, answer.body) == (200, LARGE)


async def test_several_ranges_come_in_parts(blobs: Doors) -> None:
    answer = await blobs.ask("GET", blob(LARGE_DIGEST), range="bytes=0-1,1000-1002,-1")
    assert answer.status == 206
    kind = answer.header("content-type") or ""
    boundary = re.fullmatch(r"multipart/byteranges; boundary=(\w+)", kind)
    assert boundary is not None
    head, *parts, tail = answer.body.split(b"--" + boundary[1].encode())
    assert (head, tail) == (b"", b"--\r\n")
    size = len(LARGE)
    expected = [(0, LARGE[:2]), (1000, LARGE[1000:1003]), (size - 1, LARGE[-1:])]
    for part, (start, content) in zip(parts, expected, strict=True):
        heading, _, body = part.strip(b"\r\n").partition(b"\r\n\r\n")
        assert f"bytes {start}-{start + len(content) - 1}/{size}".encode() in heading
        assert body == content


@pytest.mark.parametrize(
    ("condition", "status"),
    [(f'"{BLOB_DIGEST}"', 206), ('"other"', 200), (f'W/"{BLOB_DIGEST}"', 200), ("", 200)],
)
async def test_a_range_is_answered_while_the_blob_is_the_one_meant(
    blobs: Doors, condition: str, status: int
) -> None:
    answer = await blobs.ask("GET", blob(), range="bytes=0-1", if_range=condition)
    assert answer.status == status


async def test_a_large_blob_is_answered_whole_and_in_parts(blobs: Doors) -> None:
    assert (await blobs.ask("GET", blob(LARGE_DIGEST))).body == LARGE
    answer = await blobs.ask("GET", blob(LARGE_DIGEST), range="bytes=70000-")
    assert answer.body == LARGE[70000:]


async def test_an_empty_blob_has_no_ranges(blobs: Doors) -> None:
    empty = blob(Digest.of(b""))
    assert (await blobs.ask("GET", empty)).status == 200
    assert (await blobs.ask("GET", empty, range="bytes=0-")).status == 416
    assert (await blobs.ask("GET", empty, range="bytes=-5")).status == 416


async def test_several_ranges_come_in_parts_however_large_they_are(open_doors: Open) -> None:
    doors, content = open_doors(open=True), bytes(range(256)) * 8192
    digest = Digest.of(content)
    await doors.push("a/b", content, str(digest), basic("", ""))
    step = 100_001
    asked = "bytes=" + ",".join(f"{n * step}-{n * step + 50_000}" for n in range(20))
    answer = await doors.ask("GET", blob(digest), range=asked)
    assert answer.status == 206
    assert int(answer.header("content-length") or 0) == len(answer.body)
    for n in range(20):
        assert content[n * step : n * step + 50_001] in answer.body


async def test_several_ranges_of_most_of_a_blob_are_answered_with_all_of_it(
    open_doors: Open,
) -> None:
    doors, content = open_doors(open=True), bytes(1_000_000)
    digest = Digest.of(content)
    await doors.push("a/b", content, str(digest), basic("", ""))
    for asked, status in (("bytes=0-299999,400000-699999", 200), ("bytes=0-9,400000-699999", 206)):
        assert (await doors.ask("GET", blob(digest), range=asked)).status == status
