"""Archives, read as they come: nothing is written, no link followed, no promise believed.

Python's `tarfile` and `zipfile` trust what archives say of themselves; these readers bound what
comes out, member by member, and stop.
"""

import bz2
import io
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Final

import zstandard

from entrepot.extract import limits
from entrepot.extract.limits import InputTooLarge, Unreadable

_BLOCK: Final = 512
_RUN: Final = 64 * 1024
_FREE: Final = 1024 * 1024
_TYPES: Final = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "device",
    b"4": "device",
    b"5": "directory",
    b"6": "pipe",
    b"S": "file",
}


@dataclass(slots=True)
class ArchiveMember:
    """One entry; `read` gives at most that many bytes, once, before the next is asked for."""

    path: str
    size: int
    type: str
    target: str
    mode: int
    read: Callable[[int], bytes]
    modified: int = 0
    """Seconds since 1970."""


class Bounded:
    """A stream of what comes out of a compressed one, cut off where it grows beyond reason."""

    def __init__(self, source: IO[bytes], chunks: Iterator[bytes], compressed: int) -> None:
        self._chunks = chunks
        self._held = b""
        self._out = 0
        self._most = min(limits.DECOMPRESSED, max(_FREE, compressed * limits.RATIO))
        self._source = source

    def read(self, count: int) -> bytes:
        """Up to `count` bytes; fewer only at the end."""
        parts, missing = [], count
        while missing > 0:
            if not self._held:
                self._held = next(self._chunks, b"")
                self._out += len(self._held)
                if self._out > self._most:
                    raise InputTooLarge("it grows far beyond its size when it is unpacked")
                if not self._held:
                    break
            part, self._held = self._held[:missing], self._held[missing:]
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def skip(self, count: int) -> None:
        """Pass over bytes."""
        while count > 0:
            got = len(self.read(min(count, _RUN)))
            if not got:
                raise Unreadable("the archive ends early")
            count -= got


def open_stream(file: IO[bytes], size: int) -> Bounded:
    """Open a blob's content, decompressed by its first bytes, not by its media type."""
    if size > limits.COMPRESSED:
        raise InputTooLarge("the blob is larger than what is looked into")
    first = file.read(6)
    file.seek(0)
    runs = iter(lambda: file.read(_RUN), b"")
    if first.startswith(b"\x1f\x8b"):
        return Bounded(file, _inflated(runs), size)
    if first.startswith(b"\x28\xb5\x2f\xfd"):
        reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(
            file, read_size=_RUN, read_across_frames=True
        )
        return Bounded(file, _guarded(iter(lambda: reader.read(_RUN), b"")), size)
    if first.startswith(b"BZh"):
        return Bounded(file, _fed(bz2.BZ2Decompressor(), runs), size)
    if first.startswith(b"\xfd7zXZ"):
        decompressor = lzma.LZMADecompressor(memlimit=128 * 1024 * 1024)
        return Bounded(file, _fed(decompressor, runs), size)
    return Bounded(file, runs, size)


def _inflated(runs: Iterator[bytes]) -> Iterator[bytes]:
    """gzip, several members in a row as Docker writes them."""
    inflater = zlib.decompressobj(31)
    try:
        for run in runs:
            rest = run
            while rest:
                yield inflater.decompress(rest, _RUN)
                rest = inflater.unconsumed_tail
                if inflater.eof:
                    rest = inflater.unused_data.lstrip(b"\0")
                    inflater = zlib.decompressobj(31)
    except zlib.error as error:
        raise Unreadable("the compressed data is damaged") from error


def _fed(
    decompressor: "bz2.BZ2Decompressor | lzma.LZMADecompressor", runs: Iterator[bytes]
) -> Iterator[bytes]:
    try:
        for run in runs:
            yield decompressor.decompress(run, _RUN)
            while not decompressor.eof and not decompressor.needs_input:
                yield decompressor.decompress(b"", _RUN)
            if decompressor.eof:
                return
    except (OSError, lzma.LZMAError, EOFError, ValueError) as error:
        raise Unreadable("the compressed data is damaged") from error


