"""Lists are as long as the documents say; what is too much is counted."""

import json
from pathlib import Path

import pytest

from entrepot.extract import limits, read
from entrepot.extract.findings import Findings, Package, Vulnerability
from tests.extract.tasks import found_in


def test_every_finding_of_a_long_report_is_kept(tmp_path: Path) -> None:
    listed = [
        {"VulnerabilityID": f"CVE-2024-{10_000 + each}", "PkgName": f"p{each}", "Severity": "LOW"}
        for each in range(25_000)
    ]
    report = {"ArtifactName": "app", "Results": [{"Target": "t", "Vulnerabilities": listed}]}
    found = found_in(tmp_path, json.dumps(report))
    assert len(found.vulnerabilities) == 25_000
    assert found.left_out == {}


@pytest.mark.parametrize("form", ["CycloneDX", "SPDX", "SPDX text"])
def test_every_package_of_a_long_sbom_is_kept(tmp_path: Path, form: str) -> None:
    many = range(60_000)
    texts = {
        "CycloneDX": lambda: json.dumps(
            {"bomFormat": "CycloneDX", "components": [{"name": f"p{each}"} for each in many]}
        ),
        "SPDX": lambda: json.dumps(
            {"spdxVersion": "SPDX-2.3", "packages": [{"name": f"p{each}"} for each in many]}
        ),
        "SPDX text": lambda: "\n".join(
            ["SPDXVersion: SPDX-2.3", *(f"PackageName: p{each}" for each in many)]
        ),
    }
    found = found_in(tmp_path, texts[form]())
    assert len(found.packages) == 60_000
    assert found.left_out == {}


def test_what_is_too_much_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits.PACKAGES >= 200_000
    monkeypatch.setitem(read._LONGEST, "packages", 2)
    found = Findings(
        packages=[Package(name) for name in "abcde"], vulnerabilities=[Vulnerability("CVE-2024-1")]
    )
    kept = read.bounded(found)
    assert [each.name for each in kept.packages] == ["a", "b"]
    assert kept.left_out == {"packages": 3}
    assert kept.vulnerabilities == found.vulnerabilities
