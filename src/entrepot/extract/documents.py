"""Documents about software, told apart by media type, and by content where that is vague."""

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from entrepot.extract import limits, notation, openpgp, reports, sboms
from entrepot.extract.checks import unreadable
from entrepot.extract.files import media_type_of, read_whole
from entrepot.extract.findings import OPENPGP, Blob, Document, Findings, State, Task
from entrepot.extract.limits import TooLarge, Unreadable
from entrepot.extract.signatures import (
    read_bundle,
    read_envelope_signature,
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
_SIGNATURES: Final = {
    "cosign-signature": "cosign",
    "sigstore-signature": "sigstore bundle",
    "notation-signature": notation.FORM,
    "gpg-signature": OPENPGP,
    "helm-provenance": OPENPGP,
}
"""Kinds of which every layer is a signature, by what those are called."""
_PROVENANCE: Final = "application/vnd.cncf.helm.chart.provenance."
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
            found.append(_proving(read_document(blob, read_whole(blob, limits.JSON), task), task))
        except (TooLarge, Unreadable) as error:
            problems.append(str(error))
            is_large |= isinstance(error, TooLarge)
            if task.kind in _SIGNATURES:
                found.append(_proving(Findings(reason=str(error)), task))
    if problems and not found:
        state = State.TOO_LARGE if is_large else State.FAILED
        return Findings(state=state, reason=problems[0])
    return _read(found, problems)


def _proving(found: Findings, task: Task) -> Findings:
    """What a layer says; a layer of a signature in which none is found proves nothing."""
    form = _SIGNATURES.get(task.kind)
    if form is None or found.signatures or not found.reason:
        return found
    return replace(found, signatures=[unreadable(form, found.reason)])


def _read(found: list[Findings], problems: list[str]) -> Findings:
    """All of them as one; where nothing is of a form that is known, that is said."""
    unsupported = [each for each in found if each.state is State.UNSUPPORTED]
    reasons = dict.fromkeys([*problems, *(each.reason for each in found if each.reason)])
    whole = joined(found, "; ".join(reasons))
    if unsupported and len(unsupported) == len(found):
        return replace(whole, state=State.UNSUPPORTED)
    return whole


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
    if media_type.startswith("application/vnd.dev.cosign.simplesigning."):
        return Findings(signatures=[read_simple_signing(blob, content, task)], documents=shown)
    if media_type in ("application/jose+json", "application/cose"):
        return Findings(signatures=[notation.read_notation(content, task)], documents=shown)
    if media_type.startswith(_PROVENANCE):
        return Findings(signatures=[openpgp.read_provenance(blob, task)], documents=shown)
    if media_type == "application/pgp-signature" or content.lstrip().startswith(openpgp.ARMOR):
        return Findings(signatures=[openpgp.read_detached(content)], documents=shown)
    if _SPDX_TEXT.search(content[:4096]):
        return replace(sboms.read_spdx_text(content.decode(errors="replace")), documents=shown)
    if content.lstrip()[:1] == b"<":
        return replace(sboms.read_cyclonedx_xml(content), documents=shown)
    if content.lstrip()[:1] != b"{":
        return Findings(state=State.UNSUPPORTED, reason="it is no document", documents=shown)
    return replace(read_json(as_mapping(parse_json(content)), blob, task), documents=shown)


def read_json(said: Mapping[str, Any], blob: Blob, task: Task) -> Findings:
    """A JSON document by what it says it is."""
    media_type = as_text(said.get("mediaType"), 200)
    if media_type.startswith("application/vnd.dev.sigstore.bundle"):
        envelope = as_mapping(said.get("dsseEnvelope"))
        inner = read_envelope(envelope) if envelope else Findings()
        return replace(inner, signatures=[read_bundle(said, task)])
    if "payload" in said and "signatures" in said and "payloadType" in said:
        return replace(read_envelope(said), signatures=[read_envelope_signature(said, blob, task)])
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


def _shown(blob: Blob, content: bytes) -> list[Document]:
    if not is_text(content):
        return []
    name = "document" if blob.index == 0 else f"document-{blob.index}"
    media_type = "application/json" if "json" in blob.media_type else media_type_of(blob.title)
    return [document(name, media_type, content, limits.PREVIEW)]
