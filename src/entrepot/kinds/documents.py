"""What is said about software: SBOMs, attestations, provenance, vulnerability reports."""

from typing import Final

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, Place
from entrepot.kinds.evidence import Evidence
from entrepot.kinds.kind import Extractor, Family, Kind, Tab
from entrepot.kinds.marks import Recognizes, any_of, layered, typed
from entrepot.kinds.signatures import is_bundle, subject_of
from entrepot.kinds.words import annotation_facts, describe

_PREDICATE_KEYS: Final = (
    "in-toto.io/predicate-type",
    "dev.sigstore.bundle.predicateType",
    "predicateType",
)
_FACTS: Final = annotation_facts(*(("Predicate", key) for key in _PREDICATE_KEYS))
_STATEMENTS: Final = any_of(
    typed(
        "application/vnd.in-toto+json",
        "application/vnd.in-toto.*",
        "application/vnd.dsse.envelope.*",
    ),
    layered(
        "application/vnd.in-toto+json",
        "application/vnd.in-toto.*",
        "application/vnd.dsse.envelope.*",
    ),
    typed("application/vnd.dev.cosign.artifact.att.v*"),
    is_bundle,
)


def predicate_of(evidence: Evidence) -> str:
    """The predicate type that the manifest, or all of its layers, say; empty where several."""
    said = [evidence.manifest.annotations.get(key, "") for key in _PREDICATE_KEYS]
    own = next((each for each in said if each), "")
    layers = {
        layer.annotations[key]
        for layer in evidence.manifest.layers
        for key in _PREDICATE_KEYS
        if key in layer.annotations
    }
    return own or (next(iter(layers)) if len(layers) == 1 else "")


def _states(*prefixes: str) -> Recognizes:
    return lambda evidence: _STATEMENTS(evidence) and predicate_of(evidence).startswith(prefixes)


def _commands(place: Place, evidence: Evidence) -> tuple[Command, ...]:
    return (*_attached(place, evidence), *shell.generic(place, evidence))


def _attached(place: Place, evidence: Evidence) -> tuple[Command, ...]:
    if evidence.manifest.subject is None:
        return ()
    subject, flags = subject_of(place, evidence), shell.cosign(place)
    return (
        Command(
            "cosign",
            "Download the statements",
            f"cosign download attestation{flags} {subject}",
        ),
        Command("cosign", "Show all that is attached", f"cosign tree{flags} {subject}"),
    )


def _sbom_commands(place: Place, evidence: Evidence) -> tuple[Command, ...]:
    names = [shell.title_of(each) for each in evidence.manifest.layers]
    name = next((each for each in names if each), "sbom.json")
    return (
        shell.pull_files(place, "Pull the SBOM"),
        Command("grype", "Look for vulnerabilities", f"grype sbom:{shell.quoted(name)}"),
        Command("trivy", "Look for vulnerabilities", f"trivy sbom {shell.quoted(name)}"),
        *_attached(place, evidence),
        *shell.generic(place, evidence)[1:],
    )


def _document(
    id_: str, name: str, plural: str, family: Family, icon: str, recognizes: Recognizes, *tabs: Tab
) -> Kind:
    return Kind(
        id=id_,
        name=name,
        plural=plural,
        family=family,
        icon=icon,
        recognizes=recognizes,
        commands=_sbom_commands if family is Family.SBOM else _commands,
        describe=describe,
        facts=_FACTS,
        tabs=(*tabs, Tab.SIGNATURES, Tab.DOCUMENT, Tab.FILES),
        extractor=Extractor.DOCUMENTS,
        is_attachment=True,
    )


def _typed_or_layered(*types: str) -> Recognizes:
    return any_of(typed(*types), layered(*types))


