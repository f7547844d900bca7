"""DER (X.690), as much as certificates' extensions and time stamps need."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from entrepot.extract.limits import Unreadable

SEQUENCE: Final = 0x30
OCTETS: Final = 0x04
OBJECT_ID: Final = 0x06
GENERALIZED_TIME: Final = 0x18
EXPLICIT_0: Final = 0xA0
_CONSTRUCTED_OCTETS: Final = 0x24
_TEXTS: Final = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii", 0x1E: "utf-16-be"}


@dataclass(frozen=True, slots=True)
class Value:
    """A tag with the bytes that it is put before."""

    tag: int
    content: bytes

    def children(self) -> list["Value"]:
        """The values that a constructed one holds."""
        return list(_values(self.content))

    def octets(self) -> bytes:
        """The bytes of an octet string, also where it came in pieces, as BER allows."""
        if self.tag == _CONSTRUCTED_OCTETS:
            return b"".join(each.octets() for each in self.children())
        return self.content


def parse_der(content: bytes) -> Value:
    """The one value that the bytes are; `Unreadable` where they are none, or more than one."""
    values = list(_values(content))
    if len(values) != 1:
        raise Unreadable("it is not one DER value")
    return values[0]


def text_of(content: bytes) -> str:
    """The text of a DER string, else the bytes as UTF-8: older writers left the header out."""
    try:
        value = parse_der(content)
        if value.tag in _TEXTS:
            return value.content.decode(_TEXTS[value.tag])
    except (Unreadable, UnicodeDecodeError):
        pass
    return content.decode(errors="replace")


def object_id(content: bytes) -> str:
    """An object identifier in dotted form."""
    numbers, number = [], 0
    for byte in content:
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2) if numbers else 0
    head = [first, numbers[0] - 40 * first] if numbers else []
    return ".".join(str(each) for each in [*head, *numbers[1:]])


def _values(content: bytes) -> Iterator[Value]:
    at = 0
    while at < len(content):
        tag = content[at]
        length, start = _length(content, at + 1)
        if start + length > len(content):
            raise Unreadable("the DER ends too early")
        yield Value(tag, content[start : start + length])
        at = start + length


def _length(content: bytes, at: int) -> tuple[int, int]:
    """A length, and where what it is of begins: one byte, or as many as the first one says."""
    if at >= len(content):
        raise Unreadable("the DER ends too early")
    first = content[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7F
    if not 1 <= count <= 4 or at + 1 + count > len(content):
        raise Unreadable("the DER has a length that cannot be read")
    return int.from_bytes(content[at + 1 : at + 1 + count], "big"), at + 1 + count
