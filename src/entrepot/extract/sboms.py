"""SBOMs: SPDX 2 and 3, CycloneDX, Syft; walked tolerantly, for people to look at."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from entrepot.extract import limits
from entrepot.extract.findings import Findings, Package, Relation, Vulnerability
from entrepot.extract.limits import Unreadable, cut
from entrepot.extract.texts import as_list, as_mapping, as_text

_NO_LICENSE: Final = frozenset({"", "NOASSERTION", "NONE"})
_DEPENDS: Final = frozenset({"DEPENDS_ON", "CONTAINS", "DEPENDENCY_OF", "dependsOn", "contains"})
_RELATIONS: Final = 20_000


def read_spdx(said: Mapping[str, Any]) -> Findings:
    """SPDX 2.2 and 2.3 in JSON."""
    creation = as_mapping(said.get("creationInfo"))
    packages = [_spdx_package(as_mapping(each)) for each in _some(said.get("packages"))]
    return Findings(
        title=as_text(said.get("name")),
        facts=_present(
            {
                "Format": as_text(said.get("spdxVersion")),
                "Created": as_text(creation.get("created")),
                "Creators": ", ".join(as_text(each) for each in as_list(creation.get("creators"))),
                "Namespace": as_text(said.get("documentNamespace")),
                "Files": str(len(as_list(said.get("files"))) or ""),
            }
        ),
        packages=_named(packages),
        relations=[
            relation
            for each in as_list(said.get("relationships"))[:_RELATIONS]
            if (relation := _spdx_relation(as_mapping(each))) is not None
        ],
    )


def _spdx_package(said: Mapping[str, Any]) -> Package:
    references = (as_mapping(each) for each in as_list(said.get("externalRefs"))[:100])
    purl = next(
        (
            as_text(each.get("referenceLocator"))
            for each in references
            if each.get("referenceType") == "purl"
        ),
        "",
    )
    licenses = [as_text(said.get(key)) for key in ("licenseConcluded", "licenseDeclared")]
    return Package(
        name=as_text(said.get("name")),
        version=as_text(said.get("versionInfo")),
        purl=purl,
        licenses=next((each for each in licenses if each not in _NO_LICENSE), ""),
        supplier=as_text(said.get("supplier")).replace("NOASSERTION", ""),
        reference=as_text(said.get("SPDXID")),
    )


def _spdx_relation(said: Mapping[str, Any]) -> Relation | None:
    kind = as_text(said.get("relationshipType"))
    if kind not in _DEPENDS:
        return None
    one, other = as_text(said.get("spdxElementId")), as_text(said.get("relatedSpdxElement"))
    return Relation(other, one) if kind == "DEPENDENCY_OF" else Relation(one, other)


def read_spdx_text(text: str) -> Findings:
    """SPDX 2 as tags and values."""
    packages: list[dict[str, str]] = []
    facts: dict[str, str] = {}
    for line in text.splitlines()[:2_000_000]:
        key, colon, value = line.partition(":")
        value = value.strip()
        if not colon:
            continue
        if key == "PackageName":
            packages.append({"name": value})
        elif key in _TAGS and packages:
            packages[-1][_TAGS[key]] = value
        elif key == "ExternalRef" and packages and " purl " in value:
            packages[-1]["purl"] = value.rpartition(" ")[2]
        elif key in ("SPDXVersion", "DocumentName", "Created") and not packages:
            facts[key] = cut(value)
    made = [
        Package(**{name: cut(each) for name, each in package.items() if each not in _NO_LICENSE})
        for package in packages[: limits.PACKAGES]
        if package.get("name")
    ]
    return Findings(title=facts.pop("DocumentName", ""), facts=facts, packages=made)


_TAGS: Final = {
    "PackageVersion": "version",
    "PackageLicenseConcluded": "licenses",
    "PackageSupplier": "supplier",
    "SPDXID": "reference",
}


def read_spdx_3(said: Mapping[str, Any]) -> Findings:
    """SPDX 3 in JSON-LD: packages are the elements of the software profile's package type."""
    elements = [as_mapping(each) for each in _some(said.get("@graph"))]
    packages = [
        Package(
            name=as_text(each.get("name")),
            version=as_text(each.get("software_packageVersion")),
            purl=as_text(each.get("software_packageUrl")),
            licenses=as_text(each.get("simplelicensing_licenseExpression")),
            reference=as_text(each.get("spdxId")),
        )
        for each in elements
        if each.get("type") == "software_Package"
    ]
    relations = [
        Relation(as_text(each.get("from")), as_text(target))
        for each in elements
        if each.get("type") == "Relationship" and each.get("relationshipType") in _DEPENDS
        for target in as_list(each.get("to"))[:1000]
    ]
    return Findings(
        facts={"Format": "SPDX 3"}, packages=_named(packages), relations=relations[:_RELATIONS]
    )


