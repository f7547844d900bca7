"""SPDX 2: as JSON or YAML, and as tags and values."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from entrepot.extract import limits
from entrepot.extract.findings import Findings, Package, Relation
from entrepot.extract.limits import cut
from entrepot.extract.security.packages import canonical_name, completed_purl
from entrepot.extract.texts import as_items, as_mapping, as_text

NO_LICENSE: Final = frozenset({"", "NOASSERTION", "NONE"})
_DEPENDS: Final = frozenset({"DEPENDS_ON", "CONTAINS"})
_BUILT_FROM: Final = re.compile(r"built package from: (\S+)(?: (\S+))?")
"""Trivy's words for the source package of a distribution's package."""
_TURNED: Final = frozenset({"DEPENDENCY_OF", "CONTAINED_BY"})


def read_spdx(said: Mapping[str, Any]) -> Findings:
    """SPDX 2.2 and 2.3 in JSON, or in YAML, which has the same keys."""
    creation = as_mapping(said.get("creationInfo"))
    listed = as_items(said.get("packages"))
    packages = [_package(as_mapping(each)) for each in listed]
    return Findings(
        title=as_text(said.get("name")),
        facts=present(
            {
                "Name": as_text(said.get("name")),
                "Format": as_text(said.get("spdxVersion")),
                "Created": as_text(creation.get("created")),
                "Creators": ", ".join(
                    as_text(each, 200) for each in as_items(creation.get("creators"))[:20]
                ),
                "Namespace": as_text(said.get("documentNamespace")),
                "Files": str(len(as_items(said.get("files"))) or ""),
            }
        ),
        packages=[each for each in packages if each.name],
        relations=[
            relation
            for each in map(as_mapping, as_items(said.get("relationships")))
            if (relation := _relation(*(as_text(each.get(key)) for key in _RELATION))) is not None
        ],
    )


def present(facts: Mapping[str, str]) -> dict[str, str]:
    """The facts that say something."""
    return {key: value for key, value in facts.items() if value.strip()}


def _package(said: Mapping[str, Any]) -> Package:
    references = [as_mapping(each) for each in as_items(said.get("externalRefs"))[:100]]
    purls = (
        as_text(each.get("referenceLocator"))
        for each in references
        if as_text(each.get("referenceType")).rpartition("/")[2] == "purl"
    )
    source = _BUILT_FROM.fullmatch(as_text(said.get("sourceInfo")))
    purl = completed_purl(next(purls, ""), "", *(source.groups("") if source else ()))
    licenses = [as_text(said.get(key)) for key in ("licenseConcluded", "licenseDeclared")]
    return Package(
        name=canonical_name(as_text(said.get("name")), purl),
        version=as_text(said.get("versionInfo")),
        purl=purl,
        licenses=next((each for each in licenses if each not in NO_LICENSE), ""),
        supplier=_asserted(as_text(said.get("supplier"))),
        reference=as_text(said.get("SPDXID")),
    )


def _asserted(text: str) -> str:
    return "" if text in NO_LICENSE else text


def _relation(one: str, kind: str, other: str) -> Relation | None:
    if kind in _DEPENDS:
        return Relation(one, other)
    return Relation(other, one) if kind in _TURNED else None


_RELATION: Final = ("spdxElementId", "relationshipType", "relatedSpdxElement")
_TAGS: Final = {
    "SPDXID": "reference",
    "PackageVersion": "version",
    "PackageLicenseConcluded": "concluded",
    "PackageLicenseDeclared": "declared",
    "PackageSupplier": "supplier",
}
_FACTS: Final = {
    "SPDXVersion": "Format",
    "DocumentNamespace": "Namespace",
    "Created": "Created",
    "Creator": "Creators",
}
_OTHERS: Final = frozenset({"FileName", "SnippetSPDXID", "LicenseID"})
"""Tags that begin a file, a snippet or a licence: what follows is of no package."""
_PURL: Final = re.compile(r"\S+\s+(?:\S*/)?purl\s+(\S+)")


@dataclass(slots=True)
class _Text:
    """The parts of a tag-value document that have been read so far."""

    packages: list[dict[str, str]] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    title: str = ""
    relations: list[Relation] = field(default_factory=list)
    files: int = 0
    current: dict[str, str] | None = None

    def take(self, tag: str, value: str) -> None:
        """One tag with its value."""
        if tag == "PackageName":
            self.current = {"name": value}
            self.packages.append(self.current)
        elif tag in _OTHERS:
            self.current = None
            self.files += tag == "FileName"
        elif tag == "Relationship":
            words = value.split()
            relation = _relation(*words) if len(words) == 3 else None
            self.relations += [relation] if relation else []
        elif self.current is not None:
            self._describe(self.current, tag, value)
        elif tag == "DocumentName":
            self.title = cut(value)
        elif tag in _FACTS:
            before = self.facts.get(_FACTS[tag])
            self.facts[_FACTS[tag]] = cut(f"{before}, {value}" if before else value)

    def _describe(self, package: dict[str, str], tag: str, value: str) -> None:
        if tag in _TAGS:
            package.setdefault(_TAGS[tag], value)
        elif tag == "ExternalRef" and (found := _PURL.match(value)):
            package.setdefault("purl", found[1])


def read_spdx_text(text: str) -> Findings:
    """SPDX 2 as tags and values."""
    read = _Text()
    for tag, value in _tags(text):
        read.take(tag, value)
    if read.title:
        read.facts = {"Name": read.title, **read.facts}
    if read.files:
        read.facts["Files"] = str(read.files)
    packages = [_text_package(each) for each in read.packages]
    return Findings(
        title=read.title,
        facts=present(read.facts),
        packages=[each for each in packages if each.name],
        relations=read.relations,
    )


def _tags(text: str) -> Iterator[tuple[str, str]]:
    """Tags with their values; a value between `<text>` and `</text>` may go on for lines."""
    lines = iter(text.split("\n"))
    for line in lines:
        tag, colon, value = line.partition(":")
        if not colon or line.startswith("#"):
            continue
        value = value.strip()
        if value.startswith("<text>"):
            value = value.removeprefix("<text>")
            # The end is looked for here too: what stands within is no tag.
            while "</text>" not in value:
                more = next(lines, None)
                if more is None:
                    break
                value = value if len(value) > limits.WORDS else f"{value}\n{more}"
                if "</text>" in more:
                    break
            value = value.partition("</text>")[0].strip()
        yield tag.strip(), value


def _text_package(said: Mapping[str, str]) -> Package:
    licenses = (said.get("concluded", ""), said.get("declared", ""))
    purl = cut(said.get("purl", ""))
    return Package(
        name=canonical_name(cut(said["name"]), purl),
        version=cut(said.get("version", "")),
        purl=purl,
        licenses=cut(next((each for each in licenses if each not in NO_LICENSE), "")),
        supplier=_asserted(cut(said.get("supplier", ""))),
        reference=cut(said.get("reference", "")),
    )
