"""OpenPGP signatures say what they are of, by which key and since when; nothing is believed."""

import base64
import hashlib
from pathlib import Path

import pytest

from entrepot.extract.findings import Signature
from tests.extract.tasks import blob, read

# Made by GnuPG 2.2 with a key that nobody keeps: detached, over a file that is not here.
DETACHED = b"""-----BEGIN PGP SIGNATURE-----

iHUEABYIAB0WIQRwDvqpu2TR6jKxHLF4Xwmn+QWAfAUCawqfuwAKCRB4Xwmn+QWA
fDCfAQC8sBaHr0p2p5A4+b3Q2FjMxe/MM39nrb4fmgtPSBMPrgEA9stReSrxjqAF
luRy/iB6GjUgmped99vxwaBHPyEPRQ8=
=gzJR
-----END PGP SIGNATURE-----
"""
# Made by Helm 3 with the same key; packets of the newer form.
ARMORED = b"""-----BEGIN PGP SIGNATURE-----

wrsEARYKAG0FgmsKn7sJEHhfCaf5BYB8RRQAAAAAABwAIHNhbHRAbm90YXRpb25z
Lm9wZW5wZ3Bqcy5vcmfx85Aehe93+j6H11Y9YCx9lt0+uYLC/ziw/JG/cwypthYh
BHAO+qm7ZNHqMrEcsXhfCaf5BYB8AADwVAD+ISTa3cRe16tJZwjwCyKtpQkZz89u
XYd/Y9xmyoLHsoYA/29+w1iCwlHZv0gqLwjhXd3on9Um+vuR7UPJCFpnucYH
-----END PGP SIGNATURE-----"""
RAW = base64.b64decode(b"".join(DETACHED.split()[3:6]))
KEY = "700EFAA9BB64D1EA32B11CB1785F09A7F905807C"
CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov"


def provenance(of: bytes, armor: bytes = ARMORED) -> bytes:
    """A file as `helm package --sign` writes it beside an archive."""
    digest = hashlib.sha256(of).hexdigest().encode()
    text = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nname: ch\nversion: 1.0.0\n\n...\n"
    return text + b"files:\n  ch-1.0.0.tgz: sha256:" + digest + b"\n\n" + armor


def found_with(place: Path, archive: bytes, content: bytes) -> Signature:
    """The signature of a chart that brings its provenance."""
    layers = (blob(place, content, PROVENANCE), blob(place, archive, CHART))
    found = read("chart", *layers)
    assert len(found.signatures) == 1
    return found.signatures[0]


@pytest.mark.parametrize("content", [DETACHED, RAW], ids=["armored", "raw"])
def test_a_detached_signature_tells_key_and_time_and_names_nothing(
    tmp_path: Path, content: bytes
) -> None:
    layer = blob(tmp_path, content, "application/pgp-signature")
    (found,) = read("documents", layer, subject="sha256:" + "a" * 64).signatures
    assert (found.form, found.check, found.subject) == ("gpg", "not checked", "")
    assert (found.key_id, found.signed_at) == (KEY, "2026-11-28T09:32:43+00:00")


def test_a_chart_s_signature_names_its_archive_by_the_bytes(tmp_path: Path) -> None:
    found = found_with(tmp_path, b"archive", provenance(b"archive"))
    assert (found.check, "it names this archive" in found.reason) == ("not checked", True)
    assert found.subject == f"sha256:{hashlib.sha256(b'archive').hexdigest()}"
    assert found.key_id == KEY


def test_a_signature_of_another_archive_is_invalid(tmp_path: Path) -> None:
    found = found_with(tmp_path, b"archive", provenance(b"another"))
    assert (found.check, "not this archive" in found.reason) == ("invalid", True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"plain",
        provenance(b"archive", b""),
        provenance(
            b"archive", b"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----"
        ),
        ARMORED,
        b"\xc2\xff",
    ],
    ids=range(6),
)
def test_what_is_no_signature_is_invalid(tmp_path: Path, content: bytes) -> None:
    assert found_with(tmp_path, b"archive", content).check == "invalid"


def test_cut_and_changed_packets_raise_nothing(tmp_path: Path) -> None:
    for place in range(len(RAW)):
        for content in (RAW[:place], RAW[:place] + bytes([RAW[place] ^ 0xFF]) + RAW[place + 1 :]):
            layer = blob(tmp_path, content, "application/pgp-signature")
            (found,) = read("documents", layer).signatures
            assert found.check in ("not checked", "invalid")
            Path(layer.path).unlink()
