"""cosign's and sigstore's signatures: simple signing, bundles, and DSSE envelopes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from cryptography import x509

from entrepot.extract.findings import Blob, Result, Signature, Task
from entrepot.extract.limits import Unreadable
from entrepot.extract.signing.certificates import load_certificate
from entrepot.extract.signing.checks import SignatureCheck, Signing, best_of, check, signature_of
from entrepot.extract.signing.keyless import Vouching, vouch_for_bundle
from entrepot.extract.signing.keys import Key, Signed
from entrepot.extract.signing.logs import LogEntry, entry_of_annotation, entry_of_bundle
from entrepot.extract.signing.promises import (
    LoggedSignature,
    promise_of_annotation,
    promise_of_bundle,
    vouch_for_promise,
)
from entrepot.extract.signing.timestamps import AUTHORITY, stamped_at
from entrepot.extract.texts import (
    as_list,
    as_mapping,
    as_text,
    decode,
    decode_or_nothing,
    json_or_nothing,
    parse_json,
)

LOG: Final = "transparency log"
_BITS: Final = {"SHA2_256": 256, "SHA2_384": 384, "SHA2_512": 512}
_MOST: Final = 20
"""Signatures, log entries and time stamps of one envelope that are looked at."""
_SUBJECTS: Final = 500
_STATEMENT: Final = "application/vnd.in-toto"
"""How the types of payloads begin that are statements."""


def pae(kind: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding (DSSE v1.0.0, protocol.md)."""
    return b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(payload), payload)


def read_simple_signing(blob: Blob, content: bytes, task: Task) -> Signature:
    """cosign's simple signing: a payload layer with the signature in its annotations."""
    said = as_mapping(as_mapping(parse_json(content)).get("critical"))
    subject = as_text(as_mapping(said.get("image")).get("docker-manifest-digest"), 200)
    certificate = load_certificate(blob.annotations.get("dev.sigstore.cosign/certificate", ""))
    signature = decode_or_nothing(blob.annotations.get("dev.cosignproject.cosign/signature", ""))
    entry = _annotated_entry(blob)
    checked = check(Signed(signature, content), task.keys, certificate or entry.key)
    logged = LoggedSignature(signature, sha256(content).digest())
    checked = _vouched(checked, certificate, logged, blob, task)
    stamp = json_or_nothing(blob.annotations.get("dev.sigstore.cosign/rfc3161timestamp", ""))
    stamps = [decode_or_nothing(stamp.get("SignedRFC3161Timestamp"))]
    signing = _signing(certificate, [entry], stamps, signature)
    return signature_of("cosign", [subject], checked, signing, task)


def _annotation(blob: Blob) -> Mapping[str, Any]:
    return json_or_nothing(blob.annotations.get("dev.sigstore.cosign/bundle", ""))


def _annotated_entry(blob: Blob) -> LogEntry:
    return entry_of_annotation(_annotation(blob))


def _vouched(
    checked: SignatureCheck,
    certificate: x509.Certificate | None,
    logged: LoggedSignature,
    blob: Blob,
    task: Task,
) -> SignatureCheck:
    """The result with what the roots say of the certificate and the log in the annotations."""
    if certificate is None or checked.result is not Result.VALID:
        return checked
    promise = promise_of_annotation(_annotation(blob))
    return checked.vouched(vouch_for_promise(promise, certificate, logged, task.roots))


def _signing(
    certificate: x509.Certificate | None,
    entries: Sequence[LogEntry],
    stamps: Sequence[bytes],
    signature: bytes,
    hint: str = "",
) -> Signing:
    """When it was signed and who says so: the log, or an authority that stamped the signature.

    Rekor v2 writes no time: its bundles carry time stamps (RFC 3161) instead.
    """
    index = entries[0].index if entries else ""
    if not all(each.is_of(signature) for each in entries):
        fault = "its log entry is of another signature"
        return Signing(certificate, log_index=index, hint=hint, fault=fault)
    logged = next((each.moment for each in entries if each.moment), None)
    if logged is not None:
        return Signing(certificate, logged, LOG, log_index=index, hint=hint)
    found = (stamped_at(stamp, signature) for stamp in stamps if stamp)
    moment = next((each for each in found if each is not None), None)
    return Signing(certificate, moment, AUTHORITY, log_index=index, hint=hint)


def read_bundle(said: Mapping[str, Any], task: Task) -> Signature:
    """A sigstore bundle, v0.1 to v0.3, of a DSSE envelope or of a message."""
    material = as_mapping(said.get("verificationMaterial"))
    certificate = _bundled_certificate(material)
    entries = [
        entry_of_bundle(as_mapping(each)) for each in as_list(material.get("tlogEntries"))[:_MOST]
    ]
    brought = certificate or next((each.key for each in entries if each.key), None)
    envelope = as_mapping(said.get("dsseEnvelope"))
    if envelope:
        found = _check_envelope(envelope, task, brought)
    else:
        found = _check_message(said, task, brought)
    checked = found.checked
    if certificate and checked.result is Result.VALID:
        checked = checked.vouched(_vouch_for_bundle(said, certificate, found, task))
    stamped = as_mapping(material.get("timestampVerificationData")).get("rfc3161Timestamps")
    stamps = [
        decode_or_nothing(as_mapping(each).get("signedTimestamp"))
        for each in as_list(stamped)[:_MOST]
    ]
    hint = as_text(as_mapping(material.get("publicKey")).get("hint"), 200)
    signing = _signing(certificate, entries, stamps, found.signature, hint)
    return signature_of("sigstore bundle", found.subjects, checked, signing, task)


