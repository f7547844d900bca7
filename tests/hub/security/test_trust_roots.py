"""Trust roots say who signed; rules about pulls say who may."""

import json
from typing import Any

import pytest

from entrepot.errors import Conflict, Denied, KeyUnknown
from entrepot.extract.findings import Findings, Signature
from entrepot.hub.security import trust_roots as roots_module
from entrepot.model.artifacts import AttachmentCounts
from entrepot.model.security.trust_roots import PUBLIC_GOOD
from entrepot.oci.digests import Digest
from tests.extract.makers import cose, jws
from tests.hub.security.test_pull_policies import ALLOW, REFUSE, policy, set_policy, verdict
from tests.hub.security.test_signature_marks import NOTATION
from tests.hub.shelves import SIMPLE_SIGNING, Shelf, push_chart
from tests.hub.town import Town
from tests.support.private_authority import PrivateAuthority
from tests.support.private_sigstore import PrivateSigstore
from tests.support.sigstore_parts import BUNDLE, IDENTITY, ISSUER, simple_payload, statement
from tests.wire.content import descriptor, image

SIGNER = {"issuer": ISSUER, "identity": IDENTITY}
FORMS: dict[str, Any] = {"application/jose+json": jws, "application/cose": cose}


@pytest.fixture(scope="module")
def sigstore() -> PrivateSigstore:
    """A private sigstore."""
    return PrivateSigstore()


async def sign(shelf: Shelf, sigstore: PrivateSigstore, chart: Digest) -> None:
    """Attach a bundle as cosign 3 does."""
    content = json.dumps(sigstore.sign_statement(statement(str(chart)))).encode()
    await shelf.push_referrer(chart, content, BUNDLE)
    await shelf.settle()


async def signature_of(shelf: Shelf, chart: Digest) -> Signature:
    """The one signature of an artifact."""
    found = await shelf.findings.gather(shelf.repository.id, str(chart), Findings())
    assert len(found.signatures) == 1, found.signatures
    return found.signatures[0]


async def test_a_root_that_comes_and_goes_has_signatures_verified_again(
    shelf: Shelf, sigstore: PrivateSigstore
) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await sign(shelf, sigstore, chart)
    assert (await signature_of(shelf, chart)).check == "valid"
    await shelf.trust_roots.add("ours", sigstore.trusted_root())
    await shelf.settle()
    found = await signature_of(shelf, chart)
    assert (found.check, found.root, found.identity) == ("verified", "ours", IDENTITY)
    assert await shelf.marks(chart) == AttachmentCounts(signatures=1, verified=1)
    await shelf.trust_roots.remove("ours")
    await shelf.settle()
    assert (await signature_of(shelf, chart)).check == "valid"
    assert await shelf.marks(chart) == AttachmentCounts(signatures=1, valid=1)


async def test_a_tag_of_cosign_is_verified_by_the_promise_of_the_log(
    shelf: Shelf, sigstore: PrivateSigstore
) -> None:
    await shelf.trust_roots.add("ours", sigstore.trusted_root())
    chart = await push_chart(shelf, "1.0.0")
    payload = simple_payload(str(chart))
    layer = descriptor(payload, SIMPLE_SIGNING)
    layer["annotations"] = sigstore.sign_simply(payload)
    tag = f"{str(chart).replace(':', '-')}.sig"
    await shelf.push(image(layers=[layer]), payload, tag=tag)
    await shelf.settle()
    found = await signature_of(shelf, chart)
    assert (found.check, found.root, found.form) == ("verified", "ours", "cosign"), found.reason


@pytest.mark.parametrize(
    ("signer", "is_met"),
    [
        (SIGNER, True),
        ({**SIGNER, "root": "ours"}, True),
        ({"identity": "https://github.com/acme/*", "root": "ours"}, True),
        ({**SIGNER, "claims": {"repository_id": "4711", "owner_id": "42"}}, True),
        ({**SIGNER, "claims": {"ref": "refs/tags/*"}}, True),
        ({**SIGNER, "identity": "https://github.com/other/*"}, False),
        ({**SIGNER, "issuer": "https://gitlab.com"}, False),
        ({**SIGNER, "root": "public-good"}, False),
        ({**SIGNER, "claims": {"repository_id": "4712"}}, False),
        ({**SIGNER, "claims": {"environment": "production"}}, False),
        ({"identity": "x509.subject: O=private", "root": "ours"}, False),
        ({"key": "ours"}, False),
    ],
)
async def test_a_rule_names_the_identity_that_must_have_signed(
    shelf: Shelf, sigstore: PrivateSigstore, signer: dict[str, Any], is_met: bool
) -> None:
    await shelf.trust_roots.add("ours", sigstore.trusted_root())
    chart = await push_chart(shelf, "1.0.0")
    await sign(shelf, sigstore, chart)
    await set_policy(shelf, policy({"signed": {"any": [signer]}}))
    assert await verdict(shelf, chart) is (ALLOW if is_met else REFUSE)


