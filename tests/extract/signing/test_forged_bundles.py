"""Nothing that was tampered with is verified by a trust root, and nothing of it raises."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from entrepot.extract.findings import SIGSTORE, X509, Signature, TrustRoot
from tests.extract.makers import SUBJECT
from tests.extract.signing.forged_bundles import (
    FOREIGN,
    FORGED,
    GOOD,
    MESSAGE,
    MISSING,
    OLD,
    OURS,
    PROMISED,
    UNKNOWN,
    Bundle,
    encoded,
)
from tests.extract.tasks import blob, read
from tests.support.sigstore_parts import BUNDLE, IDENTITY, ISSUER, pem

NOW = "2026-11-29T00:00:00+00:00"
ROOTS = [TrustRoot("ours", SIGSTORE, OURS.trusted_root())]


def found_in(
    place: Path, content: bytes, roots: list[TrustRoot] = ROOTS, media_type: str = BUNDLE
) -> Signature:
    """The one signature of a layer."""
    layer = blob(place, content, media_type)
    found = read("documents", layer, subject=SUBJECT, now=NOW, roots=roots)
    assert len(found.signatures) == 1, found
    return found.signatures[0]


@pytest.mark.parametrize("bundle", [GOOD, MESSAGE, OLD, PROMISED], ids=range(4))
def test_what_is_in_order_is_verified_by_whom_and_by_which_root(
    tmp_path: Path, bundle: Bundle
) -> None:
    found = found_in(tmp_path, encoded(bundle))
    assert (found.check, found.root) == ("verified", "ours"), found.reason
    assert (found.identity, found.issuer) == (IDENTITY, ISSUER)
    assert found.details["Repository id"] == "4711"
    without = found_in(tmp_path, encoded(bundle), roots=[])
    assert (without.check, without.root) == ("valid", "")


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_bundle_is_invalid(tmp_path: Path, name: str) -> None:
    content = encoded(FORGED[name])
    began = time.process_time()
    found = found_in(tmp_path, content)
    assert (found.check, found.root) == ("invalid", ""), found.reason
    assert found.reason
    assert time.process_time() - began < 5


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_bundle_of_nobody_here_is_valid_and_not_trusted(tmp_path: Path, name: str) -> None:
    found = found_in(tmp_path, encoded(UNKNOWN[name]))
    assert (found.check, found.root) == ("valid", ""), found.reason
    assert found.reason


@pytest.mark.parametrize("name", MISSING)
def test_a_bundle_without_its_parts_is_not_verified(tmp_path: Path, name: str) -> None:
    found = found_in(tmp_path, encoded(MISSING[name]))
    assert (found.check != "verified", found.root) == (True, ""), found.reason


def changed_root(**changes: Any) -> TrustRoot:
    """Our root with other parts."""
    return TrustRoot("ours", SIGSTORE, OURS.trusted_root(**changes))


def ended(part: dict[str, Any], key: str = "") -> list[dict[str, Any]]:
    """The part, which ended before anything was signed."""
    valid = {"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"}
    if key:
        return [{**part, key: {**part[key], "validFor": valid}}]
    return [{**part, "validFor": valid}]


OWN: dict[str, Any] = json.loads(OURS.trusted_root())
THEIRS: dict[str, Any] = json.loads(FOREIGN.trusted_root())
AS_CERTIFICATES = TrustRoot("ours", X509, pem(OURS.authority).decode())
OTHER_ROOTS = {
    "the root of a namesake": (TrustRoot("ours", SIGSTORE, FOREIGN.trusted_root()), "valid"),
    "the authority as certificates": (
        TrustRoot("ours", X509, pem(OURS.authority).decode()),
        "valid",
    ),
    "a root that cannot be read": (TrustRoot("ours", SIGSTORE, "{"), "valid"),
    "an unknown kind of root": (TrustRoot("ours", "removed", ""), "valid"),
    "the log of somebody else": (changed_root(tlogs=THEIRS["tlogs"]), "invalid"),
    "the certificate log of somebody else": (changed_root(ctlogs=THEIRS["ctlogs"]), "invalid"),
    "an authority that had ended": (
        changed_root(certificateAuthorities=ended(OWN["certificateAuthorities"][0])),
        "invalid",
    ),
    "a log that had ended": (changed_root(tlogs=ended(OWN["tlogs"][0], "publicKey")), "invalid"),
}


@pytest.mark.parametrize("bundle", [GOOD, PROMISED], ids=["proven", "promised"])
@pytest.mark.parametrize("name", OTHER_ROOTS)
def test_another_root_does_not_vouch(tmp_path: Path, name: str, bundle: Bundle) -> None:
    root, expected = OTHER_ROOTS[name]
    found = found_in(tmp_path, encoded(bundle), roots=[root])
    assert (found.check, found.root) == (expected, ""), found.reason
    both = found_in(tmp_path, encoded(bundle), roots=[root, *ROOTS])
    assert both.check == "verified"
