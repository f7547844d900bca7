"""Trivy's JSON: of images, file systems and repositories, of clusters, and of its operator."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from entrepot.extract.findings import ExtractionState, Findings, Issue, Vulnerability
from entrepot.extract.security.identifiers import split_id
from entrepot.extract.security.packages import canonical_name
from entrepot.extract.security.severities import best_score, severity_or_score
from entrepot.extract.security.vex import status_of
from entrepot.extract.texts import as_items, as_mapping, as_text

Said = Mapping[str, Any]
_TOOL: Final = "Trivy"
_READ: Final = frozenset(
    {
        "Vulnerabilities",
        "Misconfigurations",
        "Secrets",
        "Licenses",
        "Packages",
        "MisconfSummary",
        "ModifiedFindings",
        "ExperimentalModifiedFindings",
    }
)
_TELLING: Final = frozenset({"os-pkgs", "lang-pkgs", "config", "secret", "license", "license-file"})
"""Classes of results; one of them without findings has been looked at, and is clean."""
_PASSED: Final = frozenset({"pass", "exception"})


def is_trivy(said: Said) -> bool:
    """Say whether a document has the keys of one of Trivy's forms."""
    if "ArtifactName" in said or "ClusterName" in said or isinstance(said.get("Results"), list):
        return True
    if isinstance(said.get("SummaryControls"), list) or "ControlResults" in said:
        return True
    return as_text(said.get("apiVersion"), 100).startswith("aquasecurity.github.io/")


def read_trivy(said: Said) -> Findings:
    """Everything that Trivy looked for; `unsupported` where nothing of it was recognised."""
    reading = _Reading()
    if as_text(said.get("apiVersion"), 100).startswith("aquasecurity.github.io/"):
        return _read_operator(said, reading)
    if "SummaryControls" in said or "ControlResults" in said:
        return _read_compliance(said, reading)
    if "ClusterName" in said:
        _read_cluster(said, reading)
    for each in map(as_mapping, as_items(said.get("Results"))):
        reading.read(each, "")
    scanned = as_text(said.get("ArtifactName") or said.get("ClusterName"), 300)
    version = as_text(as_mapping(said.get("Trivy")).get("Version"), 40)
    return reading.findings({"Tool": f"{_TOOL} {version}".strip(), "Scanned": scanned})


def _read_cluster(said: Said, reading: "_Reading") -> None:
    """`trivy k8s`, in each of the forms that it has had."""
    for key in ("Vulnerabilities", "Misconfigurations", "Resources", "Findings"):
        for each in map(as_mapping, as_items(said.get(key))):
            names = (as_text(each.get(name), 200) for name in ("Namespace", "Kind", "Name"))
            resource = "/".join(name for name in names if name)
            reading.resources.add(resource)
            if as_text(each.get("Error"), 300):
                reading.problems.append(f"{resource}: {as_text(each.get('Error'), 300)}")
            for result in map(as_mapping, as_items(each.get("Results"))):
                reading.read(result, resource)


@dataclass(slots=True)
class _Reading:
    """The parts of a report that have been read so far."""

    found: list[Vulnerability] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    passed: int = 0
    targets: int = 0
    resources: set[str] = field(default_factory=set)
    strange: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def read(self, result: Said, resource: str) -> None:
        """One target of a report."""
        target = as_text(result.get("Target"), 300)
        where = f"{resource}: {target}".strip(": ") if resource else target
        listed = {key: value for key, value in result.items() if isinstance(value, list) and value}
        kind = as_text(result.get("Class"), 60)
        unread = set(listed) - _READ
        self.strange |= unread
        self.targets += kind in _TELLING or bool(set(listed) & _READ) or not (kind or unread)
        for each in map(as_mapping, as_items(result.get("Vulnerabilities"))):
            self.found.append(_vulnerability(each, where))
        summary = as_mapping(result.get("MisconfSummary"))
        self.passed += _count(summary.get("Successes"))
        for each in map(as_mapping, as_items(result.get("Misconfigurations"))):
            if as_text(each.get("Status"), 20).lower() not in _PASSED:
                self.issues.append(_misconfiguration(each, where))
            elif not summary:
                self.passed += 1
        self.issues += [
            _secret(each, where) for each in map(as_mapping, as_items(result.get("Secrets")))
        ]
        self.issues += [
            _license(each, where) for each in map(as_mapping, as_items(result.get("Licenses")))
        ]
        for key in ("ModifiedFindings", "ExperimentalModifiedFindings"):
            self.found += _modified(result.get(key), where)

    def findings(self, facts: dict[str, str]) -> Findings:
        """All of it; a report in which nothing was recognised is not a clean one."""
        facts["Targets"] = str(self.targets or "")
        facts["Resources"] = str(len(self.resources) or "")
        facts["Passed"] = str(self.passed or "")
        facts = {key: value for key, value in facts.items() if value}
        problems = list(dict.fromkeys(self.problems))
        if self.strange:
            problems.append(f"not read: {', '.join(sorted(self.strange))[:300]}")
        has_nothing = not (self.found or self.issues or self.targets)
        if has_nothing and not problems:
            problems.append("the report names nothing that was looked at")
        return Findings(
            state=ExtractionState.UNSUPPORTED if has_nothing else ExtractionState.DONE,
            reason="; ".join(problems)[:1000],
            facts=facts,
            vulnerabilities=self.found,
            issues=self.issues,
        )


