"""Artifacts: what a manifest was recognized as, and what is attached to it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AttachmentCounts:
    """Counts of the attachments of an artifact and its children.

    `signatures` name the artifact and are not known to be wrong; `verified` and `valid` are those
    of them that a trusted key made, and that fit the certificate or key which they bring.
    """

    signatures: int = 0
    verified: int = 0
    sboms: int = 0
    attestations: int = 0
    vulnerabilities: dict[str, int] = field(default_factory=dict)
    valid: int = 0
    invalid: int = 0
    """Signatures of something else, damaged ones, and those that cannot be read."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is attached that lists tell of."""
        signed = self.signatures or self.verified or self.valid or self.invalid
        return not (signed or self.sboms or self.attestations or any(self.vulnerabilities.values()))


@dataclass(frozen=True, slots=True)
class Artifact:
    """A manifest seen with its kind; `size` is the bytes of everything it is made of."""

    manifest_id: int
    repository_id: int
    kind: str
    size: int
    title: str
    version: str
    description: str
    licenses: str
    created: str
    platforms: tuple[str, ...]
    state: str
    reason: str
    reader: int
    marks: AttachmentCounts = AttachmentCounts()


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A text that was read out of an artifact."""

    name: str
    media_type: str
    text: str
    is_cut: bool


@dataclass(frozen=True, slots=True)
class FoundChild:
    """A manifest that an index lists and the repository has; `artifact` once it was looked at."""

    manifest_id: int
    media_type: str
    artifact: Artifact | None