def _guarded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except zstandard.ZstdError as error:
        raise Unreadable("the compressed data is damaged") from error


def is_tar(start: bytes) -> bool:
    """Say whether bytes begin as a tar does: by the magic, or by a header whose checksum fits."""
    if len(start) < _BLOCK:
        return False
    return start[257:262] == b"ustar" or (start[0] != 0 and _checksum_fits(start[:_BLOCK]))


def read_tar(stream: Bounded, first: bytes = b"") -> Iterator[ArchiveMember]:
    """The members of a tar in order, at most `limits.ENTRIES`; more raise `TooLarge`."""
    source = _Rewound(stream, first)
    longer: dict[str, str] = {}
    for count in range(limits.ENTRIES * 3):
        block = source.read(_BLOCK)
        if len(block) < _BLOCK or not block.strip(b"\0"):
            return
        if not _checksum_fits(block):
            raise Unreadable("the archive is damaged: a header's checksum is wrong")
        size, kind = _number(block[124:136]), block[156:157]
        if kind in (b"L", b"K", b"x", b"g"):
            longer |= _longer(kind, _text_of(source, size))
            continue
        member = _member(block, size, kind, longer)
        longer = {}
        left = _Left(source, member.size if member.type == "file" else 0)
        member.read = left.read
        yield member
        left.finish()
        if count > limits.ENTRIES * 2:
            break
    raise InputTooLarge("it has more files than are listed")


class _Rewound:
    """A stream with some bytes that were read from it put back."""

    def __init__(self, stream: Bounded, first: bytes) -> None:
        self._stream = stream
        self._first = first

    def read(self, count: int) -> bytes:
        part, self._first = self._first[:count], self._first[count:]
        return part + self._stream.read(count - len(part)) if len(part) < count else part

    def skip(self, count: int) -> None:
        """Pass over bytes."""
        part = min(count, len(self._first))
        self._first = self._first[part:]
        self._stream.skip(count - part)


class _Left:
    """A member's bytes and the padding behind them."""

    def __init__(self, source: _Rewound, size: int) -> None:
        self._source = source
        self._left = size
        self._padding = -size % _BLOCK

    def read(self, most: int) -> bytes:
        content = self._source.read(min(self._left, most))
        self._left -= len(content)
        return content

    def finish(self) -> None:
        """Pass over what was not read."""
        self._source.skip(self._left + self._padding)


def _member(block: bytes, size: int, kind: bytes, longer: dict[str, str]) -> ArchiveMember:
    name = _c_text(block[0:100])
    if block[257:263] == b"ustar\0" and block[345] != 0:
        name = f"{_c_text(block[345:500])}/{name}"
    path = longer.get("path", name)
    type_ = _TYPES.get(kind, "other")
    if type_ == "file" and path.endswith("/"):
        type_ = "directory"
    stored = longer.get("size", "")
    size = int(stored) if stored.isascii() and stored.isdigit() and len(stored) < 16 else size
    target = longer.get("linkpath", _c_text(block[157:257]))
    return ArchiveMember(
        limits.cut(path, limits.PATH),
        size,
        type_,
        limits.cut(target, limits.PATH) if "link" in type_ else "",
        _number(block[100:108]) & 0o7777,
        lambda most: b"",
        _number(block[136:148]),
    )


def _longer(kind: bytes, content: bytes) -> dict[str, str]:
    """The name and size that GNU and pax headers give the next member."""
    if kind == b"L":
        return {"path": _c_text(content)}
    if kind == b"K":
        return {"linkpath": _c_text(content)}
    if kind == b"g":
        return {}
    found: dict[str, str] = {}
    while content:
        length, space, _ = content.partition(b" ")
        if not space or not length.isdigit() or not 0 < int(length[:9]) <= len(content):
            break
        record, content = content[: int(length)], content[int(length) :]
        key, equals, value = record[len(length) + 1 :].rstrip(b"\n").partition(b"=")
        if equals and key in (b"path", b"linkpath", b"size"):
            found[key.decode()] = value.decode(errors="replace")
    return found


