"""A local certificate authority, for hubs that have no certificate of their own."""

import ipaddress
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CA_LIFETIME: Final = timedelta(days=3650)
_LIFETIME: Final = timedelta(days=397)
_RENEW_BEFORE: Final = timedelta(days=30)

CA: Final = "ca.crt"
CERTIFICATE: Final = "server.crt"
KEY: Final = "server.key"


def ensure_certificate(directory: Path, host: str, url: str | None) -> None:
    """Have a CA and a certificate for this host's names and addresses; renew it when it is due."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = _names(host, url)
    if (directory / CA).exists() and _is_good(directory / CERTIFICATE, names):
        return
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
    (directory / CERTIFICATE).write_bytes(chain)


def ensure_pkcs8(key: Path, directory: Path) -> None:
    """Have the key in PKCS#8, the one format that the server reads; a password is not supported."""
    loaded = load_pem_private_key(key.read_bytes(), password=None)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_private(
        directory / "given.key",
        loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


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


def _is_good(path: Path, names: list[x509.GeneralName]) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    fresh = certificate.not_valid_after_utc - datetime.now(UTC) > _RENEW_BEFORE
    return fresh and set(names) <= set(held)


def _ensure_ca(
    directory: Path,
) -> tuple[CertificateIssuerPrivateKeyTypes, x509.Certificate]:
    key_path, ca_path = directory / "ca.key", directory / CA
    if key_path.exists() and ca_path.exists():
        held = load_pem_private_key(key_path.read_bytes(), password=None)
        if isinstance(held, ec.EllipticCurvePrivateKey):
            return held, x509.load_pem_x509_certificate(ca_path.read_bytes())
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
    ca_path.write_bytes(certificate.public_bytes(Encoding.PEM))
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


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    _write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
