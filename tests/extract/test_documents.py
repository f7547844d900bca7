"""SBOMs, reports and statements of every format, read as their specifications have them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from entrepot.extract.findings import ExtractionState, Findings
from tests.extract.tasks import blob, read

SPDX: dict[str, Any] = {
    "spdxVersion": "SPDX-2.3",
    "name": "app",
    "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": ["Tool: syft"]},
    "packages": [
        {
            "SPDXID": "SPDXRef-a",
            "name": "openssl",
            "versionInfo": "3.0.2",
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "Apache-2.0",
            "externalRefs": [
                {"referenceType": "purl", "referenceLocator": "pkg:deb/debian/openssl@3.0.2"}
            ],
        },
        {"SPDXID": "SPDXRef-b", "name": "zlib", "versionInfo": "1.3"},
    ],
    "relationships": [
        {
            "spdxElementId": "SPDXRef-a",
            "relationshipType": "DEPENDS_ON",
            "relatedSpdxElement": "SPDXRef-b",
        }
    ],
}
CYCLONEDX: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {"component": {"name": "app", "version": "1"}},
    "components": [
        {
            "name": "openssl",
            "version": "3.0.2",
            "purl": "pkg:deb/debian/openssl@3.0.2",
            "licenses": [{"license": {"id": "Apache-2.0"}}],
            "components": [{"group": "org", "name": "zlib", "version": "1.3"}],
        }
    ],
    "vulnerabilities": [
        {
            "id": "CVE-2024-1",
            "ratings": [{"severity": "critical", "score": 9.8}],
        }
    ],
}
SPDX_TEXT = """SPDXVersion: SPDX-2.3
DocumentName: app
PackageName: openssl
SPDXID: SPDXRef-a
PackageVersion: 3.0.2
PackageLicenseConcluded: Apache-2.0
ExternalRef: PACKAGE-MANAGER purl pkg:deb/debian/openssl@3.0.2
PackageName: zlib
PackageVersion: 1.3
"""
SPDX_3 = {
    "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
    "@graph": [
        {
            "type": "software_Package",
            "name": "openssl",
            "software_packageVersion": "3.0.2",
            "software_packageUrl": "pkg:deb/debian/openssl@3.0.2",
            "simplelicensing_licenseExpression": "Apache-2.0",
        },
        {"type": "software_Package", "name": "zlib", "software_packageVersion": "1.3"},
    ],
}
XML = """<bom xmlns="http://cyclonedx.org/schema/bom/1.5"><components>
<component><name>openssl</name><version>3.0.2</version>
<licenses><license><id>Apache-2.0</id></license></licenses>
<purl>pkg:deb/debian/openssl@3.0.2</purl></component>
<component><name>zlib</name><version>1.3</version></component></components></bom>"""
SYFT = {
    "descriptor": {"name": "syft"},
    "artifacts": [
        {
            "name": "openssl",
            "version": "3.0.2",
            "purl": "pkg:deb/debian/openssl@3.0.2",
            "licenses": [{"value": "Apache-2.0"}],
        },
        {"name": "zlib", "version": "1.3"},
    ],
}
SBOMS = {
    "SPDX 2": json.dumps(SPDX),
    "SPDX 2 as text": SPDX_TEXT,
    "SPDX 3": json.dumps(SPDX_3),
    "CycloneDX": json.dumps(CYCLONEDX),
    "CycloneDX in XML": XML,
    "Syft": json.dumps(SYFT),
}


def found_in(place: Path, text: str, media_type: str = "application/json") -> Findings:
    """What one layer says."""
    return read("documents", blob(place, text.encode(), media_type))


def stated(kind: str, predicate: object) -> str:
    """A bare statement."""
    subject = [{"name": "app", "digest": {"sha256": "a" * 64}}]
    return json.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subject,
            "predicateType": kind,
            "predicate": predicate,
        }
    )


@pytest.mark.parametrize("name", SBOMS)
def test_every_format_of_sbom_lists_the_same_packages(tmp_path: Path, name: str) -> None:
    found = found_in(tmp_path, SBOMS[name])
    assert found.state is ExtractionState.DONE
    first, second = (
        next(each for each in found.packages if each.name.endswith(wanted))
        for wanted in ("openssl", "zlib")
    )
    assert (first.version, first.licenses) == ("3.0.2", "Apache-2.0")
    assert first.purl == "pkg:deb/debian/openssl@3.0.2"
    assert second.version == "1.3"


def test_relationships_and_vulnerabilities_come_along(tmp_path: Path) -> None:
    found = found_in(tmp_path, json.dumps(SPDX))
    assert [(each.source, each.target) for each in found.relations] == [("SPDXRef-a", "SPDXRef-b")]
    found = found_in(tmp_path, json.dumps(CYCLONEDX))
    weakness = found.vulnerabilities[0]
    assert (weakness.id, weakness.severity, weakness.score) == ("CVE-2024-1", "critical", 9.8)
    assert weakness.sources == ["CycloneDX"]


REPORTS: dict[str, dict[str, Any]] = {
    "sarif": {
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "trivy",
                        "rules": [{"id": "CVE-2024-1", "properties": {"security-severity": "9.8"}}],
                    }
                },
                "results": [{"ruleId": "CVE-2024-1", "message": {"text": "bad"}}],
            }
        ],
    },
    "trivy": {
        "SchemaVersion": 2,
        "ArtifactName": "app",
        "Results": [
            {"Vulnerabilities": [{"VulnerabilityID": "CVE-2024-1", "Severity": "CRITICAL"}]}
        ],
    },
    "grype": {
        "descriptor": {"name": "grype"},
        "matches": [
            {
                "vulnerability": {"id": "CVE-2024-1", "severity": "Critical"},
                "artifact": {"name": "openssl", "version": "3.0.2"},
            }
        ],
    },
}


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_lists_the_vulnerability(tmp_path: Path, name: str) -> None:
    found = found_in(tmp_path, json.dumps(REPORTS[name]))
    assert [(each.id, each.severity) for each in found.vulnerabilities] == [
        ("CVE-2024-1", "critical")
    ]
    predicate = {"scanner": {"result": REPORTS[name]}}
    kind = "https://cosign.sigstore.dev/attestation/vuln/v1"
    assert found_in(tmp_path, stated(kind, predicate)).vulnerabilities == found.vulnerabilities


def test_vex_and_csaf_say_what_becomes_of_vulnerabilities(tmp_path: Path) -> None:
    vex = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "statements": [
            {
                "vulnerability": {"name": "CVE-2024-1"},
                "products": [{"@id": "pkg:oci/app"}],
                "status": "not_affected",
                "justification": "component_not_present",
            }
        ],
    }
    whole = found_in(tmp_path, json.dumps(vex))
    (said,) = whole.assessments
    assert (said.id, said.status, said.justification) == (
        "CVE-2024-1",
        "not_affected",
        "component_not_present",
    )
    assert whole.vulnerabilities == []
    csaf = {"document": {"csaf_version": "2.0"}, "vulnerabilities": [{"cve": "CVE-2024-2"}]}
    assert found_in(tmp_path, json.dumps(csaf)).vulnerabilities[0].id == "CVE-2024-2"


def test_provenance_of_each_version_says_who_built_what_from_what(tmp_path: Path) -> None:
    v1 = {
        "buildDefinition": {
            "buildType": "https://example.org/type",
            "externalParameters": {"workflow": {"repository": "https://github.com/acme/app"}},
            "resolvedDependencies": [{"uri": "git+https://x", "digest": {"gitCommit": "abc"}}],
        },
        "runDetails": {
            "builder": {"id": "https://example.org/builder"},
            "metadata": {"invocationId": "run/1", "startedOn": "2026-01-01T00:00:00Z"},
        },
    }
    said = found_in(tmp_path, stated("https://slsa.dev/provenance/v1", v1)).statements[0]
    assert (said.builder, said.source) == (
        "https://example.org/builder",
        "https://github.com/acme/app",
    )
    assert (said.revision, said.invocation) == ("abc", "run/1")
    assert said.materials == ["git+https://x gitCommit:abc"]
    assert said.subjects == ["sha256:" + "a" * 64]
    v0 = {
        "builder": {"id": "https://example.org/builder"},
        "invocation": {"configSource": {"uri": "git+https://y", "digest": {"sha1": "def"}}},
        "materials": [{"uri": "pkg:docker/alpine", "digest": {"sha256": "c" * 64}}],
    }
    said = found_in(tmp_path, stated("https://slsa.dev/provenance/v0.2", v0)).statements[0]
    assert (said.builder, said.source, said.revision) == (
        "https://example.org/builder",
        "git+https://y",
        "def",
    )
    assert said.materials[0].startswith("pkg:docker/alpine sha256:")


def test_an_sbom_inside_an_envelope_is_read(tmp_path: Path) -> None:
    payload = base64.b64encode(stated("https://spdx.dev/Document", SPDX).encode()).decode()
    envelope = {"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []}
    found = found_in(tmp_path, json.dumps(envelope), "application/vnd.dsse.envelope.v1+json")
    assert [each.name for each in found.packages] == ["openssl", "zlib"]
    assert found.statements[0].predicate_type == "https://spdx.dev/Document"
    assert found.signatures[0].check == "invalid"


def test_a_file_that_turns_out_to_be_an_sbom_is_read_as_one(tmp_path: Path) -> None:
    layer = blob(tmp_path, json.dumps(SPDX).encode(), "application/json", "sbom.json")
    found = read("files", layer)
    assert [each.name for each in found.packages] == ["openssl", "zlib"]


@pytest.mark.parametrize("text", ["[]", "{}", '{"a": 1}', "7", "plain", '{"packages": 7}'])
def test_what_is_no_document_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    assert found_in(tmp_path, text).packages == []
