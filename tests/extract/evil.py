"""Archives that mean harm, each made in memory."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import Final

import zstandard

MIB: Final = 1024 * 1024


def tar(*members: tuple[str, bytes, dict[str, object]]) -> bytes:
    """A tar of members as they are said to be."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content, changes in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in changes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content) if content else None)
    return buffer.getvalue()


def one(name: str, content: bytes = b"x", **changes: object) -> bytes:
    """A tar of one member."""
    return tar((name, content, changes))


def header(field: slice, value: bytes) -> bytes:
    """A tar whose first header has a field overwritten and a checksum that fits."""
    raw = bytearray(one("file.txt", b"hello"))
    raw[field] = value
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    return bytes(raw)


def pax(records: bytes, content: bytes = b"hello") -> bytes:
    """A tar with a pax header of these bytes before its only member."""
    extended = tarfile.TarInfo("pax")
    extended.type, extended.size = tarfile.XHDTYPE, len(records)
    padded = records + bytes(-len(records) % 512)
    return extended.tobuf() + padded + one("file.txt", content)


def zipped(*members: tuple[str, bytes]) -> bytes:
    """A zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def overlapping_zip() -> bytes:
    """A directory that lists one packed member again and again (CVE-2024-0450)."""
    raw = zipped(("a", bytes(MIB)))
    at = raw.rindex(b"PK\x05\x06")
    start = struct.unpack("<I", raw[at + 16 : at + 20])[0]
    entry, count = raw[start:at], 2000
    end = bytearray(raw[at:])
    end[8:12] = struct.pack("<HH", count, count)
    end[12:16] = struct.pack("<I", len(entry) * count)
    return raw[:start] + entry * count + bytes(end)


def quine() -> bytes:
    """gzip in gzip in gzip."""
    content = one("inner.tar", bytes(MIB))
    for _ in range(10):
        content = gzip.compress(content)
    return content


ZEROS: Final = bytes(8 * MIB)
LONG: Final = "d/" * 20_000 + "x"


def _many(count: int) -> bytes:
    member = one("file", b"")[:512]
    return member * count + bytes(1024)


EVIL: Final[dict[str, Callable[[], bytes]]] = {
    "slip": lambda: one("../../../../tmp/evil"),
    "slip in the middle": lambda: one("a/../../../evil"),
    "absolute": lambda: one("/etc/passwd"),
    "backslashes": lambda: one("..\\..\\evil"),
    "drive": lambda: one("C:\\evil"),
    "symlink out": lambda: one("link", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "symlink then file": lambda: tar(
        ("dir", b"", {"type": tarfile.SYMTYPE, "linkname": "/tmp"}), ("dir/evil", b"x", {})
    ),
    "hardlink out": lambda: one("link", b"", type=tarfile.LNKTYPE, linkname="/etc/shadow"),
    "link to itself": lambda: one("link", b"", type=tarfile.SYMTYPE, linkname="link"),
    "character device": lambda: one("null", b"", type=tarfile.CHRTYPE),
    "block device": lambda: one("sda", b"", type=tarfile.BLKTYPE),
    "pipe": lambda: one("pipe", b"", type=tarfile.FIFOTYPE),
    "unknown type": lambda: one("what", b"", type=b"Z"),
    "sparse": lambda: one("sparse", b"", type=tarfile.GNUTYPE_SPARSE),
    "gzip bomb": lambda: gzip.compress(one("zeros", bytes(64 * MIB))),
    "gzip bomb in members": lambda: gzip.compress(ZEROS) * 64,
    "zstd bomb": lambda: zstandard.compress(one("zeros", bytes(300 * MIB)), 3),
    "zstd bomb in frames": lambda: zstandard.compress(ZEROS) * 64,
    "bzip2 bomb": lambda: bz2.compress(one("zeros", ZEROS)) * 40,
    "xz bomb": lambda: lzma.compress(one("zeros", bytes(64 * MIB))),
    "gzip in gzip": quine,
    "deflate of nothing": lambda: b"\x1f\x8b\x08\0\0\0\0\0\0\3" + zlib.compress(b"")[2:-4],
    "cut tar": lambda: one("file", b"x" * 5000)[:2000],
    "cut gzip": lambda: gzip.compress(one("file", b"x" * 5000))[:40],
    "damaged gzip": lambda: gzip.compress(one("file"))[:20] + b"\xff" * 200,
    "damaged zstd": lambda: zstandard.compress(one("file"))[:20] + b"\xff" * 200,
    "damaged xz": lambda: lzma.compress(one("file"))[:20] + b"\xff" * 200,
    "wrong checksum": lambda: one("file").replace(b"file", b"evil", 1),
    "size of minus one": lambda: header(slice(124, 136), b"\xff" * 12),
    "size of exabytes": lambda: header(slice(124, 136), b"\x80" + b"\xff" * 11),
    "size that is no number": lambda: header(slice(124, 136), b"99999999999\0"),
    "size beyond the end": lambda: header(slice(124, 136), b"77777777777\0"),
    "empty name": lambda: one(""),
    "only dots": lambda: tar((".", b"", {}), ("..", b"x", {}), ("./", b"", {})),
    "NUL in a name": lambda: header(slice(0, 10), b"a\0b.txt\0\0\0"),
    "newline in a name": lambda: one("a\nb"),
    "escape codes in a name": lambda: one("\x1b[2Jevil\x07"),
    "right to left name": lambda: one("evil\u202egpj.exe"),
    "not UTF-8": lambda: header(slice(0, 4), b"\xff\xfe\xfd\xfc"),
    "long GNU name": lambda: one(LONG),
    "pax name of a megabyte": lambda: pax(b"1048590 path=" + b"a" * MIB + b"\n"),
    "pax length that lies": lambda: pax(b"99999999 path=evil\n"),
    "pax length of zero": lambda: pax(b"0 path=evil\n"),
    "pax size that lies": lambda: pax(b"28 size=99999999999999999\n"),
    "pax size below zero": lambda: pax(b"11 size=-1\n"),
    "pax that is no record": lambda: pax(b"\xff" * 600),
    "same name again": lambda: tar(*[("file", b"x", {}) for _ in range(500)]),
    "a hundred thousand members": lambda: gzip.compress(_many(100_000)),
    "nothing": lambda: b"",
    "only zeros": lambda: bytes(10_240),
    "trailing rubbish": lambda: one("file") + b"rubbish" * 1000,
    "zip slip": lambda: zipped(("../../evil", b"x")),
    "zip bomb": lambda: zipped(*[(f"zeros{number}", ZEROS) for number in range(8)]),
    "zip that overlaps": overlapping_zip,
    "zip without a directory": lambda: zipped(("a", b"x"))[:30],
    "zip directory elsewhere": lambda: zipped(("a", b"x")).replace(b"PK\1\2", b"PK\7\7"),
    "zip64": lambda: b"PK\3\4" + b"PK\5\6" + bytes(4) + b"\xff" * 12 + bytes(2),
    "zip of many": lambda: zipped(*[(f"f{number}", b"") for number in range(25_000)]),
}
