"""Reports of other scanners: Grype, OSV-Scanner, Harbor's, npm's, GitLab's, in-toto's."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from entrepot.extract.findings import ExtractionState, Findings, Vulnerability
from entrepot.extract.security.identifiers import is_known, split_id
from entrepot.extract.security.packages import canonical_name
from entrepot.extract.security.severities import (
    UNKNOWN,
    band_of,
    best_score,
    score_of,
    severity_of,
    severity_or_score,
)
from entrepot.extract.security.vex import status_of
from entrepot.extract.texts import as_items, as_mapping, as_text

Said = Mapping[str, Any]
_FIXES: Final = 5


def read_grype(said: Said) -> Findings:
    """Grype's own JSON; matches that it was told to ignore are shown, and do not count."""
    descriptor = as_mapping(said.get("descriptor"))
    version = as_text(descriptor.get("version"), 40)
    tool = f"Grype {version}".strip()
    found = [_match(as_mapping(each), "", "") for each in as_items(said.get("matches"))]
    for each in map(as_mapping, as_items(said.get("ignoredMatches"))):
        rules = [as_mapping(one) for one in as_items(each.get("appliedIgnoreRules"))[:20]]
        status = next((as_text(one.get("vex-status"), 60) for one in rules), "")
        reasons = (one.get("reason") or one.get("vex-justification") for one in rules)
        reason = next((as_text(one, 500) for one in reasons if one), "")
        found.append(_match(each, status_of(status) or "ignored", reason))
    source = as_mapping(said.get("source"))
    target = source.get("target")
    named = as_mapping(target).get("userInput") if isinstance(target, dict) else target
    facts = {"Tool": tool, "Scanned": as_text(named, 300)}
    return _findings(found, facts, has_list=isinstance(said.get("matches"), list))


def _match(said: Said, status: str, reason: str) -> Vulnerability:
    weakness, artifact = (as_mapping(said.get(key)) for key in ("vulnerability", "artifact"))
    related = [as_mapping(each) for each in as_items(said.get("relatedVulnerabilities"))[:50]]
    fix = as_mapping(weakness.get("fix"))
    rated = [one for each in (weakness, *related) for one in as_items(each.get("cvss"))]
    metrics = (as_mapping(as_mapping(each).get("metrics")) for each in rated)
    score = best_score(each.get("baseScore") for each in metrics)
    words = [severity_of(each.get("severity")) for each in (weakness, *related)]
    word = next((each for each in words if each != UNKNOWN), UNKNOWN)
    identifier, _ = split_id(as_text(weakness.get("id"), 100))
    purl = as_text(artifact.get("purl"))
    places = [as_mapping(each) for each in as_items(artifact.get("locations"))[:1]]
    others = [split_id(as_text(each.get("id"), 100))[0] for each in related]
    versions = [as_text(each, 100) for each in as_items(fix.get("versions"))[:_FIXES]]
    descriptions = (each.get("description") for each in (weakness, *related))
    return Vulnerability(
        id=identifier,
        severity=severity_or_score(word, score),
        package=canonical_name(as_text(artifact.get("name"), 200), purl)[:200],
        version=as_text(artifact.get("version"), 100),
        fixed_in=", ".join(each for each in versions if each),
        title=next((as_text(each, 500) for each in descriptions if each), ""),
        url=as_text(weakness.get("dataSource"), 500),
        score=score,
        status=status,
        justification=reason,
        location=next((as_text(each.get("path"), 300) for each in places), ""),
        aliases=[each for each in dict.fromkeys(others) if each and each != identifier],
        purl=purl,
        sources=["Grype"],
    )


def read_osv_scanner(said: Said) -> Findings:
    """OSV-Scanner's JSON: vulnerabilities of each package, grouped by their aliases."""
    found: list[Vulnerability] = []
    for result in map(as_mapping, as_items(said.get("results"))):
        path = as_text(as_mapping(result.get("source")).get("path"), 300)
        for each in map(as_mapping, as_items(result.get("packages"))):
            found += _of_package(each, path)
    facts = {"Tool": "OSV-Scanner"}
    return _findings(found, facts, has_list=isinstance(said.get("results"), list))


