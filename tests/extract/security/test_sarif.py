"""SARIF is read as its specification has it, and as well-known scanners write it."""

from pathlib import Path
from typing import Any

import pytest

from tests.extract.security.test_reports import only, read, sarif

RULE = {
    "id": "py/eval",
    "defaultConfiguration": {"level": "error"},
    "messageStrings": {"default": {"text": "{0} calls {{eval}} with {1}"}},
}


def test_a_rule_of_an_extension_says_how_bad_its_result_is(tmp_path: Path) -> None:
    rules = [{"id": "a"}, {"id": "go/xss", "properties": {"security-severity": "6.1"}}]
    tool = {"driver": {"name": "CodeQL"}, "extensions": [{"name": "queries", "rules": rules}]}
    for named in (
        {"id": "go/xss", "index": 1, "toolComponent": {"index": 0}},
        {"id": "go/xss", "toolComponent": {"name": "queries"}},
        {"index": 1, "toolComponent": {"name": "queries"}},
        {"id": "go/xss"},
    ):
        run = {"tool": tool, "results": [{"rule": named, "message": {"text": "bad"}}]}
        found = only(read(tmp_path, {"version": "2.1.0", "runs": [run]}))
        assert (found.id, found.severity, found.score) == ("go/xss", "medium", 6.1)


@pytest.mark.parametrize(
    ("result", "severity"),
    [
        ({"ruleId": "py/eval"}, "high"),
        ({"ruleIndex": 0}, "high"),
        ({"ruleId": "py/eval/inner"}, "high"),
        ({"ruleId": "py/eval", "level": "note"}, "low"),
        ({"ruleId": "py/eval", "level": "none"}, "negligible"),
        ({"ruleId": "py/eval", "kind": "review"}, "negligible"),
        ({"ruleId": "unheard"}, "medium"),
        ({"ruleId": "py/eval", "properties": {"security-severity": 9}}, "critical"),
    ],
)
def test_a_level_is_the_results_or_the_rules_or_a_warning(
    tmp_path: Path, result: dict[str, Any], severity: str
) -> None:
    assert only(read(tmp_path, sarif(result, rules=[RULE]))).severity == severity


def test_a_message_by_its_id_is_filled_with_its_arguments(tmp_path: Path) -> None:
    message = {"id": "default", "arguments": ["main", "x"]}
    found = only(read(tmp_path, sarif({"ruleIndex": 0, "message": message}, rules=[RULE])))
    assert found.title == "main calls {eval} with x"


def test_what_passed_or_is_gone_is_no_finding_and_what_is_suppressed_does_not_count(
    tmp_path: Path,
) -> None:
    results: list[dict[str, Any]] = [
        {"ruleId": "a", "kind": "pass"},
        {"ruleId": "a", "kind": "notApplicable"},
        {"ruleId": "a", "baselineState": "absent"},
        {"ruleId": "b", "suppressions": [{"kind": "inSource", "justification": "a test"}]},
        {"ruleId": "c", "suppressions": [{"kind": "external", "status": "underReview"}]},
        {"ruleId": "d", "suppressions": []},
    ]
    found = read(tmp_path, sarif(*results))
    assert found.facts["Passed"] == "2"
    assert [(each.id, each.status, each.counts) for each in found.vulnerabilities] == [
        ("c", "", True),
        ("d", "", True),
        ("b", "suppressed", False),
    ]
    assert found.vulnerabilities[-1].justification == "a test"


def test_each_place_of_a_finding_in_code_is_a_finding_with_its_line(tmp_path: Path) -> None:
    def at(line: int) -> dict[str, Any]:
        place = {"artifactLocation": {"index": 0}, "region": {"startLine": line}}
        return {"ruleId": "x", "locations": [{"physicalLocation": place}]}

    said = sarif(at(3), at(9), at(9))
    said["runs"][0]["artifacts"] = [{"location": {"uri": "src/a.py"}}]
    found = read(tmp_path, said).vulnerabilities
    assert [each.location for each in found] == ["src/a.py:3", "src/a.py:9"]


@pytest.mark.parametrize(
    ("rule", "message", "expected"),
    [
        # Trivy
        (
            {"id": "CVE-2024-1111"},
            "Package: zlib\nInstalled Version: 1.2\nFixed Version: 1.3\nLink: [x](https://a.b)",
            ("CVE-2024-1111", "zlib", "1.2", "1.3"),
        ),
        # Grype
        (
            {
                "id": "CVE-2024-1111-zlib",
                "help": {"text": "Package: zlib\nVersion: 1.2\nFix Version: 1.3\nType: deb"},
            },
            "A high vulnerability in deb package: zlib, version 1.2 was found at: /var/lib/dpkg",
            ("CVE-2024-1111", "zlib", "1.2", "1.3"),
        ),
        # Docker Scout
        (
            {
                "id": "CVE-2024-1111",
                "properties": {"purls": ["pkg:deb/debian/zlib@1.2"], "fixed_version": "1.3"},
            },
            "Vulnerability : CVE-2024-1111\nPackage : pkg:deb/debian/zlib@1.2",
            ("CVE-2024-1111", "zlib", "1.2", "1.3"),
        ),
        # OSV-Scanner
        (
            {"id": "GHSA-AAAA-bbbb-cccc", "deprecatedIds": ["CVE-2024-1111"]},
            "Package 'zlib@1.2' is vulnerable to 'GHSA-aaaa-bbbb-cccc'.",
            ("GHSA-aaaa-bbbb-cccc", "zlib", "1.2", ""),
        ),
    ],
)
def test_scanners_name_package_and_versions_in_sarif(
    tmp_path: Path, rule: dict[str, Any], message: str, expected: tuple[str, ...]
) -> None:
    result = {"ruleId": rule["id"], "message": {"text": message}}
    found = only(read(tmp_path, sarif(result, rules=[rule])))
    assert (found.id, found.package, found.version, found.fixed_in) == expected
