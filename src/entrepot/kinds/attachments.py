"""Tags by which clients attach things to a digest where a registry has no referrers."""

import re
from typing import Final

# The distribution spec (1.1, "Referrers Tag Schema") cuts the digest at 64 characters; cosign puts
# a suffix behind it, and may be told to put a prefix before; imgpkg records where images went.
_ATTACHED: Final = re.compile(
    r".*?(sha256|sha384|sha512)-([0-9a-f]{64})(?:\.(?:sig|att|sbom|image-locations\.imgpkg))?"
)
_OF_REPOSITORY: Final = frozenset({"artifacthub.io"})


def attached_to(tag: str) -> str | None:
    """The digest that a tag such as `sha256-HEX.sig` belongs to; `None` for other tags.

    A digest of sha512 is cut to its first 64 characters, as the tag is: no tag could hold it all.
    """
    found = _ATTACHED.fullmatch(tag)
    return f"{found[1]}:{found[2]}" if found else None


def is_hidden_tag(tag: str) -> bool:
    """Say whether a tag is none that people gave: never a version, never "latest"."""
    return tag in _OF_REPOSITORY or attached_to(tag) is not None
