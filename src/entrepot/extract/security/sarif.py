"""SARIF 2.1.0: results of scanners by their rules, and the packages that those speak of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from entrepot.extract.findings import ExtractionState, Findings, Issue, Vulnerability
from entrepot.extract.security.identifiers import ids_in, is_known, split_id
from entrepot.extract.security.packages import canonical_name, parse_purl
from entrepot.extract.security.severities import band_of, score_of, severity_of
from entrepot.extract.texts import as_items, as_list, as_mapping, as_text

Said = Mapping[str, Any]
_NOTHING: Final = frozenset({"pass", "notApplicable", "informational"})
"""Kinds of results that are no findings (SARIF 3.27.9)."""
_CATEGORIES: Final = ("misconfiguration", "secret", "license")
_LINK: Final = re.compile(r"(?<!\\)\[([^\[\]\n]{1,500})\]\([^()\n]{1,1000}\)")
_LABELS: Final = {
    "package": "package",
    "package name": "package",
    "installed version": "version",
    "package version": "version",
    "version": "version",
    "fixed version": "fixed_in",
    "fix version": "fixed_in",
    "fix versions": "fixed_in",
}
_LINE: Final = re.compile(r"^[ \t|*]*([A-Za-z][A-Za-z ]{3,20}?)\**[ \t]*:[ \t]*(\S.*)$", re.M)
_SENTENCES: Final = (
    # Grype, and OSV-Scanner.
    re.compile(r"package: (?P<package>\S+), version (?P<version>\S+) was found"),
    re.compile(r"[Pp]ackage '(?P<package>@?[^'@]+)@(?P<version>[^'@]+)' is vulnerable"),
)
_URI_PLACES: Final = 5
_PARTS: Final = 100


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: its tool's parts with their rules, and the settings it overrode."""

    said: Said
    parts: list[Said]
    """The driver, then the extensions."""
    rules: list[dict[str, Said]]
    """The rules of each part, by their ids."""
    name: str

    def rule_of(self, result: Said) -> tuple[Said, Said]:
        """The rule of a result, and the part of the tool that has it."""
        named = as_mapping(result.get("rule"))
        number = self._part(as_mapping(named.get("toolComponent")))
        part = self.parts[number]
        rule_id = as_text(result.get("ruleId") or named.get("id"), 300)
        rules = as_list(part.get("rules"))
        for value in (named.get("index"), result.get("ruleIndex")):
            rule = _at(rules, value)
            if rule and _fits(rule_id, as_text(rule.get("id"), 300)):
                return rule, part
        guid = as_text(named.get("guid"), 100)
        return self._search([guid, rule_id], number)

    def _part(self, named: Said) -> int:
        """The number of the part that is named by its index, its id or its name; the driver's."""
        index = named.get("index")
        if _at(self.parts[1:], index):
            return int(index or 0) + 1
        for key in ("guid", "name"):
            wanted = as_text(named.get(key), 300)
            for number, part in enumerate(self.parts):
                if wanted and as_text(part.get(key), 300) == wanted:
                    return number
        return 0

    def _search(self, ids: Sequence[str], first: int) -> tuple[Said, Said]:
        """The rule of one of the ids, or of what they are below; that part's own come first."""
        for wanted in ids:
            while wanted:
                for number in (first, *range(len(self.parts))):
                    if wanted in self.rules[number]:
                        return self.rules[number][wanted], self.parts[number]
                wanted = wanted.rpartition("/")[0]
        return {}, self.parts[first]

    def level_of(self, result: Said, rule: Said) -> str:
        """A result's own level, or what SARIF 3.27.10 says of one that has none."""
        own = as_text(result.get("level"), 20)
        if own:
            return own
        if as_text(result.get("kind"), 40) not in ("", "fail"):
            return "none"
        return (
            self._overridden(as_text(rule.get("id"), 300))
            or as_text(as_mapping(rule.get("defaultConfiguration")).get("level"), 20)
            or "warning"
        )

    def _overridden(self, rule_id: str) -> str:
        for invocation in map(as_mapping, as_list(self.said.get("invocations"))[:5]):
            for each in map(as_mapping, as_list(invocation.get("ruleConfigurationOverrides"))):
                if as_text(as_mapping(each.get("descriptor")).get("id"), 300) == rule_id:
                    return as_text(as_mapping(each.get("configuration")).get("level"), 20)
        return ""


def read_sarif(said: Said) -> Findings:
    """Results that are findings; `unsupported` where no run has a list of results."""
    found: list[Vulnerability] = []
    issues: list[Issue] = []
    problems: list[str] = []
    tools: list[str] = []
    passed = 0
    runs = [_run(as_mapping(each)) for each in as_items(said.get("runs"))]
    for run in runs:
        tools += [run.name] if run.name else []
        problems += _problems(run.said)
        for result in map(as_mapping, as_list(run.said.get("results"))):
            if as_text(result.get("kind"), 40) in _NOTHING:
                passed += 1
            elif as_text(result.get("baselineState"), 40) != "absent":
                _take(run, result, found, issues)
    facts = {"Tool": ", ".join(dict.fromkeys(tools)), "Passed": str(passed or "")}
    facts = {key: value for key, value in facts.items() if value}
    if not any(isinstance(run.said.get("results"), list) for run in runs):
        reason = "; ".join(problems) or "no run of the report has results"
        return Findings(state=ExtractionState.UNSUPPORTED, reason=reason, facts=facts)
    reason = "; ".join(dict.fromkeys(problems))
    return Findings(facts=facts, vulnerabilities=found, issues=issues, reason=reason)


