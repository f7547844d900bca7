"""What Fulcio's certificates and Rekor's logs say is shown as it was written."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from entrepot.extract.findings import Signature
from entrepot.extract.signing.keys import load_key
from tests.extract.makers import OTHER, START, SUBJECT, asn1, certificate, der_of, pem, time_stamp
from tests.extract.tasks import blob, read

FULCIO = "1.3.6.1.4.1.57264.1."
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
Key = ec.EllipticCurvePrivateKey


def key_of() -> Key:
    """A key as cosign makes them."""
    return ec.generate_private_key(ec.SECP256R1())


def message_bundle(
    key: Key, made: x509.Certificate | None, subject: str = SUBJECT, **material: Any
) -> tuple[bytes, bytes]:
    """A bundle over a digest, and its signature."""
    digest = bytes.fromhex(subject.removeprefix("sha256:"))
    signature = key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    if made is not None:
        material["certificate"] = {"rawBytes": base64.b64encode(der_of(made)).decode()}
    document = {
        "mediaType": BUNDLE,
        "verificationMaterial": material,
        "messageSignature": {
            "messageDigest": {
                "algorithm": "SHA2_256",
                "digest": base64.b64encode(digest).decode(),
            },
            "signature": base64.b64encode(signature).decode(),
        },
    }
    return json.dumps(document).encode(), signature


def found_in(place: Path, content: bytes, **more: object) -> Signature:
    """The one signature."""
    found = read("documents", blob(place, content, BUNDLE), subject=SUBJECT, **more)
    assert len(found.signatures) == 1, found
    return found.signatures[0]


@pytest.mark.parametrize("length", [0, 1, 127, 128, 129, 255, 256, 300])
def test_texts_of_any_length_are_read_whole(tmp_path: Path, length: int) -> None:
    workflow = "https://github.com/acme/"[:length].ljust(length, "w")
    key = key_of()
    made = certificate(key, (f"{FULCIO}9", asn1(0x0C, workflow.encode())))
    found = found_in(tmp_path, message_bundle(key, made)[0])
    assert found.details.get("Workflow", "") == workflow


def test_every_extension_is_shown_even_a_later_one(tmp_path: Path) -> None:
    key = key_of()
    raw = [(f"{FULCIO}{number}", f"raw {number}".encode()) for number in range(1, 7)]
    der = [(f"{FULCIO}{n}", asn1(0x0C, f"text {n}".encode())) for n in range(8, 26)]
    found = found_in(tmp_path, message_bundle(key, certificate(key, *raw, *der))[0])
    assert found.issuer == "text 8"
    expected = [f"raw {n}" for n in range(2, 7)] + [f"text {n}" for n in range(9, 26)]
    assert list(found.details.values()) == expected
    assert found.details["Repository id"] == "text 15"
    assert found.details["Fulcio 25"] == "text 25"


def test_a_user_s_name_is_an_identity(tmp_path: Path) -> None:
    key = key_of()
    name = x509.OtherName(x509.ObjectIdentifier(f"{FULCIO}7"), asn1(0x0C, b"anna!example.org"))
    made = certificate(key, names=[name])
    assert found_in(tmp_path, message_bundle(key, made)[0]).identity == "anna!example.org"


def test_a_signature_over_a_digest_is_checked_without_the_bytes(tmp_path: Path) -> None:
    key = key_of()
    made = certificate(key)
    content = message_bundle(key, made)[0]
    assert found_in(tmp_path, content).check == "valid"
    assert found_in(tmp_path, content, keys=[pem(key)]).check == "verified"
    assert found_in(tmp_path, message_bundle(key_of(), made)[0]).check == "invalid"
    other = found_in(tmp_path, message_bundle(key, made, OTHER)[0], keys=[pem(key)])
    assert (other.check, other.subject) == ("invalid", OTHER)


def test_without_a_time_in_the_log_the_time_stamp_counts(tmp_path: Path) -> None:
    key = key_of()
    made = certificate(key, start=START, lasts=timedelta(minutes=10))
    moment = START + timedelta(minutes=5)
    document = json.loads(message_bundle(key, made, tlogEntries=[{"logIndex": "7"}])[0])
    signature = base64.b64decode(document["messageSignature"]["signature"])
    for stamped, expected in ((signature, moment.isoformat()), (b"other bytes", "")):
        token = base64.b64encode(time_stamp(stamped, moment)).decode()
        stamps = {"rfc3161Timestamps": [{"signedTimestamp": token}]}
        document["verificationMaterial"]["timestampVerificationData"] = stamps
        found = found_in(tmp_path, json.dumps(document).encode(), now="2027-01-01T00:00:00Z")
        assert (found.check, found.signed_at, found.log_index) == ("valid", expected, "7")
    assert found.signed_at_source == ""


def test_zero_is_no_time_and_the_first_entry_of_a_log_has_a_number(tmp_path: Path) -> None:
    key = key_of()
    made = certificate(key)
    for entry in ({"integratedTime": "0"}, {"integratedTime": 0}, {}):
        found = found_in(tmp_path, message_bundle(key, made, tlogEntries=[entry])[0])
        assert (found.signed_at, found.log_index) == ("", "0")


def test_a_certificate_counts_when_the_log_saw_it(tmp_path: Path) -> None:
    key = key_of()
    made = certificate(key, lasts=timedelta(minutes=10))
    for minutes, check in ((5, "valid"), (11, "invalid"), (-1, "invalid")):
        moment = int((START + timedelta(minutes=minutes)).timestamp())
        content = message_bundle(key, made, tlogEntries=[{"integratedTime": str(moment)}])[0]
        assert found_in(tmp_path, content).check == check


def entry_of(key: Key, form: str) -> dict[str, str]:
    """A log's entry that holds the public key, as each kind of entry writes it."""
    text = base64.b64encode(pem(key).encode()).decode()
    raw = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    verifier = {"publicKey": {"rawBytes": base64.b64encode(raw).decode()}}
    specs: dict[str, dict[str, Any]] = {
        "hashedrekord": {"signature": {"publicKey": {"content": text}}},
        "dsse": {"signatures": [{"verifier": text}]},
        "intoto": {"publicKey": text},
        "rekor v2": {"hashedRekordV002": {"signature": {"verifier": verifier}}},
    }
    body = json.dumps({"kind": form, "spec": specs[form]}).encode()
    return {"canonicalizedBody": base64.b64encode(body).decode()}