def _vulnerability(said: Said, target: str) -> Vulnerability:
    identifier, _ = split_id(as_text(said.get("VulnerabilityID"), 100))
    named = as_mapping(said.get("PkgIdentifier"))
    purl = as_text(named.get("PURL"))
    cvss = as_mapping(said.get("CVSS")).values()
    kinds = ("V40Score", "V3Score", "V2Score")
    score = best_score(as_mapping(each).get(kind) for each in cvss for kind in kinds)
    vendor = [split_id(as_text(each, 100))[0] for each in as_items(said.get("VendorIDs"))[:50]]
    return Vulnerability(
        id=identifier,
        severity=severity_or_score(said.get("Severity"), score),
        package=canonical_name(as_text(said.get("PkgName"), 200), purl)[:200],
        version=as_text(said.get("InstalledVersion"), 100),
        fixed_in=as_text(said.get("FixedVersion"), 200),
        title=as_text(said.get("Title") or said.get("Description"), 500),
        url=as_text(said.get("PrimaryURL"), 500),
        score=score,
        location=as_text(said.get("PkgPath"), 300) or target,
        aliases=[each for each in vendor if each and each != identifier],
        purl=purl,
        sources=[_TOOL],
    )


def _modified(value: object, target: str) -> Iterator[Vulnerability]:
    """The findings that Trivy left out because of VEX or of an ignore file."""
    for each in map(as_mapping, as_items(value)):
        finding = as_mapping(each.get("Finding"))
        if not finding.get("VulnerabilityID"):
            continue
        found = _vulnerability(finding, target)
        values = {name: getattr(found, name) for name in Vulnerability.__struct_fields__}
        said = {
            "status": status_of(each.get("Status")) or "ignored",
            "justification": as_text(each.get("Statement") or each.get("Source"), 500),
        }
        yield Vulnerability(**{**values, **said})


def _misconfiguration(said: Said, target: str) -> Issue:
    cause = as_mapping(said.get("CauseMetadata"))
    lines = _lines(cause.get("StartLine"), cause.get("EndLine"))
    resource = as_text(cause.get("Resource"), 200)
    return Issue(
        "misconfiguration",
        id=as_text(said.get("ID") or said.get("AVDID"), 100),
        severity=severity_or_score(said.get("Severity"), 0.0),
        title=as_text(said.get("Title"), 500),
        target=f"{target}{lines}",
        location=resource,
        message=as_text(said.get("Message") or said.get("Description"), 1000),
        resolution=as_text(said.get("Resolution"), 500),
        url=as_text(said.get("PrimaryURL"), 500),
        sources=[_TOOL],
    )


def _secret(said: Said, target: str) -> Issue:
    lines = _lines(said.get("StartLine"), said.get("EndLine"))
    return Issue(
        "secret",
        id=as_text(said.get("RuleID"), 100),
        severity=severity_or_score(said.get("Severity"), 0.0),
        title=as_text(said.get("Title") or said.get("Category"), 500),
        target=f"{target}{lines}",
        # Trivy has put asterisks in the secret's place.
        message=as_text(said.get("Match"), 500),
        sources=[_TOOL],
    )