def read_cyclonedx(said: Mapping[str, Any]) -> Findings:
    """CycloneDX in JSON, 1.2 to 1.7, with its vulnerabilities."""
    metadata = as_mapping(said.get("metadata"))
    main = as_mapping(metadata.get("component"))
    components = list(_components(said.get("components")))
    tools = metadata.get("tools")
    listed = as_mapping(tools).get("components") if isinstance(tools, dict) else tools
    return Findings(
        title=as_text(main.get("name")),
        facts=_present(
            {
                "Format": f"CycloneDX {as_text(said.get('specVersion'))}",
                "Created": as_text(metadata.get("timestamp")),
                "Tools": ", ".join(
                    as_text(as_mapping(each).get("name")) for each in as_list(listed)[:10]
                ),
                "Describes": " ".join(as_text(main.get(key)) for key in ("name", "version")),
            }
        ),
        packages=_named([_component(each) for each in components]),
        relations=[
            Relation(as_text(each.get("ref")), as_text(target))
            for each in (as_mapping(one) for one in as_list(said.get("dependencies"))[:_RELATIONS])
            for target in as_list(each.get("dependsOn"))[:1000]
        ][:_RELATIONS],
        vulnerabilities=[
            _weakness(as_mapping(each)) for each in as_list(said.get("vulnerabilities"))[:20_000]
        ],
    )


def _components(value: object, depth: int = 0) -> Iterable[Mapping[str, Any]]:
    for each in as_list(value)[: limits.PACKAGES]:
        component = as_mapping(each)
        yield component
        if depth < 8:
            yield from _components(component.get("components"), depth + 1)


def _component(said: Mapping[str, Any]) -> Package:
    group, name = as_text(said.get("group")), as_text(said.get("name"))
    return Package(
        name=f"{group}/{name}" if group else name,
        version=as_text(said.get("version")),
        purl=as_text(said.get("purl")),
        licenses=_licenses(said.get("licenses")),
        supplier=as_text(as_mapping(said.get("supplier")).get("name")),
        reference=as_text(said.get("bom-ref")),
    )


def _licenses(value: object) -> str:
    found = []
    for each in as_list(value)[:20]:
        said = as_mapping(each)
        license_ = as_mapping(said.get("license"))
        text = said.get("expression") or license_.get("id") or license_.get("name")
        found.append(as_text(text, 200))
    return " AND ".join(each for each in found if each)


def _weakness(said: Mapping[str, Any]) -> Vulnerability:
    ratings = [as_mapping(each) for each in as_list(said.get("ratings"))[:20]]
    analysis = as_mapping(said.get("analysis"))
    severity = next((as_text(each.get("severity")) for each in ratings if each.get("severity")), "")
    affected = [as_mapping(each) for each in as_list(said.get("affects"))[:5]]
    score = next(
        (each["score"] for each in ratings if isinstance(each.get("score"), int | float)), 0
    )
    return Vulnerability(
        id=as_text(said.get("id"), 100),
        severity=severity_of(severity),
        package=", ".join(as_text(each.get("ref"), 200) for each in affected),
        title=as_text(said.get("description"), 500),
        url=as_text(as_mapping(said.get("source")).get("url"), 500),
        score=float(score),
        status=as_text(analysis.get("state"), 60),
        justification=as_text(analysis.get("detail"), 500),
    )


def read_cyclonedx_xml(content: bytes) -> Findings:
    """CycloneDX in XML; entities and external definitions are refused."""
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError) as error:
        raise Unreadable("it is no XML that can be read safely") from error
    namespace = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    found = root.findall(f"./{namespace}components//{namespace}component")
    packages = [_xml_component(each, namespace) for each in found[: limits.PACKAGES]]
    return Findings(facts={"Format": "CycloneDX XML"}, packages=_named(packages))


def _xml_component(element: Element, namespace: str) -> Package:
    def text(path: str) -> str:
        return cut(element.findtext(path.replace("/", f"/{namespace}"), default="") or "")

    licenses = [
        each.text or ""
        for kind in ("id", "name")
        for each in element.findall(f"./{namespace}licenses/{namespace}license/{namespace}{kind}")
    ]
    expression = text("./licenses/expression")
    return Package(
        name=text("./name"),
        version=text("./version"),
        purl=text("./purl"),
        licenses=expression or cut(" AND ".join(licenses)),
        reference=cut(element.get("bom-ref") or ""),
    )


def read_syft(said: Mapping[str, Any]) -> Findings:
    """Syft's own JSON."""
    distro = as_mapping(said.get("distro"))
    packages = [
        Package(
            name=as_text(each.get("name")),
            version=as_text(each.get("version")),
            purl=as_text(each.get("purl")),
            licenses=" AND ".join(
                as_text(as_mapping(one).get("value") if isinstance(one, dict) else one, 200)
                for one in as_list(each.get("licenses"))[:20]
            ),
            reference=as_text(each.get("id")),
        )
        for each in (as_mapping(one) for one in _some(said.get("artifacts")))
    ]
    return Findings(
        facts=_present({"Format": "Syft", "System": as_text(distro.get("prettyName"))}),
        packages=_named(packages),
    )


_SEVERITIES: Final = {
    "critical": "critical",
    "high": "high",
    "important": "high",
    "error": "high",
    "medium": "medium",
    "moderate": "medium",
    "warning": "medium",
    "low": "low",
    "note": "low",
    "negligible": "negligible",
    "none": "negligible",
    "info": "negligible",
}


def severity_of(text: str) -> str:
    """One of six words for whatever a scanner calls it."""
    return _SEVERITIES.get(text.strip().lower(), "unknown")


def _some(value: object) -> list[Any]:
    return as_list(value)[: limits.PACKAGES]


def _named(packages: Iterable[Package]) -> list[Package]:
    return [each for each in packages if each.name][: limits.PACKAGES]


def _present(facts: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in facts.items() if value.strip()}
