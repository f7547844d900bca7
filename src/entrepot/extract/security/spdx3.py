"""SPDX 3 in JSON-LD: a graph of elements that name each other."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from entrepot.extract.findings import ExtractionState, Findings, Package, Relation
from entrepot.extract.limits import cut
from entrepot.extract.security.packages import canonical_name
from entrepot.extract.security.spdx import NO_LICENSE, present
from entrepot.extract.texts import as_items, as_mapping, as_text

Element = Mapping[str, Any]
_DEPTH: Final = 6
_PACKAGES: Final = frozenset({"software_Package", "ai_AIPackage", "dataset_DatasetPackage"})
_RELATIONSHIPS: Final = frozenset({"Relationship", "LifecycleScopedRelationship"})
_DEPENDS: Final = frozenset({"dependsOn", "contains", "hasStaticLink", "hasDynamicLink"})
_CONCLUDED, _DECLARED = "hasConcludedLicense", "hasDeclaredLicense"
_SETS: Final = {
    "expandedlicensing_ConjunctiveLicenseSet": " AND ",
    "expandedlicensing_DisjunctiveLicenseSet": " OR ",
}
_NOTHING: Final = ("NoAssertion", "NoAssertionLicense", "None", "NoneLicense")


def read_spdx_3(said: Mapping[str, Any]) -> Findings:
    """SPDX 3.0: packages of the software, AI and dataset profiles, with licences and URLs."""
    graph = _Graph(said)
    if not graph.listed:
        reason = "an SPDX 3 document without elements"
        return Findings(state=ExtractionState.UNSUPPORTED, reason=reason)
    packages = [graph.package(each) for each in graph.listed if kind_of(each) in _PACKAGES]
    return Findings(
        title=graph.title(),
        facts=present(graph.facts()),
        packages=[each for each in packages if each.name],
        relations=graph.depends,
    )


def kind_of(element: Element) -> str:
    """An element's type in its short form: `software_Package`, `Relationship`."""
    said = next(iter(as_items(element.get("type") or element.get("@type"))), "")
    text = as_text(said, 200)
    if "://" not in text:
        return text.removeprefix("spdx:")
    profile, _, name = text.rpartition("/")
    profile = profile.rpartition("/")[2].lower()
    return name if profile == "core" else f"{profile}_{name}"


def _id_of(element: Element) -> str:
    return as_text(element.get("spdxId") or element.get("@id") or element.get("id"), 500)


