"""A sigstore of one's own: an authority, a certificate log, a transparency log, and signers."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.support.sigstore_parts import (
    BUNDLE,
    IDENTITY,
    ISSUER,
    STATEMENT,
    Key,
    annotations_of,
    b64,
    der,
    dsse_body,
    hashed_body,
    new_key,
    pae,
    proof_of,
    sign,
    spki,
)

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CLAIMS = {12: "https://github.com/acme/app", 15: "4711", 17: "42", 14: "refs/tags/v1", 20: "push"}
_FULCIO = "1.3.6.1.4.1.57264.1."
_SCTS = "1.3.6.1.4.1.11129.2.4.2"


class PrivateSigstore:
    """An authority and two logs; every signature is an entry of the one log."""

    def __init__(self, name: str = "private", start: datetime = START) -> None:
        self.name, self.start = name, start
        self.authority_key, self.log_key, self.sct_key = new_key(), new_key(), new_key()
        self.authority = _authority(name, self.authority_key, start)

    def trusted_root(self, **changes: Any) -> str:
        """The file `trusted_root.json`."""
        start = (self.start - timedelta(days=1)).isoformat().replace("+00:00", "Z")
        said = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [_log(f"https://rekor.{self.name}.test", self.log_key, start)],
            "certificateAuthorities": [
                {
                    "subject": {"organization": self.name, "commonName": self.name},
                    "uri": f"https://fulcio.{self.name}.test",
                    "certChain": {"certificates": [{"rawBytes": b64(der(self.authority))}]},
                    "validFor": {"start": start},
                }
            ],
            "ctlogs": [_log(f"https://ct.{self.name}.test", self.sct_key, start)],
            "timestampAuthorities": [],
        }
        return json.dumps({**said, **changes})

    def certificate(
        self,
        key: Key,
        identity: x509.GeneralName | str = IDENTITY,
        issuer: str = ISSUER,
        *,
        start: datetime | None = None,
        purposes: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CODE_SIGNING,),
        is_logged: bool = True,
        sct_key: Key | None = None,
        is_authority: bool = False,
        may_sign: bool = True,
    ) -> x509.Certificate:
        """A certificate of ten minutes, as Fulcio makes them."""
        start = start or self.start
        name = x509.UniformResourceIdentifier(identity) if isinstance(identity, str) else identity
        usage = key_usage(digital_signature=may_sign, content_commitment=not may_sign)
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (usage, True),
            (x509.ExtendedKeyUsage(purposes), False),
            (_own_id(key), False),
            (_id_of(self.authority_key), False),
            (x509.SubjectAlternativeName([name]), True),
            (_text(1, issuer.encode()), False),
            (_text(8, _utf8(issuer)), False),
            *((_text(number, _utf8(text)), False) for number, text in CLAIMS.items()),
        ]
        if is_authority:
            extensions.append((x509.BasicConstraints(True, 0), True))
        builder = self._builder(key, start)
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, is_critical)
        if is_logged:
            before = builder.sign(self.authority_key, hashes.SHA256()).tbs_certificate_bytes
            builder = builder.add_extension(
                self._promise_of(before, sct_key or self.sct_key, start), critical=False
            )
        return builder.sign(self.authority_key, hashes.SHA256())

    def reissued(
        self, made: x509.Certificate, key: Key, extension: x509.ExtensionType
    ) -> x509.Certificate:
        """The certificate with an extension more."""
        builder = self._builder(key, made.not_valid_before_utc)
        for each in made.extensions:
            builder = builder.add_extension(each.value, each.critical)
        return builder.add_extension(extension, critical=False).sign(
            self.authority_key, hashes.SHA256()
        )

    def _builder(self, key: Key, start: datetime) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.authority.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(minutes=10))
        )

    def _promise_of(self, before: bytes, key: Key, moment: datetime) -> x509.UnrecognizedExtension:
        """A signed certificate timestamp (RFC 6962 section 3.2) over the certificate before it."""
        milliseconds = int(moment.timestamp() * 1000).to_bytes(8, "big")
        issuer = hashlib.sha256(spki(self.authority_key)).digest()
        entry = issuer + len(before).to_bytes(3, "big") + before
        made = sign(key, b"\0\0" + milliseconds + b"\0\1" + entry + b"\0\0")
        log_id = hashlib.sha256(spki(self.sct_key)).digest()
        one = b"\0" + log_id + milliseconds + b"\0\0" + b"\4\3" + _sized(made, 2)
        content = _sized(_sized(one, 2), 2)
        return x509.UnrecognizedExtension(
            x509.ObjectIdentifier(_SCTS), b"\4" + _der_length(len(content)) + content
        )

    def entry(
        self, body: dict[str, Any], moment: datetime | None = None, *, at: int = 2, size: int = 5
    ) -> dict[str, Any]:
        """An entry of the log with its promise and its proof, as bundles have it."""
        moment = moment or self.start + timedelta(minutes=1)
        content = json.dumps(body, separators=(",", ":"), sort_keys=True).encode()
        root, path = proof_of(content, at, size)
        return {
            "logIndex": str(at),
            "logId": {"keyId": b64(self.log_id)},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "integratedTime": str(int(moment.timestamp())),
            "inclusionPromise": {"signedEntryTimestamp": b64(self.promise(content, moment, at))},
            "inclusionProof": {
                "logIndex": str(at),
                "rootHash": b64(root),
                "treeSize": str(size),
                "hashes": [b64(each) for each in path],
                "checkpoint": {"envelope": self.checkpoint(root, size)},
            },
            "canonicalizedBody": b64(content),
        }

    @property
    def log_id(self) -> bytes:
        """The log's id: the hash of its key."""
        return hashlib.sha256(spki(self.log_key)).digest()

    def promise(self, content: bytes, moment: datetime, at: int) -> bytes:
        """A signed entry timestamp."""
        said = {
            "body": b64(content),
            "integratedTime": int(moment.timestamp()),
            "logID": self.log_id.hex(),
            "logIndex": at,
        }
        text = json.dumps(said, separators=(",", ":"), sort_keys=True)
        return sign(self.log_key, text.encode())

    def checkpoint(self, root: bytes, size: int) -> str:
        """The log's signed note about its tree."""
        name = f"rekor.{self.name}.test"
        note = f"{name} - 1\n{size}\n{b64(root)}\n"
        return f"{note}\n— {name} {b64(self.log_id[:4] + sign(self.log_key, note.encode()))}\n"

    def sign_statement(
        self,
        payload: bytes,
        *,
        key: Key | None = None,
        made: x509.Certificate | None = None,
        moment: datetime | None = None,
        media_type: str = BUNDLE,
        kind: str = STATEMENT,
        signer: Key | None = None,
    ) -> dict[str, Any]:
        """A bundle of a DSSE envelope."""
        key = key or new_key()
        made = made or self.certificate(key)
        signature = sign(signer or key, pae(payload, kind))
        envelope = {
            "payload": b64(payload),
            "payloadType": kind,
            "signatures": [{"sig": b64(signature)}],
        }
        entry = self.entry(dsse_body(envelope, payload, signature, made), moment)
        return {
            "mediaType": media_type,
            "verificationMaterial": {**_certified(made, media_type), "tlogEntries": [entry]},
            "dsseEnvelope": envelope,
        }

    def sign_digest(self, subject: str, **more: Any) -> dict[str, Any]:
        """A bundle of a signature over a digest."""
        key = more.get("key") or new_key()
        made = more.get("made") or self.certificate(key)
        digest = bytes.fromhex(subject.removeprefix("sha256:"))
        signature = key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))
        entry = self.entry(hashed_body(digest, signature, made), more.get("moment"))
        said = {"algorithm": "SHA2_256", "digest": b64(digest)}
        return {
            "mediaType": BUNDLE,
            "verificationMaterial": {**_certified(made, BUNDLE), "tlogEntries": [entry]},
            "messageSignature": {"messageDigest": said, "signature": b64(signature)},
        }

    def sign_simply(
        self, payload: bytes, key: Key | None = None, made: x509.Certificate | None = None
    ) -> dict[str, str]:
        """The annotations of cosign's tags: signature, certificate, and the log's promise."""
        key = key or new_key()
        made = made or self.certificate(key)
        signature = sign(key, payload)
        digest = hashlib.sha256(payload).digest()
        return annotations_of(signature, made, self.entry(hashed_body(digest, signature, made)))


