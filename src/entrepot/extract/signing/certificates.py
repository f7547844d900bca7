"""Certificates that signatures bring along: whom they are for, and what CI says in them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID, NameOID

from entrepot.extract.limits import cut
from entrepot.extract.signing.der import text_of

DAMAGED: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""The errors that reading a damaged certificate raises."""
_FULCIO: Final = "1.3.6.1.4.1.57264.1."
_USERNAME: Final = f"{_FULCIO}7"
_ISSUERS: Final = (f"{_FULCIO}8", f"{_FULCIO}1")
_CLAIMS: Final = {
    "2": "Workflow trigger",
    "3": "Workflow commit",
    "4": "Workflow name",
    "5": "Workflow repository",
    "6": "Workflow ref",
    "9": "Workflow",
    "10": "Workflow digest",
    "11": "Runner",
    "12": "Repository",
    "13": "Commit",
    "14": "Ref",
    "15": "Repository id",
    "16": "Owner",
    "17": "Owner id",
    "18": "Build config",
    "19": "Build config digest",
    "20": "Trigger",
    "21": "Run",
    "22": "Visibility",
    "23": "Environment",
}
"""Fulcio's extensions of CI (sigstore/fulcio, docs/oid-info.md); later ones show their number."""
_MOST: Final = 60


def load_certificate(content: str | bytes) -> x509.Certificate | None:
    """A certificate in PEM or DER, the first of several; `None` for one that is damaged."""
    raw = content.encode(errors="replace") if isinstance(content, str) else content
    is_pem = b"BEGIN CERTIFICATE" in raw
    try:
        found = (x509.load_pem_x509_certificate if is_pem else x509.load_der_x509_certificate)(raw)
        # Its parts are parsed when they are asked for: all that is needed later is asked for now.
        _ = found.subject, found.issuer, found.not_valid_before_utc, found.not_valid_after_utc
    except DAMAGED:
        return None
    return found


def claims_of(certificate: x509.Certificate) -> dict[str, Any]:
    """Return a certificate's claims: identity, issuer, dates and CI details."""
    found = _fulcio_texts(certificate)
    details = {
        _CLAIMS.get(number, f"Fulcio {number}"): cut(text, 1000)
        for number, text in found.items()
        if f"{_FULCIO}{number}" not in _ISSUERS and text
    }
    issuer = next((found[oid[-1]] for oid in _ISSUERS if found.get(oid[-1])), "")
    return {
        "identity": _identity(certificate),
        "issuer": cut(issuer or _name(certificate.issuer), 300),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "details": details,
    }


def _fulcio_texts(certificate: x509.Certificate) -> dict[str, str]:
    """Texts by the last number of their identifier, in the order of the numbers."""
    found = {}
    for extension in _extensions(certificate):
        oid, value = extension.oid.dotted_string, extension.value
        number = oid.removeprefix(_FULCIO)
        if number != oid and number.isdigit() and isinstance(value, x509.UnrecognizedExtension):
            found[number] = text_of(value.value)
    return dict(sorted(found.items(), key=lambda each: int(each[0]))[:_MOST])


def _extensions(certificate: x509.Certificate) -> Iterable[x509.Extension[x509.ExtensionType]]:
    try:
        return certificate.extensions
    except DAMAGED:
        return ()


def _identity(certificate: x509.Certificate) -> str:
    for extension in _extensions(certificate):
        if extension.oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME:
            found = _first_name(extension.value)
            if found:
                return cut(found, 1000)
    return cut(_name(certificate.subject, NameOID.COMMON_NAME), 1000)


def _first_name(names: object) -> str:
    if not isinstance(names, x509.SubjectAlternativeName):
        return ""
    for other in names.get_values_for_type(x509.OtherName):
        if other.type_id.dotted_string == _USERNAME:
            return text_of(other.value)
    for kind in (x509.UniformResourceIdentifier, x509.RFC822Name, x509.DNSName):
        found = names.get_values_for_type(kind)
        if found:
            return str(found[0])
    return ""


def _name(name: x509.Name, part: x509.ObjectIdentifier | None = None) -> str:
    """A distinguished name, or a part of it where it has that."""
    found = name.get_attributes_for_oid(part) if part else []
    return str(found[0].value) if found else name.rfc4514_string()


def is_chain(certificates: Sequence[x509.Certificate]) -> bool:
    """Say whether each certificate was issued by the next one."""
    try:
        for one, other in pairwise(certificates):
            one.verify_directly_issued_by(other)
    except (InvalidSignature, *DAMAGED):
        return False
    return True


def was_valid(certificate: x509.Certificate, moment: datetime) -> bool:
    """Say whether a moment lies between the certificate's dates."""
    return certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc
