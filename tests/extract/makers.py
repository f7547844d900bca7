"""Signatures as other programs make them: certificates, notation's envelopes, time stamps."""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

SUBJECT = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
HASHES: dict[str, Any] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
COSE = {
    "PS256": -37,
    "PS384": -38,
    "PS512": -39,
    "ES256": -7,
    "ES384": -35,
    "ES512": -36,
    "EdDSA": -8,
}
START = datetime(2026, 1, 1, tzinfo=UTC)


def key_for(algorithm: str) -> Key:
    """A key of the size that the Notary Project has for the algorithm."""
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm.startswith("PS"):
        return rsa.generate_private_key(65537, 1024 * {"256": 2, "384": 3, "512": 4}[algorithm[2:]])
    curves = {"256": ec.SECP256R1(), "384": ec.SECP384R1(), "512": ec.SECP521R1()}
    return ec.generate_private_key(curves[algorithm[2:]])


def pem(key: Key) -> str:
    """Its public half."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def sign_as(algorithm: str, key: Key, message: bytes) -> bytes:
    """A signature as JOSE and COSE write it."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    made = HASHES[algorithm[2:]]
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PSS(padding.MGF1(made), made.digest_size), made)
    length = (key.curve.key_size + 7) // 8
    numbers = decode_dss_signature(key.sign(message, ec.ECDSA(made)))
    return b"".join(each.to_bytes(length, "big") for each in numbers)


def certificate(
    key: Key,
    *extensions: tuple[str, bytes],
    start: datetime = START,
    lasts: timedelta = timedelta(days=365),
    names: Sequence[x509.GeneralName] = (),
) -> x509.Certificate:
    """A certificate that vouches for itself, with extensions by their identifiers."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acme builds")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + lasts)
    )
    for oid, content in extensions:
        value = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), content)
        builder = builder.add_extension(value, critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    is_edwards = isinstance(key, ed25519.Ed25519PrivateKey)
    return builder.sign(key, None if is_edwards else hashes.SHA256())


def der_of(made: x509.Certificate) -> bytes:
    """A certificate's bytes."""
    return made.public_bytes(serialization.Encoding.DER)


def address64(content: bytes) -> str:
    """base64 as JOSE has it."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def notary_payload(subject: str = SUBJECT) -> bytes:
    """What the Notary Project signs."""
    kind = "application/vnd.oci.image.manifest.v1+json"
    return json.dumps(
        {"targetArtifact": {"mediaType": kind, "digest": subject, "size": 3}}
    ).encode()


def jws(
    algorithm: str,
    key: Key,
    chain: Sequence[x509.Certificate],
    subject: str = SUBJECT,
    header: dict[str, Any] | None = None,
    **said: Any,
) -> bytes:
    """A signature of notation, as JSON; what is said besides goes to the protected header."""
    scheme = "io.cncf.notary.signingScheme"
    fields = {
        "alg": algorithm,
        "cty": "application/vnd.cncf.notary.payload.v1+json",
        "crit": [scheme],
        scheme: "notary.x509",
        "io.cncf.notary.signingTime": "2026-03-14T16:10:02+08:00",
        **{name.replace("_", "."): value for name, value in said.items()},
    }
    protected, payload = address64(json.dumps(fields).encode()), address64(notary_payload(subject))
    made = sign_as(
        algorithm if algorithm in COSE else "ES256", key, f"{protected}.{payload}".encode()
    )
    listed = [base64.b64encode(der_of(each)).decode() for each in chain]
    return json.dumps(
        {
            "payload": payload,
            "protected": protected,
            "header": {"x5c": listed, "io.cncf.notary.signingAgent": "test/1", **(header or {})},
            "signature": address64(made),
        }
    ).encode()


def cbor(value: Any) -> bytes:
    """A value in CBOR."""
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(cbor(each) for each in value)
    if isinstance(value, dict):
        pairs = [cbor(name) + cbor(inner) for name, inner in value.items()]
        return _head(5, len(value)) + b"".join(pairs)
    tag, inner = value
    return _head(6, tag) + cbor(inner)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    extra, size = next((24 + i, 2**i) for i in range(4) if number < 1 << 8 * 2**i)
    return bytes([major << 5 | extra]) + number.to_bytes(size, "big")


_COSE_NAMES = {"alg": 1, "crit": 2, "cty": 3}


def cose(
    algorithm: str,
    key: Key,
    chain: Sequence[x509.Certificate],
    subject: str = SUBJECT,
    header: dict[Any, Any] | None = None,
    **said: Any,
) -> bytes:
    """A signature of notation, as COSE_Sign1."""
    scheme = "io.cncf.notary.signingScheme"
    fields: dict[Any, Any] = {
        1: COSE[algorithm],
        2: [scheme],
        3: "application/vnd.cncf.notary.payload.v1+json",
        scheme: "notary.x509",
        "io.cncf.notary.signingTime": (
            1,
            int(datetime(2026, 3, 14, 8, 10, 2, tzinfo=UTC).timestamp()),
        ),
        **{_COSE_NAMES.get(name, name.replace("_", ".")): each for name, each in said.items()},
    }
    protected, payload = cbor(fields), notary_payload(subject)
    made = sign_as(algorithm, key, cbor(["Signature1", protected, b"", payload]))
    listed = [der_of(each) for each in chain]
    others = {33: listed[0] if len(listed) == 1 else listed, **(header or {})}
    return cbor((18, [protected, others, payload, made]))


def asn1(tag: int, *parts: bytes) -> bytes:
    """A value in DER, with the long form of the length where it needs it."""
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    size = (len(content).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(content).to_bytes(size, "big") + content


SHA256_ID = bytes.fromhex("608648016503040201")


def time_stamp(of: bytes, moment: datetime, *, is_response: bool = True) -> bytes:
    """A time stamp as RFC 3161 has it, without its authority's signature."""
    algorithm = asn1(0x30, asn1(6, SHA256_ID), asn1(5))
    info = asn1(
        0x30,
        asn1(2, b"\1"),
        asn1(6, b"\x2b\x06\x01"),
        asn1(0x30, algorithm, asn1(4, hashlib.sha256(of).digest())),
        asn1(2, b"\x07"),
        asn1(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode()),
    )
    content_type = asn1(6, bytes.fromhex("2a864886f70d0109100104"))
    encapsulated = asn1(0x30, content_type, asn1(0xA0, asn1(4, info)))
    signed = asn1(0x30, asn1(2, b"\3"), asn1(0x31, algorithm), encapsulated, asn1(0x31))
    token = asn1(0x30, asn1(6, bytes.fromhex("2a864886f70d010702")), asn1(0xA0, signed))
    status = asn1(0x30, asn1(2, b"\0"))
    return asn1(0x30, status, token) if is_response else token
