"""Documents about software: SBOMs, attestations, provenance, vulnerability reports."""

from typing import Final

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, CommandTarget
from entrepot.kinds.descriptions import annotation_facts, describe
from entrepot.kinds.images import has_image_config
from entrepot.kinds.recognition.kind import Extractor, Family, Kind, Tab
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.predicates import (
    Recognizes,
    all_layers,
    all_of,
    annotated_as,
    any_of,
    layer_annotated,
    typed,
)
from entrepot.kinds.signatures import subject_of

_PREDICATE_KEYS: Final = (
    "in-toto.io/predicate-type",
    "dev.sigstore.bundle.predicateType",
    "predicateType",
)
_FACTS: Final = annotation_facts(
    *(("Predicate", key) for key in _PREDICATE_KEYS),
    ("End of life", "vnd.microsoft.artifact.lifecycle.end-of-life.date"),
    ("Made by", "created-by"),
)
_STATEMENTS: Final = (
    "application/vnd.in-toto+json",
    "application/vnd.in-toto.*",
    "application/vnd.dsse.envelope.*",
)


def predicate_of(view: ManifestView) -> str:
    """The predicate type that the manifest, or all of its layers, say; empty where several."""
    said = [view.manifest.annotations.get(key, "") for key in _PREDICATE_KEYS]
    own = next((each for each in said if each), "")
    layers = {
        layer.annotations[key]
        for layer in view.manifest.layers
        for key in _PREDICATE_KEYS
        if key in layer.annotations
    }
    return own or (next(iter(layers)) if len(layers) == 1 else "")


def _commands(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    return (*_attached(target, view), *shell.generic(target, view))


def _attached(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    if view.manifest.subject is None:
        return ()
    subject, flags = subject_of(target, view), shell.cosign(target)
    return (
        Command(
            "cosign",
            "Download the attestations",
            f"cosign download attestation{flags} {subject}",
        ),
        Command("cosign", "Show all referrers", f"cosign tree{flags} {subject}"),
    )


def _sbom_commands(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    names = [shell.title_of(each) for each in view.manifest.layers]
    name = next((each for each in names if each), "sbom.json")
    return (
        shell.pull_files(target, "Pull the SBOM"),
        Command("grype", "Scan for vulnerabilities", f"grype sbom:{shell.quoted(name)}"),
        Command("trivy", "Scan for vulnerabilities", f"trivy sbom {shell.quoted(name)}"),
        *_attached(target, view),
        *shell.generic(target, view)[1:],
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


def _by_predicate_only(view: ManifestView) -> bool:
    """Only `of_predicate` tells these: they share their types with every other statement."""
    return False


def _typed_or_layered(*types: str) -> Recognizes:
    # One document among other files does not make the whole a document.
    return any_of(typed(*types), all_layers(*types))


SPDX: Final = _document(
    "spdx",
    "SPDX SBOM",
    "SPDX SBOMs",
    Family.SBOM,
    "sbom",
    any_of(
        _typed_or_layered("application/spdx+*", "text/spdx+*", "text/spdx"),
        typed("application/vnd.goharbor.harbor.sbom.v1"),
    ),
    Tab.PACKAGES,
)
CYCLONEDX: Final = _document(
    "cyclonedx",
    "CycloneDX SBOM",
    "CycloneDX SBOMs",
    Family.SBOM,
    "sbom",
    _typed_or_layered("application/vnd.cyclonedx*", "application/x.vnd.cyclonedx*"),
    Tab.PACKAGES,
    Tab.VULNERABILITIES,
)
SYFT: Final = _document(
    "syft",
    "Syft SBOM",
    "Syft SBOMs",
    Family.SBOM,
    "sbom",
    _typed_or_layered("application/vnd.syft+json"),
    Tab.PACKAGES,
)
PROVENANCE: Final = _document(
    "provenance",
    "SLSA provenance",
    "SLSA provenance",
    Family.ATTESTATION,
    "provenance",
    _by_predicate_only,
    Tab.PROVENANCE,
)
VSA: Final = _document(
    "verification-summary",
    "SLSA verification summary",
    "SLSA verification summaries",
    Family.ATTESTATION,
    "attestation",
    _by_predicate_only,
    Tab.PROVENANCE,
)
TEST_RESULT: Final = _document(
    "test-result",
    "Test result",
    "Test results",
    Family.ATTESTATION,
    "attestation",
    _by_predicate_only,
    Tab.PROVENANCE,
)
RELEASE: Final = _document(
    "release-attestation",
    "Release attestation",
    "Release attestations",
    Family.ATTESTATION,
    "attestation",
    _by_predicate_only,
    Tab.PROVENANCE,
)
LINK: Final = _document(
    "link-attestation",
    "Link attestation",
    "Link attestations",
    Family.ATTESTATION,
    "attestation",
    _by_predicate_only,
    Tab.PROVENANCE,
)
SCAI: Final = _document(
    "scai-attestation",
    "SCAI report",
    "SCAI reports",
    Family.ATTESTATION,
    "attestation",
    _by_predicate_only,
    Tab.PROVENANCE,
)
VULNS: Final = _document(
    "vulnerability-attestation",
    "Vulnerability attestation",
    "Vulnerability attestations",
    Family.REPORT,
    "report",
    # What Trivy attaches with a config of this type is what cosign would put into a statement.
    all_of(typed("application/json"), annotated_as("created-by", "trivy")),
    Tab.VULNERABILITIES,
)
OPENVEX: Final = _document(
    "openvex",
    "OpenVEX document",
    "OpenVEX documents",
    Family.REPORT,
    "report",
    _typed_or_layered("application/vnd.openvex*"),
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
        # Before it had a type of its own it had an image's config.
        all_of(
            has_image_config,
            all_layers("application/vnd.in-toto+json"),
            layer_annotated("in-toto.io/predicate-type"),
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
    any_of(
        typed(*_STATEMENTS, "application/vnd.dev.cosign.artifact.att.v*"),
        all_layers(*_STATEMENTS),
    ),
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
    RELEASE,
    LINK,
    SCAI,
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

_BY_PREDICATE: Final = (
    ("https://spdx.dev/Document", SPDX),
    ("https://cyclonedx.org/bom", CYCLONEDX),
    ("https://syft.dev/bom", SYFT),
    ("https://slsa.dev/provenance/", PROVENANCE),
    ("https://in-toto.io/Provenance/", PROVENANCE),
    ("https://slsa.dev/verification_summary/", VSA),
    ("https://in-toto.io/attestation/test-result/", TEST_RESULT),
    ("https://in-toto.io/attestation/release/", RELEASE),
    ("https://in-toto.io/attestation/link/", LINK),
    ("https://in-toto.io/attestation/scai/", SCAI),
    ("https://in-toto.io/attestation/vulns/", VULNS),
    ("https://cosign.sigstore.dev/attestation/vuln/", VULNS),
    ("https://openvex.dev/ns", OPENVEX),
)


def of_predicate(view: ManifestView) -> Kind:
    """Return the kind of a statement by its predicate annotation; else an attestation."""
    said = predicate_of(view)
    return next((kind for start, kind in _BY_PREDICATE if said.startswith(start)), ATTESTATION)
