"""Results of signature checks: one of four, and the reason.

`verified` means exactly that one of the task's keys, or the holder of a certificate that one of its
roots vouches for, made the signature over a payload that names the subject. `valid` means that the
certificate which the signature brings fits it, and that nobody here vouches for the certificate.
`invalid` is a signature of something else, one that does not fit,
and one that cannot be read. `not checked` is a signature that names the subject, and for which no
key is here that could check it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from cryptography import x509

from entrepot.extract.findings import Result, Signature, Task
from entrepot.extract.signing.certificates import claims_of, was_valid
from entrepot.extract.signing.keyless import Vouching
from entrepot.extract.signing.keys import Key, Signed, fingerprint, key_of, load_key
from entrepot.extract.signing.timestamps import parse_moment

_CERTIFIED: Final = "the signature matches its certificate; nobody here vouches for the certificate"
_VOUCHED: Final = "by the holder of a certificate that a trust root of this hub vouches for"
_LOGGED: Final = "the signature matches the key in its log entry; nobody here vouches for the key"
_NO_KEY: Final = "no trusted key of this namespace verifies it, and it brings no certificate"
_ORDER: Final = tuple(Result)


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """The result of a check and its reason."""

    result: Result
    reason: str
    key_id: str = ""
    root: str = ""

    def vouched(self, vouching: Vouching) -> "SignatureCheck":
        """The result with what the roots say of the certificate that made the signature."""
        if self.result is not Result.VALID:
            return self
        if vouching.root:
            return replace(self, result=Result.VERIFIED, reason=_VOUCHED, root=vouching.root)
        if vouching.is_faulty:
            return replace(self, result=Result.INVALID, reason=vouching.reason)
        return replace(self, reason=vouching.reason or self.reason)


@dataclass(frozen=True, slots=True)
class Signing:
    """A signature's claims: signer, time of signing and expiry."""

    certificate: x509.Certificate | None = None
    signed_at: datetime | None = None
    source: str = ""
    expires_at: datetime | None = None
    log_index: str = ""
    hint: str = ""
    fault: str = ""
    """The reason why it proves nothing; empty where there is none."""
    details: Mapping[str, str] = field(default_factory=dict)


def check(
    signed: Signed, keys: Sequence[str], brought: x509.Certificate | Key | None
) -> SignatureCheck:
    """Check against trusted keys first, then against what the signature brings along.

    That is a certificate, or else the key that the log's entry holds.
    """
    if not signed.signature:
        return SignatureCheck(Result.INVALID, "it holds no signature")
    for pem in keys:
        trusted = load_key(pem)
        if trusted is not None and signed.is_by(trusted):
            reason = "by a key that this namespace trusts"
            return SignatureCheck(Result.VERIFIED, reason, fingerprint(trusted))
    if brought is None:
        return SignatureCheck(Result.NOT_CHECKED, _NO_KEY)
    is_certified = isinstance(brought, x509.Certificate)
    key = key_of(brought) if isinstance(brought, x509.Certificate) else brought
    if key is None or not signed.can_be_checked_by(key):
        return SignatureCheck(
            Result.NOT_CHECKED, "it brings a key of a kind that is not checked here"
        )
    if signed.is_by(key):
        key_id = "" if is_certified else fingerprint(key)
        return SignatureCheck(Result.VALID, _CERTIFIED if is_certified else _LOGGED, key_id)
    what = "its own certificate" if is_certified else "the key in its log entry"
    return SignatureCheck(Result.INVALID, f"the signature does not match {what}")


def best_of(checks: Sequence[SignatureCheck]) -> SignatureCheck:
    """The best of several signatures over the same bytes: one that is good is enough."""
    none = SignatureCheck(Result.INVALID, "it holds no signature")
    return min(checks, key=lambda each: _ORDER.index(each.result), default=none)


def signature_of(
    form: str, digests: Sequence[str], checked: SignatureCheck, signing: Signing, task: Task
) -> Signature:
    """All that is known as one value; what names another digest, or comes too late, is invalid.

    `digests` are those that the payload names.
    """
    named = [each for each in digests if each]
    subject = task.subject if task.subject in named else next(iter(named), "")
    fault = _wrong_subject(subject, task) or signing.fault or _wrong_time(signing, task)
    if fault and checked.result is not Result.INVALID:
        checked = replace(checked, result=Result.INVALID, reason=fault, root="")
    claims = claims_of(signing.certificate) if signing.certificate else {}
    details = {**claims.pop("details", {}), **signing.details}
    return Signature(
        form=form,
        subject=subject,
        subjects=named if len(named) > 1 else [],
        key_id=checked.key_id or signing.hint,
        signed_at=signing.signed_at.isoformat() if signing.signed_at else "",
        signed_at_source=signing.source if signing.signed_at else "",
        expires_at=signing.expires_at.isoformat() if signing.expires_at else "",
        log_index=signing.log_index,
        check=checked.result,
        reason=checked.reason,
        details=details,
        root=checked.root,
        **claims,
    )


def unreadable(form: str, reason: str) -> Signature:
    """A signature that cannot be read, and so proves nothing."""
    return Signature(form, check=Result.INVALID, reason=reason)


def _wrong_subject(subject: str, task: Task) -> str:
    if not task.subject or subject == task.subject:
        return ""
    if not subject:
        return "it names nothing, and so not what it is attached to"
    return f"it signs {subject[:30]}…, not what it is attached to"


def _wrong_time(signing: Signing, task: Task) -> str:
    """Why a signature is not good at its time; a certificate without any time is not judged.

    Certificates of ten minutes have expired by the time of the check: what counts is when the
    signature was made.
    """
    now = parse_moment(task.now)
    if signing.expires_at and now and signing.expires_at < now:
        return f"it expired on {signing.expires_at.date()}"
    certificate, signed_at = signing.certificate, signing.signed_at
    if certificate and signed_at and not was_valid(certificate, signed_at):
        return f"its certificate was not valid on {signed_at.date()}, when it was made"
    return ""
