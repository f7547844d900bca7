"""A local certificate authority, for hubs that have no certificate of their own."""

import ipaddress
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
    PrivateKeyTypes,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from entrepot.storage.private_files import locked_directory, write_private

_CA_LIFETIME: Final = timedelta(days=3650)
_LIFETIME: Final = timedelta(days=397)
_RENEW_BEFORE: Final = timedelta(days=30)

CA: Final = "ca.crt"
CERTIFICATE: Final = "server.crt"
KEY: Final = "server.key"


def ensure_certificate(directory: Path, host: str, url: str | None) -> None:
    """Have a CA and a certificate for this host's names and addresses; renew it when it is due."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Hubs that start together on one directory have one authority, and a certificate of its key.
    with locked_directory(directory):
        names = _names(host, url)
        if not (directory / CA).exists() or not _is_good(directory, names):
            _make_certificate(directory, names)


def _make_certificate(directory: Path, names: list[x509.GeneralName]) -> None:
    ca_key, ca = _ensure_ca(directory)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder("Entrepot", key.public_key(), _LIFETIME).issuer_name(ca.subject)
    certificate = (
        builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()),
            critical=False,
        )
        .sign(ca_key, hashes.SHA256())
    )
    _write_key(directory / KEY, key)
    chain = certificate.public_bytes(Encoding.PEM) + ca.public_bytes(Encoding.PEM)
    write_private(directory / CERTIFICATE, chain)


def ensure_pkcs8(key: Path, directory: Path) -> None:
    """Have the key in PKCS#8, the one format that the server reads; a password is not supported."""
    loaded = load_pem_private_key(key.read_bytes(), password=None)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked_directory(directory):
        _write_key(directory / "given.key", loaded)


def _names(host: str, url: str | None) -> list[x509.GeneralName]:
    names = {"localhost", socket.gethostname(), urlsplit(url or "").hostname or "localhost"}
    addresses = {"127.0.0.1", "::1"}
    for candidate in (host, *_own_addresses()):
        try:
            addresses.add(str(ipaddress.ip_address(candidate)))
        except ValueError:
            names.add(candidate)
    addresses -= {"0.0.0.0", "::"}  # noqa: S104 - names no host
    return [
        *(x509.DNSName(name) for name in sorted(names) if name.isascii()),
        *(x509.IPAddress(ipaddress.ip_address(each)) for each in sorted(addresses)),
    ]


def _own_addresses() -> list[str]:
    try:
        found = socket.getaddrinfo(socket.gethostname(), None)
    except OSError:
        return []
    return [str(entry[4][0]).partition("%")[0] for entry in found]


def _is_good(directory: Path, names: list[x509.GeneralName]) -> bool:
    """Say whether the certificate names all of them, lasts a while yet and is of the key."""
    try:
        certificate = x509.load_pem_x509_certificate((directory / CERTIFICATE).read_bytes())
        key = load_pem_private_key((directory / KEY).read_bytes(), password=None)
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    fresh = certificate.not_valid_after_utc - datetime.now(UTC) > _RENEW_BEFORE
    # A crash may have come between the two files.
    is_of_key = key.public_key() == certificate.public_key()
    return fresh and is_of_key and set(names) <= set(held)


def _ensure_ca(
    directory: Path,
) -> tuple[CertificateIssuerPrivateKeyTypes, x509.Certificate]:
    key_path, ca_path = directory / "ca.key", directory / CA
    if key_path.exists() and ca_path.exists():
        held = load_pem_private_key(key_path.read_bytes(), password=None)
        found = x509.load_pem_x509_certificate(ca_path.read_bytes())
        is_of_key = held.public_key() == found.public_key()
        if isinstance(held, ec.EllipticCurvePrivateKey) and is_of_key:
            return held, found
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"Entrepot local CA ({socket.gethostname()})"
    builder = _builder(name, key.public_key(), _CA_LIFETIME)
    certificate = (
        builder.issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_ca_usage(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_path, key)
    write_private(ca_path, certificate.public_bytes(Encoding.PEM))
    return key, certificate


def _builder(
    name: str, key: ec.EllipticCurvePublicKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    # An hour back: a client's clock may be a little behind.
    start = datetime.now(UTC) - timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + lifetime)
    )


def _ca_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write_key(path: Path, key: PrivateKeyTypes) -> None:
    write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
