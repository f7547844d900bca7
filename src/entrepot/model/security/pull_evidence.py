"""Facts about an artifact that pull policies ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from entrepot.model.security.advisories import ArtifactFinding


@dataclass(frozen=True, slots=True)
class SignatureFact:
    """The result of checking a signature of the artifact's digest.

    `root` is the trust root that vouches for the identity and the claims, empty where none does.
    """

    check: str
    key_id: str = ""
    identity: str = ""
    issuer: str = ""
    root: str = ""
    is_of_index: bool = False
    claims: Mapping[str, str] = field(default_factory=dict)
    is_named_by_subject: bool = False
    """Whether the identity is the whole name of a certificate's subject, as notation has it."""

    @property
    def is_by_key(self) -> bool:
        """Say whether a key that the namespace trusts made it."""
        return self.check == "verified" and not self.root

    @property
    def signer(self) -> str:
        """Who signed, in a sentence."""
        return self.identity or self.key_id or "a trusted key"


@dataclass(frozen=True, slots=True)
class AttestationFact:
    """An attestation of the artifact's digest, with the signatures of its envelope."""

    predicate_type: str
    builder: str
    result: str
    signatures: Sequence[SignatureFact]


@dataclass(frozen=True, slots=True)
class PullEvidence:
    """All that is known of an artifact and matters to rules; `kind` is empty before it is read."""

    digest: str
    pushed_at: datetime
    kind: str = ""
    signatures: Sequence[SignatureFact] = ()
    attestations: Sequence[AttestationFact] = ()
    has_sbom: bool = False
    has_report: bool = False
    findings: Sequence[tuple[ArtifactFinding, datetime]] = ()
    """With the moment at which each was first seen."""
    licenses: Mapping[str, str] = field(default_factory=dict)
    """The licence expression of each package."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """The fingerprints of the namespace's trusted keys by their names."""
    covering: Sequence[str] = ()
    """The digests of indexes that list it."""
