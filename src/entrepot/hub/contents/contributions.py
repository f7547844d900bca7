"""Contributions of attachments to the counts of their subjects."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from msgspec import Struct, json

from entrepot.extract.findings import OPENPGP, Assessment, Findings, Result, Vulnerability
from entrepot.extract.security.merging import Said, counted_of
from entrepot.hub.contents.artifact_writer import COUNTED, Counting
from entrepot.metadata.contents import artifacts
from entrepot.metadata.contents.artifact_findings import stored
from entrepot.model.artifacts import AttachmentCounts, StoredDocument
from entrepot.model.security.advisories import ArtifactFinding
from entrepot.oci.aside import aside

_SIGNED: Final = "https://sigstore.dev/cosign/sign/v1"


ENTRY: Final = 500
"""Bytes of a package, a file or a finding, as far as the time that working on it takes goes."""


class Named(Struct, frozen=True):
    """A signature by the digests that it names, and what came of checking it."""

    digests: list[str]
    check: str


class Contribution(Struct, frozen=True):
    """An attachment's contribution to a subject's counts.

    Readers before the second wrote no `signatures`, but the subjects of those that were verified.
    """

    marks: AttachmentCounts
    verified_subjects: list[str] = []
    signatures: list[Named] | None = None
    found: list[Vulnerability] | None = None
    """Its findings, as far as telling them from others' needs; none of readers before the third."""
    assessments: list[Assessment] = []
    issues: dict[str, dict[str, int]] = {}
    """How many misconfigurations, secrets and licences by severity."""


def weight_of(findings: Findings) -> int:
    """About how many bytes it takes to write all of the findings."""
    values = [getattr(findings, name) for name in Findings.__struct_fields__]
    number = sum(len(each) for each in values if isinstance(each, list | dict))
    return ENTRY * number + sum(len(each.text) for each in findings.documents)


def contribution(findings: Findings) -> Contribution:
    """Return an attachment's contribution to its subject."""
    said = [each for each in findings.statements if each.predicate_type != _SIGNED]
    marks = AttachmentCounts(
        signatures=len(findings.signatures) if not said else 0,
        sboms=1 if findings.packages else 0,
        attestations=len(said),
    )
    signatures = [] if said else findings.signatures
    verified = [each.subject for each in signatures if each.check == Result.VERIFIED]
    named = [
        Named(each.subjects or [each.subject], each.check)
        for each in signatures
        # These name an archive or nothing, and need a keyring that is not here.
        if each.form != OPENPGP or each.check == Result.INVALID
    ]
    issues: dict[str, dict[str, int]] = {}
    for issue in findings.issues:
        counts = issues.setdefault(issue.category, {})
        counts[issue.severity] = counts.get(issue.severity, 0) + 1
    found = [_brief(each) for each in findings.vulnerabilities]
    return Contribution(marks, verified, named, found, findings.assessments, issues)


def _brief(found: Vulnerability) -> Vulnerability:
    return Vulnerability(
        found.id,
        found.severity,
        found.package,
        found.version,
        found.fixed_in,
        status=found.status,
        # Where it tells one finding in code from another.
        title="" if found.package else found.title,
        location="" if found.package else found.location,
        aliases=found.aliases,
        purl=found.purl,
        sources=found.sources,
    )


def _findings(found: Sequence[Vulnerability]) -> list[ArtifactFinding]:
    """The findings as they are stored; of several in the same package the worst."""
    kept: dict[tuple[str, str, str], ArtifactFinding] = {}
    for each in found:
        finding = stored(
            ArtifactFinding(
                each.id,
                each.package,
                each.version,
                tuple(each.aliases),
                each.fixed_in,
                each.severity,
                each.state,
                each.source,
            )
        )
        kept.setdefault(finding.key, finding)
    return list(kept.values())


def marks_for(said: Contribution, digest: str) -> AttachmentCounts:
    """Return an attachment's contribution to the counts of that digest.

    By tags and indexes a signature can be attached to what it does not sign.
    """
    if said.signatures is None:
        return replace(said.marks, verified=said.verified_subjects.count(digest))
    results = Counter(
        each.check if digest in each.digests else Result.INVALID for each in said.signatures
    )
    invalid = results.pop(Result.INVALID, 0)
    return replace(
        said.marks,
        signatures=results.total(),
        verified=results[Result.VERIFIED],
        valid=results[Result.VALID],
        invalid=invalid,
    )


