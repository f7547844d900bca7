"""An authority of one's own for the Notary Project: a root, and signers below it."""

from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.support.private_sigstore import key_usage
from tests.support.sigstore_parts import new_key, pem

Key = ec.EllipticCurvePrivateKey
NAME = {
    NameOID.COUNTRY_NAME: "US",
    NameOID.ORGANIZATION_NAME: "Acme",
    NameOID.COMMON_NAME: "release",
}


def name_of(parts: dict[x509.ObjectIdentifier, str]) -> x509.Name:
    """A distinguished name."""
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts.items()])


class PrivateAuthority:
    """A root that is good from a day before `now` on, for a year."""

    def __init__(self, now: datetime, name: str = "Acme root") -> None:
        self.now = now
        self.key = new_key()
        self.name = name_of({NameOID.ORGANIZATION_NAME: "Acme", NameOID.COMMON_NAME: name})
        self.certificate = self.issue(self.key, self.name, is_authority=True, lasts=365)

    def root(self) -> str:
        """The root's file."""
        return pem(self.certificate).decode()

    def signer(self, key: Any = None, **more: Any) -> tuple[Any, list[x509.Certificate]]:
        """A key, and its chain."""
        key = key or new_key()
        return key, [self.issue(key, name_of(NAME), **more), self.certificate]

    def issue(
        self,
        key: Any,
        name: x509.Name,
        *,
        is_authority: bool = False,
        path_length: int | None = None,
        purposes: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CODE_SIGNING,),
        usage: x509.KeyUsage | None = None,
        is_critical: bool = True,
        since: int = -1,
        lasts: int = 90,
        by: tuple[Key, x509.Name] | None = None,
        algorithm: Any = None,
    ) -> x509.Certificate:
        """A certificate for `lasts` days from `since` days after `now` on."""
        signer, issuer = by or (self.key, self.name)
        start = self.now + timedelta(days=since)
        usage = usage or (
            key_usage(key_cert_sign=True, crl_sign=True)
            if is_authority
            else key_usage(digital_signature=True)
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=lasts))
            .add_extension(usage, critical=is_critical)
        )
        if is_authority:
            constraints = x509.BasicConstraints(True, path_length)
            builder = builder.add_extension(constraints, critical=True)
        elif purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        return builder.sign(signer, algorithm or hashes.SHA256())
