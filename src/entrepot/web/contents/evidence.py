"""Long lists of an artifact's tabs: their true totals, and the part that one page shows."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from entrepot.extract.findings import (
    SEVERITIES,
    File,
    Findings,
    Issue,
    Package,
    Vulnerability,
)
from entrepot.http.paging import Pager
from entrepot.kinds.recognition.kind import Tab
from entrepot.web.contents.artifact_parts import CATEGORIES

SIZE: Final = 200
"""Entries per page."""


@dataclass(frozen=True, slots=True)
class Part:
    """One page of a list; `counts` are of the whole list, by licence or by severity."""

    findings: Findings
    pager: Pager
    counts: dict[str, int] = field(default_factory=dict)
    depends: dict[str, list[str]] = field(default_factory=dict)
    """What the packages that are shown depend on or contain."""
    silenced: int = 0
    """Findings that are shown and do not count."""
    left_out: int = 0
    """How many more the documents have that were too many to be kept."""


def part_of(tab: str, findings: Findings, number: int, query: str = "") -> Part | None:
    """The page of that number of the tab's list, the most severe first; `None` without a list."""
    if tab == Tab.PACKAGES.value:
        packages = findings.packages
        counts = dict(Counter(each.licenses for each in packages).most_common())
        part = _part(findings, "packages", packages, number, counts)
        return dataclasses.replace(part, depends=_depends(findings, part.findings.packages))
    if tab == Tab.VULNERABILITIES.value:
        found = findings.vulnerabilities
        counts = dict(Counter(each.severity for each in found if each.counts))
        part = _part(findings, "vulnerabilities", found, number, counts)
        return dataclasses.replace(part, silenced=sum(not each.counts for each in found))
    category = next((name for each, name in CATEGORIES.items() if each.value == tab), None)
    if category is not None:
        issues = [each for each in findings.issues if each.category == category]
        counts = dict(Counter(each.severity for each in issues))
        issues.sort(key=_rank)
        return _part(findings, "issues", issues, number, counts)
    if tab == Tab.FILES.value:
        words = query.lower().split()
        files = [each for each in findings.files if all(w in each.path.lower() for w in words)]
        return _part(findings, "files", files, number, {})
    return None


def _part(
    findings: Findings,
    name: str,
    everything: Sequence[Package | Vulnerability | Issue | File],
    number: int,
    counts: dict[str, int],
) -> Part:
    pager = Pager(number, SIZE, len(everything))
    shown = everything[(number - 1) * SIZE : number * SIZE]
    left_out = findings.left_out.get(name, 0)
    return Part(replace(findings, **{name: list(shown)}), pager, counts, left_out=left_out)


def _depends(findings: Findings, shown: Sequence[Package]) -> dict[str, list[str]]:
    names = {each.reference: f"{each.name} {each.version}" for each in findings.packages}
    wanted = {each.reference for each in shown if each.reference}
    found: dict[str, list[str]] = {}
    for each in findings.relations:
        if each.source in wanted and each.target in names:
            found.setdefault(names[each.source], []).append(names[each.target])
    return found


def _rank(finding: Issue) -> int:
    return SEVERITIES.index(finding.severity) if finding.severity in SEVERITIES else len(SEVERITIES)
