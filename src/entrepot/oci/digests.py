"""Digests (image-spec 1.1, "Digests"): sha256 and sha512, in lower-case hexadecimal."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Protocol, Self

from entrepot.errors import InvalidDigest

ALGORITHMS: Final = {"sha256": 64, "sha512": 128}
_HEX: Final = re.compile(r"[0-9a-f]+")


class Hasher(Protocol):
    """A hash that is fed in pieces: the part of `hashlib`'s objects that we use."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Add bytes."""

    def hexdigest(self) -> str:
        """Say the hash of all bytes so far; more may follow."""

    def copy(self) -> "Hasher":
        """A hasher of its own that has seen the same bytes."""


def new_hasher(algorithm: str) -> Hasher:
    """A fresh hasher; raises `InvalidDigest` for an algorithm we do not know."""
    if algorithm not in ALGORITHMS:
        raise InvalidDigest("unsupported digest algorithm", {"algorithm": algorithm[:40]})
    return hashlib.new(algorithm)


@dataclass(frozen=True, slots=True)
class Digest:
    """The name of some bytes; raises `InvalidDigest` when the text could not be one."""

    algorithm: str
    hex: str

    def __post_init__(self) -> None:
        length = ALGORITHMS.get(self.algorithm)
        if length is None:
            raise InvalidDigest("unsupported digest algorithm", {"digest": str(self)[:160]})
        if len(self.hex) != length or not _HEX.fullmatch(self.hex):
            raise InvalidDigest(detail={"digest": str(self)[:160]})

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `algorithm:hex`."""
        algorithm, _, encoded = text.partition(":")
        return cls(algorithm, encoded)

    @classmethod
    def of(cls, content: bytes, algorithm: str = "sha256") -> Self:
        """The digest of `content`."""
        hasher = new_hasher(algorithm)
        hasher.update(content)
        return cls(algorithm, hasher.hexdigest())

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


EMPTY_JSON: Final = b"{}"
EMPTY_JSON_DIGEST: Final = Digest.of(EMPTY_JSON)
"""The digest of the empty descriptor (image-spec 1.1, "Guidance for an Empty Descriptor")."""


def fallback_tag(digest: Digest) -> str:
    """The tag that clients maintain instead of the referrers API.

    Distribution-spec 1.1, "Referrers Tag Schema": the encoded part is cut to 64 characters.
    """
    return f"{digest.algorithm[:32]}-{digest.hex[:64]}"
