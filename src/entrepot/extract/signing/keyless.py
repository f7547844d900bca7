"""Whether a sigstore that the hub trusts vouches for who made a signature; asks no network.

The package `sigstore` checks bundles: the chain to the root's authority, the certificate log's
promise, the transparency log's proof and promise, time stamps, and that all are of this signature.
It takes 47 MB and half a second, so it is imported for certificates of a trusted authority only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from msgspec import json

from entrepot.extract.findings import SIGSTORE, TrustRoot
from entrepot.extract.limits import Unreadable, cut
from entrepot.extract.signing.root_files import find_root
from entrepot.extract.texts import as_list, as_mapping, decode_or_nothing

if TYPE_CHECKING:
    from sigstore.verify import Verifier

_LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a bundle that a root is asked about."""
_MOST_CERTIFICATES: Final = 20
NO_ENTRY: Final = "it brings no entry of a transparency log that says when it was made"


@dataclass(frozen=True, slots=True)
class Vouching:
    """The root that vouches for a certificate; else why none does.

    `is_faulty`: the certificate is of a root's authority, and something else is wrong.
    """

    root: str = ""
    reason: str = ""
    is_faulty: bool = False


NOBODY: Final = Vouching()


def vouch_for_bundle(
    bundle: Mapping[str, Any],
    certificate: x509.Certificate,
    signed: bytes,
    roots: Sequence[TrustRoot],
) -> Vouching:
    """Ask the roots about a bundle over these bytes: the envelope's payload, or the digest."""

    def verify(verifier: "Verifier") -> None:
        _verify_bundle(verifier, bundle, signed)

    entries = as_list(as_mapping(bundle.get("verificationMaterial")).get("tlogEntries"))
    log_ids = [
        decode_or_nothing(as_mapping(as_mapping(each).get("logId")).get("keyId"))
        for each in entries
    ]
    return vouch(certificate, log_ids, roots, verify)


def vouch(
    certificate: x509.Certificate,
    log_ids: Sequence[bytes],
    roots: Sequence[TrustRoot],
    verify: Callable[["Verifier"], None],
) -> Vouching:
    """Ask each root whose authority issued the certificate; `verify` raises what is wrong."""
    reasons: list[str] = []
    for root in roots:
        parsed = find_root(root, SIGSTORE)
        if parsed is None or not (authorities := parsed.authorities_of(certificate)):
            continue
        if not log_ids:
            return Vouching(reason=f"a certificate of the trust root {root.name}; {NO_ENTRY}")
        made = certificate.not_valid_before_utc
        logs = [parsed.find_log(each) for each in log_ids]
        if not any(each.holds(made) for each in authorities):
            reasons.append(
                f"{root.name}: its authority did not count when the certificate was made"
            )
        elif not all(each is not None and each.holds(made) for each in logs):
            reasons.append(f"{root.name}: its log entry is of a log that the root does not have")
        elif reason := _fault(root, verify):
            reasons.append(f"{root.name}: {reason}")
        else:
            return Vouching(root.name)
    return Vouching(reason=cut("; ".join(reasons), 500), is_faulty=bool(reasons))


def _fault(root: TrustRoot, verify: Callable[["Verifier"], None]) -> str:
    """Why the root does not vouch; empty where it does."""
    try:
        verify(_verifier(root.content))
    except Exception as error:  # whatever strangers' bytes make of it proves nothing
        return cut(str(error).partition("\n")[0] or type(error).__name__, 300)
    return ""


@lru_cache(maxsize=32)
def _verifier(content: str) -> "Verifier":
    """Return the package's verifier of a root; kept, as one process reads many artifacts."""
    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier
    from sigstore_models.trustroot.v1 import TrustedRoot as Message

    return Verifier(trusted_root=TrustedRoot(Message.from_json(content)))


def _verify_bundle(verifier: "Verifier", said: Mapping[str, Any], signed: bytes) -> None:
    from sigstore.hashes import Hashed
    from sigstore.models import Bundle
    from sigstore.verify.policy import UnsafeNoOp
    from sigstore_models.common.v1 import HashAlgorithm

    content = json.encode(_completed(said))
    if len(content) > _LARGEST:
        raise Unreadable("it is larger than what trust roots are asked about")
    bundle = Bundle.from_json(content)
    if "dsseEnvelope" not in said:
        verifier.verify_artifact(
            Hashed(algorithm=HashAlgorithm.SHA2_256, digest=signed), bundle, UnsafeNoOp()
        )
        return
    _, payload = verifier.verify_dsse(bundle, UnsafeNoOp())
    if payload != signed:
        raise Unreadable("its payload is not the one that was read")


def _completed(said: Mapping[str, Any]) -> dict[str, Any]:
    """The bundle with the fields that JSON of protocol buffers leaves out, as they are zero."""
    material = as_mapping(said.get("verificationMaterial"))
    chain = as_mapping(material.get("x509CertificateChain")).get("certificates")
    if len(as_list(chain)) > _MOST_CERTIFICATES:
        raise Unreadable(f"it brings more than {_MOST_CERTIFICATES} certificates")
    entries = [completed_entry(as_mapping(each)) for each in as_list(material.get("tlogEntries"))]
    return {**said, "verificationMaterial": {**material, "tlogEntries": entries}}


def completed_entry(said: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a log's entry."""
    entry = {"logIndex": "0", **said}
    if proof := as_mapping(entry.get("inclusionProof")):
        entry["inclusionProof"] = {"logIndex": "0", "hashes": [], **proof}
    return entry