async def test_a_rule_that_names_nobody_means_trusted_keys(
    shelf: Shelf, sigstore: PrivateSigstore
) -> None:
    await shelf.trust_roots.add("ours", sigstore.trusted_root())
    chart = await push_chart(shelf, "1.0.0")
    await sign(shelf, sigstore, chart)
    await set_policy(shelf, policy({"signed": {}}))
    assert await verdict(shelf, chart) is REFUSE
    decision = await shelf.pull_verdicts.decide(shelf.repository.id, str(chart), None)
    assert f"it is signed by {IDENTITY}, whom the rule does not name" in decision.message


async def test_an_attestation_is_no_signature_whoever_made_it(
    shelf: Shelf, sigstore: PrivateSigstore
) -> None:
    await shelf.trust_roots.add("ours", sigstore.trusted_root())
    chart = await push_chart(shelf, "1.0.0")
    kind = "https://slsa.dev/provenance/v1"
    made = sigstore.sign_statement(statement(str(chart), kind))
    await shelf.push_referrer(chart, json.dumps(made).encode(), BUNDLE)
    await shelf.settle()
    await set_policy(shelf, policy({"signed": {"any": [SIGNER]}}))
    assert await verdict(shelf, chart) is REFUSE
    needed = {"predicate_type": kind, "any": [SIGNER]}
    await set_policy(shelf, policy({"attestation": needed}))
    assert await verdict(shelf, chart) is ALLOW
    await set_policy(shelf, policy({"attestation": {"predicate_type": kind}}))
    assert await verdict(shelf, chart) is REFUSE


async def test_a_rule_is_judged_again_when_its_root_goes(
    shelf: Shelf, sigstore: PrivateSigstore
) -> None:
    await shelf.trust_roots.add("ours", sigstore.trusted_root())
    chart = await push_chart(shelf, "1.0.0")
    await sign(shelf, sigstore, chart)
    await set_policy(shelf, policy({"signed": {"any": [SIGNER]}}))
    assert await verdict(shelf, chart) is ALLOW
    await shelf.trust_roots.remove("ours")
    await shelf.settle()
    assert await verdict(shelf, chart) is REFUSE


@pytest.mark.parametrize("media_type", FORMS)
@pytest.mark.parametrize(
    ("identity", "is_met"),
    [
        ("x509.subject: C=US, O=Acme", True),
        ("x509.subject:O=Acme,CN=release,C=US", True),
        ("CN=release,O=Acme,*", True),
        ("x509.subject: C=US, O=Other", False),
        ("x509.subject:", False),
    ],
)
async def test_notation_is_named_by_parts_of_its_subject(
    shelf: Shelf, media_type: str, identity: str, is_met: bool
) -> None:
    authority = PrivateAuthority(shelf.clock())
    await shelf.trust_roots.add("acme-ca", authority.root())
    chart = await push_chart(shelf, "1.0.0")
    key, chain = authority.signer()
    content = FORMS[media_type]("ES256", key, chain, str(chart))
    manifest = image(
        artifactType=NOTATION,
        config=descriptor(b"{}", "application/vnd.oci.empty.v1+json"),
        layers=[descriptor(content, media_type)],
        subject=await shelf._descriptor(chart),
    )
    await shelf.push(manifest, content, tag="")
    await shelf.settle()
    found = await signature_of(shelf, chart)
    assert (found.check, found.root) == ("verified", "acme-ca"), found.reason
    signer = {"identity": identity, "root": "acme-ca"}
    await set_policy(shelf, policy({"signed": {"any": [signer]}}))
    assert await verdict(shelf, chart) is (ALLOW if is_met else REFUSE)


async def test_administrators_change_roots_and_the_shipped_one(
    shelf: Shelf, town: Town, sigstore: PrivateSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = shelf.trust_roots
    assert [each.name for each in await roots.list_all()] == [PUBLIC_GOOD]
    with pytest.raises(Denied):
        await roots.add("ours", sigstore.trusted_root(), town.actors["owner"])
    with pytest.raises(Denied):
        await roots.remove(PUBLIC_GOOD, town.actors["owner"])
    await roots.remove(PUBLIC_GOOD)
    assert await roots.list_all() == []
    with pytest.raises(KeyUnknown):
        await roots.remove(PUBLIC_GOOD)
    assert (await roots.restore_shipped()).is_shipped
    await roots.remove(PUBLIC_GOOD)
    assert not (await roots.add(PUBLIC_GOOD, sigstore.trusted_root())).is_shipped
    monkeypatch.setattr(roots_module, "MOST_ROOTS", 1)
    with pytest.raises(Conflict, match="limit of 1 trust roots"):
        await roots.add("other", sigstore.trusted_root())