def _license(said: Said, target: str) -> Issue:
    package, path = as_text(said.get("PkgName"), 200), as_text(said.get("FilePath"), 300)
    return Issue(
        "license",
        id=as_text(said.get("Name"), 200),
        severity=severity_or_score(said.get("Severity"), 0.0),
        title=as_text(said.get("Category"), 100),
        target=package or path or target,
        location=path if package else "",
        message=as_text(said.get("Text"), 500),
        url=as_text(said.get("Link"), 500),
        sources=[_TOOL],
    )


def _lines(start: object, end: object) -> str:
    first, last = (_count(each) for each in (start, end))
    if not first:
        return ""
    return f":{first}" if last <= first else f":{first}-{last}"


def _count(value: object) -> int:
    """A number that is not negative, also where it is written as a text."""
    if isinstance(value, bool):
        return 0
    text = str(value) if isinstance(value, int | str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0


def _read_compliance(said: Said, reading: _Reading) -> Findings:
    """`trivy … --compliance`: a line for each control that failed."""
    listed = [*as_items(said.get("SummaryControls")), *as_items(said.get("ControlResults"))]
    for each in map(as_mapping, listed):
        inner = [as_mapping(one) for one in as_items(each.get("Results"))]
        failed = each.get("TotalFail")
        reading.targets += 1
        if inner:
            for one in inner:
                for result in map(as_mapping, as_items(one.get("Results")) or [one]):
                    reading.read(result, as_text(each.get("Name"), 200))
        elif _count(failed):
            reading.issues.append(
                Issue(
                    "misconfiguration",
                    id=as_text(each.get("ID"), 100),
                    severity=severity_or_score(each.get("Severity"), 0.0),
                    title=as_text(each.get("Name"), 500),
                    message=f"{_count(failed)} checks failed",
                    sources=[_TOOL],
                )
            )
        else:
            reading.passed += 1
    return reading.findings({"Tool": _TOOL, "Scanned": as_text(said.get("Title"), 300)})


def _read_operator(said: Said, reading: _Reading) -> Findings:
    """Custom resources of Trivy's operator; also as a list of them."""
    for each in map(as_mapping, as_items(said.get("items")) or [said]):
        report = as_mapping(each.get("report"))
        resource = as_text(as_mapping(each.get("metadata")).get("name"), 200)
        reading.targets += any(key in report for key in ("vulnerabilities", "checks", "secrets"))
        for one in map(as_mapping, as_items(report.get("vulnerabilities"))):
            reading.found.append(_of_operator(one, resource))
        for one in map(as_mapping, as_items(report.get("checks"))):
            if one.get("success") is True:
                reading.passed += 1
            else:
                reading.issues.append(_check(one, resource))
        for one in map(as_mapping, as_items(report.get("secrets"))):
            capitals = {name[:1].upper() + name[1:]: value for name, value in one.items()}
            capitals["RuleID"] = one.get("ruleID")
            reading.issues.append(_secret(capitals, as_text(one.get("target"), 300) or resource))
    return reading.findings({"Tool": "Trivy Operator"})


def _of_operator(said: Said, resource: str) -> Vulnerability:
    identifier, _ = split_id(as_text(said.get("vulnerabilityID"), 100))
    score = best_score([said.get("score")])
    purl = as_text(said.get("packagePURL"))
    return Vulnerability(
        id=identifier,
        severity=severity_or_score(said.get("severity"), score),
        package=canonical_name(as_text(said.get("resource"), 200), purl)[:200],
        version=as_text(said.get("installedVersion"), 100),
        fixed_in=as_text(said.get("fixedVersion"), 200),
        title=as_text(said.get("title"), 500),
        url=as_text(said.get("primaryLink"), 500),
        score=score,
        location=as_text(said.get("target"), 300) or resource,
        purl=purl,
        sources=[_TOOL],
    )


def _check(said: Said, resource: str) -> Issue:
    messages = [as_text(each, 300) for each in as_items(said.get("messages"))[:5]]
    return Issue(
        "misconfiguration",
        id=as_text(said.get("checkID"), 100),
        severity=severity_or_score(said.get("severity"), 0.0),
        title=as_text(said.get("title"), 500),
        target=resource,
        message="; ".join(each for each in messages if each) or as_text(said.get("description")),
        resolution=as_text(said.get("remediation"), 500),
        sources=[_TOOL],
    )