def _of_package(said: Said, path: str) -> Iterator[Vulnerability]:
    package = as_mapping(said.get("package"))
    scores = {
        as_text(name, 100): group.get("max_severity")
        for group in map(as_mapping, as_items(said.get("groups")))
        for name in as_items(group.get("ids"))
    }
    name = canonical_name(as_text(package.get("name"), 200), as_text(package.get("purl")))
    for each in map(as_mapping, as_items(said.get("vulnerabilities"))):
        identifier = as_text(each.get("id"), 100)
        score = best_score([scores.get(identifier)])
        word = as_mapping(each.get("database_specific")).get("severity")
        yield Vulnerability(
            id=split_id(identifier)[0],
            severity=severity_or_score(word, score),
            package=name,
            version=as_text(package.get("version"), 100),
            fixed_in=", ".join(_fixes(each, as_text(package.get("name"), 200))[:_FIXES]),
            title=as_text(each.get("summary") or each.get("details"), 500),
            score=score,
            location=path,
            aliases=[split_id(as_text(one, 100))[0] for one in as_items(each.get("aliases"))[:50]],
            purl=as_text(package.get("purl")),
            sources=["OSV-Scanner"],
        )


def _fixes(said: Said, name: str) -> list[str]:
    """The versions that mend it, of the package of that name."""
    found = []
    for affected in map(as_mapping, as_items(said.get("affected"))[:500]):
        if as_text(as_mapping(affected.get("package")).get("name"), 200) != name:
            continue
        for ranges in map(as_mapping, as_items(affected.get("ranges"))[:50]):
            if as_text(ranges.get("type"), 20) != "GIT":
                events = map(as_mapping, as_items(ranges.get("events"))[:100])
                found += [as_text(each.get("fixed"), 100) for each in events]
    return [each for each in dict.fromkeys(found) if each]


def read_harbor(said: Said) -> Findings:
    """Read the reports of Harbor's scanner adapters."""
    scanner = as_mapping(said.get("scanner"))
    tool = as_text(scanner.get("name"), 100) or "Harbor"
    found = []
    for each in map(as_mapping, as_items(said.get("vulnerabilities"))):
        cvss = as_mapping(each.get("preferred_cvss"))
        score = best_score(cvss.get(key) for key in ("score_v3", "score_v2"))
        links = [as_text(one, 500) for one in as_items(each.get("links"))[:1]]
        found.append(
            Vulnerability(
                id=split_id(as_text(each.get("id"), 100))[0],
                severity=severity_or_score(each.get("severity"), score),
                package=as_text(each.get("package"), 200),
                version=as_text(each.get("version"), 100),
                fixed_in=as_text(each.get("fix_version"), 200),
                title=as_text(each.get("description"), 500),
                url=links[0] if links else "",
                score=score,
                sources=[tool],
            )
        )
    artifact = as_mapping(said.get("artifact"))
    facts = {
        "Tool": f"{tool} {as_text(scanner.get('version'), 40)}".strip(),
        "Scanned": as_text(artifact.get("repository") or artifact.get("digest"), 300),
        "Created": as_text(said.get("generated_at"), 64),
    }
    # An adapter that found nothing writes `null`.
    return _findings(found, facts, has_list="vulnerabilities" in said)


