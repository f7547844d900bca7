"""Values about artifacts that are fetched from a mirror before anybody pulls them."""

from dataclasses import dataclass, field
from enum import StrEnum

from entrepot.errors import Invalid
from entrepot.oci.platforms import Platform

MAX_PLATFORMS = 50


class AttachmentChoice(StrEnum):
    """The attachments that are fetched with an artifact."""

    ALL = "all"
    SIGNATURES = "signatures"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Selection:
    """The parts of an artifact that are wanted; no platforms are all of them.

    `linux/arm` wants every variant, `linux/arm/v7` that one.
    """

    platforms: tuple[str, ...] = ()
    attachments: AttachmentChoice = AttachmentChoice.ALL

    def __post_init__(self) -> None:
        if len(self.platforms) > MAX_PLATFORMS:
            raise Invalid(f"at most {MAX_PLATFORMS} platforms can be given")
        for each in self.platforms:
            parts = each.split("/")
            if len(parts) not in (2, 3) or not all(parts) or len(each) > 100:
                raise Invalid(f"invalid platform {each[:100]}: write OS/ARCHITECTURE[/VARIANT]")

    def wants(self, platform: Platform) -> bool:
        """Say whether an image for the platform is wanted."""
        full = f"{platform}/"
        return not self.platforms or any(full.startswith(f"{each}/") for each in self.platforms)


class FetchAction(StrEnum):
    """The outcome, or the planned outcome, of fetching an artifact."""

    COPY = "copy"
    SKIP = "skip"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Prefetched:
    """An artifact of a mirror, and how much of it was not here.

    `manifests` are the digests that belong to it, so far as they were wanted.
    """

    reference: str
    action: FetchAction
    digest: str = ""
    size: int = 0
    """Bytes that were, or would be, fetched."""
    blobs: int = 0
    reason: str = ""
    """Why it failed, or what is not at the upstream."""
    manifests: frozenset[str] = field(default=frozenset(), repr=False)
