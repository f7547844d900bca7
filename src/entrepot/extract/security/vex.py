"""VEX statements: OpenVEX, and the vulnerabilities of CycloneDX."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from entrepot.extract.findings import (
    Assessment,
    Component,
    ExtractionState,
    Findings,
    Vulnerability,
)
from entrepot.extract.security.identifiers import canonical_id, ids_in, is_known, split_id
from entrepot.extract.security.packages import canonical_name, parse_purl
from entrepot.extract.security.severities import (
    UNKNOWN,
    band_of,
    best_score,
    score_of,
    severity_of,
    worst,
)
from entrepot.extract.texts import as_items, as_mapping, as_text

Said = Mapping[str, Any]
_STATUSES: Final = {
    "resolved": "fixed",
    "resolved_with_pedigree": "fixed",
    "false_positive": "not_affected",
    "exploitable": "affected",
    "in_triage": "under_investigation",
}
"""CycloneDX's states in the words of VEX."""
_OF_ARTIFACTS: Final = frozenset({"oci", "docker"})


def status_of(value: object) -> str:
    """A status as OpenVEX writes it, whichever format and spelling it comes in."""
    text = as_text(value, 60).strip().lower().replace(" ", "_").replace("-", "_")
    return _STATUSES.get(text, text)


def read_openvex(said: Said) -> Findings:
    """OpenVEX of every version; what is affected is a finding too."""
    listed = [as_mapping(each) for each in as_items(said.get("statements"))]
    author = as_text(said.get("author"), 200)
    moment = as_text(said.get("last_updated") or said.get("timestamp"), 64)
    assessments = [_statement(each, author or "OpenVEX", moment) for each in listed]
    assessments = [each for each in assessments if each.id]
    facts = {
        "Author": author,
        "Role": as_text(said.get("role"), 200),
        "Time": as_text(said.get("timestamp"), 64),
        "Version": as_text(said.get("version"), 20),
    }
    return Findings(
        state=ExtractionState.DONE if assessments else ExtractionState.UNSUPPORTED,
        reason="" if assessments else "the document has no statements",
        facts={key: value for key, value in facts.items() if value},
        vulnerabilities=[each for one in assessments for each in _affected(one)],
        assessments=assessments,
    )


def _statement(said: Said, author: str, moment: str) -> Assessment:
    named = said.get("vulnerability")
    texts = [named] if not isinstance(named, dict) else [named.get("name"), named.get("@id")]
    ids = [split_id(as_text(each, 300))[0] for each in texts]
    ids += [each for text in texts for each in ids_in(as_text(text, 300))]
    # The name may be missing, and the id an address that ends with it.
    known = [each for each in ids if is_known(each)]
    own = next((each for each in (*known[:1], *ids) if each), "")
    others = [as_text(each, 100) for each in as_items(as_mapping(named).get("aliases"))[:50]]
    aliases = [canonical_id(each) for each in dict.fromkeys([*known, *others]) if each]
    parts = [_component(each) for each in as_items(said.get("subcomponents"))]
    products = [_component(each) for each in as_items(said.get("products"))]
    if parts:
        products = [
            Component(each.name, each.version, each.ids, [*each.parts, *parts])
            for each in products or [Component()]
        ]
    return Assessment(
        id=own[:100],
        status=status_of(said.get("status")),
        aliases=[each for each in aliases if each != own],
        products=products,
        justification=as_text(said.get("justification"), 200),
        impact=as_text(said.get("impact_statement") or said.get("status_notes"), 500),
        action=as_text(said.get("action_statement"), 500),
        said_at=as_text(said.get("last_updated") or said.get("timestamp"), 64) or moment,
        source=author,
        title=as_text(as_mapping(named).get("description"), 500),
    )


def _component(value: object) -> Component:
    """A product or a part of one: an object, or its bare id."""
    said = as_mapping(value)
    named = as_mapping(said.get("identifiers"))
    listed = [value if isinstance(value, str) else said.get("@id"), *named.values()]
    hashes = as_mapping(said.get("hashes")).items()
    ids = [as_text(each) for each in listed]
    ids += [
        f"{name.lower().replace('-', '')[:20]}:{as_text(each, 200).lower()}"
        for name, each in hashes
    ]
    ids = [each for each in dict.fromkeys(ids) if each]
    purl = next((each for each in ids if each.startswith("pkg:")), "")
    parsed = parse_purl(purl)
    return Component(
        name=canonical_name(parsed.name, purl) if parsed else (ids[0] if ids else ""),
        version=parsed.version if parsed else "",
        ids=ids,
        parts=[_component(each) for each in as_items(said.get("subcomponents"))],
    )


def _affected(said: Assessment) -> Iterator[Vulnerability]:
    """A finding for each package that a statement says to be affected."""
    if said.status != "affected":
        return
    packages = [each for product in said.products for each in product.parts or [product]]
    for each in packages or [Component()]:
        purl = next((one for one in each.ids if one.startswith("pkg:")), "")
        parsed = parse_purl(purl)
        is_package = parsed is not None and parsed.type not in _OF_ARTIFACTS
        yield Vulnerability(
            id=said.id,
            package=each.name if is_package else "",
            version=each.version if is_package else "",
            title=said.title,
            status=said.status,
            justification=said.action or said.impact,
            aliases=said.aliases,
            purl=purl if is_package else "",
            sources=[said.source],
        )


