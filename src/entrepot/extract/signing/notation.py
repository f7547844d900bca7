"""Signatures of the Notary Project: JWS and COSE envelopes around the same payload.

As "Notary Project Signature Specification" 1.1 and its envelope specifications have it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from msgspec import structs

from entrepot.extract.findings import NOTATION, Result, Signature, Task
from entrepot.extract.limits import Unreadable, cut
from entrepot.extract.signing.cbor import Tagged, encode_head, parse_cbor
from entrepot.extract.signing.certificates import is_chain, load_certificate
from entrepot.extract.signing.checks import SignatureCheck, Signing, check, signature_of
from entrepot.extract.signing.keys import ALGORITHMS, Signed
from entrepot.extract.signing.timestamps import AUTHORITY, parse_moment, stamped_at
from entrepot.extract.signing.x509_roots import vouch_for_chain
from entrepot.extract.texts import (
    as_list,
    as_mapping,
    as_text,
    decode,
    decode_or_nothing,
    json_or_nothing,
    parse_json,
)

FORM: Final = NOTATION
_PREFIX: Final = "io.cncf.notary."
_KNOWN: Final = frozenset(
    {
        f"{_PREFIX}{name}"
        for name in ("signingScheme", "signingTime", "authenticSigningTime", "expiry")
    }
)
"""Headers that a signature may demand to be understood; a demand for others makes it invalid."""
_CRITICAL: Final = frozenset({f"{_PREFIX}expiry", f"{_PREFIX}authenticSigningTime"})
"""Headers that a signature must demand to be understood where it has them."""
_SCHEME: Final = f"{_PREFIX}signingScheme"
_AUTHORITY_SCHEME: Final = "notary.x509.signingAuthority"
_SCHEMES: Final = frozenset({"notary.x509", _AUTHORITY_SCHEME})
_PAYLOAD: Final = "application/vnd.cncf.notary.payload.v1+json"
_SIGN1: Final = 18
_ALG, _CRIT, _TYPE, _CHAIN = 1, 2, 3, 33
_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class _Envelope:
    """The fields of both forms; `signed` are the bytes that the signature is over."""

    algorithm: object
    payload_type: object
    demands: Sequence[object]
    fields: Mapping[Any, Any]
    payload: bytes
    signed: bytes
    signature: bytes
    chain: Sequence[bytes]
    stamp: bytes
    agent: str


def read_notation(content: bytes, task: Task) -> Signature:
    """A Notary Project signature as JWS, or as COSE; `Unreadable` where it is neither."""
    envelope = _jws(content) if content.lstrip().startswith(b"{") else _cose(content)
    chain = [each for each in map(load_certificate, envelope.chain) if each is not None]
    if len(chain) != len(envelope.chain):
        raise Unreadable("a certificate of its chain cannot be read")
    target = as_mapping(json_or_nothing(envelope.payload).get("targetArtifact"))
    subject = as_text(target.get("digest"), 200)
    found = signature_of(
        FORM, [subject], _check(envelope, chain, task), _said(envelope, chain), task
    )
    # A root vouches for the whole name of the subject, whatever else the certificate says.
    names = (chain[0].subject, chain[0].issuer) if found.root else ()
    texts = [cut(name.rfc4514_string(), 1000) for name in names]
    return structs.replace(found, identity=texts[0], issuer=texts[1]) if texts else found


def _check(envelope: _Envelope, chain: Sequence[x509.Certificate], task: Task) -> SignatureCheck:
    name = envelope.algorithm
    algorithm = ALGORITHMS.get(name) if isinstance(name, str | int) else None
    if algorithm is None:
        reason = f"its algorithm {as_text(name, 40)} is none of the Notary Project's"
        return SignatureCheck(Result.INVALID, reason)
    fault = _fault_in_headers(envelope)
    if fault:
        return SignatureCheck(Result.INVALID, fault)
    if not is_chain(chain):
        return SignatureCheck(
            Result.INVALID, "its certificates are no chain, each issued by the next"
        )
    signed = Signed(envelope.signature, envelope.signed, algorithm)
    checked = check(signed, task.keys, chain[0] if chain else None)
    # Signing authorities have trust stores of their own, and Ed25519 is not the Notary's.
    is_foreign = envelope.fields.get(_SCHEME) == _AUTHORITY_SCHEME or algorithm.family == "Ed"
    if checked.result is not Result.VALID or is_foreign:
        return checked
    return checked.vouched(vouch_for_chain(chain, task.roots, parse_moment(task.now)))


def _fault_in_headers(envelope: _Envelope) -> str:
    """Why the protected headers are none of the Notary Project's; empty where they are."""
    fields, demands = envelope.fields, envelope.demands
    unknown = [each for each in demands if each not in _KNOWN]
    if unknown:
        return f"it demands that {as_text(unknown[0], 60)} is understood, which is not known here"
    missing = [each for each in sorted(_CRITICAL & fields.keys()) if each not in demands]
    if _SCHEME not in demands or missing:
        name = missing[0] if missing else _SCHEME
        return f"its header {name} is not marked as critical"
    scheme = fields.get(_SCHEME)
    if scheme not in _SCHEMES:
        return f"its signing scheme {as_text(scheme, 60)} is none of the Notary Project's"
    if envelope.payload_type != _PAYLOAD:
        return f"its payload is of type {as_text(envelope.payload_type, 60)}, not {_PAYLOAD}"
    return ""


