"""Signatures with a log's promise and no proof: cosign's tags, and bundles of the first version.

cosign 2 keeps the promise of the log (its Signed Entry Timestamp) in an annotation. The package
`sigstore` takes bundles with a proof only, so its parts are used one by one here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec import json

from entrepot.extract.findings import TrustRoot
from entrepot.extract.limits import Unreadable
from entrepot.extract.signing.certificates import load_certificate
from entrepot.extract.signing.keyless import Vouching, completed_entry, vouch
from entrepot.extract.texts import (
    as_list,
    as_mapping,
    decode,
    decode_or_nothing,
    parse_json,
)

if TYPE_CHECKING:
    from sigstore.verify import Verifier

_MOST: Final = 2**37
"""Past any index, and any moment that a calendar has."""


@dataclass(frozen=True, slots=True)
class LogPromise:
    """A log's signed promise to hold an entry from a moment on."""

    body: bytes
    content: bytes
    """The bytes that the log signed: JSON of entry, moment, log and index (RFC 8785)."""
    log_id: bytes
    moment: datetime
    signature: bytes
    proven: Mapping[str, Any] | None = None
    """The entry with its proof, where a bundle brings one that is to be checked, too."""


@dataclass(frozen=True, slots=True)
class LoggedSignature:
    """A signature, and the digest (SHA-256) in the log's entry of what was signed."""

    signature: bytes
    digest: bytes


def promise_of_annotation(said: Mapping[str, Any]) -> LogPromise | None:
    """The promise in cosign's annotation `dev.sigstore.cosign/bundle`, where there is one."""
    entry = as_mapping(said.get("Payload"))
    try:
        log_id = bytes.fromhex(str(entry.get("logID", "")))
    except ValueError:
        return None
    numbers = entry.get("logIndex"), entry.get("integratedTime")
    return _promise(entry.get("body"), log_id, numbers, said.get("SignedEntryTimestamp"))


def promise_of_bundle(said: Mapping[str, Any], *, may_only_promise: bool) -> LogPromise | None:
    """The promise of an entry that the package does not take: of npm's kind `intoto`, and of one
    without a proof, which only bundles of the first version may have; else `None`."""
    has_proof = bool(as_mapping(said.get("inclusionProof")).get("checkpoint"))
    is_in_toto = as_mapping(said.get("kindVersion")).get("kind") == "intoto"
    if not (is_in_toto if has_proof else may_only_promise):
        return None
    promise = as_mapping(said.get("inclusionPromise")).get("signedEntryTimestamp")
    log_id = decode_or_nothing(as_mapping(said.get("logId")).get("keyId"))
    numbers = said.get("logIndex", 0), said.get("integratedTime")
    found = _promise(said.get("canonicalizedBody"), log_id, numbers, promise)
    return replace(found, proven=said) if found and has_proof else found


def _promise(
    body: object, log_id: bytes, numbers: tuple[object, object], signature: object
) -> LogPromise | None:
    index, moment = (_number(each) for each in numbers)
    made = decode_or_nothing(signature)
    if not isinstance(body, str) or not log_id or index is None or not moment or not made:
        return None
    said = {"body": body, "integratedTime": moment, "logID": log_id.hex(), "logIndex": index}
    content = json.encode(said, order="sorted")
    return LogPromise(decode(body), content, log_id, datetime.fromtimestamp(moment, UTC), made)


def _number(value: object) -> int | None:
    """A number, which JSON of protocol buffers writes as a text; `None` for one out of reason."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < _MOST else None


def vouch_for_promise(
    promise: LogPromise | None,
    certificate: x509.Certificate,
    logged: LoggedSignature,
    roots: Sequence[TrustRoot],
) -> Vouching:
    """Ask the roots about a signature that its own certificate was found to have made."""

    def verify(verifier: "Verifier") -> None:
        if promise is not None:
            _verify_promise(verifier, promise, certificate)
            _compare(promise.body, certificate, logged)

    return vouch(certificate, [promise.log_id] if promise else [], roots, verify)


def _verify_promise(
    verifier: "Verifier", promise: LogPromise, certificate: x509.Certificate
) -> None:
    from sigstore._internal.sct import verify_sct
    from sigstore._internal.timestamp import TimestampSource, TimestampVerificationResult
    from sigstore._internal.trust import KeyringPurpose
    from sigstore._utils import KeyID
    from sigstore.models import TransparencyLogEntry
    from sigstore_models.rekor.v1 import TransparencyLogEntry as Message

    root = verifier._trusted_root
    moment = TimestampVerificationResult(TimestampSource.TRANSPARENCY_SERVICE, promise.moment)
    chain = verifier._verify_chain_at_time(certificate, moment)
    verify_sct(certificate, chain, root.ct_keyring(KeyringPurpose.VERIFY))
    usages = certificate.extensions
    if not usages.get_extension_for_class(x509.KeyUsage).value.digital_signature:
        raise Unreadable("its certificate is not for signatures")
    purposes = usages.get_extension_for_class(x509.ExtendedKeyUsage).value
    if ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        raise Unreadable("its certificate is not for signing code")
    logs = root.rekor_keyring(KeyringPurpose.VERIFY)
    logs.verify(key_id=KeyID(promise.log_id), signature=promise.signature, data=promise.content)
    if promise.proven is not None:
        entry = json.encode(completed_entry(promise.proven))
        TransparencyLogEntry(Message.from_json(entry))._verify(logs)


def _compare(body: bytes, certificate: x509.Certificate, logged: LoggedSignature) -> None:
    """Raise `Unreadable` unless the entry is of this signature by this certificate."""
    said = as_mapping(parse_json(body))
    spec, kind = as_mapping(said.get("spec")), said.get("kind")
    if kind == "hashedrekord":
        entry, verifier, signature = _hashed(spec)
    elif kind == "dsse":
        entry, verifier, signature = _dsse(spec)
    elif kind == "intoto":
        entry, verifier, signature = _in_toto(spec)
    else:
        raise Unreadable("its log entry is of a kind that is not known here")
    if entry != {"algorithm": "sha256", "value": logged.digest.hex()}:
        raise Unreadable("its log entry is of something else")
    found = load_certificate(decode_or_nothing(verifier))
    if found is None or _der(found) != _der(certificate):
        raise Unreadable("its log entry is of another certificate")
    if signature is not None and decode_or_nothing(signature) != logged.signature:
        raise Unreadable("its log entry is of another signature")


_Entry = tuple[object, object, object]
"""The hash, the certificate and the signature; `None` where the entry leaves that out."""


def _hashed(spec: Mapping[str, Any]) -> _Entry:
    signature = as_mapping(spec.get("signature"))
    key = as_mapping(signature.get("publicKey")).get("content")
    entry = as_mapping(as_mapping(spec.get("data")).get("hash"))
    return entry, key, signature.get("content", "")


def _dsse(spec: Mapping[str, Any]) -> _Entry:
    listed = as_list(spec.get("signatures"))
    one = as_mapping(listed[0]) if len(listed) == 1 else {}
    return spec.get("payloadHash"), one.get("verifier"), one.get("signature", "")


def _in_toto(spec: Mapping[str, Any]) -> _Entry:
    """cosign's attestations: the hash of the statement, and the certificate; both are signed."""
    content = as_mapping(spec.get("content"))
    listed = as_list(as_mapping(content.get("envelope")).get("signatures"))
    one = as_mapping(listed[0]) if len(listed) == 1 else {}
    return content.get("payloadHash"), spec.get("publicKey") or one.get("publicKey"), None


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