class CycloneDxVulnerabilities:
    """The vulnerabilities of a BOM: findings, and what is said of those that are none."""

    def __init__(self, said: Said, components: list[Said]) -> None:
        self.found: list[Vulnerability] = []
        self.assessments: list[Assessment] = []
        metadata = as_mapping(said.get("metadata"))
        main = as_mapping(metadata.get("component"))
        self._main = as_text(main.get("bom-ref"))
        self._by_reference = {as_text(each.get("bom-ref")): each for each in components}
        self._by_reference.pop("", None)
        self._moment = as_text(metadata.get("timestamp"), 64)
        for each in map(as_mapping, as_items(said.get("vulnerabilities"))):
            self._read(each)

    def _read(self, said: Said) -> None:
        analysis = as_mapping(said.get("analysis"))
        status = status_of(analysis.get("state"))
        source = as_mapping(said.get("source"))
        affects = [as_mapping(each) for each in as_items(said.get("affects"))]
        unaffected = [each for each in affects if _is_unaffected(each)]
        if status in ("not_affected", "fixed"):
            self._assess(said, status, affects)
        else:
            # A vulnerability that names nothing is of the whole.
            left = [each for each in affects or [{}] if not _is_unaffected(each)]
            self.found += [self._vulnerability(said, each, status, source) for each in left]
            if unaffected:
                self._assess(said, "not_affected", unaffected)

    def _ids(self, said: Said) -> list[str]:
        """Its own id, then those of the vulnerabilities that it says to be the same."""
        references = map(as_mapping, as_items(said.get("references"))[:50])
        texts = [
            as_text(said.get("id"), 100),
            *(as_text(each.get("id"), 100) for each in references),
        ]
        found = [split_id(each)[0] for each in texts if each]
        return list(dict.fromkeys(found)) or [as_text(said.get("bom-ref"), 100) or "unnamed"]

    def _vulnerability(self, said: Said, affects: Said, status: str, source: Said) -> Vulnerability:
        component = self._component(as_text(affects.get("ref")))
        ids = self._ids(said)
        severity, score = _rating(said)
        analysis = as_mapping(said.get("analysis"))
        advisories = map(as_mapping, as_items(said.get("advisories"))[:1])
        return Vulnerability(
            id=ids[0],
            severity=severity,
            package=component.name[:300],
            version=component.version or _version(affects),
            title=as_text(said.get("description") or said.get("detail"), 500),
            url=as_text(source.get("url") or next((a.get("url") for a in advisories), ""), 500),
            score=score,
            status=status,
            justification=_justification(analysis) or as_text(said.get("recommendation"), 500),
            aliases=ids[1:],
            purl=next((each for each in component.ids if each.startswith("pkg:")), ""),
            sources=["CycloneDX"],
        )

    def _assess(self, said: Said, status: str, affects: list[Said]) -> None:
        ids, analysis = self._ids(said), as_mapping(said.get("analysis"))
        products = [self._component(as_text(each.get("ref")), each) for each in affects]
        responses = [
            as_text(each, 60)
            for each in as_items(analysis.get("response") or analysis.get("responses"))[:10]
        ]
        self.assessments.append(
            Assessment(
                id=ids[0],
                status=status,
                aliases=ids[1:],
                # One that is the whole BOM's product, or unknown, is what the BOM is attached to.
                products=[] if any(not each.ids for each in products) else products,
                justification=as_text(analysis.get("justification"), 200),
                impact=as_text(analysis.get("detail"), 500),
                action=", ".join(responses) or as_text(said.get("recommendation"), 500),
                said_at=as_text(analysis.get("lastUpdated"), 64) or self._moment,
                source="CycloneDX",
                severity=_rating(said)[0],
                title=as_text(said.get("description"), 500),
                url=as_text(as_mapping(said.get("source")).get("url"), 500),
            )
        )

    def _component(self, reference: str, affects: Said | None = None) -> Component:
        """The component of that reference, of this BOM or of another one (`urn:cdx:…#ref`)."""
        last = reference.rpartition("#")[2] if reference.startswith("urn:cdx:") else reference
        said = as_mapping(self._by_reference.get(last))
        purl = as_text(said.get("purl")) or (last if last.startswith("pkg:") else "")
        if not said and not purl:
            return Component(name="" if last == self._main else last)
        parsed = parse_purl(purl)
        name, group = as_text(said.get("name")), as_text(said.get("group"))
        version = as_text(said.get("version")) or (parsed.version if parsed else "")
        ids = [purl] if purl else [name]
        shown = canonical_name(name, purl, group)
        return Component(shown, version or _version(affects or {}), ids)


def _is_unaffected(affects: Said) -> bool:
    """Whether all versions that it names are said not to be affected."""
    versions = [as_mapping(each) for each in as_items(affects.get("versions"))]
    statuses = {as_text(each.get("status"), 20).lower() or "affected" for each in versions}
    return statuses == {"unaffected"}


def _version(affects: Said) -> str:
    """The one version that it says to be affected."""
    versions = [as_mapping(each) for each in as_items(affects.get("versions"))]
    found = [
        as_text(each.get("version") or each.get("range"), 100)
        for each in versions
        if as_text(each.get("status"), 20).lower() in ("", "affected")
    ]
    return found[0] if len(found) == 1 else ""


def _rating(said: Said) -> tuple[str, float]:
    """The worst word of all ratings and the highest score; the word by the score without one."""
    ratings = [as_mapping(each) for each in as_items(said.get("ratings"))]
    score = best_score(each.get("score") for each in ratings if _is_cvss(each))
    word = worst(severity_of(each.get("severity")) for each in ratings if each.get("severity"))
    if word == UNKNOWN and score:
        word = band_of(score)
    return word, score


def _is_cvss(rating: Said) -> bool:
    """OWASP and SSVC have scales of their own."""
    method = as_text(rating.get("method"), 20).upper()
    return score_of(rating.get("score")) is not None and not method.startswith(("OWASP", "SSVC"))


def _justification(analysis: Said) -> str:
    texts = (as_text(analysis.get(key), 500) for key in ("justification", "detail"))
    return ": ".join(each for each in texts if each)
