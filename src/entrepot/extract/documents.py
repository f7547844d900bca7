"""Documents about software, told apart by media type, and by content where that is vague."""

import re
from collections.abc import Mapping
from typing import Any, Final

from entrepot.extract import limits, reports, sboms
from entrepot.extract.files import media_type_of, read_whole
from entrepot.extract.findings import Blob, Document, Findings, State, Task
from entrepot.extract.limits import TooLarge, Unreadable
from entrepot.extract.signatures import (
    read_bundle,
    read_envelope_signature,
    read_notation,
    read_simple_signing,
)
from entrepot.extract.statements import read_envelope, read_statement
from entrepot.extract.texts import as_list, as_mapping, as_text, document, is_text, parse_json

_LISTS: Final = (
    "packages",
    "relations",
    "vulnerabilities",
    "statements",
    "signatures",
    "documents",
)
_SPDX_TEXT: Final = re.compile(rb"^SPDXVersion:\s*SPDX-", re.MULTILINE)


def read_documents(task: Task) -> Findings:
    """Every layer as the document it is; one that cannot be read does not hide the others."""
    found: list[Findings] = []
    problems: list[str] = []
    is_large = False
    for blob in task.blobs:
        if blob.index < 0 or not blob.path:
            continue
        try:
            found.append(read_document(blob, read_whole(blob, limits.JSON), task))
        except (TooLarge, Unreadable) as error:
            problems.append(str(error))
            is_large |= isinstance(error, TooLarge)
    if problems and not found:
        state = State.TOO_LARGE if is_large else State.FAILED
        return Findings(state=state, reason=problems[0])
    return joined(found, "; ".join(dict.fromkeys(problems)))


def joined(found: list[Findings], reason: str = "") -> Findings:
    """Several findings as one: lists one after the other, the first title."""
    values: dict[str, Any] = {
        name: [each for findings in found for each in getattr(findings, name)] for name in _LISTS
    }
    facts = {key: value for findings in found for key, value in findings.facts.items() if value}
    title = next((each.title for each in found if each.title), "")
    return Findings(reason=reason, title=title, facts=facts, **values)


def read_document(blob: Blob, content: bytes, task: Task) -> Findings:
    """What one layer says."""
    media_type = blob.media_type.partition(";")[0].strip().lower()
    shown = _shown(blob, content)
    if media_type == "application/vnd.dev.cosign.simplesigning.v1+json":
        return Findings(signatures=[read_simple_signing(blob, content, task)], documents=shown)
    if media_type in ("application/jose+json", "application/cose"):
        return Findings(signatures=[read_notation(content, task)], documents=shown)
    if _SPDX_TEXT.search(content[:4096]):
        return _with(sboms.read_spdx_text(content.decode(errors="replace")), shown)
    if content.lstrip()[:1] == b"<":
        return _with(sboms.read_cyclonedx_xml(content), shown)
    if content.lstrip()[:1] != b"{":
        return Findings(state=State.UNSUPPORTED, reason="it is no document", documents=shown)
    return _with(read_json(as_mapping(parse_json(content)), blob, task), shown)


def read_json(said: Mapping[str, Any], blob: Blob, task: Task) -> Findings:
    """A JSON document by what it says it is."""
    media_type = as_text(said.get("mediaType"), 200)
    if media_type.startswith("application/vnd.dev.sigstore.bundle"):
        envelope = as_mapping(said.get("dsseEnvelope"))
        inner = read_envelope(envelope) if envelope else Findings()
        return _signed(inner, read_bundle(said, task))
    if "payload" in said and "signatures" in said and "payloadType" in said:
        return _signed(read_envelope(said), read_envelope_signature(said, blob, task))
    if "predicateType" in said:
        return read_statement(said)
    return read_report(said)


def read_report(said: Mapping[str, Any]) -> Findings:
    """An SBOM or a report, told by the keys that only it has."""
    context = said.get("@context")
    texts = " ".join(as_text(each, 200) for each in (as_list(context) or [context]))
    readers = (
        (said.get("bomFormat") == "CycloneDX", sboms.read_cyclonedx),
        ("spdxVersion" in said, sboms.read_spdx),
        ("spdx.org/rdf/3" in texts, sboms.read_spdx_3),
        (texts.startswith("https://openvex.dev/ns"), reports.read_openvex),
        ("csaf_version" in as_mapping(said.get("document")), reports.read_csaf),
        ("runs" in said and "version" in said, reports.read_sarif),
        ("matches" in said and "descriptor" in said, reports.read_grype),
        ("artifacts" in said and "descriptor" in said, sboms.read_syft),
        ("Results" in said or "ArtifactName" in said, reports.read_trivy),
    )
    for is_so, read in readers:
        if is_so:
            return read(said)
    return Findings(state=State.UNSUPPORTED, reason="a JSON document of a form not known here")


def is_report(said: Mapping[str, Any]) -> bool:
    """Say whether a JSON document is an SBOM or a report; for files of vague media types."""
    return read_report(said).state is not State.UNSUPPORTED


def _signed(inner: Findings, signature: object) -> Findings:
    values = {name: getattr(inner, name) for name in Findings.__struct_fields__}
    return Findings(**{**values, "signatures": [signature]})


def _with(inner: Findings, shown: list[Document]) -> Findings:
    values = {name: getattr(inner, name) for name in Findings.__struct_fields__}
    return Findings(**{**values, "documents": shown})


def _shown(blob: Blob, content: bytes) -> list[Document]:
    if not is_text(content):
        return []
    name = "document" if blob.index == 0 else f"document-{blob.index}"
    media_type = "application/json" if "json" in blob.media_type else media_type_of(blob.title)
    return [document(name, media_type, content, limits.PREVIEW)]
