"""Bundles and cosign's layers that somebody tampered with, by what was done to them.

Each maker returns a signature that a root of `OURS` must not verify.
"""

import base64
import copy
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.extract.makers import OTHER, SUBJECT
from tests.support.private_sigstore import START, PrivateSigstore
from tests.support.sigstore_parts import (
    BUNDLE,
    OLD_BUNDLE,
    b64,
    der,
    dsse_body,
    hashed_body,
    new_key,
    pae,
    sign,
    statement,
)

OURS = PrivateSigstore("ours")
FOREIGN = PrivateSigstore("ours")
"""A sigstore of somebody else under the same name."""
KEY = new_key()
CERTIFICATE = OURS.certificate(KEY)
LATE, EARLY = START + timedelta(hours=1), START - timedelta(hours=1)
Bundle = dict[str, Any]
Change = Callable[[Bundle], None]


def good(**more: Any) -> Bundle:
    """A bundle that is verified."""
    return OURS.sign_statement(statement(SUBJECT), key=KEY, made=CERTIFICATE, **more)


GOOD = good()
MESSAGE = OURS.sign_digest(SUBJECT, key=KEY, made=CERTIFICATE)
OLD = good(media_type=OLD_BUNDLE)
PROMISED = copy.deepcopy(OLD)
"""A bundle of the first version: the log promised, and proved nothing."""
del PROMISED["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]


def entry_of(bundle: Bundle) -> dict[str, Any]:
    """The log's entry."""
    found: dict[str, Any] = bundle["verificationMaterial"]["tlogEntries"][0]
    return found


def changed(bundle: Bundle, change: Change) -> Bundle:
    """A copy with something changed."""
    made = copy.deepcopy(bundle)
    change(made)
    return made


def flipped(text: str) -> str:
    """base64 of bytes of which the last has one bit changed."""
    content = bytearray(base64.b64decode(text))
    content[-1] ^= 1
    return b64(bytes(content))


def put(where: str, value: Any) -> Change:
    """Replace a value by its path; a function makes the new one of the old one."""

    def change(bundle: Bundle) -> None:
        *path, last = (int(each) if each.isdigit() else each for each in where.split("/"))
        place: Any = bundle
        for each in path:
            place = place[each]
        place[last] = value(place[last]) if callable(value) else value

    return change


def without(where: str) -> Change:
    """Remove a value by its path."""

    def change(bundle: Bundle) -> None:
        *path, last = where.split("/")
        place: Any = bundle
        for each in path:
            place = place[int(each) if each.isdigit() else each]
        del place[last]

    return change


def signed_by(made: x509.Certificate, **more: Any) -> Bundle:
    """A bundle in order, but for its certificate."""
    return OURS.sign_statement(statement(SUBJECT), key=KEY, made=made, **more)


def logged(body: dict[str, Any], log: PrivateSigstore = OURS) -> Change:
    """Replace the entry by another one that the log signed."""
    return put(f"{MATERIAL}/tlogEntries", [log.entry(body)])


def copied_promise() -> x509.Certificate:
    """A certificate with the certificate log's promise about another one."""
    other = OURS.certificate(new_key())
    made = OURS.certificate(KEY, is_logged=False)
    kind = x509.PrecertificateSignedCertificateTimestamps
    extension = other.extensions.get_extension_for_class(kind)
    raw = x509.UnrecognizedExtension(extension.oid, extension.value.public_bytes())
    return OURS.reissued(made, KEY, raw)


MATERIAL = "verificationMaterial"
ENTRY = f"{MATERIAL}/tlogEntries/0"
PROOF = f"{ENTRY}/inclusionProof"
PROMISE = f"{ENTRY}/inclusionPromise/signedEntryTimestamp"
SAID = "dsseEnvelope/payload"
SIGNATURE = "dsseEnvelope/signatures/0/sig"
ENVELOPE, PAYLOAD = GOOD["dsseEnvelope"], statement(SUBJECT)
MADE = base64.b64decode(ENVELOPE["signatures"][0]["sig"])
OTHERS = OURS.sign_statement(statement(SUBJECT))
OTHER_LEAF = OURS.certificate(new_key())
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH

ENVELOPES: dict[str, Bundle] = {
    "another subject": OURS.sign_statement(statement(OTHER)),
    "a payload changed afterwards": changed(
        GOOD, put("dsseEnvelope/payload", b64(statement(OTHER)))
    ),
    "a payload with a space more": changed(GOOD, put("dsseEnvelope/payload", b64(PAYLOAD + b" "))),
    "a type changed afterwards": changed(GOOD, put("dsseEnvelope/payloadType", "text/plain")),
    "a payload that is no statement": good(kind="application/json"),
    "a damaged signature": changed(GOOD, put(SIGNATURE, flipped)),
    "no signature": changed(GOOD, put("dsseEnvelope/signatures", [])),
    "an empty signature": changed(GOOD, put(SIGNATURE, "")),
    "a signature by another key": good(signer=new_key()),
    "a signature of the payload alone": changed(GOOD, put(SIGNATURE, b64(sign(KEY, PAYLOAD)))),
    "another signature by the same key": changed(
        GOOD, put(SIGNATURE, b64(sign(KEY, pae(PAYLOAD))))
    ),
}
CERTIFICATES: dict[str, Bundle] = {
    "somebody else's certificate": changed(
        GOOD, put(f"{MATERIAL}/certificate/rawBytes", b64(der(OTHER_LEAF)))
    ),
    "made after the certificate ended": good(moment=LATE),
    "made before the certificate began": good(moment=EARLY),
    "no promise of the certificate log": signed_by(OURS.certificate(KEY, is_logged=False)),
    "a promise of another certificate log": signed_by(OURS.certificate(KEY, sct_key=new_key())),
    "a promise about another certificate": signed_by(copied_promise()),
    "a certificate for servers": signed_by(OURS.certificate(KEY, purposes=(SERVER,))),
    "a certificate for clients": signed_by(OURS.certificate(KEY, purposes=(CLIENT,))),
    "a certificate that may not sign": signed_by(OURS.certificate(KEY, may_sign=False)),
    "a certificate of an authority": signed_by(OURS.certificate(KEY, is_authority=True)),
    "the authority's own certificate": changed(
        GOOD, put(f"{MATERIAL}/certificate/rawBytes", b64(der(OURS.authority)))
    ),
    "a hundred certificates": changed(
        OLD, put(f"{MATERIAL}/x509CertificateChain/certificates", lambda old: old * 100)
    ),
}
ENTRIES: dict[str, Bundle] = {
    "the entry of another signature": changed(GOOD, put(ENTRY, entry_of(OTHERS))),
    "an entry of another payload": changed(
        GOOD, logged(dsse_body(ENVELOPE, statement(OTHER), MADE, CERTIFICATE))
    ),
    "an entry of another certificate": changed(
        GOOD, logged(dsse_body(ENVELOPE, PAYLOAD, MADE, OTHER_LEAF))
    ),
    "an entry of another kind": changed(GOOD, logged(hashed_body(b"x" * 32, MADE, CERTIFICATE))),
    "an entry of an unknown kind": changed(
        GOOD, logged({"kind": "rpm", "apiVersion": "0.0.1", "spec": {}})
    ),
    "a body changed afterwards": changed(GOOD, put(f"{ENTRY}/canonicalizedBody", flipped)),
    "a body that is no JSON": changed(GOOD, put(f"{ENTRY}/canonicalizedBody", b64(b"\xff\0"))),
    "the log of somebody else": changed(
        GOOD, logged(dsse_body(ENVELOPE, PAYLOAD, MADE, CERTIFICATE), FOREIGN)
    ),
    "another log under our log's id": changed(
        changed(GOOD, logged(dsse_body(ENVELOPE, PAYLOAD, MADE, CERTIFICATE), FOREIGN)),
        put(f"{ENTRY}/logId/keyId", b64(OURS.log_id)),
    ),
    "no id of the log": changed(GOOD, put(f"{ENTRY}/logId/keyId", "")),
    "an unknown id of the log": changed(GOOD, put(f"{ENTRY}/logId/keyId", flipped)),
    "another moment": changed(GOOD, put(f"{ENTRY}/integratedTime", lambda old: str(int(old) + 1))),
    "no moment": changed(GOOD, without(f"{ENTRY}/integratedTime")),
    "a moment far away": changed(GOOD, put(f"{ENTRY}/integratedTime", "9" * 18)),
    "a moment that is a text": changed(GOOD, put(f"{ENTRY}/integratedTime", "soon")),
    "another index": changed(GOOD, put(f"{ENTRY}/logIndex", "3")),
    "two entries": changed(GOOD, put(f"{MATERIAL}/tlogEntries", lambda old: old * 2)),
    "a thousand entries": changed(GOOD, put(f"{MATERIAL}/tlogEntries", lambda old: old * 1000)),
    "an entry that is a number": changed(GOOD, put(ENTRY, 7)),
    "another version of the entry": changed(GOOD, put(f"{ENTRY}/kindVersion/version", "9.9.9")),
    "another kind of the entry": changed(GOOD, put(f"{ENTRY}/kindVersion/kind", "hashedrekord")),
}
PROOFS: dict[str, Bundle] = {
    "a damaged promise": changed(GOOD, put(PROMISE, flipped)),
    "no promise": changed(GOOD, without(f"{ENTRY}/inclusionPromise")),
    "the promise of another entry": changed(
        GOOD, put(PROMISE, entry_of(OTHERS)["inclusionPromise"]["signedEntryTimestamp"])
    ),
    "a damaged hash on the path": changed(GOOD, put(f"{PROOF}/hashes/0", flipped)),
    "a path that is too short": changed(GOOD, put(f"{PROOF}/hashes", lambda old: old[:-1])),
    "a path that is too long": changed(GOOD, put(f"{PROOF}/hashes", lambda old: old + old[:1])),
    "a path of ten thousand hashes": changed(
        GOOD, put(f"{PROOF}/hashes", lambda old: old[:1] * 10_000)
    ),
    "another place in the tree": changed(GOOD, put(f"{PROOF}/logIndex", "1")),
    "a smaller tree": changed(GOOD, put(f"{PROOF}/treeSize", "3")),
    "a negative tree": changed(GOOD, put(f"{PROOF}/treeSize", "-5")),
    "another root of the tree": changed(GOOD, put(f"{PROOF}/rootHash", flipped)),
    "the note about another tree": changed(
        GOOD, put(f"{PROOF}/checkpoint/envelope", OURS.checkpoint(b"r" * 32, 5))
    ),
    "a note by somebody else": changed(
        GOOD,
        put(
            f"{PROOF}/checkpoint/envelope",
            FOREIGN.checkpoint(base64.b64decode(entry_of(GOOD)["inclusionProof"]["rootHash"]), 5),
        ),
    ),
    "a note without signatures": changed(
        GOOD, put(f"{PROOF}/checkpoint/envelope", lambda old: old.split("\n\n")[0] + "\n\n")
    ),
    "the proof of another entry": changed(GOOD, put(PROOF, entry_of(OTHERS)["inclusionProof"])),
    "no proof": changed(GOOD, without(PROOF)),
    "promised, and the promise is damaged": changed(PROMISED, put(PROMISE, flipped)),
    "promised at another moment": changed(
        PROMISED, put(f"{ENTRY}/integratedTime", lambda old: str(int(old) - 5))
    ),
    "promised by a log of the first version, for another": changed(
        PROMISED, put(f"{ENTRY}/canonicalizedBody", entry_of(OTHERS)["canonicalizedBody"])
    ),
}
MESSAGES: dict[str, Bundle] = {
    "a digest changed afterwards": changed(
        OURS.sign_digest(OTHER, key=KEY, made=CERTIFICATE),
        put("messageSignature/messageDigest/digest", b64(b"\xaa" * 32)),
    ),
    "a message of another digest": OURS.sign_digest(OTHER, key=KEY, made=CERTIFICATE),
    "the entry of another digest (CVE-2022-36056)": changed(
        MESSAGE, put(ENTRY, entry_of(OURS.sign_digest(OTHER, key=KEY, made=CERTIFICATE)))
    ),
    "an entry of an envelope": changed(MESSAGE, put(ENTRY, entry_of(GOOD))),
    "another hash": changed(MESSAGE, put("messageSignature/messageDigest/algorithm", "SHA2_512")),
    "a damaged signature of a digest": changed(MESSAGE, put("messageSignature/signature", flipped)),
}
FORGED: dict[str, Bundle] = ENVELOPES | CERTIFICATES | ENTRIES | PROOFS | MESSAGES

UNKNOWN: dict[str, Bundle] = {
    "a sigstore that is not trusted": FOREIGN.sign_statement(statement(SUBJECT)),
    "a certificate of a namesake in our log": signed_by(FOREIGN.certificate(KEY)),
    "a damaged certificate": changed(GOOD, put(f"{MATERIAL}/certificate/rawBytes", flipped)),
    "no entry": changed(GOOD, put(f"{MATERIAL}/tlogEntries", [])),
    "two signatures": changed(GOOD, put("dsseEnvelope/signatures", lambda old: old * 2)),
}
"""Bundles that fit their own certificate; nobody here vouches for them."""
MISSING: dict[str, Bundle] = {
    "no certificate": changed(GOOD, put(MATERIAL, {"publicKey": {"hint": "x"}})),
    "an unknown version": changed(GOOD, put("mediaType", f"{BUNDLE[:-9]}v9.9+json")),
}


def encoded(bundle: Bundle) -> bytes:
    """The bundle as it is pushed."""
    return json.dumps(bundle).encode()
