"""What scanners report is read as they mean it, and what is not read is never clean."""

import json
from pathlib import Path
from typing import Any

import pytest

from entrepot.extract.findings import ExtractionState, Findings, Vulnerability
from entrepot.extract.security.reports import read_intoto_vulns
from tests.extract.tasks import found_in


def read(place: Path, said: object) -> Findings:
    """What a JSON document says."""
    return found_in(place, json.dumps(said))


def only(found: Findings) -> Vulnerability:
    """The one vulnerability."""
    (one,) = found.vulnerabilities
    return one


def sarif(*results: dict[str, Any], rules: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A report of one run."""
    driver = {"name": "Checker", "rules": rules or []}
    return {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": list(results)}]}


@pytest.mark.parametrize(
    "said",
    [
        {"version": "2.1.0", "runs": []},
        {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}}]},
        {"version": "2.1.0", "runs": [{"tool": {}, "results": None}]},
        {"ArtifactName": "app"},
        {"ArtifactName": "app", "Results": []},
        {"ArtifactName": "app", "Results": [{"Target": "a", "Class": "new", "Novelties": [{}]}]},
        {"matches": None, "descriptor": {"name": "grype"}},
        {"document": {"csaf_version": "2.0"}},
        {"@context": "https://openvex.dev/ns/v0.2.0", "statements": []},
        {"ClusterName": "dev"},
        {"results": "none"},
        {"vulnerabilities": 7, "scan": {}},
    ],
)
def test_a_report_in_which_nothing_was_read_is_not_a_clean_one(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    found = read(tmp_path, said)
    assert found.state is ExtractionState.UNSUPPORTED
    assert found.reason


@pytest.mark.parametrize(
    "said",
    [
        sarif(),
        {"matches": [], "descriptor": {"name": "grype"}},
        {"ArtifactName": "app", "Results": [{"Target": "debian", "Class": "os-pkgs"}]},
        {"results": []},
        {"generated_at": "x", "scanner": {"name": "Trivy"}, "vulnerabilities": None},
    ],
)
def test_a_report_that_looked_and_found_nothing_is_clean(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    found = read(tmp_path, said)
    assert (found.state, found.reason, found.vulnerabilities) == (ExtractionState.DONE, "", [])


RESULTS: list[dict[str, Any]] = [
    {
        "Target": "Dockerfile",
        "Class": "config",
        "MisconfSummary": {"Successes": 20, "Failures": 1},
        "Misconfigurations": [
            {
                "ID": "DS002",
                "Title": "Image user should not be root",
                "Severity": "HIGH",
                "Status": "FAIL",
                "Resolution": "Add USER",
                "CauseMetadata": {"StartLine": 3, "EndLine": 5},
            },
            {"ID": "DS001", "Status": "PASS", "Severity": "LOW"},
        ],
    },
    {
        "Target": "a.env",
        "Class": "secret",
        "Secrets": [{"RuleID": "key", "Severity": "CRITICAL", "Title": "Key", "StartLine": "2"}],
    },
    {
        "Target": "Loose",
        "Class": "license",
        "Licenses": [{"Name": "GPL-3.0", "PkgName": "bash", "Severity": "HIGH"}],
    },
]


def test_trivy_tells_of_misconfigurations_secrets_and_licences(tmp_path: Path) -> None:
    found = read(tmp_path, {"ArtifactName": "app", "Results": RESULTS})
    assert [(each.category, each.id, each.severity, each.target) for each in found.issues] == [
        ("misconfiguration", "DS002", "high", "Dockerfile:3-5"),
        ("secret", "key", "critical", "a.env:2"),
        ("license", "GPL-3.0", "high", "bash"),
    ]
    assert found.facts["Passed"] == "20"
    tagged = {"id": "DS002", "properties": {"tags": ["misconfiguration", "security"]}}
    result = {"ruleId": "DS002", "message": {"text": "root"}}
    found = read(tmp_path, sarif(result, rules=[tagged]))
    assert [each.category for each in found.issues] == ["misconfiguration"]
    assert found.vulnerabilities == []


WEAKNESS = {"VulnerabilityID": "CVE-2024-1111", "PkgName": "zlib", "Severity": "HIGH"}
CHECK = {"ID": "KSV001", "Title": "t", "Severity": "MEDIUM", "Status": "FAIL"}
VULNERABLE = {"Target": "nginx", "Class": "os-pkgs", "Vulnerabilities": [WEAKNESS]}
WRONG = {"Target": "Pod/web", "Class": "config", "Misconfigurations": [CHECK]}
POD = {"Namespace": "default", "Kind": "Pod", "Name": "web"}
BOTH = [{**POD, "Results": [VULNERABLE, WRONG]}]
CLUSTERS: dict[str, dict[str, Any]] = {
    "old": {
        "ClusterName": "dev",
        "Vulnerabilities": [{**POD, "Results": [VULNERABLE]}],
        "Misconfigurations": [{**POD, "Results": [WRONG]}],
    },
    "resources": {"ClusterName": "dev", "Resources": BOTH},
    "findings": {"ClusterName": "dev", "Findings": BOTH},
    "operator": {
        "apiVersion": "aquasecurity.github.io/v1alpha1",
        "kind": "VulnerabilityReport",
        "report": {
            "vulnerabilities": [
                {"vulnerabilityID": "CVE-2024-1111", "resource": "zlib", "severity": "HIGH"}
            ],
            "checks": [{"checkID": "KSV001", "severity": "MEDIUM", "success": False}],
        },
    },
}


@pytest.mark.parametrize("form", CLUSTERS)
def test_reports_about_a_cluster_are_read_in_every_form(tmp_path: Path, form: str) -> None:
    found = read(tmp_path, CLUSTERS[form])
    assert (only(found).id, only(found).package) == ("CVE-2024-1111", "zlib")
    assert [(each.id, each.severity) for each in found.issues] == [("KSV001", "medium")]


OTHERS: dict[str, dict[str, Any]] = {
    "osv-scanner": {
        "results": [
            {
                "packages": [
                    {
                        "package": {"name": "zlib", "version": "1.2", "ecosystem": "Go"},
                        "vulnerabilities": [
                            {
                                "id": "GO-2024-0001",
                                "aliases": ["CVE-2024-1111"],
                                "affected": [
                                    {
                                        "package": {"name": "zlib"},
                                        "ranges": [{"events": [{"fixed": "1.3"}]}],
                                    }
                                ],
                            }
                        ],
                        "groups": [{"ids": ["GO-2024-0001"], "max_severity": "7.5"}],
                    }
                ]
            }
        ]
    },
    "harbor": {
        "scanner": {"name": "Trivy", "version": "1"},
        "vulnerabilities": [
            {
                "id": "CVE-2024-1111",
                "package": "zlib",
                "version": "1.2",
                "fix_version": "1.3",
                "severity": "High",
            }
        ],
    },
    "grype": {
        "descriptor": {"name": "grype"},
        "matches": [
            {
                "vulnerability": {
                    "id": "GHSA-aaaa-bbbb-cccc",
                    "severity": "High",
                    "fix": {"versions": ["1.3"]},
                },
                "relatedVulnerabilities": [{"id": "CVE-2024-1111"}],
                "artifact": {"name": "zlib", "version": "1.2"},
            }
        ],
    },
    "gitlab": {
        "scan": {"scanner": {"name": "Analyzer"}},
        "vulnerabilities": [
            {
                "severity": "High",
                "location": {"dependency": {"package": {"name": "zlib"}, "version": "1.2"}},
                "identifiers": [{"type": "cve", "value": "CVE-2024-1111"}],
            }
        ],
    },
}


@pytest.mark.parametrize("name", OTHERS)
def test_reports_of_other_scanners_say_the_same(tmp_path: Path, name: str) -> None:
    found = only(read(tmp_path, OTHERS[name]))
    assert (found.package, found.version, found.severity) == ("zlib", "1.2", "high")
    assert "CVE-2024-1111" in (found.id, *found.aliases)
    assert found.fixed_in in ("1.3", "")


def test_matches_that_a_scanner_left_out_are_shown_and_do_not_count(tmp_path: Path) -> None:
    match = OTHERS["grype"]["matches"][0]
    ignored = {**match, "appliedIgnoreRules": [{"vex-status": "not_affected"}]}
    found = only(read(tmp_path, {"matches": [], "ignoredMatches": [ignored], "descriptor": {}}))
    assert (found.status, found.counts) == ("not_affected", False)
    finding = {"VulnerabilityID": "CVE-2024-1", "PkgName": "a", "Severity": "LOW"}
    modified = [{"Type": "vulnerability", "Status": "ignored", "Finding": finding}]
    result = {"Target": "x", "Class": "os-pkgs", "ExperimentalModifiedFindings": modified}
    found = only(read(tmp_path, {"ArtifactName": "a", "Results": [result]}))
    assert (found.status, found.counts) == ("ignored", False)


def csaf(*vulnerabilities: dict[str, Any], **more: object) -> dict[str, Any]:
    """An advisory about one product of two versions, and a part of a system."""

    def version(name: str, product_id: str) -> dict[str, Any]:
        helper = {"purl": f"pkg:deb/debian/zlib@{name}"}
        product = {
            "name": f"zlib {name}",
            "product_id": product_id,
            "product_identification_helper": helper,
        }
        return {"category": "product_version", "name": name, "product": product}

    versions = [version("1.2", "A"), version("1.3", "B")]
    product = {"category": "product_name", "name": "zlib", "branches": versions}
    system = {
        "category": "product_name",
        "name": "Debian",
        "product": {"name": "Debian 12", "product_id": "S"},
    }
    part = {
        "category": "default_component_of",
        "product_reference": "A",
        "relates_to_product_reference": "S",
        "full_product_name": {"name": "zlib of Debian 12", "product_id": "S:A"},
    }
    tree = {
        "branches": [{"category": "vendor", "name": "v", "branches": [product, system]}],
        "relationships": [part],
    }
    document = {"csaf_version": "2.0", "publisher": {"name": "Acme"}, **more}
    return {"document": document, "product_tree": tree, "vulnerabilities": list(vulnerabilities)}


def test_an_advisory_names_the_products_that_it_affects(tmp_path: Path) -> None:
    for product_id in ("A", "S:A"):
        status = {"known_affected": [product_id], "fixed": ["B"], "known_not_affected": ["X"]}
        scores = [{"products": [product_id], "cvss_v3": {"baseScore": "9.8"}}]
        said = csaf({"cve": "CVE-2024-1111", "product_status": status, "scores": scores})
        found = read(tmp_path, said)
        one = only(found)
        assert (one.package, one.version, one.fixed_in) == ("zlib", "1.2", "1.3")
        assert (one.severity, one.score, one.status) == ("critical", 9.8, "affected")
        assert one.sources == ["Acme"]
        assert {each.status for each in found.assessments} == {"fixed", "not_affected"}


@pytest.mark.parametrize(
    ("more", "document", "severity"),
    [
        ({"scores": [{"products": ["A"], "cvss_v2": {"baseScore": 5}}]}, {}, "medium"),
        ({"scores": [{"products": ["B"], "cvss_v3": {"baseScore": 9.9}}]}, {}, "unknown"),
        ({"metrics": [{"content": {"cvss_v4": {"baseSeverity": "LOW"}}}]}, {}, "low"),
        ({"threats": [{"category": "impact", "details": "Important"}]}, {}, "high"),
        ({}, {"aggregate_severity": {"text": "Moderate"}}, "medium"),
    ],
)
def test_how_bad_an_advisory_is_comes_from_scores_threats_or_the_whole(
    tmp_path: Path, more: dict[str, Any], document: dict[str, Any], severity: str
) -> None:
    weakness = {"cve": "CVE-2024-1111", "product_status": {"known_affected": ["A"]}, **more}
    assert only(read(tmp_path, csaf(weakness, **document))).severity == severity


def test_openvex_of_each_version_says_of_what_it_speaks(tmp_path: Path) -> None:
    new = {
        "vulnerability": {"@id": "https://nvd.nist.gov/vuln/detail/CVE-2024-1111"},
        "products": [
            {
                "@id": "pkg:oci/app@sha256%3A" + "a" * 64,
                "subcomponents": [{"identifiers": {"purl": "pkg:deb/debian/zlib@1.2"}}],
            }
        ],
        "status": "not_affected",
    }
    old = {
        "vulnerability": "CVE-2024-1111",
        "products": ["pkg:oci/app"],
        "subcomponents": ["pkg:deb/debian/zlib@1.2"],
        "status": "Not Affected",
    }
    for statement in (new, old):
        said = {"@context": "https://openvex.dev/ns", "statements": [statement]}
        (one,) = read(tmp_path, said).assessments
        assert (one.id, one.status) == ("CVE-2024-1111", "not_affected")
        assert [each.name for each in one.products[0].parts] == ["zlib"]


def test_what_is_affected_is_a_finding_whoever_says_it(tmp_path: Path) -> None:
    vex = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "statements": [
            {
                "vulnerability": {"name": "CVE-2024-1111"},
                "products": ["pkg:deb/debian/zlib@1.2"],
                "status": "affected",
                "action_statement": "update",
            }
        ],
    }
    bom = {
        "bomFormat": "CycloneDX",
        "components": [{"name": "zlib", "version": "1.2", "bom-ref": "z"}],
        "vulnerabilities": [
            {
                "id": "CVE-2024-1111",
                "affects": [{"ref": "urn:cdx:1/1#z"}],
                "analysis": {"state": "exploitable"},
            }
        ],
    }
    for said in (vex, bom):
        one = only(read(tmp_path, said))
        assert (one.package, one.version, one.status) == ("zlib", "1.2", "affected")


@pytest.mark.parametrize("state", ["not_affected", "false_positive", "resolved"])
def test_a_bom_says_of_what_it_is_not_affected(tmp_path: Path, state: str) -> None:
    weakness = {"id": "CVE-2024-1111", "analysis": {"state": state}, "affects": [{"ref": "x"}]}
    found = read(tmp_path, {"bomFormat": "CycloneDX", "vulnerabilities": [weakness]})
    assert found.vulnerabilities == []
    assert found.assessments[0].status in ("not_affected", "fixed")


def test_in_totos_predicate_names_each_finding_with_its_severity() -> None:
    rated = [{"method": "nvd", "score": "9.8"}, {"method": "vendor", "score": "low"}]
    result = [
        {"id": "CVE-2024-1", "severity": rated},
        {"vulnerability": {"id": "CVE-2024-2", "severity": [{"score": "high"}]}},
        {"id": "CVE-2024-3"},
    ]
    scanner = {"uri": "https://scanner.example", "version": "1.2", "result": result}
    found = read_intoto_vulns({"scanner": scanner})
    assert found.state is ExtractionState.DONE
    assert [(each.id, each.severity, each.score) for each in found.vulnerabilities] == [
        ("CVE-2024-1", "critical", 9.8),
        ("CVE-2024-2", "high", 0.0),
        ("CVE-2024-3", "unknown", 0.0),
    ]
    assert found.facts == {"Tool": "https://scanner.example 1.2"}


@pytest.mark.parametrize("scanner", [{}, {"uri": "x"}, {"result": None}, {"result": {}}])
def test_an_in_toto_predicate_without_a_list_is_not_clean_and_says_why(scanner: object) -> None:
    found = read_intoto_vulns({"scanner": scanner})
    assert (found.state, found.vulnerabilities) == (ExtractionState.UNSUPPORTED, [])
    assert "no list" in found.reason