@dataclass(slots=True)
class ContributionScope:
    """One digest with all that is attached to it; of an index, also with its children's."""

    digest: str
    marks: AttachmentCounts = field(default_factory=AttachmentCounts)
    evidence: Said = field(default_factory=lambda: Said(""))
    issues: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.evidence = Said(self.digest)

    def take(self, said: Contribution, *, is_own: bool = False) -> None:
        """Count what one attachment says; of what the artifact itself says, only the findings."""
        self.marks = self.marks if is_own else _add(self.marks, marks_for(said, self.digest))
        self.evidence.found += said.found or []
        self.evidence.assessments += said.assessments
        for category, counts in said.issues.items():
            self.issues.update({(category, each): count for each, count in counts.items()})

    def with_children(
        self, children: Sequence[tuple[str, AttachmentCounts, "Counted"]]
    ) -> "Counts":
        """All that counts of the digest, and what was counted for its children."""
        marks, issues = self.marks, Counter(self.issues)
        for _, one, counted in children:
            marks = _add(marks, replace(one, vulnerabilities={}))
            issues.update(_flat(counted.issues))
        own = counted_of(self.evidence, [])
        platforms = [Said(digest, list(counted.found)) for digest, _, counted in children]
        whole = counted_of(self.evidence, platforms) if platforms else own
        counts = Counter(marks.vulnerabilities)
        counts.update(each.severity for each in whole if each.counts)
        by_category: dict[str, dict[str, int]] = {}
        for (category, severity), count in issues.items():
            by_category.setdefault(category, {})[severity] = count
        if self.evidence.assessments or any(not each.counts for each in whole):
            # There is something to show, though nothing of it may count.
            by_category["vulnerability"] = {"not counted": 1}
        identifiers = {
            name: each.severity
            for each in reversed(own)
            if each.counts
            for name in (each.id, *each.aliases)
        }
        counted = Counted(by_category, [_brief(each) for each in whole])
        marks = replace(marks, vulnerabilities=dict(counts))
        return Counts(marks, counted, identifiers, _findings(own))


def _flat(issues: Mapping[str, Mapping[str, int]]) -> Counter[tuple[str, str]]:
    return Counter(
        {
            (category, each): count
            for category, counts in issues.items()
            if category != "vulnerability"
            for each, count in counts.items()
        }
    )


class Counted(Struct, frozen=True):
    """The stored counts of an artifact, for the indexes that list it."""

    issues: dict[str, dict[str, int]] = {}
    """Misconfigurations, secrets and licences by severity."""
    found: list[Vulnerability] = []
    """The findings, with what is said of them."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The stored counts of an artifact: attachments, findings, identifiers.

    Of an index, `counted` has the findings of its children too, and `findings` only its own.
    """

    marks: AttachmentCounts
    counted: Counted
    identifiers: dict[str, str]
    findings: list[ArtifactFinding]


def _add(one: AttachmentCounts, other: AttachmentCounts) -> AttachmentCounts:
    counts = Counter(one.vulnerabilities)
    counts.update(other.vulnerabilities)
    return AttachmentCounts(
        one.signatures + other.signatures,
        one.verified + other.verified,
        one.sboms + other.sboms,
        one.attestations + other.attestations,
        dict(counts),
        one.valid + other.valid,
        one.invalid + other.invalid,
    )


async def counting_of(counts: Counts, *, is_searched: bool) -> Counting:
    """Return the rows to write; ids only of artifacts that are found without a subject."""
    found = [counts.counted] if counts.counted != Counted() else []
    documents = await aside(
        ENTRY * len(counts.counted.found),
        lambda: artifacts.pack(
            StoredDocument(COUNTED, "application/json", json.encode(each).decode(), is_cut=False)
            for each in found
        ),
    )
    identifiers = counts.identifiers if is_searched else {}
    findings = counts.findings if is_searched else []
    return Counting(counts.marks, next(iter(documents), None), identifiers, findings)
