"""Documents about software, told apart by media type, and by content where that is vague."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from entrepot.extract import limits
from entrepot.extract.files import media_type_of, read_whole
from entrepot.extract.findings import OPENPGP, Blob, ExtractionState, Findings, FoundDocument, Task
from entrepot.extract.limits import InputTooLarge, Unreadable
from entrepot.extract.security.forms import in_utf8, joined_whole, read_form, read_report
from entrepot.extract.signing import notation, openpgp
from entrepot.extract.signing.checks import unreadable
from entrepot.extract.signing.signatures import (
    read_bundle,
    read_envelope_signature,
    read_simple_signing,
)
from entrepot.extract.signing.statements import read_envelope, read_statement
from entrepot.extract.texts import as_mapping, as_text, document, is_text

_SIGNATURES: Final = {
    "cosign-signature": "cosign",
    "sigstore-signature": "sigstore bundle",
    "notation-signature": notation.FORM,
    "gpg-signature": OPENPGP,
    "helm-provenance": OPENPGP,
}
"""Kinds of which every layer is a signature, by what those are called."""
_EMPTY: Final = "application/vnd.oci.empty.v1+json"
_PROVENANCE: Final = "application/vnd.cncf.helm.chart.provenance."


def read_documents(task: Task) -> Findings:
    """Every layer as the document it is; one that cannot be read does not hide the others."""
    found: list[Findings] = []
    problems: list[str] = []
    is_large = False
    for blob in task.blobs:
        # An artifact that is all annotations has the empty descriptor for a layer.
        if blob.index < 0 or blob.media_type == _EMPTY:
            continue
        try:
            found.append(_proving(read_document(blob, read_whole(blob, limits.JSON), task), task))
        except (InputTooLarge, Unreadable) as error:
            problems.append(str(error))
            is_large |= isinstance(error, InputTooLarge)
            if task.kind in _SIGNATURES:
                found.append(_proving(Findings(reason=str(error)), task))
    if problems and not found:
        state = ExtractionState.TOO_LARGE if is_large else ExtractionState.FAILED
        return Findings(state=state, reason=problems[0])
    return joined_whole(found, problems)


def _proving(found: Findings, task: Task) -> Findings:
    """Mark a signature's layer without any signature as one that proves nothing."""
    form = _SIGNATURES.get(task.kind)
    if form is None or found.signatures or not found.reason:
        return found
    return replace(found, signatures=[unreadable(form, found.reason)])


def read_document(blob: Blob, content: bytes, task: Task) -> Findings:
    """Read the findings of one layer."""
    media_type = blob.media_type.partition(";")[0].strip().lower()
    shown = _shown(blob, in_utf8(content))
    if media_type.startswith("application/vnd.dev.cosign.simplesigning."):
        return Findings(signatures=[read_simple_signing(blob, content, task)], documents=shown)
    if media_type in ("application/jose+json", "application/cose"):
        return Findings(signatures=[notation.read_notation(content, task)], documents=shown)
    if media_type.startswith(_PROVENANCE):
        return Findings(signatures=[openpgp.read_provenance(blob, task)], documents=shown)
    if media_type == "application/pgp-signature" or content.lstrip().startswith(openpgp.ARMOR):
        return Findings(signatures=[openpgp.read_detached(content, task)], documents=shown)
    found = read_form(content, lambda said: read_json(said, blob, task), media_type)
    return replace(found, documents=shown)


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


def _shown(blob: Blob, content: bytes) -> list[FoundDocument]:
    if not is_text(content):
        return []
    name = "document" if blob.index == 0 else f"document-{blob.index}"
    media_type = "application/json" if "json" in blob.media_type else media_type_of(blob.title)
    return [document(name, media_type, content, limits.PREVIEW)]
