"""Archives that mean harm: nothing is written, nothing raised, and what comes out is bounded."""

import gzip
import io
from pathlib import Path

import pytest
import zstandard
from msgspec import json

from entrepot.extract import limits
from entrepot.extract.archives import Bounded, is_tar, open_stream, read_tar, read_zip
from entrepot.extract.findings import ExtractionState
from entrepot.extract.limits import InputTooLarge
from tests.extract.evil import EVIL, MIB, one, tar, zipped
from tests.extract.tasks import blob, read

EXTRACTORS = ("files", "image", "chart", "model", "documents")
BOMBS = [name for name in EVIL if "bomb" in name and name != "zip bomb"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where blobs are; the working directory is another, and empty."""
    work, blobs = tmp_path / "work", tmp_path / "blobs"
    work.mkdir()
    blobs.mkdir()
    monkeypatch.chdir(work)
    return blobs


@pytest.mark.parametrize("name", EVIL)
def test_an_evil_archive_does_nothing_and_is_told_of(place: Path, name: str) -> None:
    content = EVIL[name]()
    for extractor in EXTRACTORS:
        kind = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
        found = read(extractor, blob(place, content, kind))
        assert found.state in ExtractionState
        assert len(found.files) <= limits.ENTRIES
        assert all(len(each.path) <= limits.PATH for each in found.files)
        assert all("\0" not in each.path and "\x1b" not in each.path for each in found.files)
        assert len(json.encode(found)) < 16 * MIB
        if found.state is not ExtractionState.DONE:
            assert found.reason
    assert list((place.parent / "work").iterdir()) == []


@pytest.mark.parametrize("name", BOMBS)
def test_what_a_bomb_lets_out_is_bounded(name: str) -> None:
    content = EVIL[name]()
    stream = open_stream(io.BytesIO(content), len(content))
    taken: list[int] = []
    with pytest.raises(InputTooLarge):
        _drain(stream, taken)
    assert sum(taken) <= limits.DECOMPRESSED


def _drain(stream: Bounded, taken: list[int]) -> None:
    while run := stream.read(MIB):
        taken.append(len(run))


def test_members_are_listed_with_what_they_are(place: Path) -> None:
    content = tar(
        ("dir/", b"", {"type": b"5"}),
        ("dir/readme.md", b"# Hello\n", {}),
        ("dir/link", b"", {"type": b"2", "linkname": "/etc/passwd"}),
    )
    found = read("files", blob(place, gzip.compress(content)))
    assert [(each.path, each.type, each.target) for each in found.files] == [
        ("dir", "directory", ""),
        ("dir/readme.md", "file", ""),
        ("dir/link", "symlink", "/etc/passwd"),
    ]
    texts = {each.name: each.text for each in found.documents}
    assert texts["readme"] == "# Hello\n"


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress])
def test_what_bytes_begin_with_decides_not_what_they_are_called(
    place: Path, compress: type[bytes]
) -> None:
    layer = blob(place, compress(one("a.txt", b"hello")), "text/plain", "name.zip")
    assert [each.path for each in read("files", layer).files] == ["a.txt"]


def test_a_plain_file_called_a_tar_is_a_file(place: Path) -> None:
    found = read("files", blob(place, b"just text", title="notes.txt"))
    assert found.files == []
    assert found.documents[0].text == "just text"


def test_a_zip_is_listed_and_its_texts_are_kept(place: Path) -> None:
    found = read("files", blob(place, zipped(("main.tf", b"variable x {}"), ("d/", b""))))
    assert {(each.path, each.type) for each in found.files} == {
        ("main.tf", "file"),
        ("d", "directory"),
    }
    assert any(each.text == "variable x {}" for each in found.documents)


def test_an_image_shows_what_layers_delete_and_which_system_it_is(place: Path) -> None:
    first = tar(("etc/os-release", b'PRETTY_NAME="Debian 12"\n', {}), ("old", b"x", {}))
    second = tar((".wh.old", b"", {}), ("var/.wh..wh..opq", b"", {}))
    found = read("image", blob(place, first), blob(place, second))
    assert found.facts == {"System": "Debian 12"}
    types = {(each.path, each.type, each.layer) for each in found.files}
    assert {("old", "file", 0), ("old", "deleted", 1), ("var", "opaque", 1)} <= types


def test_a_small_archive_may_grow_a_lot_and_a_large_one_may_not() -> None:
    small = gzip.compress(bytes(MIB // 2))
    assert len(open_stream(io.BytesIO(small), len(small)).read(MIB)) == MIB // 2
    chunks = iter([bytes(MIB)] * 3)
    stream = Bounded(io.BytesIO(), chunks, 100)
    with pytest.raises(InputTooLarge):
        stream.read(4 * MIB)


def test_members_that_are_not_read_are_passed_over() -> None:
    content = tar(("a", b"x" * 5000, {}), ("b", b"y", {}))
    members = read_tar(open_stream(io.BytesIO(content), len(content)))
    assert [(each.path, each.size) for each in members] == [("a", 5000), ("b", 1)]


def header(name: bytes, magic: bytes = b"", prefix: bytes = b"") -> bytes:
    """A header of a tar; of an old one, without magic, only the checksum says that it is one."""
    block = bytearray(512)
    block[: len(name)] = name
    block[124:136] = b"%011o\0" % 0
    block[257 : 257 + len(magic)] = magic
    block[345 : 345 + len(prefix)] = prefix
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize("name", [b"a", b"name", b"\xff", b"a" * 100])
def test_a_tar_without_its_magic_is_known_by_the_checksum(name: bytes) -> None:
    whole = header(name)
    assert is_tar(whole)
    assert is_tar(whole + b"more")
    assert not is_tar(whole[:-1])
    assert not is_tar(bytes([whole[0] ^ 1]) + whole[1:])


@pytest.mark.parametrize("name", [b"", b"\0name"])
def test_a_header_that_names_nothing_begins_no_tar(name: bytes) -> None:
    assert not is_tar(header(name))
    assert is_tar(header(name, b"ustar"))


def test_a_zip_of_more_files_than_are_listed_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ENTRIES", 3)
    fits, more = (zipped(*((f"file-{each}", b"") for each in range(count))) for count in (3, 4))
    assert len(list(read_zip(io.BytesIO(fits), len(fits)))) == 3
    with pytest.raises(InputTooLarge):
        next(iter(read_zip(io.BytesIO(more), len(more))))


@pytest.mark.parametrize(
    ("magic", "prefix", "path"),
    [
        (b"ustar\x0000", b"some/place", "some/place/name"),
        (b"ustar\x0000", b"", "name"),
        # In GNU's own form the time of the last access is there.
        (b"ustar  \0", b"14000000000", "name"),
        (b"", b"whatever", "name"),
    ],
)
def test_only_in_one_form_of_tar_a_name_begins_elsewhere(
    magic: bytes, prefix: bytes, path: str
) -> None:
    content = header(b"name", magic, prefix) + bytes(1024)
    stream = open_stream(io.BytesIO(content), len(content))
    assert [each.path for each in read_tar(stream)] == [path]
