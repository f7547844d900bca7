"""Tags by which clients attach things to a digest where a registry has no referrers."""

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from entrepot.errors import InvalidDigest
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import Manifest

ATTESTED: Final = "vnd.docker.reference.digest"
"""The annotation by which BuildKit says which image of the same index an attestation is of."""

# The distribution spec (1.1, "Referrers Tag Schema") cuts the digest at 64 characters; cosign puts
# a suffix behind it, and may be told to put a prefix before; imgpkg records where images went.
_ATTACHED: Final = re.compile(
    r".*?(sha256|sha384|sha512)-([0-9a-f]{64})(?:\.(?:sig|att|sbom|image-locations\.imgpkg))?"
)
_OF_REPOSITORY: Final = frozenset({"artifacthub.io"})


def attached_to(tag: str) -> str | None:
    """The digest that a tag like `sha256-HEX.sig` belongs to; `None` for other tags.

    A digest of sha512 is cut to its first 64 characters, as the tag is: no tag could hold it all.
    """
    found = _ATTACHED.fullmatch(tag)
    return f"{found[1]}:{found[2]}" if found else None


def attaching_tags(digest: Digest) -> tuple[str, ...]:
    """The tags by which cosign, and clients without referrers, attach things to a digest."""
    plain = f"{digest.algorithm}-{digest.hex[:64]}"
    return (plain, *(f"{plain}.{suffix}" for suffix in ("sig", "att", "sbom")))


def subjects_said(manifest: Manifest, tags: Iterable[str]) -> set[str]:
    """Every digest that a manifest, the tags on it or an index's entries attach something to."""
    found = {str(manifest.subject.digest)} if manifest.subject else set()
    found |= {digest for digest in map(attached_to, tags) if digest}
    said = {child.annotations.get(ATTESTED, "") for child in manifest.children}
    return digests_among(found | said)


def digests_among(texts: Iterable[str]) -> set[str]:
    """Those of the texts that are digests: pushed texts may be anything."""
    found = set()
    for text in texts:
        with suppress(InvalidDigest):
            found.add(str(Digest.parse(text)))
    return found


def is_hidden_tag(tag: str) -> bool:
    """Say whether a tag is none that people gave: never a version, never "latest"."""
    return tag in _OF_REPOSITORY or attached_to(tag) is not None
