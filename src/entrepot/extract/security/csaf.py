"""CSAF 2.0 and 2.1: what an advisory says of each product, with names out of its product tree."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from entrepot.extract.findings import (
    Assessment,
    Component,
    ExtractionState,
    Findings,
    Vulnerability,
)
from entrepot.extract.security.identifiers import canonical_id, is_known
from entrepot.extract.security.packages import canonical_name, parse_purl
from entrepot.extract.security.severities import UNKNOWN, band_of, best_score, severity_of, worst
from entrepot.extract.texts import as_items, as_mapping, as_text

Said = Mapping[str, Any]
_DEPTH: Final = 40
_AFFECTED: Final = ("known_affected", "first_affected", "last_affected")
_OTHERS: Final = {
    "known_not_affected": "not_affected",
    "fixed": "fixed",
    "first_fixed": "fixed",
    "under_investigation": "under_investigation",
    "recommended": "recommended",
    "unknown": "unknown",
}


def read_csaf(said: Said) -> Findings:
    """Affected products are findings; what is fixed or not affected is said of them."""
    document = as_mapping(said.get("document"))
    tracking = as_mapping(document.get("tracking"))
    publisher = as_text(as_mapping(document.get("publisher")).get("name"), 200)
    aggregate = as_text(as_mapping(document.get("aggregate_severity")).get("text"), 60)
    advisory = _Advisory(
        products=_Products.of(as_mapping(said.get("product_tree"))),
        source=publisher or "CSAF",
        aggregate=severity_of(aggregate),
        said_at=as_text(tracking.get("current_release_date"), 64),
        url=_address(document),
    )
    listed = [as_mapping(each) for each in as_items(said.get("vulnerabilities"))]
    for each in listed:
        advisory.read(each)
    facts = {
        "Publisher": publisher,
        "Advisory": as_text(tracking.get("id"), 200),
        "Status": as_text(tracking.get("status"), 60),
        "Released": as_text(tracking.get("current_release_date"), 64),
        "Severity": aggregate,
    }
    return Findings(
        state=ExtractionState.DONE if listed else ExtractionState.UNSUPPORTED,
        reason="" if listed else "the advisory lists no vulnerabilities",
        title=as_text(document.get("title")),
        facts={key: value for key, value in facts.items() if value},
        vulnerabilities=advisory.found,
        assessments=advisory.assessments,
    )


def _address(document: Said) -> str:
    for each in map(as_mapping, as_items(document.get("references"))[:50]):
        if as_text(each.get("category"), 20) == "self":
            return as_text(each.get("url"), 500)
    return ""


@dataclass(frozen=True, slots=True)
class _Products:
    """The products of the tree by their ids, and the groups of them."""

    by_id: dict[str, Component] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: Said) -> "_Products":
        """All that branches, full names and relationships define."""
        products = cls()
        for each in map(as_mapping, as_items(tree.get("full_product_names"))):
            products._add(each, {})
        products._branch(as_items(tree.get("branches")), {}, 0)
        for each in map(as_mapping, as_items(tree.get("relationships"))):
            products._relate(each)
        for each in map(as_mapping, as_items(tree.get("product_groups"))):
            ids = [as_text(one, 500) for one in as_items(each.get("product_ids"))]
            products.groups[as_text(each.get("group_id"), 500)] = ids
        return products

    def get(self, product_id: str) -> Component:
        """The product; one that the tree lacks is called by its id."""
        return self.by_id.get(product_id) or Component(name=product_id, ids=[product_id])

    def within(self, said: Said) -> frozenset[str]:
        """The ids that a note, a threat or a remediation is about; all where it names none."""
        ids = {as_text(each, 500) for each in as_items(said.get("product_ids"))}
        for group in as_items(said.get("group_ids")):
            ids |= set(self.groups.get(as_text(group, 500), ()))
        return frozenset(ids)

    def _branch(self, branches: list[Any], names: Mapping[str, str], depth: int) -> None:
        if depth > _DEPTH:
            return
        for each in map(as_mapping, branches):
            category = as_text(each.get("category"), 40)
            inner = {**names, category: as_text(each.get("name"), 300)}
            if isinstance(each.get("product"), dict):
                self._add(each["product"], inner)
            self._branch(as_items(each.get("branches")), inner, depth + 1)

    def _add(self, product: Said, names: Mapping[str, str]) -> None:
        product_id, full = (as_text(product.get(key), 500) for key in ("product_id", "name"))
        helper = as_mapping(product.get("product_identification_helper"))
        listed = [*as_items(helper.get("purl")), *as_items(helper.get("purls"))]
        purls = [as_text(each) for each in listed[:20]]
        purl = parse_purl(purls[0]) if purls else None
        version = names.get("product_version", "") or (purl.version if purl else "")
        plain = names.get("product_name", "")
        name = canonical_name(plain, purls[0]) if purl else plain or full or product_id
        ids = [*purls, as_text(helper.get("cpe"), 300), *_digests(helper), full, product_id]
        kept = [each for each in dict.fromkeys(ids) if each]
        self.by_id[product_id] = Component(name or full or product_id, version, kept)

    def _relate(self, said: Said) -> None:
        """A product as part of another one."""
        product = as_mapping(said.get("full_product_name"))
        product_id, full = (as_text(product.get(key), 500) for key in ("product_id", "name"))
        part = self.get(as_text(said.get("product_reference"), 500))
        whole = self.get(as_text(said.get("relates_to_product_reference"), 500))
        parts = part.parts or [part]
        self.by_id[product_id] = Component(whole.name or full, whole.version, whole.ids, parts)


def _digests(helper: Said) -> Iterator[str]:
    for each in map(as_mapping, as_items(helper.get("hashes"))[:20]):
        for one in map(as_mapping, as_items(each.get("file_hashes"))[:20]):
            algorithm = as_text(one.get("algorithm"), 20).lower().replace("-", "")
            yield f"{algorithm}:{as_text(one.get('value'), 200).lower()}"


@dataclass(frozen=True, slots=True)
class _About:
    """An entry that is about some products; about all where it names none."""

    ids: frozenset[str]
    category: str
    text: str

    def is_about(self, product_ids: frozenset[str]) -> bool:
        return not self.ids or bool(self.ids & product_ids)


@dataclass(frozen=True, slots=True)
class _Rating:
    """A score, or a word, of some products."""

    ids: frozenset[str]
    scores: list[object]
    words: list[str]


class _Weakness:
    """One vulnerability of an advisory."""

    def __init__(self, said: Said, products: _Products) -> None:
        others = [as_text(as_mapping(each).get("text"), 100) for each in as_items(said.get("ids"))]
        names = [*(as_text(each, 100) for each in as_items(said.get("cve"))[:1]), *others[:20]]
        ids = [canonical_id(each) for each in dict.fromkeys(names) if each]
        self.ids = ids or [as_text(said.get("title"), 100) or "unnamed"]
        self.aliases = [each for each in self.ids[1:] if is_known(each)]
        self.title = as_text(said.get("title"), 500) or _note(said)
        self.statuses = {
            key: list(dict.fromkeys(as_text(each, 500) for each in as_items(listed)))
            for key, listed in as_mapping(said.get("product_status")).items()
        }
        self.remediations = _entries(said.get("remediations"), products, "category", "details")
        self.threats = _entries(said.get("threats"), products, "category", "details")
        self.flags = _entries(said.get("flags"), products, "category", "label")
        listed = [*as_items(said.get("scores")), *as_items(said.get("metrics"))]
        self.ratings = [_rating(as_mapping(each)) for each in listed]

    def severity(self, product_ids: frozenset[str]) -> tuple[str, float]:
        """The word and the score: by scores of the products, else by what threatens them."""
        ratings = [each for each in self.ratings if not each.ids or each.ids & product_ids]
        ratings = ratings or ([] if product_ids else self.ratings)
        score = best_score(one for each in ratings for one in each.scores)
        word = worst(one for each in ratings for one in each.words if one != UNKNOWN)
        if word == UNKNOWN:
            word = band_of(score) if score else severity_of(self.impact(product_ids))
        return word, score

    def impact(self, product_ids: frozenset[str]) -> str:
        """Return the stated impact on the product."""
        return _first(self.threats, product_ids, "impact")

    def fixed_in(self, product: Component, products: _Products) -> str:
        """The versions of the same product that are said to be fixed."""
        fixed = [*self.statuses.get("fixed", ()), *self.statuses.get("first_fixed", ())]
        found = [_package(products.get(each)) for each in fixed]
        versions = [each.version for each in found if each.version and each.name == product.name]
        return ", ".join(list(dict.fromkeys(versions))[:5])


def _entries(value: object, products: _Products, kind: str, text: str) -> list[_About]:
    return [
        _About(products.within(each), as_text(each.get(kind), 40), as_text(each.get(text), 500))
        for each in map(as_mapping, as_items(value))
    ]


def _rating(said: Said) -> _Rating:
    content = {**said, **as_mapping(said.get("content"))}
    kinds = [as_mapping(content.get(each)) for each in ("cvss_v4", "cvss_v3", "cvss_v2")]
    words = [severity_of(each.get("baseSeverity")) for each in kinds]
    words.append(severity_of(content.get("qualitative_severity_rating")))
    ids = frozenset(as_text(each, 500) for each in as_items(said.get("products")))
    return _Rating(ids, [each.get("baseScore") for each in kinds], words)


def _first(entries: list[_About], product_ids: frozenset[str], *categories: str) -> str:
    for each in entries:
        if each.is_about(product_ids) and (not categories or each.category in categories):
            return each.text
    return ""


def _note(said: Said) -> str:
    notes = [as_mapping(each) for each in as_items(said.get("notes"))[:50]]
    texts = {as_text(each.get("category"), 40): as_text(each.get("text"), 500) for each in notes}
    order = ("description", "summary", "general", "details")
    return next((texts[each] for each in order if texts.get(each)), "")


def _package(product: Component) -> Component:
    """The part that is meant, or the product itself."""
    return product.parts[0] if product.parts else product


@dataclass(slots=True)
class _Advisory:
    """The parts of an advisory that have been read."""

    products: _Products
    source: str
    aggregate: str
    said_at: str
    url: str
    found: list[Vulnerability] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)

    def read(self, said: Said) -> None:
        """One vulnerability, with each product's status."""
        weakness = _Weakness(said, self.products)
        statuses = weakness.statuses
        affected = [each for key in _AFFECTED for each in statuses.get(key, ())]
        for product_id in dict.fromkeys(affected):
            self._find(weakness, product_id)
        for key, status in _OTHERS.items():
            if statuses.get(key):
                self._assess(weakness, status, statuses[key])
        if not any(statuses.values()):
            self._find(weakness, "")

    def _find(self, weakness: _Weakness, product_id: str) -> None:
        product = self.products.get(product_id) if product_id else Component()
        package = _package(product)
        about = frozenset({product_id} - {""})
        severity, score = weakness.severity(about)
        self.found.append(
            Vulnerability(
                id=weakness.ids[0],
                severity=self.aggregate if severity == UNKNOWN else severity,
                package=package.name[:300],
                version=package.version,
                fixed_in=weakness.fixed_in(package, self.products),
                title=weakness.title,
                url=self.url,
                score=score,
                status="affected" if product_id else "",
                justification=_first(weakness.remediations, about, "vendor_fix"),
                location=product.name if product.parts else "",
                aliases=weakness.aliases,
                purl=next((each for each in package.ids if each.startswith("pkg:")), ""),
                sources=[self.source],
            )
        )

    def _assess(self, weakness: _Weakness, status: str, product_ids: list[str]) -> None:
        about = frozenset(product_ids)
        labels = [each.text for each in weakness.flags if each.text and each.is_about(about)]
        severity = weakness.severity(about)[0]
        self.assessments.append(
            Assessment(
                id=weakness.ids[0],
                status=status,
                aliases=weakness.aliases,
                products=[self.products.get(each) for each in product_ids],
                justification=", ".join(dict.fromkeys(labels)),
                impact=weakness.impact(about),
                action=_first(weakness.remediations, about),
                said_at=self.said_at,
                source=self.source,
                severity=self.aggregate if severity == UNKNOWN else severity,
                title=weakness.title,
                url=self.url,
            )
        )
