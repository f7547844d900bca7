"""Public keys, and whether one of them made a signature."""

from base64 import encodebytes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

Key = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
Hash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512

_HASHES: Final[Mapping[int, Hash]] = {
    256: hashes.SHA256(),
    384: hashes.SHA384(),
    512: hashes.SHA512(),
}
_DAMAGED: Final = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)
"""The errors that loading a damaged key or certificate raises."""
_CURVES: Final = {256: "secp256r1", 384: "secp384r1", 512: "secp521r1"}
"""The curve that each ES algorithm of JOSE is for (RFC 7518 section 3.4)."""
_MODULI: Final = {256: 2048, 384: 3072, 512: 4096}
"""The size of the RSA key that the Notary Project has for each PS algorithm."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One of JOSE's and COSE's algorithms: `PS`, `ES` or `Ed`, and the bits of its hash."""

    family: Literal["PS", "ES", "Ed"]
    bits: int

    def fits(self, key: Key) -> bool:
        """Say whether the algorithm is the one for this type and size of key."""
        if isinstance(key, ec.EllipticCurvePublicKey):
            return self.family == "ES" and key.curve.name == _CURVES[self.bits]
        if isinstance(key, rsa.RSAPublicKey):
            return self.family == "PS" and key.key_size == _MODULI[self.bits]
        return self.family == "Ed"


ALGORITHMS: Final[Mapping[str | int, Algorithm]] = {
    "PS256": Algorithm("PS", 256),
    "PS384": Algorithm("PS", 384),
    "PS512": Algorithm("PS", 512),
    "ES256": Algorithm("ES", 256),
    "ES384": Algorithm("ES", 384),
    "ES512": Algorithm("ES", 512),
    "EdDSA": Algorithm("Ed", 0),
    "Ed25519": Algorithm("Ed", 0),
    # The same in COSE (the IANA registry "COSE Algorithms").
    -37: Algorithm("PS", 256),
    -38: Algorithm("PS", 384),
    -39: Algorithm("PS", 512),
    -7: Algorithm("ES", 256),
    -35: Algorithm("ES", 384),
    -36: Algorithm("ES", 512),
    -8: Algorithm("Ed", 0),
    -19: Algorithm("Ed", 0),
    -9: Algorithm("ES", 256),
    -51: Algorithm("ES", 384),
    -52: Algorithm("ES", 512),
}


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature with what it is over: bytes, or where only that is known, their digest.

    Without an algorithm it is one that cosign may have chosen for the key: it writes down none.
    """

    signature: bytes
    payload: bytes
    algorithm: Algorithm | None = None
    digest_bits: int = 0
    """The bits of the hash where `payload` is a digest; else 0."""

    def can_be_checked_by(self, key: Key) -> bool:
        """Say whether this type of key can check it: Ed25519 needs the bytes themselves."""
        return not (self.digest_bits and isinstance(key, ed25519.Ed25519PublicKey))

    def is_by(self, key: Key) -> bool:
        """Say whether the key made the signature."""
        if self.algorithm is not None and not self.algorithm.fits(key):
            return False
        try:
            return any(_verifies(attempt) for attempt in self._attempts(key))
        except (ValueError, UnsupportedAlgorithm):
            return False

    def _attempts(self, key: Key) -> Iterator["_Attempt"]:
        if isinstance(key, ed25519.Ed25519PublicKey):
            if self.can_be_checked_by(key):
                yield _Attempt(key, self.signature, self.payload)
            return
        for bits in self._bits():
            attempt = _Attempt(key, self.signature, self.payload, bits, bool(self.digest_bits))
            if isinstance(key, rsa.RSAPublicKey):
                if self.algorithm is None:
                    yield attempt
                # JOSE and COSE have a salt as long as the hash; cosign's may have any.
                salt = padding.PSS.AUTO if self.algorithm is None else padding.PSS.DIGEST_LENGTH
                padded = padding.PSS(padding.MGF1(_HASHES[bits]), salt)
                yield replace(attempt, pss=padded)
            elif self.algorithm is None:
                yield attempt
            else:
                yield _Attempt(key, _as_der(self.signature, key), self.payload, bits)

    def _bits(self) -> tuple[int, ...]:
        if self.algorithm is not None:
            return (self.algorithm.bits,)
        return (self.digest_bits,) if self.digest_bits else (256, 384, 512)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One way to check a signature: the hash and the padding are chosen."""

    key: Key
    signature: bytes
    payload: bytes
    bits: int = 0
    is_digest: bool = False
    pss: padding.PSS | None = None


def _verifies(attempt: _Attempt) -> bool:
    key, signature, payload = attempt.key, attempt.signature, attempt.payload
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, payload)
            return True
        plain = _HASHES[attempt.bits]
        digest = Prehashed(plain) if attempt.is_digest else plain
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, payload, ec.ECDSA(digest))
        else:
            key.verify(signature, payload, attempt.pss or padding.PKCS1v15(), digest)
    except InvalidSignature:
        return False
    return True


def _as_der(signature: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """JOSE and COSE write the two numbers of an ECDSA signature side by side, each as long as the
    curve's field (RFC 7518 section 3.4, RFC 9053 section 2.1)."""
    half = (key.curve.key_size + 7) // 8
    if len(signature) != 2 * half:
        raise ValueError("not two numbers of the curve's length")
    numbers = (int.from_bytes(each, "big") for each in (signature[:half], signature[half:]))
    return encode_dss_signature(*numbers)


def load_key(pem: str) -> Key | None:
    """A public key, or a certificate's, in PEM; `None` for what is neither."""
    try:
        if "BEGIN CERTIFICATE" in pem:
            return key_of(x509.load_pem_x509_certificate(pem.encode()))
        return _usable(serialization.load_pem_public_key(pem.encode()))
    except _DAMAGED:
        return None


def pem_of(content: bytes) -> str:
    """A public key's bytes (SubjectPublicKeyInfo in DER) as PEM, as `load_key` takes it."""
    return f"-----BEGIN PUBLIC KEY-----\n{encodebytes(content).decode()}-----END PUBLIC KEY-----\n"


def key_of(certificate: x509.Certificate) -> Key | None:
    """A certificate's key, `None` where it is of a kind that is not checked here."""
    try:
        return _usable(certificate.public_key())
    except _DAMAGED:
        return None


def _usable(key: object) -> Key | None:
    if isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey):
        return key
    return None


def fingerprint(key: Key) -> str:
    """SHA-256 of the key, as `openssl pkey -pubin -outform DER | sha256sum` says it."""
    hasher = hashes.Hash(hashes.SHA256())
    hasher.update(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return f"SHA256:{hasher.finalize().hex()}"
