"""Forged layers of cosign's tags are verified by no trust root, and raise nothing."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from entrepot.extract.findings import Signature
from tests.extract.makers import OTHER, SUBJECT
from tests.extract.signing.forged_bundles import FOREIGN, OURS, flipped
from tests.extract.signing.test_forged_bundles import NOW, ROOTS
from tests.extract.tasks import blob, read
from tests.support.private_sigstore import START, PrivateSigstore
from tests.support.sigstore_parts import (
    STATEMENT,
    annotations_of,
    b64,
    hashed_body,
    in_toto_body,
    new_key,
    pae,
    sign,
    simple_payload,
    statement,
)

SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"
BUNDLE = "dev.sigstore.cosign/bundle"
CERTIFICATE = "dev.sigstore.cosign/certificate"
SIGNATURE = "dev.cosignproject.cosign/signature"
Annotations = dict[str, str]
PAYLOAD, KEY = simple_payload(SUBJECT), new_key()
MADE = OURS.certificate(KEY)
SIGNED = sign(KEY, PAYLOAD)


def simple(log: PrivateSigstore = OURS, moment: Any = None, **more: Any) -> Annotations:
    """The annotations of a signature; the parts that are given replace those that are right."""
    made = more.get("made", MADE)
    digest = hashlib.sha256(more.get("logged", PAYLOAD)).digest()
    body = hashed_body(digest, more.get("in_log", SIGNED), more.get("by", made))
    return annotations_of(more.get("signature", SIGNED), made, log.entry(body, moment))


GOOD = simple()


def with_entry(**changes: Any) -> Annotations:
    """The good annotations with an entry that the log did not sign."""
    said = json.loads(GOOD[BUNDLE])
    return {**GOOD, BUNDLE: json.dumps({**said, "Payload": {**said["Payload"], **changes}})}


def with_promise(promise: str) -> Annotations:
    """The good annotations with another promise."""
    return {
        **GOOD,
        BUNDLE: json.dumps({**json.loads(GOOD[BUNDLE]), "SignedEntryTimestamp": promise}),
    }


def found_in(
    place: Path, content: bytes, annotations: Annotations, media_type: str = SIMPLE
) -> Signature:
    """The one signature of a layer."""
    layer = blob(place, content, media_type)
    layer.annotations.update(annotations)
    found = read("documents", layer, subject=SUBJECT, now=NOW, roots=ROOTS)
    assert len(found.signatures) == 1, found
    return found.signatures[0]


OTHERS = OURS.certificate(new_key())
PROMISE = json.loads(GOOD[BUNDLE])["SignedEntryTimestamp"]
FORGED: dict[str, tuple[bytes, Annotations]] = {
    "a signature of another digest": (
        simple_payload(OTHER),
        OURS.sign_simply(simple_payload(OTHER), KEY, MADE),
    ),
    "a payload changed afterwards": (PAYLOAD + b" ", GOOD),
    "a damaged signature": (PAYLOAD, {**GOOD, SIGNATURE: flipped(GOOD[SIGNATURE])}),
    "another signature by the same key": (PAYLOAD, {**GOOD, SIGNATURE: b64(sign(KEY, PAYLOAD))}),
    "the entry of another signature": (PAYLOAD, simple(in_log=sign(KEY, PAYLOAD))),
    "the entry of another payload": (PAYLOAD, simple(logged=b"something else")),
    "the entry of another certificate": (PAYLOAD, simple(by=OTHERS)),
    "the log of somebody else": (PAYLOAD, simple(log=FOREIGN)),
    "a damaged promise": (PAYLOAD, with_promise(flipped(PROMISE))),
    "the promise of another entry": (
        PAYLOAD,
        with_promise(json.loads(simple(by=OTHERS)[BUNDLE])["SignedEntryTimestamp"]),
    ),
    "another moment": (
        PAYLOAD,
        with_entry(integratedTime=int((START + timedelta(minutes=2)).timestamp())),
    ),
    "another index": (PAYLOAD, with_entry(logIndex=99)),
    "another log": (PAYLOAD, with_entry(logID="ab" * 32)),
    "another body": (PAYLOAD, with_entry(body=b64(b"{}"))),
    "made after the certificate ended": (PAYLOAD, simple(moment=START + timedelta(hours=1))),
    "made before the certificate began": (PAYLOAD, simple(moment=START - timedelta(hours=1))),
    "no promise of the certificate log": (
        PAYLOAD,
        simple(made=OURS.certificate(KEY, is_logged=False)),
    ),
    "a promise of another certificate log": (
        PAYLOAD,
        simple(made=OURS.certificate(KEY, sct_key=new_key())),
    ),
    "a certificate that may not sign": (
        PAYLOAD,
        simple(made=OURS.certificate(KEY, may_sign=False)),
    ),
    "a certificate of an authority": (
        PAYLOAD,
        simple(made=OURS.certificate(KEY, is_authority=True)),
    ),
    "somebody else's certificate": (
        PAYLOAD,
        {**GOOD, CERTIFICATE: OURS.sign_simply(PAYLOAD)[CERTIFICATE]},
    ),
}
UNKNOWN: dict[str, Annotations] = {
    "a sigstore that is not trusted": FOREIGN.sign_simply(PAYLOAD),
    "a certificate of a namesake in our log": simple(made=FOREIGN.certificate(KEY)),
    "no entry": {name: text for name, text in GOOD.items() if name != BUNDLE},
    "an entry that is no JSON": {**GOOD, BUNDLE: "{"},
    "an entry without its log": with_entry(logID="xyz"),
    "a negative moment": with_entry(integratedTime=-1),
    "a moment far away": with_entry(integratedTime=2**62),
    "a moment that is a truth": with_entry(integratedTime=True),
    "an index that is a list": with_entry(logIndex=[1]),
    "no promise": with_promise(""),
}


def test_a_layer_in_order_is_verified(tmp_path: Path) -> None:
    found = found_in(tmp_path, PAYLOAD, GOOD)
    assert (found.check, found.root) == ("verified", "ours"), found.reason


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_layer_is_invalid(tmp_path: Path, name: str) -> None:
    found = found_in(tmp_path, *FORGED[name])
    assert (found.check, found.root) == ("invalid", ""), found.reason


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_layer_that_no_root_vouches_for_is_not_verified(tmp_path: Path, name: str) -> None:
    found = found_in(tmp_path, PAYLOAD, UNKNOWN[name])
    assert (found.check in ("valid", "invalid"), found.root) == (True, ""), found.reason


@pytest.mark.parametrize(
    ("payload", "made", "check"),
    [
        (statement(SUBJECT, "https://slsa.dev/provenance/v1"), MADE, "verified"),
        (statement(SUBJECT), MADE, "invalid"),
        (statement(SUBJECT, "https://slsa.dev/provenance/v1"), OTHERS, "invalid"),
    ],
    ids=["in order", "of another statement", "of another certificate"],
)
def test_an_attestation_of_cosign_2_is_of_its_entry(
    tmp_path: Path, payload: bytes, made: Any, check: str
) -> None:
    said = statement(SUBJECT, "https://slsa.dev/provenance/v1")
    signature = sign(KEY, pae(said))
    envelope = {"payload": b64(said), "payloadType": STATEMENT}
    content = json.dumps({**envelope, "signatures": [{"sig": b64(signature)}]}).encode()
    entry = OURS.entry(in_toto_body(payload, made))
    found = found_in(tmp_path, content, annotations_of(signature, MADE, entry), ENVELOPE)
    assert found.check == check, found.reason
