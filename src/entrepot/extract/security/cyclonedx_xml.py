"""CycloneDX in XML, turned into the objects that its JSON has: both are then read alike."""

import re
from collections.abc import Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from msgspec.structs import replace

from entrepot.extract.findings import ExtractionState, Findings
from entrepot.extract.limits import Unreadable
from entrepot.extract.security import sboms

_NAMESPACE: Final = "http://cyclonedx.org/schema/bom/"
_DEPTH: Final = 60
_LISTS: Final = {
    "advisories": "advisory",
    "affects": "target",
    "authors": "author",
    "components": "component",
    "datasets": "dataset",
    "dependencies": "dependency",
    "ethicalConsiderations": "ethicalConsideration",
    "inputs": "input",
    "outputs": "output",
    "performanceMetrics": "performanceMetric",
    "performanceTradeoffs": "performanceTradeoff",
    "ratings": "rating",
    "references": "reference",
    "responses": "response",
    "technicalLimitations": "technicalLimitation",
    "useCases": "useCase",
    "versions": "version",
    "users": "user",
    "vulnerabilities": "vulnerability",
}
"""Elements that are lists in JSON, by what their entries are called."""
_LEFT_OUT: Final = frozenset({"pedigree", "evidence", "properties", "externalReferences"})
"""Parts that nothing here shows; a pedigree has components that are not in the product."""


def read_xml(content: bytes) -> Findings:
    """CycloneDX of every version; other XML is `unsupported`.

    Entities and external definitions are refused with `Unreadable`.
    """
    try:
        root = fromstring(content.lstrip(), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise Unreadable("it is no XML that can be read safely") from error
    namespace, _, name = root.tag.rpartition("}")
    namespace = namespace.removeprefix("{")
    if name == "bom":
        version = re.fullmatch(r"[0-9.]+", namespace.removeprefix(_NAMESPACE))
        return _read_bom(root, version[0] if version else "")
    if name == "RDF":
        reason = "SPDX as RDF/XML is not read here: attach it as JSON, or as tags and values"
        return Findings(state=ExtractionState.UNSUPPORTED, reason=reason)
    return Findings(
        state=ExtractionState.UNSUPPORTED, reason=f"XML of a form not known here: {name[:60]}"
    )


def _read_bom(root: Element, version: str) -> Findings:
    said = _value(root, 0)
    found = sboms.read_cyclonedx({**said, "specVersion": version} if isinstance(said, dict) else {})
    facts = {**found.facts, "Format": f"CycloneDX {version} XML".replace("  ", " ")}
    return replace(found, facts=facts)


def _value(element: Element, depth: int) -> Any:
    """An element as JSON would have it: a list, a text, or an object of attributes and children."""
    name = _local(element)
    if depth > _DEPTH or name in _LEFT_OUT:
        return None
    if name in _LISTS:
        found = [_value(each, depth + 1) for each in element if _local(each) == _LISTS[name]]
        return [each for each in found if each is not None]
    if name == "licenses":
        return [_license(each, depth) for each in element if _local(each)]
    if name == "tools":
        return _tools(element, depth)
    if name == "dependency":
        return _dependency(element)
    if name == "score":
        return _number(element.text)
    if not len(element) and not _attributes(element):
        return (element.text or "").strip()
    return _object(element, depth)


def _object(element: Element, depth: int) -> dict[str, Any]:
    said: dict[str, Any] = _attributes(element)
    for child in element:
        name = _local(child)
        # The first of a kind, where the schema allows but one.
        if name and name not in said:
            said[name] = _value(child, depth + 1)
    if not len(element) and element.text:
        said["content"] = element.text.strip()
    return said


def _license(element: Element, depth: int) -> Mapping[str, Any]:
    if _local(element) == "expression":
        return {**_attributes(element), "expression": (element.text or "").strip()}
    if _local(element) == "expression-detailed":
        return _attributes(element)
    return {"license": _value(element, depth + 1)}


def _tools(element: Element, depth: int) -> Any:
    """Objects with names up to 1.4, components of their own from 1.5 on."""
    found = [_value(each, depth + 1) for each in element if _local(each) == "tool"]
    return found or _object(element, depth)


def _dependency(element: Element) -> Mapping[str, Any]:
    inner = [each.get("ref") for each in element if _local(each) == "dependency"]
    return {"ref": element.get("ref"), "dependsOn": [each for each in inner if each]}


def _number(text: str | None) -> float | None:
    try:
        return float((text or "").strip())
    except ValueError:
        return None


def _attributes(element: Element) -> dict[str, Any]:
    return {name: value for name, value in element.attrib.items() if not name.startswith("{")}


def _local(element: Element) -> str:
    """The name without its namespace; empty for what belongs to another one than CycloneDX's."""
    if not isinstance(element.tag, str):
        return ""
    namespace, _, name = element.tag.rpartition("}")
    return name if not namespace or namespace.startswith(f"{{{_NAMESPACE}") else ""
