"""Certificates of a root vouch for notation's signatures, and for nothing that is not in order."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from entrepot.extract.findings import SIGSTORE, X509, Signature, TrustRoot
from tests.extract.makers import COSE, SUBJECT, Key, cose, jws, key_for
from tests.extract.tasks import blob, read
from tests.support.private_authority import NAME, PrivateAuthority, name_of
from tests.support.private_sigstore import PrivateSigstore, key_usage
from tests.support.sigstore_parts import new_key, pem

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
ACME = PrivateAuthority(NOW)
FOREIGN = PrivateAuthority(NOW)
"""An authority of somebody else under the same name."""
ROOTS = [TrustRoot("acme-ca", X509, ACME.root())]
FORMS: dict[str, Callable[..., bytes]] = {"application/jose+json": jws, "application/cose": cose}
Signer = tuple[Any, list[x509.Certificate]]


def found_in(
    place: Path, content: bytes, media_type: str, roots: list[TrustRoot] = ROOTS, now: str = ""
) -> Signature:
    """The one signature of a layer."""
    found = read(
        "documents",
        blob(place, content, media_type),
        subject=SUBJECT,
        now=now or NOW.isoformat(),
        roots=roots,
    )
    assert len(found.signatures) == 1, found
    return found.signatures[0]


@pytest.mark.parametrize("media_type", FORMS)
@pytest.mark.parametrize("algorithm", [each for each in COSE if each != "EdDSA"])
def test_each_of_the_six_algorithms_is_verified(
    tmp_path: Path, algorithm: str, media_type: str
) -> None:
    key, chain = ACME.signer(key_for(algorithm))
    found = found_in(tmp_path, FORMS[media_type](algorithm, key, chain), media_type)
    assert (found.check, found.root) == ("verified", "acme-ca"), found.reason
    assert (found.identity, found.issuer) == (
        "CN=release,O=Acme,C=US",
        "CN=Acme root,O=Acme",
    )
    changed = FORMS[media_type](algorithm, key_for(algorithm), chain)
    assert found_in(tmp_path, changed, media_type).check == "invalid"


def below(**more: Any) -> Signer:
    """A signer below an authority between it and the root."""
    between, key = new_key(), new_key()
    name = name_of({NameOID.COMMON_NAME: "between"})
    middle = ACME.issue(between, name, **{"is_authority": True, **more})
    leaf = ACME.issue(key, name_of(NAME), by=(between, name))
    return key, [leaf, middle, ACME.certificate]


def alone(**more: Any) -> Signer:
    """A signer who vouches for himself."""
    key = new_key()
    name = name_of(NAME)
    return key, [ACME.issue(key, name, by=(key, name), **more)]


def test_an_authority_between_and_a_root_that_is_left_out_are_fine(tmp_path: Path) -> None:
    for key, chain in (below(), below(path_length=0), ACME.signer(purposes=())):
        for part in (chain, chain[:-1]):
            found = found_in(tmp_path, jws("ES256", key, part), "application/jose+json")
            assert (found.check, found.root) == ("verified", "acme-ca"), found.reason
    key, chain = alone()
    own = [TrustRoot("own", X509, pem(chain[0]).decode())]
    found = found_in(tmp_path, jws("ES256", key, chain), "application/jose+json", own)
    assert (found.check, found.root) == ("verified", "own"), found.reason


def unlimited() -> Signer:
    """A signer below an authority that may have nobody below it but signers, and has one."""
    first, second, key = new_key(), new_key(), new_key()
    one, two = (name_of({NameOID.COMMON_NAME: text}) for text in ("one", "two"))
    top = ACME.issue(first, one, is_authority=True, path_length=0)
    middle = ACME.issue(second, two, is_authority=True, by=(first, one))
    leaf = ACME.issue(key, name_of(NAME), by=(second, two))
    return key, [leaf, middle, top, ACME.certificate]


def with_usage(**said: bool) -> Signer:
    """A signer whose certificate is for something else."""
    return ACME.signer(usage=key_usage(**said))


PURPOSES = ExtendedKeyUsageOID
FAULTS: dict[str, Callable[[], Signer]] = {
    "for servers": lambda: ACME.signer(purposes=(PURPOSES.SERVER_AUTH,)),
    "for code and servers": lambda: ACME.signer(
        purposes=(PURPOSES.CODE_SIGNING, PURPOSES.SERVER_AUTH)
    ),
    "for everything": lambda: ACME.signer(
        purposes=(PURPOSES.CODE_SIGNING, PURPOSES.ANY_EXTENDED_KEY_USAGE)
    ),
    "for time stamps": lambda: ACME.signer(purposes=(PURPOSES.TIME_STAMPING,)),
    "expired": lambda: ACME.signer(since=-90, lasts=89),
    "not yet valid": lambda: ACME.signer(since=1),
    "not for signatures": lambda: with_usage(key_encipherment=True),
    "for signatures and certificates": lambda: with_usage(
        digital_signature=True, key_cert_sign=True
    ),
    "a usage that is not critical": lambda: ACME.signer(is_critical=False),
    "an authority as signer": lambda: ACME.signer(is_authority=True),
    "the root as signer": lambda: (ACME.key, [ACME.certificate]),
    "below no authority": lambda: below(is_authority=False),
    "below an expired authority": lambda: below(since=-9, lasts=8),
    "below an authority that signs no certificates": lambda: below(
        usage=key_usage(digital_signature=True)
    ),
    "a chain that is too long": unlimited,
}
UNKNOWN: dict[str, Callable[[], Signer]] = {
    "a namesake's authority": FOREIGN.signer,
    "a signer who vouches for himself": alone,
}


@pytest.mark.parametrize("media_type", FORMS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_chain_with_a_fault_is_invalid(tmp_path: Path, name: str, media_type: str) -> None:
    key, chain = FAULTS[name]()
    found = found_in(tmp_path, FORMS[media_type]("ES256", key, chain), media_type)
    assert (found.check, found.root) == ("invalid", ""), found.reason
    assert found.reason.startswith("acme-ca: ")


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_chain_of_nobody_here_is_valid_and_not_trusted(tmp_path: Path, name: str) -> None:
    key, chain = UNKNOWN[name]()
    found = found_in(tmp_path, jws("ES256", key, chain), "application/jose+json")
    assert (found.check, found.root, found.identity) == ("valid", "", "release"), found.reason


def rotated(chain: list[x509.Certificate]) -> list[list[x509.Certificate]]:
    """The chain in an order in which not each was issued by the next."""
    stranger = FOREIGN.certificate
    return [chain[::-1], [chain[0], *chain[2:]], [chain[0], stranger], [*chain, stranger]]


def test_certificates_in_another_order_are_no_chain(tmp_path: Path) -> None:
    key, chain = below()
    for wrong in rotated(chain):
        found = found_in(tmp_path, jws("ES256", key, wrong), "application/jose+json")
        assert found.check != "verified", found.reason


@pytest.mark.parametrize(
    ("said", "check"),
    [
        (
            {
                "io_cncf_notary_signingScheme": "notary.x509.signingAuthority",
                "io_cncf_notary_authenticSigningTime": "2026-03-14T00:00:00Z",
                "crit": ["io.cncf.notary.signingScheme", "io.cncf.notary.authenticSigningTime"],
            },
            "valid",
        ),
        ({"crit": ["io.cncf.notary.signingScheme", "io.example.magic"]}, "invalid"),
        ({"alg": "none"}, "invalid"),
        ({"alg": "HS256"}, "invalid"),
        ({"alg": "ES384"}, "invalid"),
    ],
)
def test_other_headers_are_verified_by_no_root(
    tmp_path: Path, said: dict[str, Any], check: str
) -> None:
    key, chain = ACME.signer()
    found = found_in(tmp_path, jws("ES256", key, chain, **said), "application/jose+json")
    assert (found.check, found.root) == (check, ""), found.reason


def test_weak_keys_and_hashes_are_refused(tmp_path: Path) -> None:
    key, chain = ACME.signer(algorithm=hashes.SHA224())
    found = found_in(tmp_path, jws("ES256", key, chain), "application/jose+json")
    assert (found.check, "too weak" in found.reason) == ("invalid", True)
    edwards: Key = key_for("EdDSA")
    content = jws("EdDSA", edwards, ACME.signer(edwards)[1])
    assert found_in(tmp_path, content, "application/jose+json").check == "valid"


def test_a_root_of_sigstore_and_another_subject_do_not_vouch(tmp_path: Path) -> None:
    key, chain = ACME.signer()
    content = jws("ES256", key, chain)
    other = [TrustRoot("acme-ca", SIGSTORE, PrivateSigstore().trusted_root())]
    assert found_in(tmp_path, content, "application/jose+json", other).check == "valid"
    foreign = jws("ES256", key, chain, "sha256:" + "b" * 64)
    found = found_in(tmp_path, foreign, "application/jose+json")
    assert (found.check, found.root) == ("invalid", "")


def test_the_certificates_must_be_good_when_the_signature_is_read(tmp_path: Path) -> None:
    key, chain = ACME.signer()
    content = jws("ES256", key, chain)
    late = (NOW + timedelta(days=120)).isoformat()
    found = found_in(tmp_path, content, "application/jose+json", now=late)
    assert (found.check, "is not valid now" in found.reason) == ("invalid", True)
