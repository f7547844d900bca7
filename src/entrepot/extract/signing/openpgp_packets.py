"""The signature packet of OpenPGP (RFC 9580 section 5.2): who says to have signed, and when."""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from entrepot.extract.limits import Unreadable

_ARMORED: Final = re.compile(
    rb"-----BEGIN PGP SIGNATURE-----\r?\n(?:[A-Za-z]+:[^\n]*\n)*\s*(.*?)-----END PGP SIGNATURE",
    re.DOTALL,
)
_TAG: Final = 2
_CREATED, _EXPIRES, _KEY_ID, _FINGERPRINT = 2, 3, 16, 33


@dataclass(frozen=True, slots=True)
class SignaturePacket:
    """The unverified contents of a signature packet."""

    key_id: str = ""
    created: datetime | None = None
    expires: datetime | None = None


def find_packet(content: bytes) -> SignaturePacket | None:
    """The first packet of a signature, armored or not; `None` where it is no signature."""
    try:
        armored = _ARMORED.search(content)
        return _parse(_body(_dearmored(armored[1]) if armored else content))
    except (Unreadable, IndexError, ValueError, OverflowError):
        return None


def _dearmored(text: bytes) -> bytes:
    """The bytes, without the checksum that stands behind a `=` on a line of its own."""
    lines = [line.strip() for line in text.splitlines()]
    encoded = b"".join(line for line in lines if not line.startswith(b"="))
    try:
        return b64decode(encoded)
    except binascii.Error as error:
        raise Unreadable("it is not base64") from error


def _body(content: bytes) -> bytes:
    """The body of the first packet, which must be a signature."""
    head = content[0]
    if head & 0xC0 == 0xC0 and head & 0x3F == _TAG:
        length, at = _new_length(content, 1)
    elif head & 0x80 and head >> 2 & 0x0F == _TAG and head & 3 != 3:
        size = 1 << (head & 3)
        length, at = int.from_bytes(content[1 : 1 + size], "big"), 1 + size
    else:
        raise Unreadable("it is no OpenPGP signature")
    if length > len(content) - at:
        raise Unreadable("the OpenPGP signature ends too early")
    return content[at : at + length]


def _new_length(content: bytes, at: int) -> tuple[int, int]:
    first = content[at]
    if first < 192:
        return first, at + 1
    if first < 255:
        return ((first - 192) << 8) + content[at + 1] + 192, at + 2
    return int.from_bytes(content[at + 1 : at + 5], "big"), at + 5


def _parse(body: bytes) -> SignaturePacket:
    version = body[0]
    if version not in (4, 6):
        return SignaturePacket()
    size = 2 if version == 4 else 4
    hashed = int.from_bytes(body[4 : 4 + size], "big")
    end = 4 + size + hashed
    unhashed = int.from_bytes(body[end : end + size], "big")
    parts = dict(_subpackets(body[end + size : end + size + unhashed]))
    # What is hashed counts more: the other part can be changed by anybody.
    parts |= dict(_subpackets(body[4 + size : end]))
    created = int.from_bytes(parts.get(_CREATED, b""), "big")
    lasts = int.from_bytes(parts.get(_EXPIRES, b""), "big")
    fingerprint, key_id = parts.get(_FINGERPRINT, b"")[1:], parts.get(_KEY_ID, b"")
    return SignaturePacket(
        (fingerprint or key_id).hex().upper(),
        datetime.fromtimestamp(created, UTC) if created else None,
        datetime.fromtimestamp(created + lasts, UTC) if created and lasts else None,
    )


def _subpackets(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(content):
        length, start = _new_length(content, at)
        if not length:
            raise Unreadable("an empty part of an OpenPGP signature")
        yield content[start] & 0x7F, content[start + 1 : start + length]
        at = start + length