def _certified(made: x509.Certificate, media_type: str) -> dict[str, Any]:
    raw = {"rawBytes": b64(der(made))}
    if media_type == BUNDLE:
        return {"certificate": raw}
    return {"x509CertificateChain": {"certificates": [raw]}}


def _authority(name: str, key: Key, start: datetime) -> x509.Certificate:
    said = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    return (
        x509.CertificateBuilder()
        .subject_name(said)
        .issuer_name(said)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(days=1))
        .not_valid_after(start + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(True, 1), critical=True)
        .add_extension(key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(_own_id(key), critical=False)
        .sign(key, hashes.SHA256())
    )


def key_usage(**said: bool) -> x509.KeyUsage:
    """A key usage with these and no others."""
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{**dict.fromkeys(names, False), **said})


def _own_id(key: Key) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key())


def _id_of(key: Key) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _text(number: int, content: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(f"{_FULCIO}{number}"), content)


def _utf8(text: str) -> bytes:
    return b"\x0c" + _der_length(len(text.encode())) + text.encode()


def _der_length(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    size = (length.bit_length() + 7) // 8
    return bytes([0x80 | size]) + length.to_bytes(size, "big")


def _sized(content: bytes, size: int) -> bytes:
    return len(content).to_bytes(size, "big") + content


def _log(url: str, key: Key, start: str) -> dict[str, Any]:
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": b64(spki(key)),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": {"start": start},
        },
        "logId": {"keyId": b64(hashlib.sha256(spki(key)).digest())},
    }