def read_npm_audit(said: Said) -> Findings:
    """`npm audit --json`: an entry for each advisory of each package."""
    found = []
    for name, value in as_mapping(said.get("vulnerabilities")).items():
        package = as_mapping(value)
        fix = as_mapping(package.get("fixAvailable"))
        for each in (as_mapping(one) for one in as_items(package.get("via"))):
            if not each:
                continue
            address = as_text(each.get("url"), 500)
            identifier, _ = split_id(address.rpartition("/")[2])
            score = best_score([as_mapping(each.get("cvss")).get("score")])
            known = identifier if is_known(identifier) else f"npm-{as_text(each.get('source'), 40)}"
            found.append(
                Vulnerability(
                    id=known,
                    severity=severity_or_score(each.get("severity"), score),
                    package=as_text(each.get("name") or name, 200),
                    fixed_in=as_text(fix.get("version"), 100)
                    if as_text(fix.get("name"), 200) == name
                    else "",
                    title=as_text(each.get("title"), 500),
                    url=address,
                    score=score,
                    sources=["npm audit"],
                )
            )
    facts = {"Tool": "npm audit"}
    return _findings(found, facts, has_list=isinstance(said.get("vulnerabilities"), dict))


def read_gitlab(said: Said) -> Findings:
    """GitLab's reports of container and dependency scanning."""
    scan = as_mapping(said.get("scan"))
    tool = as_text(as_mapping(scan.get("scanner")).get("name"), 100) or "GitLab"
    found = []
    for each in map(as_mapping, as_items(said.get("vulnerabilities"))):
        listed = [as_mapping(one) for one in as_items(each.get("identifiers"))[:50]]
        names = [as_text(one.get("value") or one.get("name"), 100) for one in listed]
        ids = [split_id(name)[0] for name in names if is_known(split_id(name)[0])]
        place = as_mapping(each.get("location"))
        dependency = as_mapping(place.get("dependency"))
        file, line = as_text(place.get("file"), 300), as_text(place.get("start_line"), 12)
        found.append(
            Vulnerability(
                id=(ids or names or [as_text(each.get("id"), 100)])[0],
                severity=severity_of(each.get("severity")),
                package=as_text(as_mapping(dependency.get("package")).get("name"), 200),
                version=as_text(dependency.get("version"), 100),
                title=as_text(each.get("name") or each.get("description"), 500),
                location=f"{file}:{line}" if line else file or as_text(place.get("image"), 300),
                aliases=list(dict.fromkeys(ids[1:])),
                sources=[tool],
            )
        )
    facts = {"Tool": tool, "Scanned": as_text(scan.get("start_time"), 64)}
    return _findings(found, facts, has_list=isinstance(said.get("vulnerabilities"), list))


def read_intoto_vulns(predicate: Said) -> Findings:
    """in-toto's vulnerability predicate, of which the findings name no package."""
    scanner = as_mapping(predicate.get("scanner"))
    tool = as_text(scanner.get("uri"), 200) or "in-toto"
    found = []
    for each in map(as_mapping, as_items(scanner.get("result"))):
        own = {**as_mapping(each.get("vulnerability")), **each}
        rated = [as_mapping(one).get("score") for one in as_items(own.get("severity"))[:20]]
        score = best_score(rated)
        words = [severity_of(one) for one in rated if score_of(one) is None]
        word = next((one for one in words if one != UNKNOWN), "")
        found.append(
            Vulnerability(
                id=split_id(as_text(own.get("id"), 100))[0],
                severity=band_of(score) if score else severity_of(word),
                score=score,
                sources=[tool],
            )
        )
    facts = {"Tool": f"{tool} {as_text(scanner.get('version'), 40)}".strip()}
    return _findings(found, facts, has_list=isinstance(scanner.get("result"), list))


def _findings(found: list[Vulnerability], facts: dict[str, str], *, has_list: bool) -> Findings:
    """A report that has no list of findings at all says nothing, and is not a clean one."""
    named = [each for each in found if each.id]
    problems = []
    if len(named) < len(found):
        problems.append(f"{len(found) - len(named)} findings have no id")
    if not has_list:
        problems.append("the report has no list of findings")
    is_lost = not has_list or bool(found and not named)
    return Findings(
        state=ExtractionState.UNSUPPORTED if is_lost else ExtractionState.DONE,
        reason="; ".join(problems),
        facts={key: value for key, value in facts.items() if value},
        vulnerabilities=named,
    )
