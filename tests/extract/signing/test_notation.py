"""Signatures of the Notary Project are read and checked, as JWS and as COSE."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from entrepot.extract.findings import Signature, Task
from entrepot.extract.read import read_task
from tests.extract.makers import (
    COSE,
    OTHER,
    START,
    SUBJECT,
    address64,
    certificate,
    cose,
    jws,
    key_for,
    pem,
    time_stamp,
)
from tests.extract.tasks import blob, read

Make = Callable[..., bytes]
FORMS: dict[str, Make] = {"application/jose+json": jws, "application/cose": cose}


def checked(place: Path, content: bytes, media_type: str, **more: object) -> Signature:
    """The signature that is found in one layer."""
    found = read("documents", blob(place, content, media_type), subject=SUBJECT, **more)
    assert len(found.signatures) == 1, found
    return found.signatures[0]


@pytest.mark.parametrize("media_type", FORMS)
@pytest.mark.parametrize("algorithm", COSE)
def test_every_algorithm_is_checked_by_its_own_rules(
    tmp_path: Path, algorithm: str, media_type: str
) -> None:
    key = key_for(algorithm)
    content = FORMS[media_type](algorithm, key, [certificate(key)])
    found = checked(tmp_path, content, media_type)
    assert (found.check, found.subject) == ("valid", SUBJECT), found.reason
    assert found.identity == "acme builds"
    trusted = checked(tmp_path, content, media_type, keys=[pem(key_for("ES256")), pem(key)])
    assert (trusted.check, trusted.key_id[:7]) == ("verified", "SHA256:")


@pytest.mark.parametrize("media_type", FORMS)
@pytest.mark.parametrize("algorithm", COSE)
def test_a_changed_signature_is_invalid(tmp_path: Path, algorithm: str, media_type: str) -> None:
    key, other = key_for(algorithm), key_for(algorithm)
    content = FORMS[media_type](algorithm, key, [certificate(other)])
    found = checked(tmp_path, content, media_type)
    assert (found.check, "its own certificate" in found.reason) == ("invalid", True)


@pytest.mark.parametrize("media_type", FORMS)
def test_a_signature_of_another_digest_is_invalid_here(tmp_path: Path, media_type: str) -> None:
    key = key_for("ES256")
    content = FORMS[media_type]("ES256", key, [certificate(key)], OTHER)
    found = checked(tmp_path, content, media_type, keys=[pem(key)])
    assert (found.check, found.subject) == ("invalid", OTHER)
    assert "not what it is attached to" in found.reason


@pytest.mark.parametrize("media_type", FORMS)
def test_times_and_scheme_are_told(tmp_path: Path, media_type: str) -> None:
    key = key_for("ES256")
    found = checked(tmp_path, FORMS[media_type]("ES256", key, [certificate(key)]), media_type)
    assert found.signed_at == "2026-03-14T08:10:02+00:00"
    assert found.signed_at_source == "the signer's own word"
    assert found.details["Signing scheme"] == "notary.x509"


@pytest.mark.parametrize(
    ("media_type", "moment"),
    [
        ("application/jose+json", "2026-02-02T00:00:00Z"),
        ("application/cose", (1, int(datetime(2026, 2, 2, tzinfo=UTC).timestamp()))),
    ],
)
def test_a_signature_past_its_expiry_is_invalid(
    tmp_path: Path, media_type: str, moment: object
) -> None:
    key = key_for("ES256")
    content = FORMS[media_type](
        "ES256",
        key,
        [certificate(key)],
        io_cncf_notary_expiry=moment,
        crit=["io.cncf.notary.signingScheme", "io.cncf.notary.expiry"],
    )
    early = checked(tmp_path, content, media_type, now="2026-02-01T23:59:00+00:00")
    assert (early.check, early.expires_at) == ("valid", "2026-02-02T00:00:00+00:00")
    late = checked(tmp_path, content, media_type, now="2026-02-02T00:01:00Z", keys=[pem(key)])
    assert (late.check, late.reason) == ("invalid", "it expired on 2026-02-02")


def test_a_signing_authority_says_when(tmp_path: Path) -> None:
    key = key_for("ES256")
    said: dict[str, Any] = {
        "io_cncf_notary_signingScheme": "notary.x509.signingAuthority",
        "io_cncf_notary_authenticSigningTime": "2026-04-01T12:00:00Z",
        "crit": ["io.cncf.notary.signingScheme", "io.cncf.notary.authenticSigningTime"],
    }
    content = jws("ES256", key, [certificate(key)], **said)
    found = checked(tmp_path, content, "application/jose+json")
    assert (found.check, found.signed_at) == ("valid", "2026-04-01T12:00:00+00:00")
    assert found.signed_at_source == "the signing authority"


@pytest.mark.parametrize("is_response", [True, False])
def test_a_time_stamp_of_the_signature_says_when(tmp_path: Path, is_response: bool) -> None:
    key = key_for("EdDSA")
    document = json.loads(jws("EdDSA", key, [certificate(key)]))
    made = base64.urlsafe_b64decode(document["signature"] + "==")
    for stamped, expected in (
        (made, "2026-05-05T05:05:05+00:00"),
        (b"other", "2026-03-14T08:10:02+00:00"),
    ):
        token = time_stamp(
            stamped, datetime(2026, 5, 5, 5, 5, 5, tzinfo=UTC), is_response=is_response
        )
        document["header"]["io.cncf.notary.timestampSignature"] = base64.b64encode(token).decode()
        found = checked(tmp_path, json.dumps(document).encode(), "application/jose+json")
        assert found.signed_at == expected


def test_a_certificate_counts_at_the_time_of_signing(tmp_path: Path) -> None:
    key = key_for("ES256")
    expired = certificate(key, lasts=timedelta(days=90))
    found = checked(
        tmp_path, jws("ES256", key, [expired]), "application/jose+json", now="2030-01-01T00:00:00Z"
    )
    assert found.check == "valid"
    early = certificate(key, start=START + timedelta(days=200))
    found = checked(tmp_path, jws("ES256", key, [early]), "application/jose+json")
    assert (found.check, "was not valid on 2026-03-14" in found.reason) == ("invalid", True)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256", "", 7, None, "ES384", "PS256"])
def test_an_algorithm_that_does_not_fit_is_invalid(tmp_path: Path, algorithm: object) -> None:
    key = key_for("ES256")
    content = jws("ES256", key, [certificate(key)], alg=algorithm)
    assert (
        checked(tmp_path, content, "application/jose+json", keys=[pem(key)][:0]).check == "invalid"
    )


def test_a_demand_that_nobody_here_knows_is_invalid(tmp_path: Path) -> None:
    key = key_for("ES256")
    content = jws("ES256", key, [certificate(key)], crit=["io.example.magic"])
    found = checked(tmp_path, content, "application/jose+json", keys=[pem(key)])
    assert (found.check, "io.example.magic" in found.reason) == ("invalid", True)


@pytest.mark.parametrize("media_type", FORMS)
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"crit": []}, "signingScheme"),
        ({"io_cncf_notary_signingScheme": "notary.pgp"}, "notary.pgp"),
        ({"io_cncf_notary_expiry": "2099-01-01T00:00:00Z"}, "expiry"),
        ({"io_cncf_notary_authenticSigningTime": "2026-01-02T00:00:00Z"}, "authenticSigningTime"),
        ({"cty": "application/json"}, "application/json"),
    ],
)
def test_headers_are_as_the_specification_has_them(
    tmp_path: Path, media_type: str, said: dict[str, Any], reason: str
) -> None:
    key = key_for("ES256")
    content = FORMS[media_type]("ES256", key, [certificate(key)], **said)
    found = checked(tmp_path, content, media_type, keys=[pem(key)])
    assert (found.check, reason in found.reason) == ("invalid", True), found.reason


@pytest.mark.parametrize("media_type", FORMS)
@pytest.mark.parametrize(("algorithm", "size"), [("PS256", "PS384"), ("PS512", "PS256")])
def test_an_rsa_key_of_another_size_than_the_algorithm_s_is_invalid(
    tmp_path: Path, media_type: str, algorithm: str, size: str
) -> None:
    key = key_for(size)
    content = FORMS[media_type](algorithm, key, [certificate(key)])
    assert checked(tmp_path, content, media_type).check == "invalid"
    assert checked(tmp_path, content, media_type, keys=[pem(key)]).check == "invalid"


def test_another_curve_of_the_same_size_is_invalid(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256K1())
    content = jws("ES256", key, [certificate(key)])
    assert checked(tmp_path, content, "application/jose+json", keys=[pem(key)]).check == "invalid"


@pytest.mark.parametrize("salt", [0, 20, 64])
def test_a_salt_of_another_length_than_the_hash_s_is_invalid(tmp_path: Path, salt: int) -> None:
    key = key_for("PS256")
    assert isinstance(key, rsa.RSAPrivateKey)
    document = json.loads(jws("PS256", key, [certificate(key)]))
    message = f"{document['protected']}.{document['payload']}".encode()
    made = key.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())
    document["signature"] = address64(made)
    content = json.dumps(document).encode()
    assert checked(tmp_path, content, "application/jose+json", keys=[pem(key)]).check == "invalid"


def issued(key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """A certificate that a CA made."""
    name, issuer = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
        for text in ("leaf", "acme builds")
    )
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer)
    builder = builder.public_key(key.public_key()).serial_number(2)
    builder = builder.not_valid_before(START).not_valid_after(START + timedelta(days=300))
    return builder.sign(by, hashes.SHA256())


@pytest.mark.parametrize("media_type", FORMS)
def test_certificates_must_be_a_chain(tmp_path: Path, media_type: str) -> None:
    leaf, authority = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    made, root = issued(leaf, authority), certificate(authority)
    make = FORMS[media_type]
    found = checked(tmp_path, make("ES256", leaf, [made, root]), media_type)
    assert (found.check, found.identity, found.issuer) == ("valid", "leaf", "CN=acme builds")
    foreign = certificate(key_for("ES256"))
    for chain in ([made, foreign], [root, made]):
        assert checked(tmp_path, make("ES256", leaf, chain), media_type).check == "invalid"


def test_without_a_certificate_only_a_trusted_key_says_something(tmp_path: Path) -> None:
    key = key_for("ES256")
    content = jws("ES256", key, [])
    assert checked(tmp_path, content, "application/jose+json").check == "not checked"
    assert checked(tmp_path, content, "application/jose+json", keys=[pem(key)]).check == "verified"


GARBAGE = [
    b"",
    b"{",
    b"{}",
    b"[]",
    b"\xd2",
    b"\xd2\x84",
    b"\xd2\x84\x40\xa0\x40\x40",
    b"\xd2\x84\x43\xa1\x01\x26\xa0\xf6\x40",
    b"\xd2\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x9f" * 5000,
    b"\xbf\x81\x01\x02\xff",
    b"\x5f\x01\xff",
    b"\xd2\x84\x44\xa1\x01\x26\x00\xa0\x40\x40",
    b'{"protected": 7, "payload": [], "signature": {}, "header": "x"}',
    b'{"protected": "e30", "payload": "e30", "signature": "AA", "header": {"x5c": ["AAAA"]}}',
]


@pytest.mark.parametrize("content", GARBAGE, ids=range(len(GARBAGE)))
@pytest.mark.parametrize("media_type", FORMS)
def test_what_cannot_be_read_is_invalid_and_raises_nothing(
    tmp_path: Path, content: bytes, media_type: str
) -> None:
    layer = blob(tmp_path, content, media_type)
    found = read_task(Task("documents", "notation-signature", [layer], subject=SUBJECT))
    assert [each.check for each in found.signatures] == ["invalid"]
    assert found.signatures[0].reason


def test_every_cut_and_flipped_byte_of_an_envelope_is_survived(tmp_path: Path) -> None:
    key = key_for("EdDSA")
    content = cose("EdDSA", key, [certificate(key)])
    for place in range(0, len(content), 7):
        flipped = content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        for changed in (content[:place], flipped):
            layer = blob(tmp_path, changed, "application/cose")
            found = read("documents", layer, subject=SUBJECT)
            assert all(each.check != "verified" for each in found.signatures)
            Path(layer.path).unlink()