SPDX: Final = _document(
    "spdx",
    "SPDX SBOM",
    "SPDX SBOMs",
    Family.SBOM,
    "sbom",
    any_of(
        _typed_or_layered(
            "application/spdx+json", "text/spdx+json", "text/spdx", "application/spdx+*"
        ),
        typed("application/vnd.goharbor.harbor.sbom.v1"),
        _states("https://spdx.dev/Document"),
    ),
    Tab.PACKAGES,
)
CYCLONEDX: Final = _document(
    "cyclonedx",
    "CycloneDX SBOM",
    "CycloneDX SBOMs",
    Family.SBOM,
    "sbom",
    any_of(_typed_or_layered("application/vnd.cyclonedx*"), _states("https://cyclonedx.org/bom")),
    Tab.PACKAGES,
    Tab.VULNERABILITIES,
)
SYFT: Final = _document(
    "syft",
    "Syft SBOM",
    "Syft SBOMs",
    Family.SBOM,
    "sbom",
    any_of(_typed_or_layered("application/vnd.syft+json"), _states("https://syft.dev/bom")),
    Tab.PACKAGES,
)
PROVENANCE: Final = _document(
    "provenance",
    "SLSA provenance",
    "SLSA provenance",
    Family.ATTESTATION,
    "provenance",
    _states("https://slsa.dev/provenance/", "https://in-toto.io/Provenance/"),
    Tab.PROVENANCE,
)
VSA: Final = _document(
    "verification-summary",
    "SLSA verification summary",
    "SLSA verification summaries",
    Family.ATTESTATION,
    "attestation",
    _states("https://slsa.dev/verification_summary/"),
    Tab.PROVENANCE,
)
TEST_RESULT: Final = _document(
    "test-result",
    "Test result",
    "Test results",
    Family.ATTESTATION,
    "attestation",
    _states("https://in-toto.io/attestation/test-result/"),
    Tab.PROVENANCE,
)
VULNS: Final = _document(
    "vulnerability-attestation",
    "Vulnerability attestation",
    "Vulnerability attestations",
    Family.REPORT,
    "report",
    _states(
        "https://cosign.sigstore.dev/attestation/vuln/", "https://in-toto.io/attestation/vulns/"
    ),
    Tab.VULNERABILITIES,
)
OPENVEX: Final = _document(
    "openvex",
    "OpenVEX document",
    "OpenVEX documents",
    Family.REPORT,
    "report",
    any_of(_typed_or_layered("application/vnd.openvex*"), _states("https://openvex.dev/ns")),
    Tab.VULNERABILITIES,
)
CSAF: Final = _document(
    "csaf",
    "CSAF advisory",
    "CSAF advisories",
    Family.REPORT,
    "report",
    _typed_or_layered("application/csaf+json"),
    Tab.VULNERABILITIES,
)
SARIF: Final = _document(
    "sarif",
    "SARIF report",
    "SARIF reports",
    Family.REPORT,
    "report",
    _typed_or_layered("application/sarif+json", "application/vnd.sarif*"),
    Tab.VULNERABILITIES,
)
TRIVY: Final = _document(
    "trivy-report",
    "Trivy report",
    "Trivy reports",
    Family.REPORT,
    "report",
    _typed_or_layered("application/vnd.aquasec.trivy.report*", "application/vnd.trivy.*"),
    Tab.VULNERABILITIES,
)
GRYPE: Final = _document(
    "grype-report",
    "Grype report",
    "Grype reports",
    Family.REPORT,
    "report",
    _typed_or_layered("application/vnd.grype*", "application/vnd.anchore.grype*"),
    Tab.VULNERABILITIES,
)
HARBOR_SCAN: Final = _document(
    "harbor-report",
    "Harbor vulnerability report",
    "Harbor vulnerability reports",
    Family.REPORT,
    "report",
    _typed_or_layered("application/vnd.security.vulnerability.report*"),
    Tab.VULNERABILITIES,
)
BUILDKIT: Final = _document(
    "buildkit-attestation",
    "BuildKit attestations",
    "BuildKit attestations",
    Family.ATTESTATION,
    "attestation",
    any_of(
        typed("application/vnd.docker.attestation.manifest.v*"),
        lambda evidence: (
            bool(evidence.manifest.layers)
            and all(
                each.media_type == "application/vnd.in-toto+json"
                and "in-toto.io/predicate-type" in each.annotations
                for each in evidence.manifest.layers
            )
            and len(evidence.manifest.layers) > 1
        ),
    ),
    Tab.PROVENANCE,
    Tab.PACKAGES,
)
ATTESTATION: Final = _document(
    "attestation",
    "Attestation",
    "Attestations",
    Family.ATTESTATION,
    "attestation",
    _STATEMENTS,
    Tab.PROVENANCE,
    Tab.PACKAGES,
    Tab.VULNERABILITIES,
)
LIFECYCLE: Final = _document(
    "lifecycle",
    "End-of-life notice",
    "End-of-life notices",
    Family.REPORT,
    "clock",
    typed("application/vnd.microsoft.artifact.lifecycle"),
)

KINDS: Final[tuple[Kind, ...]] = (
    BUILDKIT,
    SPDX,
    CYCLONEDX,
    SYFT,
    PROVENANCE,
    VSA,
    TEST_RESULT,
    VULNS,
    OPENVEX,
    CSAF,
    SARIF,
    TRIVY,
    GRYPE,
    HARBOR_SCAN,
    LIFECYCLE,
    ATTESTATION,
)
