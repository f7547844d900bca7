"""No value that a format does not expect brings its reader down."""

from typing import Any

import msgspec
import pytest

from entrepot.extract.findings import Findings
from entrepot.extract.read import bounded
from entrepot.extract.security.forms import read_report
from tests.extract.security.test_reports import OTHERS, csaf, sarif
from tests.extract.security.test_sarif import RULE

WHOLE: list[dict[str, Any]] = [
    sarif({"ruleIndex": 0, "message": {"id": "default"}}, rules=[RULE]),
    csaf(
        {
            "cve": "CVE-2024-1111",
            "product_status": {"known_affected": ["A"], "fixed": ["B"]},
            "scores": [{"products": ["A"], "cvss_v3": {"baseScore": 1}}],
            "threats": [{"details": "x", "product_ids": ["A"]}],
        }
    ),
    *OTHERS.values(),
    {
        "@context": "https://openvex.dev/ns",
        "statements": [
            {"vulnerability": {"name": "CVE-2024-1"}, "products": [{"@id": "a"}], "status": "x"}
        ],
    },
    {
        "bomFormat": "CycloneDX",
        "components": [{"name": "a", "bom-ref": "a"}],
        "vulnerabilities": [
            {
                "id": "CVE-2024-1",
                "ratings": [{"score": 1, "severity": "low"}],
                "affects": [{"ref": "a", "versions": [{"version": "1"}]}],
                "analysis": {"state": "in_triage", "response": ["update"]},
                "references": [{"id": "GHSA-aaaa-bbbb-cccc"}],
            }
        ],
    },
    {
        "ArtifactName": "a",
        "Results": [
            {
                "Vulnerabilities": [{"VulnerabilityID": "CVE-2024-1", "CVSS": {"a": {}}}],
                "Misconfigurations": [{"ID": "a", "CauseMetadata": {"StartLine": 1}}],
                "Secrets": [{"RuleID": "a"}],
                "Licenses": [{"Name": "a"}],
            }
        ],
    },
]
STRANGE: list[Any] = [None, 7, "x", [], {}, [None], [7], ["x"], [{}], {"a": None}, True, 1e999, -1]


@pytest.mark.parametrize("strange", STRANGE, ids=repr)
def test_no_strange_value_brings_a_reader_down(strange: object) -> None:
    for document in WHOLE:
        for changed in _changed(document, strange):
            found = bounded(read_report(changed))
            assert msgspec.json.decode(msgspec.json.encode(found), type=Findings) == found


def _changed(value: Any, strange: object) -> list[Any]:
    """The value with each of its parts replaced, one at a time."""
    parts = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value if isinstance(value, list) else ())
    )
    found: list[Any] = []
    for key, inner in parts:
        for other in (strange, *_changed(inner, strange)):
            copy = value.copy()
            copy[key] = other
            found.append(copy)
    return found
