"""Byte ranges: of a blob that is read (RFC 9110 section 14), of a chunk that is written (OCI)."""

import re
from dataclasses import dataclass
from typing import Final

from entrepot.errors import InvalidUpload, RangeUnsatisfiable

MAX_RANGES: Final = 64

_ONE: Final = re.compile(r"([0-9]{0,18})-([0-9]{0,18})")
_CHUNK: Final = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/(?:[0-9]+|\*))?")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `first` to `last`, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.last - self.first + 1


def parse_ranges(header: str | None, size: int) -> list[ByteRange] | None:
    """The ranges that a `Range` header asks of `size` bytes; `None` to answer with everything.

    What is not a byte range is ignored, as RFC 9110 allows, and so are more ranges than we send:
    podman takes the whole blob then, and gives up a pull at 416. Raises `RangeUnsatisfiable` where
    no range lies inside, and where a range runs backwards.
    """
    if header is None or not header.lower().startswith("bytes="):
        return None
    specs = [spec.strip() for spec in header[6:].split(",", MAX_RANGES)]
    if len(specs) > MAX_RANGES:
        return None
    matches = [_ONE.fullmatch(spec) for spec in specs if spec]
    if not matches or not all(match and match[0] != "-" for match in matches):
        return None
    found = [_resolve(match[1], match[2], size) for match in matches if match]
    ranges = [each for each in found if each is not None]
    if not ranges:
        raise RangeUnsatisfiable(size)
    # Ranges that overlap could make an answer many times the blob's size.
    if sum(each.length for each in ranges) > size:
        return None
    return ranges


def _resolve(first: str, last: str, size: int) -> ByteRange | None:
    if not first:
        length = min(int(last), size)
        return ByteRange(size - length, size - 1) if length else None
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    return ByteRange(start, end) if start <= end else None


def parse_chunk_range(header: str | None) -> ByteRange | None:
    """A chunk's `Content-Range` (distribution-spec 1.1: `first-last`, no unit); `None` for none."""
    if header is None:
        return None
    match = _CHUNK.fullmatch(header.strip())
    if match is None or int(match[2]) < int(match[1]):
        raise InvalidUpload("invalid Content-Range")
    return ByteRange(int(match[1]), int(match[2]))
