"""Stored manifests and their referrers."""

from dataclasses import dataclass, field

from entrepot.oci.digests import Digest


@dataclass(frozen=True, slots=True)
class ManifestFacts:
    """A manifest without its bytes; `size` is in bytes."""

    id: int
    digest: str
    media_type: str
    size: int
    verdict: int | None = field(default=None, kw_only=True)
    """A `PullVerdict` about the reference that it was found by; `None` where there are no rules."""


@dataclass(frozen=True, slots=True)
class StoredManifest(ManifestFacts):
    """A manifest with its bytes as they came."""

    content: bytes


@dataclass(frozen=True, slots=True)
class NewManifest:
    """A manifest to be stored, and what it needs kept."""

    digest: Digest
    media_type: str
    content: bytes
    artifact_type: str | None
    subject: Digest | None
    descriptor: str | None
    blobs: frozenset[Digest]
    children: frozenset[Digest]


@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest with a subject; `descriptor` is the JSON text that a referrers list shows."""

    id: int
    digest: str
    artifact_type: str | None
    descriptor: str