def _text_of(source: _Rewound, size: int) -> bytes:
    if size > 64 * limits.PATH:
        raise InputTooLarge("a name in the archive is too long")
    content = source.read(size)
    source.skip(-size % _BLOCK)
    return content


def _checksum_fits(block: bytes) -> bool:
    try:
        said = _number(block[148:156])
    except Unreadable:
        return False
    return said == sum(block[:148]) + 8 * 32 + sum(block[156:])


def _number(field: bytes) -> int:
    """An octal number, or GNU's binary one; never negative."""
    if field[0] & 0x80:
        value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        if field[0] & 0x40 or value > 2**50:
            raise Unreadable("the archive is damaged: a size is impossible")
        return value
    text = field.strip(b"\0 ")
    if not text:
        return 0
    if not all(48 <= each <= 55 for each in text):
        raise Unreadable("the archive is damaged: a number is none")
    return int(text, 8)


def _c_text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")


def is_zip(start: bytes) -> bool:
    """Say whether bytes begin as a zip does."""
    return start.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def read_zip(file: IO[bytes], size: int) -> Iterator[ArchiveMember]:
    """The members of a zip by its directory; entries that overlap raise `Unreadable`."""
    if size > limits.COMPRESSED:
        raise InputTooLarge("the blob is larger than what is looked into")
    count, start, length = _directory(file, size)
    if count > limits.ENTRIES:
        raise InputTooLarge("it has more files than are listed")
    file.seek(start)
    directory = io.BytesIO(file.read(min(length, 16 * 1024 * 1024)))
    taken = 0
    for _ in range(count):
        header = directory.read(46)
        if len(header) < 46 or header[:4] != b"PK\x01\x02":
            raise Unreadable("the zip's directory is damaged")
        (method,) = struct.unpack("<H", header[10:12])
        packed, unpacked = struct.unpack("<II", header[20:28])
        name, extra, comment = struct.unpack("<HHH", header[28:34])
        attributes, offset = struct.unpack("<II", header[38:46])
        path = directory.read(name).decode(errors="replace")
        directory.read(extra + comment)
        taken += packed + 30 + name
        if taken > size or offset > size:
            raise Unreadable("entries of the zip overlap")
        mode = attributes >> 16
        kind = (
            "directory"
            if path.endswith("/")
            else "symlink"
            if mode & 0o170000 == 0o120000
            else "file"
        )
        yield ArchiveMember(
            limits.cut(path, limits.PATH),
            unpacked,
            kind,
            "",
            mode & 0o7777,
            lambda most, o=offset, p=packed, m=method: _unzip(file, o, p, m, most),  # type: ignore[misc]
        )


def _directory(file: IO[bytes], size: int) -> tuple[int, int, int]:
    file.seek(max(0, size - 65_557))
    tail = file.read(65_557)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise Unreadable("the zip has no directory")
    count, length, start = struct.unpack("<HII", tail[at + 10 : at + 20])
    if count == 0xFFFF or start == 0xFFFFFFFF:
        raise InputTooLarge("it is a zip64, larger than what is looked into")
    if start + length > size:
        raise Unreadable("the zip's directory is not where it says")
    return count, start, length


def _unzip(file: IO[bytes], offset: int, packed: int, method: int, most: int) -> bytes:
    file.seek(offset)
    header = file.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise Unreadable("an entry of the zip is not where it says")
    name, extra = struct.unpack("<HH", header[26:30])
    file.seek(name + extra, io.SEEK_CUR)
    content = file.read(min(packed, most if method == 0 else packed, limits.TEXT * 4))
    if method == 0:
        return content[:most]
    if method != 8:
        raise Unreadable("an entry of the zip is packed in a way that is not read")
    try:
        return zlib.decompressobj(-15).decompress(content, most)
    except zlib.error as error:
        raise Unreadable("an entry of the zip is damaged") from error
