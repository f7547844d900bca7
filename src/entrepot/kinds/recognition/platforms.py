"""The children of an index: images for platforms, attestations of them, and twins of them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from entrepot.errors import InvalidDigest
from entrepot.kinds.recognition.manifest_view import Child, ManifestView
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import is_blob_type
from entrepot.oci.platforms import Platform

_REFERENCE_TYPE: Final = "vnd.docker.reference.type"
_REFERENCE_DIGEST: Final = "vnd.docker.reference.digest"
_SOCI_DIGEST: Final = "com.amazon.soci.image-manifest-digest"
_TWINS: Final = ("application/vnd.amazon.soci.index.", "application/vnd.nydus.")
_NYDUS: Final = "nydus.remoteimage.v1"
_TWIN_KINDS: Final = frozenset({"soci-index", "nydus-image"})


class PlatformRole(StrEnum):
    """Why a child is in an index."""

    PLATFORM = "platform"
    """It is what people pull, on one platform or on any."""
    ATTESTATION = "attestation"
    """BuildKit's statements about a sibling."""
    TWIN = "twin"
    """Made from a sibling for clients that pull lazily: SOCI, Nydus."""
    NOTHING = "nothing"
    """A blob of a cache, or what says that it is for no platform at all."""


@dataclass(frozen=True, slots=True)
class PlatformEntry:
    """A child with its role; `about` is the sibling that it speaks of, where it says."""

    child: Child
    role: PlatformRole
    about: Digest | None = None

    @property
    def platform(self) -> Platform | None:
        """Return the config's platform, `None` where it names none."""
        return self.child.descriptor.platform


def entries_of(view: ManifestView) -> tuple[PlatformEntry, ...]:
    """Every child of an index with its role, in the index's order."""
    return tuple(_entry(each) for each in view.children)


def platforms_of(view: ManifestView) -> tuple[PlatformEntry, ...]:
    """The children that people pull: no attestations, no twins, never `unknown/unknown`."""
    return tuple(each for each in entries_of(view) if each.role is PlatformRole.PLATFORM)


def attestations_of(view: ManifestView) -> tuple[PlatformEntry, ...]:
    """BuildKit's attestations; `about` is the digest of the image that each one describes."""
    return tuple(each for each in entries_of(view) if each.role is PlatformRole.ATTESTATION)


def real_children(view: ManifestView) -> tuple[Child, ...]:
    """The children of `platforms_of`."""
    return tuple(each.child for each in platforms_of(view))


def _entry(child: Child) -> PlatformEntry:
    role = _role(child)
    said = child.descriptor.annotations
    about = said.get(_REFERENCE_DIGEST if role is PlatformRole.ATTESTATION else _SOCI_DIGEST, "")
    return PlatformEntry(child, role, _digest(about) if role is not PlatformRole.PLATFORM else None)


def _role(child: Child) -> PlatformRole:
    descriptor = child.descriptor
    reference = descriptor.annotations.get(_REFERENCE_TYPE)
    if reference is not None:
        # Any other value is reserved: BuildKit's readers ignore such entries.
        return (
            PlatformRole.ATTESTATION
            if reference == "attestation-manifest"
            else PlatformRole.NOTHING
        )
    if _is_twin(child):
        return PlatformRole.TWIN
    platform = descriptor.platform
    is_nothing = platform is not None and platform.is_unknown and bool(platform.os)
    return (
        PlatformRole.NOTHING
        if is_nothing or is_blob_type(descriptor.media_type)
        else PlatformRole.PLATFORM
    )


def _is_twin(child: Child) -> bool:
    descriptor = child.descriptor
    platform = descriptor.platform
    return (
        (descriptor.artifact_type or "").strip().lower().startswith(_TWINS)
        or (platform is not None and _NYDUS in platform.os_features)
        or _SOCI_DIGEST in descriptor.annotations
        or child.kind in _TWIN_KINDS
    )


def _digest(text: str) -> Digest | None:
    try:
        return Digest.parse(text)
    except InvalidDigest:
        return None
