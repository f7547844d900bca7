"""Bundles of sigstore's public instances are verified offline by the roots in its package.

They are test data of sigstore-go, cosign and sigstore-python (all Apache-2.0).
"""

import json
from pathlib import Path

import pytest
import sigstore

from entrepot.extract.findings import SIGSTORE, Signature, TrustRoot
from entrepot.hub.security.effective_roots import shipped_content
from tests.extract.tasks import blob, read

PUBLIC = Path(__file__).parent / "public"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
(STAGING,) = Path(sigstore.__file__).parent.glob("_store/*sigstage.dev/trusted_root.json")
ROOTS = [
    TrustRoot("public-good", SIGSTORE, shipped_content()),
    TrustRoot("staging", SIGSTORE, STAGING.read_text()),
]
GITHUB = "https://github.com/login/oauth"
ACTIONS = "https://token.actions.githubusercontent.com"
EXPECTED = {
    "person": ("public-good", GITHUB, "brian@dehamer.com"),
    "cosign": ("public-good", GITHUB, "cody@soyland.com"),
    "npm": ("public-good", ACTIONS, "https://github.com/sigstore/sigstore-js/"),
    "github": ("public-good", ACTIONS, "https://github.com/"),
    "rekor-2": ("staging", "https://", ""),
}


def found_in(place: Path, content: bytes) -> Signature:
    """The one signature of a bundle, whatever it is of."""
    found = read("documents", blob(place, content, BUNDLE), roots=ROOTS)
    assert len(found.signatures) == 1, found
    return found.signatures[0]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_bundle_is_verified(tmp_path: Path, name: str) -> None:
    root, issuer, identity = EXPECTED[name]
    found = found_in(tmp_path, (PUBLIC / f"{name}.json").read_bytes())
    assert (found.check, found.root) == ("verified", root), found.reason
    assert found.issuer.startswith(issuer)
    assert found.identity.startswith(identity)


def test_the_entry_of_another_artifact_is_invalid(tmp_path: Path) -> None:
    found = found_in(tmp_path, (PUBLIC / "cve-2022-36056.json").read_bytes())
    assert (found.check, "inconsistent" in found.reason) == ("invalid", True)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_bundle_at_another_place_in_the_log_is_not(tmp_path: Path, name: str) -> None:
    said = json.loads((PUBLIC / f"{name}.json").read_text())
    (entry,) = said["verificationMaterial"]["tlogEntries"]
    entry["logIndex"] = str(int(entry["logIndex"]) + 1)
    if "inclusionProof" in entry:
        entry["inclusionProof"]["rootHash"] = entry["logId"]["keyId"]
    found = found_in(tmp_path, json.dumps(said).encode())
    assert (found.check, found.root) == ("invalid", ""), found.reason
