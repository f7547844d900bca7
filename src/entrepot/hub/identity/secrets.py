"""Secrets that people paste: recognisable, checkable without a database, stored only as hashes."""

import hashlib
import re
import secrets
import string
import zlib
from typing import Final

from entrepot.model.people.tokens import TokenKind

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_PREFIX: Final = {
    TokenKind.PERSONAL: "etp_pat",
    TokenKind.REFRESH: "etp_rft",
    TokenKind.WELCOME: "etp_one",
    TokenKind.ORGANIZATION: "eto_org",
}
_RANDOM: Final = 30
_CHECKSUM: Final = 6
_GRANT: Final = "eto_job"
_SECRET: Final = re.compile(
    r"((?:etp_(?:pat|rft|one)|eto_(?:org|job))[0-9A-Za-z]{30})([0-9A-Za-z]{6})"
)

HINT_LENGTH: Final = 12
"""Characters of a secret that lists may show."""


def new_secret(kind: TokenKind) -> str:
    """A fresh secret: a prefix, 178 random bits in base 62, and a CRC-32 of both."""
    return _new_secret(_PREFIX[kind])


def new_grant_secret() -> str:
    """A fresh secret of a job's grant."""
    return _new_secret(_GRANT)


def is_of_grant(secret: str) -> bool:
    """Say whether a secret is one of a job's grant."""
    return secret.startswith(_GRANT)


def looks_like_secret(text: str) -> bool:
    """Say whether `text` could be one of ours; needs no database, and rejects typing errors."""
    match = _SECRET.fullmatch(text)
    return match is not None and _checksum(match[1]) == match[2]


def hash_secret(secret: str) -> str:
    """Return the stored hash of a secret: it is random enough to need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _new_secret(prefix: str) -> str:
    body = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _checksum(body)


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
