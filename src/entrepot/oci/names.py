"""Repository names, tags and references (distribution-spec 1.1, "Pulling manifests")."""

import re
from dataclasses import dataclass
from typing import Final

from entrepot.errors import InvalidName, InvalidTag
from entrepot.oci.digests import Digest

_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")

MAX_NAME: Final = 255
_TAG_RULE: Final = (
    "invalid tag: use 1 to 128 letters, digits, `_`, `.` and `-`, and neither `.` nor `-` first"
)


@dataclass(frozen=True, slots=True)
class RepositoryName:
    """A name the distribution spec allows, at most 255 characters; else raises `InvalidName`."""

    text: str

    def __post_init__(self) -> None:
        # The length goes first: the pattern is linear, but not for free on a megabyte.
        if len(self.text) > MAX_NAME or not _NAME.fullmatch(self.text):
            raise InvalidName(detail={"name": self.text[:300]})

    @property
    def namespace(self) -> str | None:
        """The first component, or `None` where there is only one: such a name is the hub's own."""
        first, slash, _ = self.text.partition("/")
        return first if slash else None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag the distribution spec allows; raises `InvalidTag` otherwise."""

    text: str

    def __post_init__(self) -> None:
        if not _TAG.fullmatch(self.text):
            raise InvalidTag(_TAG_RULE, {"tag": self.text[:200]})

    def __str__(self) -> str:
        return self.text


Reference = Tag | Digest


def parse_reference(text: str) -> Reference:
    """Read a manifest reference: what contains `:` is a digest, anything else a tag.

    Raises `InvalidDigest` or `InvalidTag`.
    """
    return Digest.parse(text) if ":" in text else Tag(text)
