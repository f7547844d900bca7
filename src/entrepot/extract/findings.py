"""Findings from an artifact's blobs: plain values, not to be trusted.

Every text is as it was pushed, cut to a bound. Code that shows it escapes it.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct, field

PROSE: Final = ("readme", "changelog")
"""Documents that are drawn as Markdown, where they are."""
PICTURE: Final = "picture:"
"""How documents begin that are small pictures for READMEs, in base64: drawn, and never kept."""


class ExtractionState(StrEnum):
    """How far reading an artifact has come."""

    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"
    TOO_LARGE = "too large"
    UNSUPPORTED = "unsupported"


class Result(StrEnum):
    """The result of a signature check, the best one first."""

    VERIFIED = "verified"
    """It names the subject, and is by a key that the namespace trusts or by the holder of a
    certificate that a trust root of the hub vouches for."""
    VALID = "valid"
    """The certificate or key that it brings along fits it; the hub does not vouch for that one."""
    NOT_CHECKED = "not checked"
    """No key is here that could check it."""
    INVALID = "invalid"
    """It signs something else, does not fit, came at the wrong time, or cannot be read."""


NOTATION: Final = "notation"
"""The form of the Notary Project's signatures."""
OPENPGP: Final = "gpg"
"""The form of signatures that name an archive, or nothing, and never a manifest."""


SEVERITIES: Final = ("critical", "high", "medium", "low", "negligible", "unknown")
"""The words for how bad a finding is, the worst first."""


HUB: Final = "Entrepot"
"""The source of findings that the hub makes by its own advisories."""


SILENCED: Final = frozenset({"not_affected", "fixed", "suppressed", "ignored"})
"""Statuses with which a finding is shown and does not count."""


class File(Struct, frozen=True, omit_defaults=True):
    """A file in a layer or an archive; `type` is `file`, `directory`, `symlink` or another."""

    path: str
    size: int = 0
    type: str = "file"
    target: str = ""
    """Where a link points; never followed."""
    mode: int = 0
    layer: int = 0
    """The index of the layer it is in."""


class FoundDocument(Struct, frozen=True, omit_defaults=True):
    """A text worth a page of its own; `name` says which, `readme` or `values` for example.

    Templates and previews are named `template:PATH` and `file:PATH`.
    """

    name: str
    media_type: str
    text: str
    is_cut: bool = False
    path: str = ""
    """Where it lies in its archive, where links within it are relative to that."""


class Package(Struct, frozen=True, omit_defaults=True):
    """A package that an SBOM lists; `licenses` is an SPDX expression or what stood there."""

    name: str
    version: str = ""
    purl: str = ""
    licenses: str = ""
    supplier: str = ""
    reference: str = ""
    """The id that relationships use."""


class Relation(Struct, frozen=True):
    """`source` depends on or contains `target`, by their references."""

    source: str
    target: str


class Vulnerability(Struct, frozen=True, omit_defaults=True):
    """A vulnerability of a package, as reports found it; `severity` is one of `SEVERITIES`."""

    id: str
    severity: str = "unknown"
    package: str = ""
    version: str = ""
    fixed_in: str = ""
    title: str = ""
    url: str = ""
    score: float = 0.0
    status: str = ""
    """The status that a VEX statement gives it: `not_affected`, `fixed` (it does not count then),
    `affected`, `under_investigation`; or `suppressed` by the report itself."""
    justification: str = ""
    location: str = ""
    aliases: list[str] = field(default_factory=list)
    """Other ids of the same vulnerability."""
    purl: str = ""
    sources: list[str] = field(default_factory=list)
    """The tools and authors that say so."""

    @property
    def counts(self) -> bool:
        """Say whether it counts: no statement says that the artifact is not affected."""
        return self.status not in SILENCED

    @property
    def state(self) -> str:
        """The status that a statement gives it, else `affected`."""
        return self.status or "affected"

    @property
    def source(self) -> str:
        """`hub` where the hub's own advisories say so, else `report`."""
        return "hub" if HUB in self.sources else "report"


class Component(Struct, frozen=True, omit_defaults=True):
    """An artifact or package that a VEX statement names; `ids` are purls, digests, CPEs, names.

    Without a version every version is meant.
    """

    name: str = ""
    version: str = ""
    ids: list[str] = field(default_factory=list)
    parts: list["Component"] = field(default_factory=list)
    """The packages within it that are meant, where it is not all of it."""