def _said(envelope: _Envelope, chain: Sequence[x509.Certificate]) -> Signing:
    """Its own claims: when it was signed, until when it is good, by which scheme."""
    scheme = as_text(envelope.fields.get(_SCHEME), 100)
    stamped = stamped_at(envelope.stamp, envelope.signature) if envelope.stamp else None
    said = {"Signing scheme": scheme, "Signing agent": envelope.agent}
    moment, source = _signed_at(envelope, stamped)
    return Signing(
        chain[0] if chain else None,
        moment,
        source,
        expires_at=_moment(envelope.fields.get(f"{_PREFIX}expiry")),
        details={name: text for name, text in said.items() if text},
    )


def _signed_at(envelope: _Envelope, stamped: datetime | None) -> tuple[datetime | None, str]:
    if stamped is not None:
        return stamped, AUTHORITY
    authentic = _moment(envelope.fields.get(f"{_PREFIX}authenticSigningTime"))
    if authentic is not None:
        return authentic, "the signing authority"
    return _moment(envelope.fields.get(f"{_PREFIX}signingTime")), "the signer's own word"


def _moment(value: object) -> datetime | None:
    """A text in JWS, a number with a tag in COSE."""
    return parse_moment(value.value if isinstance(value, Tagged) else value)


def _jws(content: bytes) -> _Envelope:
    said = as_mapping(parse_json(content))
    header, protected = as_mapping(said.get("header")), as_text(said.get("protected"), 2**20)
    payload = as_text(said.get("payload"), 2**22)
    fields = as_mapping(parse_json(decode(protected)))
    return _Envelope(
        algorithm=fields.get("alg"),
        payload_type=fields.get("cty"),
        demands=as_list(fields.get("crit"))[:_MOST],
        fields=fields,
        payload=decode(payload),
        signed=f"{protected}.{payload}".encode(),
        signature=decode(said.get("signature")),
        chain=[decode(each) for each in as_list(header.get("x5c"))[:_MOST]],
        stamp=decode_or_nothing(header.get(f"{_PREFIX}timestampSignature")),
        agent=as_text(header.get(f"{_PREFIX}signingAgent"), 200),
    )


def _cose(content: bytes) -> _Envelope:
    """COSE_Sign1 (RFC 9052 section 4.2): protected and other headers, payload, signature."""
    outer = parse_cbor(content)
    parts = outer.value if isinstance(outer, Tagged) and outer.tag == _SIGN1 else outer
    if not isinstance(parts, list) or len(parts) != 4:
        raise Unreadable("it is no COSE signature of one signer")
    protected, header, payload, signature = parts
    if not all(isinstance(each, bytes) for each in (protected, payload, signature)):
        raise Unreadable("it is no COSE signature over bytes that it holds")
    fields, header = _mapping(parse_cbor(protected) if protected else {}), _mapping(header)
    chain = header.get(_CHAIN, fields.get(_CHAIN))
    stamp = header.get(f"{_PREFIX}timestampSignature")
    return _Envelope(
        algorithm=fields.get(_ALG),
        payload_type=fields.get(_TYPE),
        # Numbers are COSE's own headers: the algorithm, the content type.
        demands=[each for each in as_list(fields.get(_CRIT))[:_MOST] if not isinstance(each, int)],
        fields=fields,
        payload=payload,
        signed=_to_be_signed(protected, payload),
        signature=signature,
        chain=[each for each in _listed(chain)[:_MOST] if isinstance(each, bytes)],
        stamp=stamp if isinstance(stamp, bytes) else b"",
        agent=as_text(header.get(f"{_PREFIX}signingAgent"), 200),
    )


def _mapping(value: object) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """Sig_structure of one signer, without external data (RFC 9052 section 4.4)."""
    context = b"Signature1"
    parts = [encode_head(4, 4), encode_head(3, len(context)) + context]
    parts += [encode_head(2, len(each)) + each for each in (protected, b"", payload)]
    return b"".join(parts)
