"""Parts of a sigstore as bytes and JSON: keys, statements, entries of a log, trees."""

import base64
import hashlib
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

IDENTITY = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1"
ISSUER = "https://token.actions.githubusercontent.com"
SIGN = "https://sigstore.dev/cosign/sign/v1"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
OLD_BUNDLE = "application/vnd.dev.sigstore.bundle+json;version=0.1"
STATEMENT = "application/vnd.in-toto+json"
Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    """A key as cosign makes one for each signature."""
    return ec.generate_private_key(ec.SECP256R1())


def b64(content: bytes) -> str:
    """base64."""
    return base64.b64encode(content).decode()


def der(made: x509.Certificate) -> bytes:
    """A certificate's bytes."""
    return made.public_bytes(serialization.Encoding.DER)


def pem(made: x509.Certificate) -> bytes:
    """A certificate in PEM."""
    return made.public_bytes(serialization.Encoding.PEM)


def spki(key: Key) -> bytes:
    """The public half."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, form)


def sign(key: Key, content: bytes) -> bytes:
    """A signature as every part of a sigstore makes it."""
    return key.sign(content, ec.ECDSA(hashes.SHA256()))


def pae(payload: bytes, kind: str = STATEMENT) -> bytes:
    """The bytes of an envelope that are signed."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def statement(subject: str, predicate_type: str = SIGN) -> bytes:
    """What cosign signs of a digest."""
    algorithm, _, encoded = subject.partition(":")
    said = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {algorithm: encoded}}],
        "predicateType": predicate_type,
        "predicate": {},
    }
    return json.dumps(said).encode()


def simple_payload(subject: str) -> bytes:
    """What cosign signed of a digest before bundles."""
    said = {
        "identity": {"docker-reference": "hub.test/acme/app"},
        "image": {"docker-manifest-digest": subject},
        "type": "cosign container image signature",
    }
    return json.dumps({"critical": said, "optional": None}).encode()


def annotations_of(
    signature: bytes, made: x509.Certificate, entry: dict[str, Any]
) -> dict[str, str]:
    """Annotations as cosign writes them."""
    bundle = {
        "SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
        "Payload": {
            "body": entry["canonicalizedBody"],
            "integratedTime": int(entry["integratedTime"]),
            "logIndex": int(entry["logIndex"]),
            "logID": base64.b64decode(entry["logId"]["keyId"]).hex(),
        },
    }
    return {
        "dev.cosignproject.cosign/signature": b64(signature),
        "dev.sigstore.cosign/certificate": pem(made).decode(),
        "dev.sigstore.cosign/bundle": json.dumps(bundle),
    }


def hashed_body(digest: bytes, signature: bytes, made: x509.Certificate) -> dict[str, Any]:
    """An entry of kind hashedrekord."""
    spec = {
        "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
        "signature": {"content": b64(signature), "publicKey": {"content": b64(pem(made))}},
    }
    return {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}


def dsse_body(
    envelope: dict[str, Any], payload: bytes, signature: bytes, made: x509.Certificate
) -> dict[str, Any]:
    """An entry of kind dsse."""
    spec = {
        "envelopeHash": _hash(json.dumps(envelope).encode()),
        "payloadHash": _hash(payload),
        "signatures": [{"signature": b64(signature), "verifier": b64(pem(made))}],
    }
    return {"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}


def in_toto_body(payload: bytes, made: x509.Certificate) -> dict[str, Any]:
    """An entry of kind intoto, as cosign 2 made them of attestations."""
    content = {"hash": _hash(b"envelope"), "payloadHash": _hash(payload)}
    spec = {"content": content, "publicKey": b64(pem(made))}
    return {"apiVersion": "0.0.1", "kind": "intoto", "spec": spec}


def _hash(content: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(content).hexdigest()}


def proof_of(content: bytes, at: int, size: int) -> tuple[bytes, list[bytes]]:
    """The root of a tree (RFC 6962 section 2.1) and the path from one leaf to it."""
    leaves = [hashlib.sha256(b"\0other %d" % number).digest() for number in range(size)]
    leaves[at] = hashlib.sha256(b"\0" + content).digest()

    def root(part: list[bytes]) -> bytes:
        if len(part) == 1:
            return part[0]
        half = 1 << (len(part) - 1).bit_length() - 1
        return hashlib.sha256(b"\1" + root(part[:half]) + root(part[half:])).digest()

    def path(number: int, part: list[bytes]) -> list[bytes]:
        if len(part) == 1:
            return []
        half = 1 << (len(part) - 1).bit_length() - 1
        if number < half:
            return [*path(number, part[:half]), root(part[half:])]
        return [*path(number - half, part[half:]), root(part[:half])]

    return root(leaves), path(at, leaves)
