"""cosign and the hub agree on signatures without keys, each without asking any service.

The signatures are made by a sigstore of the test's own, whose root both trust.
"""

import base64
import json
import ssl
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.layers import write_layer
from tests.clients.programs import Program, program, untouched
from tests.extract.signing.forged_bundles import (
    ENTRY,
    PROMISE,
    PROOF,
    SAID,
    SERVER,
    SIGNATURE,
    Change,
    changed,
    flipped,
    put,
    without,
)
from tests.support.private_sigstore import START, PrivateSigstore
from tests.support.server import Hub
from tests.support.sigstore_parts import BUNDLE, IDENTITY, ISSUER, b64, new_key, statement
from tests.support.tools import attempt

pytestmark = pytest.mark.clients

READ_WITHIN = 30.0
OURS, FOREIGN = PrivateSigstore("ours"), PrivateSigstore("ours")
CHANGES: dict[str, Change | None] = {
    "in order": None,
    "a damaged signature": put(SIGNATURE, flipped),
    "another payload": put(SAID, b64(statement("sha256:" + "b" * 64))),
    "another type": put("dsseEnvelope/payloadType", "text/plain"),
    "a damaged promise": put(PROMISE, flipped),
    "another moment": put(f"{ENTRY}/integratedTime", lambda old: str(int(old) + 1)),
    "no moment": without(f"{ENTRY}/integratedTime"),
    "a damaged hash on the path": put(f"{PROOF}/hashes/0", flipped),
    "another root of the tree": put(f"{PROOF}/rootHash", flipped),
    "a note about another tree": put(f"{PROOF}/checkpoint/envelope", OURS.checkpoint(b"r" * 32, 5)),
    "another log": put(f"{ENTRY}/logId/keyId", flipped),
    "two signatures": put("dsseEnvelope/signatures", lambda old: old * 2),
}


@dataclass(frozen=True, slots=True)
class Judges:
    """cosign, and the hub, with clients that push."""

    cosign: Program
    oras: Program
    crane: Program
    hub: Hub
    repository: str

    def attach(self, name: str, make: Any) -> str:
        """Push an image, and what is made for its digest; return the image's reference."""
        layer = write_layer(self.crane.directory / "layer.tar", {name: b"1"})
        tag = f"{self.repository}:{name.replace(' ', '-')}"
        self.crane("append", "--new_layer", layer, "--new_tag", tag)
        digest = self.crane("digest", tag).strip()
        (self.oras.directory / "bundle.json").write_text(json.dumps(make(digest)))
        words = ("--artifact-type", BUNDLE, tag, f"bundle.json:{BUNDLE}")
        self.oras("attach", f"--plain-http={str(not self.hub.tls).lower()}", *words)
        return f"{self.repository}@{digest}"

    def says_cosign(self, image: str) -> bool:
        """Whether cosign verifies the image's signature."""
        who = ("--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER)
        words = ("verify", "--offline", "--trusted-root", "roots.json", *who, image)
        cosign = self.cosign
        return attempt(cosign.path, *words, env=cosign.env, cwd=cosign.directory).status == 0

    def says_hub(self, image: str) -> tuple[bool, str]:
        """Whether the hub verifies it by our root, and why not; once it has read the signature."""
        deadline = time.monotonic() + READ_WITHIN
        while not (found := self._signatures(image)):
            assert time.monotonic() < deadline, image
        return (found[0]["check"], found[0]["root"]) == ("verified", "ours"), found[0]["reason"]

    def _signatures(self, image: str) -> list[dict[str, str]]:
        name, _, digest = image.removeprefix(f"{self.hub.host}/").partition("@")
        path = f"/api/v1/repositories/{name}/-/manifests/{digest}/signatures"
        secret = base64.b64encode(f"{self.hub.username}:{self.hub.password}".encode()).decode()
        asked = urllib.request.Request(
            self.hub.url + path, headers={"Authorization": f"Basic {secret}"}
        )
        context = ssl.create_default_context(cafile=self.hub.ca) if self.hub.ca else None
        with urllib.request.urlopen(asked, context=context, timeout=30) as answer:
            found: list[dict[str, str]] = json.load(answer)["items"]
        return found


@pytest.fixture
def judges(hub: Hub, home: dict[str, str], tmp_path: Path) -> Judges:
    """cosign and the clients that push, logged in."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "roots.json").write_text(OURS.trusted_root())
    cosign, oras, crane = (program(name, home, work) for name in ("cosign", "oras", "crane"))
    cosign("login", hub.host, "-u", hub.username, "--password-stdin", stdin=hub.password)
    return Judges(cosign, oras, crane, hub, untouched(hub, "keyless"))


def test_cosign_and_the_hub_come_to_the_same_verdict(judges: Judges) -> None:
    roots = str(judges.cosign.directory / "roots.json")
    judges.hub.cli("trust-root", "add", roots, "--name", "ours")
    key = new_key()
    made = {
        "an unlogged certificate": OURS.certificate(key, is_logged=False),
        "a certificate of somebody else": FOREIGN.certificate(key),
        "a certificate that may not sign": OURS.certificate(key, purposes=(SERVER,)),
    }

    def bundle_of(change: Change | None, certificate: Any = None) -> Any:
        def make(digest: str) -> dict[str, Any]:
            bundle = OURS.sign_statement(statement(digest), key=key, made=certificate)
            return changed(bundle, change) if change else bundle

        return make

    images = {name: judges.attach(name, bundle_of(change)) for name, change in CHANGES.items()}
    for name, certificate in made.items():
        images[name] = judges.attach(name, bundle_of(None, certificate))
    late = START.replace(hour=20)
    images["too late"] = judges.attach(
        "too late", lambda digest: OURS.sign_statement(statement(digest), key=key, moment=late)
    )
    verdicts = {
        name: (judges.says_cosign(image), *judges.says_hub(image)) for name, image in images.items()
    }
    judges.hub.cli("trust-root", "remove", "ours")
    differ = {name: each for name, each in verdicts.items() if each[0] != each[1]}
    assert differ == {}
    assert [name for name, (is_verified, *_) in verdicts.items() if is_verified] == ["in order"]
