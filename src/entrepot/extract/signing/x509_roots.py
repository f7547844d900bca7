"""Whether a trust root of certificates vouches for a Notary Project signature.

Signing time is the signer's own word, so that every certificate must be good now: time stamps of
authorities are shown and not yet trusted. The certificates are as "Notary Project Signature
Specification" 1.1, "Certificate Requirements", has them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from entrepot.extract.findings import X509, TrustRoot
from entrepot.extract.signing.certificates import DAMAGED, is_chain, was_valid
from entrepot.extract.signing.keyless import Vouching
from entrepot.extract.signing.root_files import find_root

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
_HASHES: Final = frozenset({"sha256", "sha384", "sha512"})
_FORBIDDEN: Final = frozenset(
    {
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ExtendedKeyUsageOID.TIME_STAMPING,
        ExtendedKeyUsageOID.OCSP_SIGNING,
    }
)
"""Purposes that a certificate for signatures must not have."""


def vouch_for_chain(
    chain: Sequence[x509.Certificate], roots: Sequence[TrustRoot], now: datetime | None
) -> Vouching:
    """Ask the roots about a chain, the signer's first, in which each was issued by the next."""
    for root in roots:
        whole = _completed(chain, root)
        if not whole:
            continue
        try:
            fault = _fault(whole, now)
        except DAMAGED:
            fault = "its certificates cannot be read"
        if fault:
            return Vouching(reason=f"{root.name}: {fault}", is_faulty=True)
        return Vouching(root.name)
    return Vouching()


def _completed(chain: Sequence[x509.Certificate], root: TrustRoot) -> list[x509.Certificate]:
    """The chain up to a certificate of the root; empty where it does not lead there."""
    found = find_root(root, X509)
    anchors = [each for part in found.parts for each in part.certificates] if found else []
    if any(each in anchors for each in chain):
        return list(chain)
    return next(([*chain, each] for each in anchors if chain and is_chain([chain[-1], each])), [])


def _fault(chain: Sequence[x509.Certificate], now: datetime | None) -> str:
    """Why the certificates may not sign; empty where they may."""
    for each in chain:
        if now is None or not was_valid(each, now):
            return f"the certificate of {each.subject.rfc4514_string()} is not valid now"
        if fault := _fault_of_key(each):
            return fault
    if fault := _fault_of_leaf(chain[0]):
        return fault
    if len(chain) == 1:
        # Alone it vouches for itself, and is itself in the root.
        return "" if is_chain([chain[0], chain[0]]) else "its chain ends before its root"
    faults = (_fault_of_authority(each, below) for below, each in enumerate(chain[1:]))
    return next((each for each in faults if each), "")


def _fault_of_key(certificate: x509.Certificate) -> str:
    key, algorithm = certificate.public_key(), certificate.signature_hash_algorithm
    size = key.key_size if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) else 0
    if size < (2048 if isinstance(key, rsa.RSAPublicKey) else 256):
        return "a key of its chain is too short, or of a kind that is not for signatures"
    if algorithm is None or algorithm.name not in _HASHES:
        return "a certificate of its chain was signed with a hash that is too weak"
    return ""


def _fault_of_leaf(certificate: x509.Certificate) -> str:
    if _get(certificate, x509.BasicConstraints) not in (None, _NO_AUTHORITY):
        return "the signer's certificate is that of an authority"
    usage = _get_critical(certificate, x509.KeyUsage)
    if usage is None or not usage.digital_signature or usage.key_cert_sign:
        return "the signer's certificate is not for signatures (critical keyUsage)"
    purposes = _get(certificate, x509.ExtendedKeyUsage)
    if purposes is None:
        return ""
    if ExtendedKeyUsageOID.CODE_SIGNING not in purposes or _FORBIDDEN & set(purposes):
        return "the signer's certificate is for another purpose than signing code"
    return ""


_NO_AUTHORITY: Final = x509.BasicConstraints(ca=False, path_length=None)


def _fault_of_authority(certificate: x509.Certificate, below: int) -> str:
    """`below`: how many authorities stand between it and the signer."""
    constraints = _get_critical(certificate, x509.BasicConstraints)
    usage = _get_critical(certificate, x509.KeyUsage)
    name = certificate.subject.rfc4514_string()
    if constraints is None or not constraints.ca or usage is None or not usage.key_cert_sign:
        return f"{name} is not the certificate of an authority"
    if constraints.path_length is not None and constraints.path_length < below:
        return f"{name} does not allow so long a chain"
    return ""


def _get(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _get_critical(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        found = certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None
    return found.value if found.critical else None
