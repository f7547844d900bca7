"""Findings of several reports as one list: each vulnerability of each package once.

Reports call vulnerabilities by different ids, and packages by different names: ids that are said
to be the same are one vulnerability, and names that mean the same package one package. What VEX
statements say of a finding is said with it; one that does not affect the artifact does not count.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from entrepot.extract.findings import SEVERITIES, Assessment, Vulnerability
from entrepot.extract.security.applying import Statements
from entrepot.extract.security.identifiers import is_cve, is_known
from entrepot.extract.security.severities import worst

_RUNS: Final = re.compile(r"[-_.]+")


def merged(
    found: Iterable[Vulnerability],
    assessments: Sequence[Assessment] = (),
    names: Iterable[str] = (),
) -> list[Vulnerability]:
    """Each finding once, the worst first, with what the statements say of it.

    `names` are the digests and names by which statements may mean the artifact itself.
    """
    everything = list(found)
    ids = _Ids.of(everything, assessments)
    statements = Statements(assessments, ids.same, names)
    entries = _Entries(ids)
    # Those that name a package come first: what names none is then found among them.
    for each in sorted(everything, key=_telling):
        if len(ids.cves(each)) < 2:
            entries.add(each)
    for each in everything:
        if len(ids.cves(each)) > 1:
            entries.add_advisory(each)
    said = [statements.applied(each, ids.of_vulnerability(each)) for each in entries.listed()]
    return sorted(
        said, key=lambda each: (not each.counts, SEVERITIES.index(each.severity), each.id)
    )


@dataclass(slots=True)
class Said:
    """All that is said about one artifact: findings, and statements about them."""

    digest: str
    found: list[Vulnerability] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)


def counted_of(own: Said, children: Sequence[Said]) -> list[Vulnerability]:
    """The findings of an artifact and of its children, an index's platforms, each once.

    What is said of the whole index is said of each of them.
    """
    names = [own.digest, *(each.digest for each in children)]
    whole = merged(own.found, own.assessments, names)
    if not children:
        return whole
    scopes = [
        merged(each.found, [*own.assessments, *each.assessments], [own.digest, each.digest])
        for each in children
    ]
    return together([whole, *scopes])


def together(scopes: Iterable[Sequence[Vulnerability]]) -> list[Vulnerability]:
    """The findings of several artifacts as one list; one that counts in any of them counts."""
    everything = [each for scope in scopes for each in scope]
    counting = [each for each in everything if each.counts]
    whole = merged(counting)
    ids = _Ids.of(everything, ())
    known = _Entries(ids)
    for each in whole:
        known.add(each)
    rest = [each for each in everything if not each.counts and not known.has(each)]
    return [*whole, *merged(rest)]


class _Ids:
    """Which ids mean the same vulnerability."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}
        self._cves: dict[str, set[str]] = {}

    @classmethod
    def of(cls, found: Iterable[Vulnerability], assessments: Iterable[Assessment]) -> "_Ids":
        """By all that reports and statements say to be the same."""
        ids = cls()
        groups = [[each.id, *each.aliases] for each in found]
        groups += [[each.id, *each.aliases] for each in assessments]
        for group in groups:
            for each in group:
                ids._cves.setdefault(each, set()).update(one for one in group if is_cve(one))
        for group in groups:
            # An advisory of several CVEs makes them no single vulnerability.
            own = [each for each in group if is_cve(each) or len(ids._cves[each]) < 2]
            if sum(is_cve(each) for each in group) < 2:
                for each in own[1:]:
                    ids._unite(own[0], each)
        return ids

    def same(self, text: str) -> str:
        """One id for all that mean the same."""
        parent = self._parents.get(text, text)
        while parent != self._parents.get(parent, parent):
            parent = self._parents[parent]
        return parent

    def cves(self, found: Vulnerability) -> set[str]:
        """The CVEs that the finding is of."""
        if is_cve(found.id):
            return {found.id}
        named = {each for each in found.aliases if is_cve(each)}
        return named or self._cves.get(found.id, set())

    def of_vulnerability(self, found: Vulnerability) -> set[str]:
        """All ids under which a statement may speak of it."""
        return {self.same(each) for each in (found.id, *found.aliases)}

    def _unite(self, one: str, other: str) -> None:
        first, second = self.same(one), self.same(other)
        if first != second:
            self._parents[second] = first