class Assessment(Struct, frozen=True, omit_defaults=True):
    """A VEX statement's assessment of a vulnerability in products; not a finding itself."""

    id: str
    status: str = ""
    """`not_affected`, `fixed`, `affected`, `under_investigation`."""
    aliases: list[str] = field(default_factory=list)
    products: list[Component] = field(default_factory=list)
    """None means what it is attached to."""
    justification: str = ""
    impact: str = ""
    action: str = ""
    said_at: str = ""
    source: str = ""
    severity: str = "unknown"
    title: str = ""
    url: str = ""


class Issue(Struct, frozen=True, omit_defaults=True):
    """Something else that a scanner found: `category` is misconfiguration, secret or license."""

    category: str
    id: str
    severity: str = "unknown"
    title: str = ""
    target: str = ""
    """The file, the resource or the package that it is in."""
    location: str = ""
    message: str = ""
    resolution: str = ""
    url: str = ""
    sources: list[str] = field(default_factory=list)


class InTotoStatement(Struct, frozen=True, omit_defaults=True):
    """An in-toto statement: what is said, and of which digests."""

    predicate_type: str
    subjects: list[str] = field(default_factory=list)
    """`algorithm:hex` of each subject."""
    builder: str = ""
    build_type: str = ""
    source: str = ""
    revision: str = ""
    entry_point: str = ""
    invocation: str = ""
    started: str = ""
    finished: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    materials: list[str] = field(default_factory=list)
    result: str = ""
    """Of a test result or a verification summary: PASSED, FAILED, WARNED…"""
    details: dict[str, str] = field(default_factory=dict)


class Signature(Struct, frozen=True):
    """A signature as it was attached; `identity` is a claim unless `check` is `verified`."""

    form: str
    """`cosign`, `sigstore bundle`, `notation`, `gpg`…"""
    subject: str = ""
    """The digest that the signed payload names."""
    subjects: list[str] = field(default_factory=list)
    """All that it names, where these are several."""
    identity: str = ""
    issuer: str = ""
    key_id: str = ""
    signed_at: str = ""
    signed_at_source: str = ""
    expires_at: str = ""
    """Until when the signer wants it to count."""
    log_index: str = ""
    not_before: str = ""
    not_after: str = ""
    check: str = Result.NOT_CHECKED
    """`verified` by a trusted key or a trust root, `valid` by the certificate or key that it
    brings, `invalid` (of something else, damaged, expired), or `not checked` for want of a key."""
    reason: str = ""
    details: dict[str, str] = field(default_factory=dict)
    root: str = ""
    """The trust root of the hub that vouches for `identity`, empty where none does."""

    def names(self, digest: str) -> bool:
        """Say whether the payload names that digest."""
        return digest == self.subject or digest in self.subjects


class Findings(Struct, frozen=True, omit_defaults=True):
    """Everything that was found; `facts` are lines for the overview."""

    state: ExtractionState = ExtractionState.DONE
    reason: str = ""
    title: str = ""
    description: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)
    files_cut: bool = False
    documents: list[FoundDocument] = field(default_factory=list)
    packages: list[Package] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    vulnerabilities: list[Vulnerability] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    statements: list[InTotoStatement] = field(default_factory=list)
    signatures: list[Signature] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    """References of container images that a chart or a compose file uses."""
    dependencies: list[dict[str, str]] = field(default_factory=list)
    maintainers: list[dict[str, str]] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    """How many entries of a list were too many to be kept, by the list's name."""
    licenses: str = ""
    links: list[dict[str, str]] = field(default_factory=list)
    """Names and addresses that an artifact gives for itself; check them before linking."""


class Blob(Struct, frozen=True):
    """A blob to be read: a layer (`index` from 0) or the config (`index` -1)."""

    index: int
    media_type: str
    size: int
    path: str
    """A file that holds the bytes."""
    title: str = ""
    annotations: dict[str, str] = field(default_factory=dict)


SIGSTORE: Final = "sigstore"
"""The kind of trust root that is the file `trusted_root.json` of a sigstore."""
X509: Final = "x509"
"""The kind of trust root that is certificates in PEM, for the Notary Project's signatures."""


class TrustRoot(Struct, frozen=True):
    """A root that the hub trusts to say who signed."""

    name: str
    kind: str
    content: str


class Task(Struct, frozen=True):
    """One artifact to be read."""

    extractor: str
    kind: str
    blobs: list[Blob]
    subject: str = ""
    """The digest of the artifact that this one speaks of."""
    annotations: dict[str, str] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    """Public keys in PEM that the namespace trusts."""
    roots: list[TrustRoot] = field(default_factory=list)
    now: str = ""
    """When it is read, in RFC 3339; without it nothing counts as expired."""
    seconds: float = 20.0
