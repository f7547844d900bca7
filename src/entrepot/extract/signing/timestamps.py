"""When something was signed: time stamps of authorities (RFC 3161), and times as clients write."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from entrepot.extract.limits import Unreadable
from entrepot.extract.signing import der

AUTHORITY: Final = "timestamp authority (RFC 3161)"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HASHES: Final[Mapping[str, str]] = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


def stamped_at(token: bytes, stamped: bytes) -> datetime | None:
    """When an authority saw the bytes; `None` where the token is of other bytes, or unreadable.

    The token is a TimeStampResp or the TimeStampToken within it. Who the authority is, and whether
    its signature is right, is not looked at.
    """
    try:
        fields = _stamp_info(der.parse_der(token)).children()
        algorithm, imprint = fields[2].children()[:2]
        name = _HASHES.get(der.object_id(algorithm.children()[0].content), "")
        if not name or hashlib.new(name, stamped).digest() != imprint.octets():
            return None
        return next(
            (_moment(each.content) for each in fields if each.tag == der.GENERALIZED_TIME), None
        )
    except (Unreadable, IndexError, ValueError, RecursionError):
        return None


def _stamp_info(outer: der.Value) -> der.Value:
    """The TSTInfo within the SignedData of a token, or of a response around the token."""
    parts = outer.children()
    token = parts[1].children() if parts[0].tag == der.SEQUENCE else parts
    signed = token[1].children()[0]
    encapsulated = [each for each in signed.children() if each.tag == der.SEQUENCE]
    return der.parse_der(encapsulated[0].children()[1].children()[0].octets())


def _moment(content: bytes) -> datetime:
    text = content.decode("ascii").removesuffix("Z").partition(".")[0]
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def parse_moment(value: object) -> datetime | None:
    """A time in RFC 3339, or in seconds since 1970; `None` for nothing, zero and anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    try:
        seconds = float(text)
    except ValueError:
        return _date(text)
    try:
        return _EPOCH + timedelta(seconds=seconds) if seconds > 0 else None
    except (OverflowError, ValueError):
        return None


def _date(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (OverflowError, ValueError):
        return None