def _vouch_for_bundle(
    said: Mapping[str, Any], certificate: x509.Certificate, found: "_Found", task: Task
) -> Vouching:
    is_message = not said.get("dsseEnvelope")
    if is_message and len(found.signed) != sha256().digest_size:
        return Vouching(reason="only signatures over SHA-256 are checked by trust roots")
    if not is_message and found.count != 1:
        return Vouching(reason="only envelopes with one signature are checked by trust roots")
    entries = as_list(as_mapping(said.get("verificationMaterial")).get("tlogEntries"))
    may_only_promise = as_text(said.get("mediaType"), 200).endswith("version=0.1")
    one = as_mapping(entries[0]) if len(entries) == 1 else {}
    promise = promise_of_bundle(one, may_only_promise=may_only_promise)
    if promise is None:
        return vouch_for_bundle(said, certificate, found.signed, task.roots)
    digest = found.signed if is_message else sha256(found.signed).digest()
    logged = LoggedSignature(found.signature, digest)
    return vouch_for_promise(promise, certificate, logged, task.roots)


def _bundled_certificate(material: Mapping[str, Any]) -> x509.Certificate | None:
    chain = as_list(as_mapping(material.get("x509CertificateChain")).get("certificates"))
    raw = as_mapping(material.get("certificate") or (chain[0] if chain else {})).get("rawBytes")
    certificate = load_certificate(decode(raw)) if raw else None
    if raw and certificate is None:
        raise Unreadable("its certificate cannot be read")
    return certificate


@dataclass(frozen=True, slots=True)
class _Found:
    """The result of a check, the digests that are named, and the first of `count` signatures.

    `signed` is the payload, or the digest where only that is signed.
    """

    checked: SignatureCheck
    subjects: Sequence[str]
    signature: bytes
    signed: bytes
    count: int = 1


def _check_message(
    said: Mapping[str, Any], task: Task, brought: x509.Certificate | Key | None
) -> _Found:
    """A signature over a digest that stands beside it: the bytes themselves are not needed."""
    message = as_mapping(said.get("messageSignature"))
    digest = as_mapping(message.get("messageDigest"))
    signature, content = decode(message.get("signature")), decode(digest.get("digest"))
    bits = _BITS.get(as_text(digest.get("algorithm"), 40) or "SHA2_256", 0)
    if not signature or not bits or len(content) * 8 != bits:
        reason = "it holds no signature of a digest that can be checked"
        return _Found(SignatureCheck(Result.INVALID, reason), [], signature, content)
    signed = Signed(signature, content, digest_bits=bits)
    named = [f"sha{bits}:{content.hex()}"]
    return _Found(check(signed, task.keys, brought), named, signature, content)


def read_envelope_signature(said: Mapping[str, Any], blob: Blob, task: Task) -> Signature:
    """A DSSE envelope by itself, as cosign attaches attestations."""
    certificate = load_certificate(blob.annotations.get("dev.sigstore.cosign/certificate", ""))
    entry = _annotated_entry(blob)
    found = _check_envelope(said, task, certificate or entry.key)
    logged = LoggedSignature(found.signature, sha256(found.signed).digest())
    checked = _vouched(found.checked, certificate, logged, blob, task)
    stamp = json_or_nothing(blob.annotations.get("dev.sigstore.cosign/rfc3161timestamp", ""))
    stamps = [decode_or_nothing(stamp.get("SignedRFC3161Timestamp"))]
    signing = _signing(certificate, [entry], stamps, found.signature)
    return signature_of("DSSE envelope", found.subjects, checked, signing, task)


def _check_envelope(
    envelope: Mapping[str, Any], task: Task, brought: x509.Certificate | Key | None
) -> _Found:
    """The best result of its signatures; a payload that is no statement names nothing."""
    kind = as_text(envelope.get("payloadType"), 200)
    payload = decode(envelope.get("payload"))
    encoded = pae(kind, payload)
    signatures = [
        decode_or_nothing(as_mapping(each).get("sig"))
        for each in as_list(envelope.get("signatures"))[:_MOST]
    ]
    checks = [check(Signed(each, encoded), task.keys, brought) for each in signatures]
    subjects = _subjects(json_or_nothing(payload)) if kind.startswith(_STATEMENT) else []
    first = signatures[0] if signatures else b""
    return _Found(best_of(checks), subjects, first, payload, len(signatures))


def _subjects(statement: Mapping[str, Any]) -> Sequence[str]:
    return [
        f"{name}:{as_text(value, 200)}"
        for each in as_list(statement.get("subject"))[:_SUBJECTS]
        for name, value in as_mapping(as_mapping(each).get("digest")).items()
    ]
