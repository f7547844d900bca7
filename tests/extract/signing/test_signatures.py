"""Signatures are verified by a trusted key over the right subject, and by nothing else."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

from entrepot.extract.findings import Signature
from entrepot.extract.signing.signatures import pae
from tests.extract.tasks import blob, read

SUBJECT = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
KIND = "application/vnd.in-toto+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def elliptic() -> Key:
    """A key as cosign makes them."""
    return ec.generate_private_key(ec.SECP256R1())


def pem(key: Key) -> str:
    """Its public half."""
    public = key.public_key()
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def sign(key: Key, payload: bytes) -> str:
    """base64 of a signature."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        made = key.sign(payload, ec.ECDSA(hashes.SHA256()))
    elif isinstance(key, rsa.RSAPrivateKey):
        made = key.sign(payload, padding.PKCS1v15(), hashes.SHA256())
    else:
        made = key.sign(payload)
    return base64.b64encode(made).decode()


def certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """A certificate as Fulcio makes them: an identity, its issuer, ten minutes."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a CA of nobody")])
    now = datetime.now(UTC)
    issuer = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1"), b"https://issuer.example.org"
    )
    names = x509.SubjectAlternativeName([x509.RFC822Name("anna@example.org")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(minutes=10))
        .add_extension(names, critical=True)
        .add_extension(issuer, critical=False)
        .sign(key, hashes.SHA256())
    )


def statement(subject: str = SUBJECT, kind: str = "https://sigstore.dev/cosign/sign/v1") -> bytes:
    """What a bundle says."""
    algorithm, _, encoded = subject.partition(":")
    return json.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "app", "digest": {algorithm: encoded}}],
            "predicateType": kind,
            "predicate": {},
        }
    ).encode()


def envelope(key: Key, payload: bytes) -> dict[str, Any]:
    """A DSSE envelope."""
    encoded = base64.b64encode(payload).decode()
    signatures = [{"sig": sign(key, pae(KIND, payload))}]
    return {"payloadType": KIND, "payload": encoded, "signatures": signatures}


def bundle(key: Key, payload: bytes, made: x509.Certificate | None = None) -> bytes:
    """A sigstore bundle, by a key or by a certificate."""
    material: dict[str, Any] = {"publicKey": {"hint": "hint"}}
    if made is not None:
        raw = base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()
        material = {"certificate": {"rawBytes": raw}}
    moment = made.not_valid_before_utc if made else datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    material["tlogEntries"] = [{"logIndex": "42", "integratedTime": str(int(moment.timestamp()))}]
    document = {"mediaType": BUNDLE, "verificationMaterial": material}
    return json.dumps({**document, "dsseEnvelope": envelope(key, payload)}).encode()


def checked(place: Path, content: bytes, keys: list[str], media_type: str = BUNDLE) -> Signature:
    """What is found in one layer."""
    layer = blob(place, content, media_type)
    found = read("documents", layer, subject=SUBJECT, keys=keys)
    assert len(found.signatures) == 1, found
    return found.signatures[0]


@pytest.mark.parametrize(
    "make",
    [
        elliptic,
        lambda: rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate,
        lambda: ec.generate_private_key(ec.SECP256R1()),
    ],
    ids=["ecdsa", "rsa", "ed25519", "p256"],
)
def test_a_trusted_key_verifies_what_it_signed(tmp_path: Path, make: Any) -> None:
    key = make()
    found = checked(tmp_path, bundle(key, statement()), [pem(elliptic()), pem(key)])
    assert (found.check, found.subject) == ("verified", SUBJECT)
    assert found.key_id.startswith("SHA256:")


def test_a_key_that_nobody_trusts_verifies_nothing(tmp_path: Path) -> None:
    content = bundle(elliptic(), statement())
    assert checked(tmp_path, content, []).check == "not checked"
    assert checked(tmp_path, content, [pem(elliptic())]).check == "not checked"
    assert checked(tmp_path, content, ["rubbish", ""]).check == "not checked"


def test_a_signature_of_something_else_verifies_nothing(tmp_path: Path) -> None:
    key = elliptic()
    found = checked(tmp_path, bundle(key, statement(OTHER)), [pem(key)])
    assert found.check == "invalid"
    assert "not what it is attached to" in found.reason


def test_a_changed_payload_verifies_nothing(tmp_path: Path) -> None:
    key = elliptic()
    document = json.loads(bundle(key, statement(OTHER)))
    document["dsseEnvelope"]["payload"] = base64.b64encode(statement()).decode()
    found = checked(tmp_path, json.dumps(document).encode(), [pem(key)])
    assert found.check == "not checked"


def test_a_certificate_s_identity_is_a_claim(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    made = certificate(key)
    found = checked(tmp_path, bundle(key, statement(), made), [])
    assert (found.check, found.identity) == ("valid", "anna@example.org")
    assert found.issuer == "https://issuer.example.org"
    assert found.log_index == "42"
    assert found.signed_at == made.not_valid_before_utc.isoformat()
    assert found.signed_at_source == "transparency log"
    assert "nobody here vouches" in found.reason


def test_a_certificate_that_did_not_sign_is_told_of(tmp_path: Path) -> None:
    made = certificate(ec.generate_private_key(ec.SECP256R1()))
    found = checked(tmp_path, bundle(elliptic(), statement(), made), [])
    assert "does not match its own certificate" in found.reason
    assert found.check == "invalid"


def simple_signing(key: Key, subject: str = SUBJECT) -> tuple[bytes, str]:
    """cosign's older form: a payload, and its signature for an annotation."""
    image = {"docker-manifest-digest": subject}
    payload = json.dumps({"critical": {"image": image, "type": "cosign"}, "optional": {}}).encode()
    return payload, sign(key, payload)


@pytest.mark.parametrize(("subject", "check"), [(SUBJECT, "verified"), (OTHER, "invalid")])
def test_simple_signing_is_over_its_payload(tmp_path: Path, subject: str, check: str) -> None:
    key = elliptic()
    payload, made = simple_signing(key, subject)
    kind = "application/vnd.dev.cosign.simplesigning.v1+json"
    layer = blob(tmp_path, payload, kind)
    layer.annotations["dev.cosignproject.cosign/signature"] = made
    found = read("documents", layer, subject=SUBJECT, keys=[pem(key)])
    assert found.signatures[0].check == check


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b'{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}',
        b'{"payload": "!!", "payloadType": "x", "signatures": [{"sig": "!!"}]}',
        b'{"payload": {}, "payloadType": [], "signatures": {}}',
        b'{"mediaType": "application/vnd.dev.sigstore.bundle+json", '
        b'"dsseEnvelope": {"payload": 7}}',
        b'{"mediaType": "application/vnd.dev.sigstore.bundle+json", "verificationMaterial": '
        b'{"certificate": {"rawBytes": "AAAA"}, "tlogEntries": [{"integratedTime": "x"}]}}',
    ],
    ids=range(6),
)
def test_a_malformed_signature_verifies_nothing_and_raises_nothing(
    tmp_path: Path, content: bytes
) -> None:
    layer = blob(tmp_path, content, BUNDLE)
    found = read("documents", layer, subject=SUBJECT, keys=[pem(elliptic())])
    assert all(each.check != "verified" for each in found.signatures)
