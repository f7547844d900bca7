"""Which form an SBOM or a report is of, told by its content: media types are often wrong."""

import codecs
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from entrepot.extract.findings import ExtractionState, Findings
from entrepot.extract.limits import InputTooLarge, Unreadable
from entrepot.extract.security import (
    csaf,
    cyclonedx_xml,
    reports,
    sarif,
    sboms,
    spdx,
    spdx3,
    trivy,
    vex,
)
from entrepot.extract.texts import as_items, as_list, as_mapping, as_text, parse_json, parse_yaml

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SPDX_TEXT: Final = re.compile(rb"^SPDXVersion:\s*SPDX-", re.MULTILINE)
_YAML: Final = re.compile(rb"^(?:---\s*\n)?[\"']?(?:spdxVersion|SPDXID|bomFormat)[\"']?\s*:", re.M)
_MOST: Final = 200
"""Documents of one JSON array, or lines of JSON, that are read."""
_LISTS: Final = (
    "packages",
    "relations",
    "vulnerabilities",
    "assessments",
    "issues",
    "statements",
    "signatures",
    "documents",
)
ReadsJson = Callable[[Mapping[str, Any]], Findings]


def in_utf8(content: bytes) -> bytes:
    """The text in UTF-8 without a byte order mark, whichever Unicode encoding it came in."""
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            rest = content[len(mark) :]
            return rest if encoding == "utf-8" else _decoded(rest, encoding)
    # Without a mark, JSON and XML tell by where the zeros of their first character are.
    if content[:2].strip() and content[:1] == b"\0" and content[1:2] in (b"{", b"[", b"<"):
        return _decoded(content, "utf-16-be")
    if content[1:2] == b"\0" and content[:1] in (b"{", b"[", b"<"):
        return _decoded(content, "utf-16-le")
    return content


def _decoded(content: bytes, encoding: str) -> bytes:
    return content.decode(encoding, errors="replace").encode()


def joined(found: list[Findings], reason: str = "") -> Findings:
    """Several findings as one: lists one after the other, the first title."""
    values: dict[str, Any] = {
        name: [each for findings in found for each in getattr(findings, name)] for name in _LISTS
    }
    facts = {key: value for findings in found for key, value in findings.facts.items() if value}
    title = next((each.title for each in found if each.title), "")
    return Findings(reason=reason, title=title, facts=facts, **values)


def joined_whole(found: list[Findings], problems: list[str]) -> Findings:
    """All of them as one; where nothing is of a form that is known, that is said."""
    unsupported = [each for each in found if each.state is ExtractionState.UNSUPPORTED]
    reasons = dict.fromkeys([*problems, *(each.reason for each in found if each.reason)])
    whole = joined(found, "; ".join(reasons))
    if unsupported and len(unsupported) == len(found):
        return replace(whole, state=ExtractionState.UNSUPPORTED)
    return whole


def read_form(content: bytes, read_json: ReadsJson, media_type: str = "") -> Findings:
    """Parse a document's text; `read_json` parses JSON objects only.

    `Unreadable` where it is damaged; `unsupported` with a reason where its form is not known.
    """
    text = in_utf8(content)
    start = text.lstrip()[:1]
    if "protobuf" in media_type:
        return _unsupported("CycloneDX as Protocol Buffers is not read here: attach it as JSON")
    if start == b"<":
        return cyclonedx_xml.read_xml(content)
    if start == b"{":
        return _read_object(text, read_json)
    if start == b"[":
        return _read_all(as_list(parse_json(text)), read_json)
    if _SPDX_TEXT.search(text[:4096]):
        return spdx.read_spdx_text(text.decode(errors="replace"))
    if _YAML.search(text[:4096]):
        return read_json(as_mapping(parse_yaml(text)))
    return _unsupported("it is no document of a form that is known here")


def _unsupported(reason: str) -> Findings:
    return Findings(state=ExtractionState.UNSUPPORTED, reason=reason)


def _read_object(text: bytes, read_json: ReadsJson) -> Findings:
    try:
        return read_json(as_mapping(parse_json(text)))
    except Unreadable:
        lines = text.strip().splitlines()
        if len(lines) < 2 or not all(line.lstrip().startswith(b"{") for line in lines[:2]):
            raise
        return _read_all([parse_json(line) for line in lines[:_MOST] if line.strip()], read_json)


def _read_all(values: list[Any], read_json: ReadsJson) -> Findings:
    """Several documents in one, as an array or as lines of JSON."""
    found, problems = [], []
    for value in values[:_MOST]:
        try:
            found.append(read_json(as_mapping(value)))
        except (InputTooLarge, Unreadable) as error:
            problems.append(str(error))
    if not found:
        return _unsupported(problems[0] if problems else "an empty JSON array")
    if len(values) > _MOST:
        problems.append(f"only the first {_MOST} of {len(values)} documents are read")
    return joined_whole(found, problems)


def read_report(said: Mapping[str, Any]) -> Findings:
    """An SBOM or a report, told by the keys that only it has."""
    context = said.get("@context")
    texts = " ".join(as_text(each, 200) for each in (as_list(context) or [context]))
    readers = (
        (said.get("bomFormat") == "CycloneDX", sboms.read_cyclonedx),
        ("spdxVersion" in said, spdx.read_spdx),
        ("spdx.org/rdf/3" in texts, spdx3.read_spdx_3),
        ("https://openvex.dev/ns" in texts, vex.read_openvex),
        ("csaf_version" in as_mapping(said.get("document")), csaf.read_csaf),
        (isinstance(said.get("runs"), list), sarif.read_sarif),
        ("matches" in said, reports.read_grype),
        ("artifacts" in said and "descriptor" in said, sboms.read_syft),
        (trivy.is_trivy(said), trivy.read_trivy),
        ("auditReportVersion" in said, reports.read_npm_audit),
        ("vulnerabilities" in said and "scan" in said, reports.read_gitlab),
        ("vulnerabilities" in said and "scanner" in said, reports.read_harbor),
        (_is_osv_scan(said), reports.read_osv_scanner),
        # GitHub's export and Harbor's accessory wrap it.
        (isinstance(said.get("sbom"), dict), lambda said: read_report(said["sbom"])),
    )
    for is_so, read in readers:
        if is_so:
            return read(said)
    if inner := _wrapped(said):
        return read_report(inner)
    return _unsupported("a JSON document of a form not known here")


def _is_osv_scan(said: Mapping[str, Any]) -> bool:
    results = as_items(said.get("results"))
    return "results" in said and all("packages" in as_mapping(each) for each in results)


def _wrapped(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the one value behind a media type, as Harbor's API answers."""
    only = next(iter(said.items()), ("", None)) if len(said) == 1 else ("", None)
    return as_mapping(only[1]) if "/" in only[0] else {}


def read_text_predicate(text: str) -> Findings:
    """An SBOM that an attestation holds as a text."""
    return read_form(text.encode(errors="replace"), read_report)


def is_report(said: Mapping[str, Any]) -> bool:
    """Say whether a JSON document is an SBOM or a report; for files of vague media types."""
    return read_report(said).state is not ExtractionState.UNSUPPORTED