@pytest.mark.parametrize("form", ["hashedrekord", "dsse", "intoto", "rekor v2"])
def test_a_key_in_the_log_s_entry_checks_the_signature(tmp_path: Path, form: str) -> None:
    key = key_of()
    content = message_bundle(key, None, tlogEntries=[entry_of(key, form)])[0]
    found = found_in(tmp_path, content)
    assert (found.check, "nobody here vouches for the key" in found.reason) == ("valid", True)
    wrong = message_bundle(key, None, tlogEntries=[entry_of(key_of(), form)])[0]
    assert found_in(tmp_path, wrong).check == "invalid"


@pytest.mark.parametrize("place", range(0, 900, 13))
def test_a_damaged_certificate_raises_nothing(tmp_path: Path, place: int) -> None:
    key = key_of()
    made = certificate(key, (f"{FULCIO}9", asn1(0x0C, b"w" * 300)))
    raw = bytearray(der_of(made))
    raw[place % len(raw)] ^= 0xFF
    document = json.loads(message_bundle(key, made)[0])
    encoded = base64.b64encode(bytes(raw)).decode()
    document["verificationMaterial"]["certificate"]["rawBytes"] = encoded
    found = read("documents", blob(tmp_path, json.dumps(document).encode(), BUNDLE))
    assert all(each.check != "verified" for each in found.signatures)


BODIES: dict[str, dict[str, Any]] = {
    "hashedrekord": {"spec": {"signature": {"content": "SIGNATURE"}}},
    "dsse": {"spec": {"signatures": [{"signature": "AAAA"}, {"signature": "SIGNATURE"}]}},
    "hashedrekord 2": {"spec": {"hashedRekordV002": {"signature": {"content": "SIGNATURE"}}}},
    "dsse 2": {"spec": {"dsseV002": {"signatures": [{"content": "SIGNATURE"}]}}},
}


@pytest.mark.parametrize("form", BODIES)
def test_a_log_s_entry_of_another_signature_makes_it_invalid(tmp_path: Path, form: str) -> None:
    key = key_of()
    document = json.loads(message_bundle(key, certificate(key))[0])
    own = document["messageSignature"]["signature"]
    for content, check in ((own, "valid"), ("AAAA", "invalid")):
        body = json.dumps({"kind": form.split()[0], **BODIES[form]}).replace("SIGNATURE", content)
        entry = {"canonicalizedBody": base64.b64encode(body.encode()).decode(), "logIndex": "3"}
        document["verificationMaterial"]["tlogEntries"] = [entry]
        found = found_in(tmp_path, json.dumps(document).encode(), keys=[])
        assert (found.check, found.log_index) == (check, "3"), found.reason


def test_a_certificate_of_no_known_version_is_damaged(tmp_path: Path) -> None:
    key = key_of()
    content, _ = message_bundle(key, certificate(key))
    # The version stands first: [0] { INTEGER 2 }.
    raw = der_of(certificate(key)).replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x42", 1)
    document = json.loads(content)
    document["verificationMaterial"]["certificate"]["rawBytes"] = base64.b64encode(raw).decode()
    found = read("documents", blob(tmp_path, json.dumps(document).encode(), BUNDLE))
    assert (found.state.value, found.reason) == ("failed", "its certificate cannot be read")
    pem_text = base64.encodebytes(raw).decode()
    framed = f"-----BEGIN CERTIFICATE-----\n{pem_text}-----END CERTIFICATE-----\n"
    assert load_key(framed) is None


def test_years_far_away_are_no_times(tmp_path: Path) -> None:
    key = key_of()
    moments: tuple[object, ...] = ("9" * 30, "-1", "1e400", "nan", True, None, [], "31 February")
    for moment in moments:
        content = message_bundle(key, None, tlogEntries=[{"integratedTime": moment}])[0]
        assert found_in(tmp_path, content).signed_at == ""
