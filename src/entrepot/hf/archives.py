"""Members of an uncompressed tar archive in a blob: where each begins, without reading it whole."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

Read = Callable[[int, int], Awaitable[bytes]]
"""Returns bytes of the archive: from an offset on, as many as the second number says."""

MOST_HEADERS: Final = 40_000
"""Headers that are read of all archives of one artifact: of files, directories and links."""
_OFTEN: Final = 200
_BLOCK: Final = 512
_AT_ONCE: Final = 64 * 1024
_LONGEST: Final = 64 * 1024
"""Bytes of a header that extends another one."""
_FILES: Final = (b"0", b"\0", b"7")
_LONG_NAME, _EXTENDED = b"L", b"x"


@dataclass(slots=True)
class Budget:
    """How many headers may still be read."""

    left: int = MOST_HEADERS


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive; its bytes begin at `start`."""

    path: str
    start: int
    size: int


class _Window:
    """Reads ahead: headers of small files lie close together."""

    def __init__(self, read: Read, size: int) -> None:
        self._read = read
        self._size = size
        self._start = 0
        self._held = b""

    async def get(self, start: int, length: int) -> bytes:
        """Return the bytes; fewer at the end of the archive."""
        end = min(start + length, self._size)
        if not self._start <= start or end > self._start + len(self._held):
            wanted = min(max(length, _AT_ONCE), self._size - start)
            self._start, self._held = start, await self._read(start, wanted)
        return self._held[start - self._start : end - self._start]


async def list_members(read: Read, size: int, budget: Budget) -> list[Member]:
    """Return the regular files of the archive, as far as it and the budget reach."""
    window, offset = _Window(read, size), 0
    members: list[Member] = []
    extended: dict[str, str] = {}
    while offset + _BLOCK <= size and budget.left > 0:
        budget.left -= 1
        if budget.left % _OFTEN == 0:
            await asyncio.sleep(0)  # others come in between
        header = await window.get(offset, _BLOCK)
        kind, length = header[156:157], _number(header[124:136])
        if length is None or not _is_intact(header):
            break
        start = offset + _BLOCK
        if kind in (_LONG_NAME, _EXTENDED):
            text = await window.get(start, min(length, _LONGEST))
            extended |= _extension(kind, text)
        else:
            length = int(extended.get("size", length))
            if kind in _FILES and start + length <= size:
                members.append(Member(extended.get("path") or _name(header), start, length))
            extended = {}
        offset = start + -(-length // _BLOCK) * _BLOCK
    return members


def _extension(kind: bytes, text: bytes) -> dict[str, str]:
    """What a header says of the one after it: GNU's long name, or fields of POSIX.1-2001."""
    if kind == _LONG_NAME:
        return {"path": _text(text)}
    found: dict[str, str] = {}
    while text:
        length, space, _ = text.partition(b" ")
        if not space or not length.isdigit() or not len(length) < int(length) <= len(text):
            break
        name, _, value = text[len(length) + 1 : int(length)].rstrip(b"\n").partition(b"=")
        if name == b"path" or (name == b"size" and value.isdigit() and len(value) < 19):
            found[name.decode()] = _text(value)
        text = text[int(length) :]
    return found


def _name(header: bytes) -> str:
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")


def _number(field: bytes) -> int | None:
    """A number in octal, or in base 256 where it is large; `None` for anything else."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:])
    digits = field.strip(b" \0")
    return int(digits or b"0", 8) if digits.translate(None, b"01234567") == b"" else None


def _is_intact(header: bytes) -> bool:
    """Whether the checksum is right: blocks of zeros end an archive, and it may be no archive."""
    said = _number(header[148:156])
    return said == sum(header[:148]) + sum(header[156:]) + 8 * ord(" ")
