"""Reports of scanners and what is said about vulnerabilities: SARIF, Trivy, Grype, VEX, CSAF."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from entrepot.extract.findings import Findings, Vulnerability
from entrepot.extract.sboms import severity_of
from entrepot.extract.texts import as_list, as_mapping, as_text

_BANDS: Final = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))


def read_sarif(said: Mapping[str, Any]) -> Findings:
    """SARIF 2.1.0: results by rule, severity by `security-severity` or by level."""
    found: list[Vulnerability] = []
    tools = []
    for run in (as_mapping(each) for each in as_list(said.get("runs"))[:50]):
        driver = as_mapping(as_mapping(run.get("tool")).get("driver"))
        tools.append(as_text(driver.get("name"), 100))
        rules = {
            as_text(rule.get("id")): rule
            for rule in (as_mapping(each) for each in as_list(driver.get("rules")))
        }
        for each in as_list(run.get("results")):
            found.append(_result(as_mapping(each), rules))
    return Findings(facts={"Tool": ", ".join(tools)}, vulnerabilities=found)


def _result(said: Mapping[str, Any], rules: Mapping[str, Mapping[str, Any]]) -> Vulnerability:
    rule_id = as_text(said.get("ruleId"), 200)
    rule = rules.get(rule_id, {})
    score = _score(as_mapping(rule.get("properties")).get("security-severity"))
    level = as_text(said.get("level")) or "warning"
    places = as_list(said.get("locations"))
    place = as_mapping(as_mapping(places[0] if places else None).get("physicalLocation"))
    uri = as_text(as_mapping(place.get("artifactLocation")).get("uri"), 300)
    return Vulnerability(
        id=rule_id,
        severity=_band(score) if score else severity_of(level),
        title=as_text(as_mapping(said.get("message")).get("text"), 500),
        url=as_text(rule.get("helpUri"), 500),
        score=score,
        location=uri,
        package=uri,
    )


def _score(value: object) -> float:
    try:
        return min(10.0, max(0.0, float(str(value)))) if value is not None else 0.0
    except ValueError:
        return 0.0


def _band(score: float) -> str:
    return next((name for least, name in _BANDS if score >= least), "negligible")


def read_trivy(said: Mapping[str, Any]) -> Findings:
    """Trivy's own JSON."""
    found = [
        Vulnerability(
            id=as_text(each.get("VulnerabilityID"), 100),
            severity=severity_of(as_text(each.get("Severity"))),
            package=as_text(each.get("PkgName"), 200),
            version=as_text(each.get("InstalledVersion"), 100),
            fixed_in=as_text(each.get("FixedVersion"), 200),
            title=as_text(each.get("Title"), 500),
            url=as_text(each.get("PrimaryURL"), 500),
        )
        for result in as_list(said.get("Results"))
        for each in (as_mapping(one) for one in as_list(as_mapping(result).get("Vulnerabilities")))
    ]
    return Findings(
        facts={"Tool": "Trivy", "Scanned": as_text(said.get("ArtifactName"), 300)},
        vulnerabilities=found,
    )


def read_grype(said: Mapping[str, Any]) -> Findings:
    """Grype's own JSON."""
    descriptor = as_mapping(said.get("descriptor"))
    found = []
    for each in (as_mapping(one) for one in as_list(said.get("matches"))):
        weakness, artifact = (as_mapping(each.get(key)) for key in ("vulnerability", "artifact"))
        fix = as_mapping(weakness.get("fix"))
        found.append(
            Vulnerability(
                id=as_text(weakness.get("id"), 100),
                severity=severity_of(as_text(weakness.get("severity"))),
                package=as_text(artifact.get("name"), 200),
                version=as_text(artifact.get("version"), 100),
                fixed_in=", ".join(as_text(one, 100) for one in as_list(fix.get("versions"))[:5]),
                title=as_text(weakness.get("description"), 500),
                url=as_text(weakness.get("dataSource"), 500),
            )
        )
    version = as_text(descriptor.get("version"))
    return Findings(facts={"Tool": f"Grype {version}".strip()}, vulnerabilities=found)


def read_openvex(said: Mapping[str, Any]) -> Findings:
    """OpenVEX: one line for each statement."""
    return Findings(
        facts={"Author": as_text(said.get("author")), "Time": as_text(said.get("timestamp"))},
        vulnerabilities=list(_vex(said)),
    )


def _vex(said: Mapping[str, Any]) -> Iterator[Vulnerability]:
    for each in (as_mapping(one) for one in as_list(said.get("statements"))):
        named = each.get("vulnerability")
        name = as_mapping(named).get("name") if isinstance(named, dict) else named
        products = (as_mapping(one) for one in as_list(each.get("products"))[:5])
        yield Vulnerability(
            id=as_text(name, 100),
            package=", ".join(as_text(one.get("@id"), 200) for one in products),
            status=as_text(each.get("status"), 60),
            justification=as_text(each.get("justification") or each.get("impact_statement"), 500),
            title=as_text(each.get("action_statement"), 500),
        )


def read_csaf(said: Mapping[str, Any]) -> Findings:
    """CSAF 2.0 advisories."""
    document = as_mapping(said.get("document"))
    found = [
        Vulnerability(
            id=as_text(each.get("cve"), 100),
            title=as_text(each.get("title"), 500),
            status=", ".join(as_text(key, 40) for key in as_mapping(each.get("product_status"))),
        )
        for each in (as_mapping(one) for one in as_list(said.get("vulnerabilities")))
    ]
    severity = as_mapping(document.get("aggregate_severity")).get("text")
    return Findings(
        title=as_text(document.get("title")),
        facts={
            "Publisher": as_text(as_mapping(document.get("publisher")).get("name")),
            "Severity": as_text(severity),
        },
        vulnerabilities=found,
    )


def read_cosign_vuln(predicate: Mapping[str, Any]) -> Mapping[str, Any]:
    """The scanner's own report inside cosign's vulnerability predicate."""
    return as_mapping(as_mapping(predicate.get("scanner")).get("result"))


def read_intoto_vulns(predicate: Mapping[str, Any]) -> list[Vulnerability]:
    """in-toto's vulnerability predicate."""
    scanner = as_mapping(predicate.get("scanner"))
    found = []
    for each in (as_mapping(one) for one in as_list(scanner.get("result"))):
        scores = [as_mapping(one) for one in as_list(each.get("severity"))[:10]]
        score = next((_score(one.get("score")) for one in scores), 0.0)
        word = next((as_text(one.get("score")) for one in scores), "")
        found.append(
            Vulnerability(
                id=as_text(each.get("id"), 100),
                severity=_band(score) if score else severity_of(word),
                score=score,
            )
        )
    return found