class _Entries:
    """The findings so far; each look-up is by a key, however many there are.

    Those with a package, a version and a group come first (`_telling`): what says less is then
    found among them.
    """

    def __init__(self, ids: _Ids) -> None:
        self._ids = ids
        self._listed: list[list[Vulnerability]] = []
        self._by_key: dict[tuple[str, ...], list[Vulnerability]] = {}

    def add(self, found: Vulnerability) -> None:
        """One more finding: of an entry that is there already, or of a new one."""
        key = self._key(found)
        entry = self._find(key, found)
        if entry is None:
            entry = []
            self._listed.append(entry)
        entry.append(found)
        for each in _keys(key, found):
            self._by_key.setdefault(each, entry)

    def add_advisory(self, found: Vulnerability) -> None:
        """One of several CVEs: nothing of its own where one of them is known of the package."""
        cves = sorted(self._ids.cves(found))
        entries = [self._find(self._ids.same(each), found) for each in cves]
        known = [each for each in entries if each is not None]
        for entry in known:
            entry[0] = replace(entry[0], sources=_both(entry[0].sources, found.sources))
        if not known:
            self.add(found)

    def has(self, found: Vulnerability) -> bool:
        """Say whether it is one of those that were added."""
        return self._find(self._key(found), found) is not None

    def listed(self) -> list[Vulnerability]:
        """Each of them once."""
        return [_one(entry) for entry in self._listed]

    def _key(self, found: Vulnerability) -> str:
        if is_known(found.id) or found.package:
            return self._ids.same(found.id)
        # A finding in code is one for each place.
        return "\n".join((found.id, found.location, found.title))

    def _find(self, key: str, found: Vulnerability) -> list[Vulnerability] | None:
        wanted = (self._by_key.get(each) for each in _wanted(key, found))
        return next((each for each in wanted if each is not None), None)


def _telling(found: Vulnerability) -> tuple[bool, bool, bool]:
    return not found.package, not found.version, not _parts(found.package)[0]


def _keys(key: str, found: Vulnerability) -> list[tuple[str, ...]]:
    """The keys under which later findings find one: by what they know of it."""
    if not found.package:
        return [("none", key), ("any", key)]
    group, name = _parts(found.package)
    version = _version(found.version)
    keys: list[tuple[str, ...]] = [("any", key)]
    for end in ((version,), ()):
        keys += [("package", key, group, name, *end), ("name", key, name, *end)]
    return keys


def _wanted(key: str, found: Vulnerability) -> list[tuple[str, ...]]:
    """The keys of entries of the same package; one that names no package is of any."""
    if not found.package:
        return [("any", key)]
    group, name = _parts(found.package)
    version = _version(found.version)
    end = (version,) if version else ()
    same: list[tuple[str, ...]] = [("package", key, group, name, *end)]
    # Some scanners leave the group of Java's packages away.
    same += [("package", key, "", name, *end)] if group else [("name", key, name, *end)]
    if version:
        same += [("package", key, each, name, "") for each in dict.fromkeys((group, ""))]
    return [*same, ("none", key)]


def _parts(package: str) -> tuple[str, str]:
    """The group and the name of a package, as they are compared."""
    group, _, name = _RUNS.sub("-", package.strip().lower()).replace(":", "/").rpartition("/")
    return group, name


def _version(text: str) -> str:
    return text.strip().lower().removeprefix("v").removeprefix("0:")


def _one(findings: Sequence[Vulnerability]) -> Vulnerability:
    """All of them as one: the worst severity, the longest name, every source."""
    first = findings[0]
    if len(findings) == 1:
        return replace(first, aliases=list(dict.fromkeys(first.aliases)))
    ids = list(dict.fromkeys(each for one in findings for each in (one.id, *one.aliases)))
    own = next((each for each in ids if is_cve(each)), first.id)
    if sum(is_cve(each) for each in ids) > 1:
        own = first.id
    counting = [each for each in findings if each.counts]
    told = counting or findings
    said = next((each for each in told if each.status), told[0])
    return Vulnerability(
        id=own,
        severity=worst(each.severity for each in findings),
        package=max((each.package for each in findings), key=len),
        version=_text(each.version for each in findings),
        fixed_in=_text(each.fixed_in for each in findings),
        title=_text(each.title for each in findings),
        url=_text(each.url for each in findings),
        score=max(each.score for each in findings),
        status=said.status,
        justification=said.justification,
        location=_text(each.location for each in findings),
        aliases=[each for each in ids if each != own],
        purl=_text(each.purl for each in findings),
        sources=_both(*(each.sources for each in findings)),
    )


def _both(*sources: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(each for one in sources for each in one))


def _text(values: Iterable[str]) -> str:
    return next((each for each in values if each), "")