def _run(said: Said) -> _Run:
    tool = as_mapping(said.get("tool"))
    extensions = [as_mapping(each) for each in as_list(tool.get("extensions"))[:_PARTS]]
    parts = [as_mapping(tool.get("driver")), *extensions]
    return _Run(said, parts, [_by_id(each) for each in parts], as_text(parts[0].get("name"), 100))


def _by_id(part: Said) -> dict[str, Said]:
    found: dict[str, Said] = {}
    for rule in map(as_mapping, as_list(part.get("rules"))):
        for name in (as_text(rule.get("id"), 300), as_text(rule.get("guid"), 100)):
            found.setdefault(name, rule)
    return found


def _problems(run: Said) -> list[str]:
    """Why a run may know less than there is."""
    found = []
    if not isinstance(run.get("results"), list):
        found.append("a run of the report has no results: its tool found out nothing")
    if as_mapping(run.get("externalPropertyFileReferences")).get("results"):
        found.append("results that the report keeps in other files are not read")
    for invocation in map(as_mapping, as_list(run.get("invocations"))[:5]):
        if invocation.get("executionSuccessful") is False:
            found.append("the tool says that its run did not succeed")
    return found


def _take(run: _Run, result: Said, found: list[Vulnerability], issues: list[Issue]) -> None:
    rule, part = run.rule_of(result)
    named = as_mapping(result.get("rule"))
    seen = _Seen(
        rule_id=as_text(result.get("ruleId") or named.get("id") or rule.get("id"), 300),
        rule=rule,
        properties={
            **as_mapping(rule.get("properties")),
            **as_mapping(result.get("properties")),
        },
        message=_message(result, rule, part),
        level=run.level_of(result, rule),
        places=_places(run.said, result),
        tool=[run.name] if run.name else [],
    )
    status, justification = _suppression(result)
    category = seen.category
    if not category:
        found.append(seen.vulnerability(status, justification))
    elif not status:
        issues.append(seen.issue(category))


@dataclass(frozen=True, slots=True)
class _Seen:
    """A result with all that it refers to."""

    rule_id: str
    rule: Said
    properties: Said
    message: str
    level: str
    places: list[str]
    tool: list[str]

    @property
    def category(self) -> str:
        """Return the category in Trivy's tags; empty for vulnerabilities and code findings."""
        listed = as_items(self.properties.get("tags"))[:50]
        tags = {as_text(each, 40).lower() for each in listed}
        if is_known(split_id(self.rule_id)[0]):
            return ""
        return next((each for each in _CATEGORIES if each in tags), "")

    @property
    def severity(self) -> str:
        score = score_of(self.properties.get("security-severity"))
        return band_of(score) if score is not None else severity_of(self.level)

    def issue(self, category: str) -> Issue:
        """A misconfiguration, a secret, a licence."""
        return Issue(
            category,
            self.rule_id,
            self.severity,
            title=(_text(self.rule.get("shortDescription")) or self.message)[:500],
            target=self.places[0] if self.places else "",
            location=_listed(self.places),
            message=self.message[:1000],
            url=as_text(self.rule.get("helpUri"), 500),
            sources=self.tool,
        )

    def vulnerability(self, status: str, justification: str) -> Vulnerability:
        """A vulnerability of a package, or a finding in code."""
        identifier, rest = split_id(self.rule_id)
        names = _names(self.message, self.rule, self.properties, rest)
        short, full = self.rule.get("shortDescription"), self.rule.get("fullDescription")
        return Vulnerability(
            id=identifier,
            severity=self.severity,
            package=names.get("package", ""),
            version=names.get("version", ""),
            fixed_in=names.get("fixed_in", ""),
            title=(self.message or _text(short) or _text(full))[:500],
            url=as_text(self.rule.get("helpUri"), 500),
            score=score_of(self.properties.get("security-severity")) or 0.0,
            status=status,
            justification=justification,
            location=_listed(self.places),
            aliases=_aliases(identifier, self.rule, self.properties, self.message),
            purl=names.get("purl", ""),
            sources=self.tool,
        )


def _at(values: Sequence[object], number: object) -> Said:
    """The object of that number; empty where there is none."""
    if not isinstance(number, int) or isinstance(number, bool):
        return {}
    return as_mapping(values[number]) if 0 <= number < len(values) else {}


def _fits(rule_id: str, own: str) -> bool:
    """Whether a result's id is that of the rule, or one below it (SARIF 3.27.5)."""
    return not rule_id or not own or rule_id == own or rule_id.startswith(f"{own}/")


