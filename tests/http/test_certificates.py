"""A hub without a certificate of its own makes one that clients can check, and keeps its CA."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from entrepot.http import certificates
from entrepot.http.certificates import CA, CERTIFICATE, KEY, ensure_certificate

URL = "https://hub.example:8443"


def chain_of(directory: Path) -> list[x509.Certificate]:
    """What the server sends."""
    return x509.load_pem_x509_certificates((directory / CERTIFICATE).read_bytes())


def names_of(directory: Path) -> list[str]:
    """The host names that the certificate is for."""
    held = chain_of(directory)[0].extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return held.value.get_values_for_type(x509.DNSName)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a hub of that address has its certificates."""
    directory = tmp_path / "tls"
    ensure_certificate(directory, "0.0.0.0", URL)  # noqa: S104 - as a hub listens
    return directory


def again(place: Path, url: str = URL) -> None:
    """Start the hub once more."""
    ensure_certificate(place, "0.0.0.0", url)  # noqa: S104 - as a hub listens


def test_the_certificate_is_for_the_hubs_names_and_is_the_cas(place: Path) -> None:
    (authority,) = x509.load_pem_x509_certificates((place / CA).read_bytes())
    certificate, sent = chain_of(place)
    assert sent == authority
    certificate.verify_directly_issued_by(authority)
    assert {"hub.example", "localhost"} <= set(names_of(place))
    key = load_pem_private_key((place / KEY).read_bytes(), password=None)
    assert key.public_key() == certificate.public_key()


def test_keys_are_nobody_elses(place: Path) -> None:
    for name in (KEY, "ca.key"):
        assert stat.S_IMODE((place / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_hubs_that_start_together_have_one_authority_and_its_certificate(tmp_path: Path) -> None:
    place, line = tmp_path / "tls", Barrier(8)

    def start() -> bytes:
        line.wait()
        again(place)
        return (place / CA).read_bytes()

    with ThreadPoolExecutor(8) as pool:
        authorities = {each.result() for each in [pool.submit(start) for _ in range(8)]}
    assert len(authorities) == 1
    assert_goes_together(place)


@pytest.mark.parametrize("name", [KEY, "ca.key"])
def test_a_key_of_another_certificate_is_not_served(place: Path, name: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    again(other)
    (place / name).write_bytes((other / name).read_bytes())
    if name == "ca.key":
        (place / CERTIFICATE).unlink()
    again(place)
    assert_goes_together(place)


def assert_goes_together(place: Path) -> None:
    """The certificate is of the key, and the authority's."""
    (authority,) = x509.load_pem_x509_certificates((place / CA).read_bytes())
    certificate = chain_of(place)[0]
    certificate.verify_directly_issued_by(authority)
    key = load_pem_private_key((place / KEY).read_bytes(), password=None)
    assert key.public_key() == certificate.public_key()


def test_a_certificate_that_is_good_stays(place: Path) -> None:
    before = {each.name: each.read_bytes() for each in place.iterdir()}
    again(place)
    assert {each.name: each.read_bytes() for each in place.iterdir()} == before


@pytest.mark.parametrize("lost", [CERTIFICATE, KEY])
def test_clients_go_on_to_trust_a_hub_that_lost_its_certificate(place: Path, lost: str) -> None:
    authority, before = (place / CA).read_bytes(), chain_of(place)[0]
    (place / CERTIFICATE).unlink()
    (place / lost).unlink(missing_ok=True)
    again(place)
    assert (place / CA).read_bytes() == authority
    assert chain_of(place)[0] != before
    assert chain_of(place)[1].public_bytes(Encoding.PEM) == authority


def test_another_address_gets_a_certificate_of_the_same_ca(place: Path) -> None:
    authority = (place / CA).read_bytes()
    again(place, "https://other.example")
    assert "other.example" in names_of(place)
    assert (place / CA).read_bytes() == authority


def test_a_certificate_is_renewed_before_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(certificates, "_LIFETIME", timedelta(days=29))
        again(tmp_path)
    before = chain_of(tmp_path)[0]
    again(tmp_path)
    assert chain_of(tmp_path)[0].not_valid_after_utc > before.not_valid_after_utc
    assert chain_of(tmp_path)[1] == x509.load_pem_x509_certificate((tmp_path / CA).read_bytes())


def test_a_hub_without_an_address_is_reached_from_its_own_machine(tmp_path: Path) -> None:
    ensure_certificate(tmp_path, "127.0.0.1", None)
    assert "localhost" in names_of(tmp_path)