class _Graph:
    """The elements by their ids, and what relationships say of them."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        listed = as_items(said.get("@graph")) if "@graph" in said else [said]
        self.listed = [as_mapping(each) for each in listed]
        self.listed = [each for each in self.listed if each]
        self._by_id = {_id_of(each): each for each in self.listed if _id_of(each)}
        self._licenses: dict[str, dict[str, list[object]]] = {_CONCLUDED: {}, _DECLARED: {}}
        self.depends: list[Relation] = []
        for each in self.listed:
            if kind_of(each) in _RELATIONSHIPS:
                self._relate(each)

    def _relate(self, said: Element) -> None:
        kind = as_text(said.get("relationshipType"), 200).rpartition("/")[2]
        source = self._reference(said.get("from"))
        targets = as_items(said.get("to"))
        if kind in self._licenses:
            self._licenses[kind].setdefault(source, []).extend(targets)
        elif kind in _DEPENDS:
            self.depends += [Relation(source, self._reference(each)) for each in targets]

    def _reference(self, value: object) -> str:
        return _id_of(value) if isinstance(value, dict) else as_text(value, 500)

    def _element(self, value: object) -> Element:
        """An element that is written in place, or named."""
        return value if isinstance(value, dict) else self._by_id.get(as_text(value, 500), {})

    def package(self, said: Element) -> Package:
        """A package of any profile."""
        purl = as_text(said.get("software_packageUrl")) or _purl_of(said)
        reference = _id_of(said)
        supplier = next(iter(as_items(said.get("suppliedBy"))), None)
        return Package(
            name=canonical_name(as_text(said.get("name")), purl),
            version=as_text(said.get("software_packageVersion")),
            purl=purl,
            licenses=self._license_of(said, reference),
            supplier=self._name_of(supplier) if supplier else "",
            reference=reference,
        )

    def _license_of(self, said: Element, reference: str) -> str:
        """The concluded licence, else the declared one; as in SPDX 2."""
        for kind in (_CONCLUDED, _DECLARED):
            texts = [self._expression(each, 0) for each in self._licenses[kind].get(reference, ())]
            found = [each for each in dict.fromkeys(texts) if each not in NO_LICENSE]
            if found:
                return cut(" AND ".join(found))
        return as_text(said.get("simplelicensing_licenseExpression"))

    def _expression(self, value: object, depth: int) -> str:
        """A licence as an SPDX expression, whichever kind of element it is."""
        element = self._element(value)
        if not element or depth > _DEPTH:
            return _last(self._reference(value))
        kind = kind_of(element)
        if kind in _SETS:
            members = as_items(element.get("expandedlicensing_member"))[:50]
            texts = [self._expression(each, depth + 1) for each in members]
            return f"({_SETS[kind].join(each for each in texts if each)})"
        if kind == "expandedlicensing_OrLaterOperator":
            return (
                f"{self._expression(element.get('expandedlicensing_subjectLicense'), depth + 1)}+"
            )
        if kind == "expandedlicensing_WithAdditionOperator":
            license_, addition = (
                self._expression(element.get(f"expandedlicensing_subject{name}"), depth + 1)
                for name in ("ExtendableLicense", "Addition")
            )
            return f"{license_} WITH {addition}"
        text = as_text(element.get("simplelicensing_licenseExpression"))
        return text or self._license_name(element, kind)

    def _license_name(self, element: Element, kind: str) -> str:
        """A listed license by its identifier; a custom one by its name."""
        short = _last(_id_of(element))
        if kind.startswith("expandedlicensing_Listed") or short in _NOTHING:
            return _last(short)
        return as_text(element.get("name"), 200) or short

    def _name_of(self, value: object) -> str:
        return as_text(self._element(value).get("name"), 200) or self._reference(value)

    def _documents(self) -> Iterator[Element]:
        for kind in ("SpdxDocument", "software_Sbom", "Bom", "Bundle"):
            yield from (each for each in self.listed if kind_of(each) == kind)

    def title(self) -> str:
        """The document's name, else that of what it is about."""
        for document in self._documents():
            if name := as_text(document.get("name")):
                return name
        for document in self._documents():
            for root in as_items(document.get("rootElement"))[:10]:
                if name := as_text(self._element(root).get("name")):
                    return name
        return ""

    def facts(self) -> dict[str, str]:
        """When it was made and by whom, what it is about, its models and data sets."""
        document: Element = next(self._documents(), {})
        creation = self._element(document.get("creationInfo"))
        if not creation:
            creation = next((e for e in self.listed if kind_of(e) == "CreationInfo"), {})
        roots = as_items(document.get("rootElement"))[:5]
        return {
            "Name": self.title(),
            "Format": f"SPDX {as_text(creation.get('specVersion'), 20) or '3'}",
            "Created": as_text(creation.get("created")),
            "Creators": self._names(creation.get("createdBy")),
            "Tools": self._names(creation.get("createdUsing")),
            "Describes": self._names(roots),
            "AI packages": self._names_of_kind("ai_AIPackage"),
            "Data sets": self._names_of_kind("dataset_DatasetPackage"),
        }

    def _names(self, value: object) -> str:
        return ", ".join(self._name_of(each) for each in as_items(value)[:10])

    def _names_of_kind(self, kind: str) -> str:
        found = [each for each in self.listed if kind_of(each) == kind]
        return ", ".join(as_text(each.get("name"), 200) for each in found[:20])


def _purl_of(said: Element) -> str:
    for each in (as_mapping(one) for one in as_items(said.get("externalIdentifier"))[:100]):
        kind = as_text(each.get("externalIdentifierType"), 100).rpartition("/")[2].lower()
        text = as_text(each.get("identifier"))
        if kind in ("packageurl", "purl") or (kind == "other" and text.startswith("pkg:")):
            return text
    return ""


def _last(text: str) -> str:
    """The identifier at the end of `https://spdx.org/licenses/MIT`."""
    last = text.rstrip("/").rpartition("/")[2] if "://" in text else text
    return "" if last in _NOTHING else last