def _message(result: Said, rule: Said, part: Said) -> str:
    """The text, or the rule's text of that id; with its arguments, without its links."""
    said = as_mapping(result.get("message"))
    text = as_text(said.get("text")) or as_text(said.get("markdown"))
    name = as_text(said.get("id"), 300)
    if not text and name:
        for strings in (rule.get("messageStrings"), part.get("globalMessageStrings")):
            text = text or _text(as_mapping(strings).get(name))
    arguments = [as_text(each, 500) for each in as_list(said.get("arguments"))[:50]]
    return _LINK.sub(r"\1", _filled(text, arguments)).strip()


def _filled(text: str, arguments: Sequence[str]) -> str:
    """`{0}` is the first argument, `{{` a brace (SARIF 3.11.5)."""

    def fill(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        number = int(found[1])
        return arguments[number] if number < len(arguments) else found[0]

    return re.sub(r"\{\{|\}\}|\{(\d{1,3})\}", fill, text) if arguments else text


def _text(value: object) -> str:
    """The text of a message object, or of a bare text."""
    said = as_mapping(value)
    return as_text(said.get("text")) or as_text(said.get("markdown")) or as_text(value, 500)


def _places(run: Said, result: Said) -> list[str]:
    found = []
    for each in map(as_mapping, as_items(result.get("locations"))):
        place = as_mapping(each.get("physicalLocation"))
        uri = _uri(run, as_mapping(place.get("artifactLocation")))
        line = as_mapping(place.get("region")).get("startLine")
        if not uri:
            logical = map(as_mapping, as_items(each.get("logicalLocations"))[:1])
            names = (one.get("fullyQualifiedName") or one.get("name") for one in logical)
            uri = next((as_text(name, 300) for name in names), "")
        if uri:
            found.append(f"{uri}:{as_text(line, 12)}" if line else uri)
    return list(dict.fromkeys(found))


def _uri(run: Said, place: Said) -> str:
    """The file's address; it may stand in the run's list of files (SARIF 3.4.5)."""
    uri = as_text(place.get("uri"), 300)
    files = as_list(run.get("artifacts"))
    index = place.get("index")
    if uri:
        return uri
    return as_text(as_mapping(_at(files, index).get("location")).get("uri"), 300)


def _listed(places: Sequence[str]) -> str:
    rest = len(places) - _URI_PLACES
    return ", ".join(places[:_URI_PLACES]) + (f" (+{rest})" if rest > 0 else "")


def _suppression(result: Said) -> tuple[str, str]:
    """A result is suppressed if all agree that it is (SARIF 3.27.23 and 3.35)."""
    listed = [as_mapping(each) for each in as_items(result.get("suppressions"))[:20]]
    listed = [each for each in listed if each]
    statuses = {as_text(each.get("status"), 40) or "accepted" for each in listed}
    if statuses != {"accepted"}:
        return "", ""
    said = next((as_text(each.get("justification"), 500) for each in listed), "")
    return "suppressed", said


def _names(message: str, rule: Said, properties: Said, rest: str) -> dict[str, str]:
    """The package of a result: from properties, from what scanners write, from the id."""
    found: dict[str, str] = {}
    purls = [as_text(each) for each in as_items(properties.get("purls"))[:1]]
    purl = purls[0] if purls else as_text(properties.get("purl"))
    found.update(_labelled(message))
    found = {**_labelled(_text(rule.get("help"))), **found}
    if found.get("package", "").startswith("pkg:"):
        purl = purl or found.pop("package")
        found.pop("package", None)
    parsed = parse_purl(purl) if purl else None
    if parsed is not None:
        found.setdefault("version", parsed.version)
        found["purl"] = purl
    version = properties.get("fixed_version") or properties.get("fixedVersion")
    fixed = as_text(version, 200)
    found.setdefault("fixed_in", "" if fixed.lower() in ("", "not fixed") else fixed)
    name = canonical_name(found.get("package") or (rest if parsed is None else ""), purl)
    return {**found, "package": name[:200]}


def _labelled(text: str) -> dict[str, str]:
    """`Package: zlib` and the like, a line each; or a sentence that scanners are known for."""
    found: dict[str, str] = {}
    for label, value in _LINE.findall(text):
        key = _LABELS.get(label.strip().lower())
        if key is not None and len(value) < 300:
            found.setdefault(key, value.strip(" \t|*"))
    for sentence in _SENTENCES:
        said = sentence.search(text)
        if said is not None:
            found = {**said.groupdict(), **found}
    return found


def _aliases(identifier: str, rule: Said, properties: Said, message: str) -> list[str]:
    listed = [
        *as_items(rule.get("deprecatedIds"))[:50],
        *as_items(properties.get("aliases"))[:50],
        *as_items(properties.get("cve"))[:20],
    ]
    found = [split_id(as_text(each, 100))[0] for each in listed]
    known = message.partition("also known as")[2][:500]
    found += ids_in(known)
    return [each for each in dict.fromkeys(found) if each and each != identifier and is_known(each)]
