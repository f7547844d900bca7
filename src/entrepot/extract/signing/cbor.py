"""CBOR (RFC 8949), as much as COSE signatures need: values are read, within bounds."""

import struct
from dataclasses import dataclass
from typing import Any, Final

from entrepot.extract.limits import Unreadable

_DEPTH: Final = 16
_ITEMS: Final = 10_000
_FLOATS: Final = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}
_SIMPLE: Final = {20: False, 21: True, 22: None, 23: None}
_INDEFINITE: Final = 31
_BREAK: Final = 0xFF


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value with a tag, such as 18 for COSE_Sign1 and 1 for seconds since 1970."""

    tag: int
    value: Any


def parse_cbor(content: bytes) -> Any:
    """The one value that the bytes are; `Unreadable` where they are none, or more than one."""
    reader = _Reader(content)
    value = reader.value()
    if reader.rest():
        raise Unreadable("there are bytes behind the CBOR value")
    return value


def encode_head(major: int, number: int) -> bytes:
    """A head: the kind of value (2 is bytes, 3 text, 4 an array), and its length."""
    if number < 24:
        return bytes([major << 5 | number])
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([major << 5 | extra]) + number.to_bytes(size, "big")
    raise Unreadable("a CBOR length is too large")


class _Reader:
    """Goes through the bytes once; never allocates more than they hold."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self._items = 0

    def rest(self) -> int:
        return len(self._content) - self._at

    def value(self, depth: int = 0) -> Any:
        self._items += 1
        if depth > _DEPTH or self._items > _ITEMS:
            raise Unreadable("the CBOR is nested too deep, or holds too many values")
        head = self._take(1)[0]
        major, extra = head >> 5, head & 31
        if major == 7:
            return self._simple(extra)
        if extra == _INDEFINITE and major in (2, 3, 4, 5):
            return self._indefinite(major, depth)
        number = self._number(extra)
        if major == 0:
            return number
        if major == 1:
            return -1 - number
        if major == 6:
            return Tagged(number, self.value(depth + 1))
        return self._sized(major, number, depth)

    def _sized(self, major: int, length: int, depth: int) -> Any:
        if major == 2:
            return self._take(length)
        if major == 3:
            return _text(self._take(length))
        if length > self.rest():
            raise Unreadable("the CBOR ends too early")
        if major == 4:
            return [self.value(depth + 1) for _ in range(length)]
        return dict(self._pair(depth) for _ in range(length))

    def _indefinite(self, major: int, depth: int) -> Any:
        if major == 5:
            pairs = {}
            while not self._ends():
                key, value = self._pair(depth)
                pairs[key] = value
            return pairs
        values = []
        while not self._ends():
            values.append(self.value(depth + 1))
        if major == 4:
            return values
        kind = bytes if major == 2 else str
        if not all(isinstance(value, kind) for value in values):
            raise Unreadable("a CBOR text or byte string is made of other things")
        return kind().join(values)

    def _pair(self, depth: int) -> tuple[int | str, Any]:
        key = self.value(depth + 1)
        if not isinstance(key, int | str):
            raise Unreadable("a CBOR map has a key that is no number and no text")
        return key, self.value(depth + 1)

    def _ends(self) -> bool:
        if self.rest() and self._content[self._at] == _BREAK:
            self._at += 1
            return True
        return False

    def _simple(self, extra: int) -> Any:
        if extra in _SIMPLE:
            return _SIMPLE[extra]
        if extra in _FLOATS:
            form, size = _FLOATS[extra]
            return struct.unpack(form, self._take(size))[0]
        raise Unreadable("the CBOR holds a value of an unknown kind")

    def _number(self, extra: int) -> int:
        if extra < 24:
            return extra
        if extra > 27:
            raise Unreadable("the CBOR is damaged")
        return int.from_bytes(self._take(1 << (extra - 24)), "big")

    def _take(self, length: int) -> bytes:
        if length > self.rest():
            raise Unreadable("the CBOR ends too early")
        self._at += length
        return self._content[self._at - length : self._at]


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("a CBOR text is not UTF-8") from error
