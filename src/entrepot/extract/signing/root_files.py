"""Files of trust roots: the certificates and keys in them, and until when they are good."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key

from entrepot.extract.findings import SIGSTORE, X509, TrustRoot
from entrepot.extract.limits import InputTooLarge, Unreadable
from entrepot.extract.signing.certificates import DAMAGED, load_certificate
from entrepot.extract.signing.timestamps import parse_moment
from entrepot.extract.texts import as_list, as_mapping, as_text, decode, parse_json

MAX_PARTS: Final = 1000
"""Certificates and keys of one root."""
_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.trustedroot"
_ALWAYS: Final = datetime.max.replace(tzinfo=UTC)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_AUTHORITY, _LOG, _CERTIFICATE_LOG, _TIME_AUTHORITY = (
    "certificate authority",
    "log",
    "certificate log",
    "timestamp authority",
)
_NEEDED: Final = {
    _AUTHORITY: "certificateAuthorities",
    _LOG: "tlogs",
    _CERTIFICATE_LOG: "ctlogs",
}


@dataclass(frozen=True, slots=True)
class RootPart:
    """An authority or a log of a root, and between which moments it counts."""

    what: str
    name: str
    start: datetime
    end: datetime
    certificates: tuple[x509.Certificate, ...] = ()
    log_id: bytes = b""

    @property
    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """Its beginning and its end; `None` where it has none."""
        return (
            None if self.start == _NEVER else self.start,
            None if self.end == _ALWAYS else self.end,
        )

    def holds(self, moment: datetime) -> bool:
        """Say whether it counts at that moment."""
        return self.start <= moment <= self.end


@dataclass(frozen=True, slots=True)
class RootFile:
    """A trust root that was read."""

    kind: str
    parts: tuple[RootPart, ...]

    @property
    def expires_at(self) -> datetime | None:
        """The moment at which no authority of it counts any more; `None` where there is none."""
        ends = [each.end for each in self.parts if each.what == _AUTHORITY]
        return None if max(ends) == _ALWAYS else max(ends)

    def authorities_of(self, certificate: x509.Certificate) -> list[RootPart]:
        """The authorities with a certificate that issued this one."""
        return [
            each
            for each in self.parts
            if each.what == _AUTHORITY
            and any(_has_issued(issuer, certificate) for issuer in each.certificates)
        ]

    def find_log(self, log_id: bytes) -> RootPart | None:
        """The transparency log with that id."""
        logs = (each for each in self.parts if each.what == _LOG and each.log_id == log_id)
        return next(logs, None)


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:
        return False
    return True


@lru_cache(maxsize=32)
def parse_root(content: str) -> RootFile:
    """The root that a file holds: `trusted_root.json`, or certificates in PEM; else `Unreadable`.

    A sigstore without a certificate log or without a transparency log is refused: nothing could be
    verified by it.
    """
    if "-----BEGIN CERTIFICATE-----" in content:
        return RootFile(X509, tuple(_certificates(content)))
    said = as_mapping(parse_json(content.encode()))
    if not as_text(said.get("mediaType"), 200).startswith(_MEDIA_TYPE):
        raise Unreadable("it is neither a sigstore trusted_root.json nor certificates in PEM")
    parts = tuple(_parts(said))
    for what, field in _NEEDED.items():
        if not any(each.what == what for each in parts):
            raise Unreadable(f"it has no {what} ({field})")
    if len(parts) > MAX_PARTS:
        raise Unreadable(f"it has more than {MAX_PARTS} authorities and logs")
    return RootFile(SIGSTORE, parts)


def find_root(root: TrustRoot, kind: str) -> RootFile | None:
    """The root where it is of that kind; `None` for a file that only another version can read."""
    try:
        return parse_root(root.content) if root.kind == kind else None
    except (Unreadable, InputTooLarge):
        return None


def _certificates(content: str) -> Iterator[RootPart]:
    try:
        found = x509.load_pem_x509_certificates(content.encode())
    except DAMAGED as error:
        raise Unreadable("a certificate in it cannot be read") from error
    if len(found) > MAX_PARTS:
        raise Unreadable(f"it has more than {MAX_PARTS} certificates")
    for certificate in found:
        yield RootPart(
            _AUTHORITY,
            certificate.subject.rfc4514_string(),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            (certificate,),
        )


def _parts(said: Mapping[str, Any]) -> Iterator[RootPart]:
    for what, name in (
        (_AUTHORITY, "certificateAuthorities"),
        (_TIME_AUTHORITY, "timestampAuthorities"),
    ):
        yield from (_authority(what, as_mapping(each)) for each in as_list(said.get(name)))
    for what, name in ((_LOG, "tlogs"), (_CERTIFICATE_LOG, "ctlogs")):
        yield from (_log(what, as_mapping(each)) for each in as_list(said.get(name)))


def _authority(what: str, said: Mapping[str, Any]) -> RootPart:
    listed = as_list(as_mapping(said.get("certChain")).get("certificates"))
    found = [load_certificate(decode(as_mapping(each).get("rawBytes"))) for each in listed]
    chain = tuple(each for each in found if each is not None)
    if not chain or len(chain) != len(found):
        raise Unreadable(f"a certificate of a {what} cannot be read")
    start, end = _valid_for(said)
    # No authority of a chain counts for longer than any certificate of it.
    end = min(end, *(each.not_valid_after_utc for each in chain))
    name = as_text(said.get("uri"), 300) or chain[0].subject.rfc4514_string()
    return RootPart(what, name, start, end, chain)


def _log(what: str, said: Mapping[str, Any]) -> RootPart:
    key = as_mapping(said.get("publicKey"))
    try:
        # Old logs have RSA keys in PKCS #1, which PEM would call by another name.
        load_der_public_key(decode(key.get("rawBytes")))
    except DAMAGED as error:
        raise Unreadable(f"the key of a {what} cannot be read") from error
    log_id = decode(as_mapping(said.get("logId")).get("keyId"))
    start, end = _valid_for(key)
    return RootPart(what, as_text(said.get("baseUrl"), 300), start, end, log_id=log_id)


def _valid_for(said: Mapping[str, Any]) -> tuple[datetime, datetime]:
    period = as_mapping(said.get("validFor"))
    moments = [parse_moment(period.get(name)) for name in ("start", "end")]
    if any(
        period.get(name) and not moment
        for name, moment in zip(("start", "end"), moments, strict=True)
    ):
        raise Unreadable("a moment in it cannot be read")
    return moments[0] or _NEVER, moments[1] or _ALWAYS
