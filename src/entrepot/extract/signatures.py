"""Signatures: what they say, and whether a key that somebody here trusts made them.

`verified` means exactly that one of the task's keys verifies the signature over a payload that
names the subject. Everything else that a signature says of itself is a claim, and is called so.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import ExtensionOID, NameOID

from entrepot.extract import limits
from entrepot.extract.files import read_whole
from entrepot.extract.findings import Blob, Signature, Task
from entrepot.extract.limits import TooLarge, Unreadable, cut
from entrepot.extract.texts import as_list, as_mapping, as_text, parse_json, parse_yaml

_FULCIO: Final = "1.3.6.1.4.1.57264.1."
_ISSUERS: Final = (f"{_FULCIO}8", f"{_FULCIO}1")
_CLAIMS: Final = {
    f"{_FULCIO}12": "Repository",
    f"{_FULCIO}13": "Commit",
    f"{_FULCIO}14": "Ref",
    f"{_FULCIO}9": "Workflow",
    f"{_FULCIO}20": "Trigger",
    f"{_FULCIO}21": "Run",
    f"{_FULCIO}11": "Runner",
}
_OWN_WORD: Final = "the signature matches its certificate; nobody here vouches for the certificate"
_NO_KEY: Final = "no trusted key of this namespace verifies it"

Key = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Check:
    """What came of checking: `verified` or `not verified`, and why."""

    result: str
    reason: str
    key_id: str = ""


def verify(signature: bytes, payload: bytes, key: Key) -> bool:
    """Say whether the key made the signature over the payload, by what the key's type calls for."""
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            digest = hashes.SHA384() if key.curve.key_size > 256 else hashes.SHA256()
            key.verify(signature, payload, ec.ECDSA(digest))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, payload)
        else:
            _verify_rsa(signature, payload, key)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


def _verify_rsa(signature: bytes, payload: bytes, key: rsa.RSAPublicKey) -> None:
    try:
        key.verify(signature, payload, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
        key.verify(signature, payload, pss, hashes.SHA256())


def check(
    signature: bytes, payload: bytes, keys: Sequence[str], certificate: x509.Certificate | None
) -> Check:
    """Check against trusted keys first, then against what the signature brings along."""
    for pem in keys:
        key = load_key(pem)
        if key is not None and verify(signature, payload, key):
            return Check("verified", "by a key that this namespace trusts", fingerprint(key))
    if certificate is None:
        return Check("not verified", _NO_KEY)
    key = _usable(certificate.public_key())
    if key is not None and verify(signature, payload, key):
        return Check("not verified", _OWN_WORD)
    return Check("not verified", "the signature does not match its own certificate")


def load_key(pem: str) -> Key | None:
    """A public key, or a certificate's, in PEM."""
    try:
        if "BEGIN CERTIFICATE" in pem:
            return _usable(x509.load_pem_x509_certificate(pem.encode()).public_key())
        return _usable(serialization.load_pem_public_key(pem.encode()))
    except (ValueError, UnsupportedAlgorithm):
        return None


def _usable(key: object) -> Key | None:
    return (
        key
        if isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey)
        else None
    )


def fingerprint(key: Key) -> str:
    """SHA-256 of the key, as `openssl pkey -pubin -outform DER | sha256sum` says it."""
    hasher = hashes.Hash(hashes.SHA256())
    hasher.update(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return f"SHA256:{hasher.finalize().hex()}"


def pae(kind: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding (DSSE v1.0.0, protocol.md)."""
    return b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(payload), payload)


def claims_of(certificate: x509.Certificate) -> dict[str, Any]:
    """What a certificate says of whom it is for: identity, issuer, dates, and CI's details."""
    details = {}
    issuer = ""
    for extension in certificate.extensions:
        oid = extension.oid.dotted_string
        value = extension.value
        if not isinstance(value, x509.UnrecognizedExtension):
            continue
        text = (
            _der_text(value.value) if oid != _ISSUERS[1] else value.value.decode(errors="replace")
        )
        if oid in _ISSUERS:
            issuer = issuer or cut(text, 300)
        elif oid in _CLAIMS:
            details[_CLAIMS[oid]] = cut(text, 500)
    return {
        "identity": _identity(certificate),
        "issuer": issuer or cut(certificate.issuer.rfc4514_string(), 300),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "details": details,
    }


def _identity(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_oid(
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME
        ).value
    except x509.ExtensionNotFound:
        names = None
    if isinstance(names, x509.SubjectAlternativeName):
        for kind in (x509.UniformResourceIdentifier, x509.RFC822Name, x509.DNSName):
            found = names.get_values_for_type(kind)
            if found:
                return cut(str(found[0]), 500)
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return cut(str(common[0].value) if common else certificate.subject.rfc4514_string(), 500)


def _der_text(content: bytes) -> str:
    """A short UTF8String without its header."""
    return (
        content[2:].decode(errors="replace")
        if content[:1] == b"\x0c"
        else content.decode(errors="replace")
    )


def load_certificate(content: str | bytes) -> x509.Certificate | None:
    """A certificate in PEM or DER, the first of several."""
    raw = content.encode() if isinstance(content, str) else content
    try:
        if b"BEGIN CERTIFICATE" in raw:
            return x509.load_pem_x509_certificate(raw)
        return x509.load_der_x509_certificate(raw)
    except (ValueError, UnsupportedAlgorithm):
        return None


def decode(text: object) -> bytes:
    """base64, also the kind for addresses; `Unreadable` where it is neither."""
    said = as_text(text, 2**24).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(said + "=" * (-len(said) % 4))
    except (binascii.Error, ValueError) as error:
        raise Unreadable("it is not base64") from error


def read_simple_signing(blob: Blob, content: bytes, task: Task) -> Signature:
    """cosign's simple signing: a payload layer with the signature in its annotations."""
    said = as_mapping(as_mapping(parse_json(content)).get("critical"))
    subject = as_text(as_mapping(said.get("image")).get("docker-manifest-digest"), 200)
    certificate = load_certificate(blob.annotations.get("dev.sigstore.cosign/certificate", ""))
    try:
        signature = decode(blob.annotations.get("dev.cosignproject.cosign/signature", ""))
    except Unreadable:
        signature = b""
    checked = check(signature, content, task.keys, certificate)
    log = as_mapping(_json_or_nothing(blob.annotations.get("dev.sigstore.cosign/bundle", "")))
    entry = as_mapping(log.get("Payload"))
    return _signature(
        "cosign",
        subject,
        checked,
        certificate,
        task,
        signed=entry.get("integratedTime"),
        log_index=as_text(entry.get("logIndex")),
    )


def _json_or_nothing(text: str) -> object:
    try:
        return parse_json(text.encode()) if text else {}
    except (Unreadable, TooLarge):
        return {}


def read_bundle(said: Mapping[str, Any], task: Task) -> Signature:
    """A sigstore bundle, v0.1 to v0.3, of a DSSE envelope or of a message."""
    material = as_mapping(said.get("verificationMaterial"))
    chain = as_list(as_mapping(material.get("x509CertificateChain")).get("certificates"))
    raw = as_mapping(material.get("certificate") or (chain[0] if chain else {})).get("rawBytes")
    certificate = load_certificate(decode(raw)) if raw else None
    hint = as_text(as_mapping(material.get("publicKey")).get("hint"), 200)
    entries = [as_mapping(each) for each in as_list(material.get("tlogEntries"))[:5]]
    entry = entries[0] if entries else {}
    envelope = as_mapping(said.get("dsseEnvelope"))
    subject = ""
    if envelope:
        checked, subject = _check_envelope(envelope, task, certificate)
    else:
        message = as_mapping(said.get("messageSignature"))
        digest = as_mapping(message.get("messageDigest"))
        subject = f"sha256:{decode(digest.get('digest')).hex()}" if digest else ""
        checked = Check("not checked", "a signature of a message whose bytes are not here")
    return _signature(
        "sigstore bundle",
        subject,
        checked,
        certificate,
        task,
        signed=entry.get("integratedTime"),
        log_index=as_text(entry.get("logIndex")),
        hint=hint,
    )


def read_envelope_signature(said: Mapping[str, Any], blob: Blob, task: Task) -> Signature:
    """A DSSE envelope by itself, as cosign attaches attestations."""
    certificate = load_certificate(blob.annotations.get("dev.sigstore.cosign/certificate", ""))
    checked, subject = _check_envelope(said, task, certificate)
    return _signature("DSSE envelope", subject, checked, certificate, task)


def _check_envelope(
    envelope: Mapping[str, Any], task: Task, certificate: x509.Certificate | None
) -> tuple[Check, str]:
    payload = decode(envelope.get("payload"))
    statement = as_mapping(_json_or_nothing(payload.decode(errors="replace")))
    digests = [
        f"{name}:{value}"
        for each in as_list(statement.get("subject"))[:500]
        for name, value in as_mapping(as_mapping(each).get("digest")).items()
    ]
    subject = task.subject if task.subject in digests else next(iter(digests), "")
    encoded = pae(as_text(envelope.get("payloadType"), 200), payload)
    results = [
        check(decode(as_mapping(each).get("sig")), encoded, task.keys, certificate)
        for each in as_list(envelope.get("signatures"))[:20]
    ]
    best = next((each for each in results if each.result == "verified"), None)
    return best or (
        results[0] if results else Check("not verified", "it holds no signature")
    ), subject


def read_notation(content: bytes, task: Task) -> Signature:
    """A Notary Project signature as JWS; COSE is shown for what it is."""
    if not content.lstrip().startswith(b"{"):
        reason = "a COSE envelope, which is not checked here"
        return Signature("notation", task.subject, check="not checked", reason=reason)
    said = as_mapping(parse_json(content))
    header, protected = as_mapping(said.get("header")), as_text(said.get("protected"), 2**20)
    payload = as_text(said.get("payload"), 2**22)
    target = as_mapping(
        as_mapping(_json_or_nothing(decode(payload).decode(errors="replace"))).get("targetArtifact")
    )
    chain = as_list(header.get("x5c"))
    certificate = load_certificate(decode(chain[0])) if chain else None
    signature = decode(said.get("signature"))
    signed = f"{protected}.{payload}".encode()
    fields = as_mapping(_json_or_nothing(decode(protected).decode(errors="replace")))
    checked = check(_as_der(signature, certificate), signed, task.keys, certificate)
    return _signature(
        "notation",
        as_text(target.get("digest"), 200),
        checked,
        certificate,
        task,
        signed=fields.get("io.cncf.notary.signingTime"),
        source="the signer's own word",
    )


def _as_der(signature: bytes, certificate: x509.Certificate | None) -> bytes:
    """JWS writes the two numbers of an ECDSA signature side by side (RFC 7518 section 3.4)."""
    key = certificate.public_key() if certificate else None
    if not isinstance(key, ec.EllipticCurvePublicKey) or len(signature) % 2:
        return signature
    half = len(signature) // 2
    numbers = (int.from_bytes(each, "big") for each in (signature[:half], signature[half:]))
    return encode_dss_signature(*numbers)


def read_provenance(blob: Blob, task: Task) -> Signature:
    """Helm's `.prov`: what it says of the chart; whether OpenPGP agrees is for `helm verify`."""
    try:
        text = read_whole(blob, limits.TEXT).decode(errors="replace")
    except (TooLarge, Unreadable) as error:
        return Signature("gpg", check="not checked", reason=str(error))
    signed = text.partition("-----BEGIN PGP SIGNATURE-----")[0]
    said = re.search(r"\n\.\.\.\s*\n(files:.*)", signed, re.DOTALL)
    try:
        files = as_mapping(as_mapping(parse_yaml(said[1].encode())).get("files")) if said else {}
    except (TooLarge, Unreadable):
        files = {}
    digests = [as_text(each, 200) for each in files.values()]
    charts = [each for each in task.blobs if "chart.content" in each.media_type]
    is_right = any(each.path.rpartition("/")[2] in digest for each in charts for digest in digests)
    about = (
        "it names this archive"
        if is_right
        else "it names another archive, or its digest is not known here"
    )
    reason = f"an OpenPGP signature, checked by `helm verify` with a keyring; {about}"
    return Signature("gpg", next(iter(digests), ""), check="not checked", reason=reason)


def _signature(
    form: str,
    subject: str,
    checked: Check,
    certificate: x509.Certificate | None,
    task: Task,
    *,
    signed: object = None,
    log_index: str = "",
    hint: str = "",
    source: str = "transparency log",
) -> Signature:
    """One value of all that is known; a payload that names something else verifies nothing."""
    result, reason = checked.result, checked.reason
    if task.subject and subject and subject != task.subject:
        result, reason = "not verified", f"it signs {subject[:30]}…, not what it is attached to"
    elif task.subject and not subject and result == "verified":
        result, reason = "not verified", "it names nothing, and so not what it is attached to"
    claims = claims_of(certificate) if certificate else {}
    moment = _moment(signed)
    return Signature(
        form=form,
        subject=subject,
        key_id=checked.key_id or hint,
        signed_at=moment,
        signed_at_source=source if moment else "",
        log_index=log_index,
        check=result,
        reason=reason,
        **claims,
    )


def _moment(value: object) -> str:
    if isinstance(value, str) and not value.isdigit():
        return cut(value, 60)
    try:
        return datetime.fromtimestamp(int(str(value)), UTC).isoformat() if value else ""
    except (ValueError, OverflowError, OSError):
        return ""
