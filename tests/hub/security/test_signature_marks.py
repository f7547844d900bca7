"""Lists, pages and searches tell verified, valid and invalid signatures apart."""

import base64
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from entrepot.extract.findings import Findings, Result
from entrepot.extract.signing.signatures import pae
from entrepot.hub.contents.contributions import Contribution, marks_for
from entrepot.hub.contents.search import Search
from entrepot.hub.people.actors import OPERATOR
from entrepot.hub.permissions import Permissions
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.artifacts import AttachmentCounts
from entrepot.oci.digests import Digest
from tests.extract.makers import certificate, cose, jws, key_for
from tests.hub.contents.test_attachments import Signer, legacy, signer
from tests.hub.shelves import Shelf, push_chart, statement
from tests.wire.content import descriptor, encode, image

__all__ = ["signer"]
NOTATION = "application/vnd.cncf.notary.signature"
FORMS = {"application/jose+json": jws, "application/cose": cose}
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


async def attach_notation(shelf: Shelf, subject: Digest, media_type: str, named: Digest) -> None:
    """Attach a signature that brings its certificate, and names whatever it names."""
    key = key_for("ES256")
    content = FORMS[media_type]("ES256", key, [certificate(key)], str(named))
    stored = await shelf._descriptor(subject)
    manifest = image(
        artifactType=NOTATION,
        config=descriptor(b"{}", "application/vnd.oci.empty.v1+json"),
        layers=[descriptor(content, media_type)],
        subject=stored,
    )
    await shelf.push(manifest, content, tag="")


def envelope_of(signer: Signer, payload: bytes) -> dict[str, object]:
    """A DSSE envelope around a statement."""
    kind = "application/vnd.in-toto+json"
    made = signer.key.sign(pae(kind, payload), ec.ECDSA(hashes.SHA256()))
    return {
        "payloadType": kind,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"sig": base64.b64encode(made).decode()}],
    }


@pytest.mark.parametrize("media_type", FORMS)
async def test_a_foreign_signature_of_notation_makes_nothing_signed(
    shelf: Shelf, media_type: str
) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await attach_notation(shelf, chart, media_type, Digest.of(b"another"))
    await shelf.settle()
    assert await shelf.marks(chart) == AttachmentCounts(invalid=1)
    await attach_notation(shelf, chart, media_type, chart)
    await shelf.settle()
    assert await shelf.marks(chart) == AttachmentCounts(signatures=1, valid=1, invalid=1)


async def test_a_statement_of_many_subjects_counts_for_each(shelf: Shelf, signer: Signer) -> None:
    await signer.be_trusted(shelf)
    one, other = await push_chart(shelf, "1.0.0"), await push_chart(shelf, "2.0.0")
    said = json.loads(statement(one, "https://sigstore.dev/cosign/sign/v1", {}))
    said["subject"].append({"name": "other", "digest": {"sha256": other.hex}})
    envelope = envelope_of(signer, encode(said))
    bundle = encode({"mediaType": BUNDLE, "verificationMaterial": {}, "dsseEnvelope": envelope})
    await shelf.push_referrer(one, bundle, BUNDLE, tag=legacy(other, "sig"))
    await shelf.settle()
    for each in (one, other):
        assert await shelf.marks(each) == AttachmentCounts(signatures=1, verified=1)
        (found,) = (
            await shelf.findings.gather(shelf.repository.id, str(each), Findings())
        ).signatures
        assert found.check == "verified"


async def test_a_signature_under_the_tag_of_another_artifact_says_what_it_is_of(
    shelf: Shelf, signer: Signer
) -> None:
    chart, other = await push_chart(shelf, "1.0.0"), await push_chart(shelf, "2.0.0")
    pushed = await signer.sign(shelf, other, tag=legacy(chart, "sig"))
    await shelf.settle()
    artifact = await shelf.get(pushed)
    (found,) = (await shelf.findings.of(artifact.manifest_id)).signatures
    assert found.check == Result.INVALID
    assert "not what it is attached to" in found.reason
    assert (await shelf.marks(chart)).invalid == 1


async def test_what_cannot_be_read_is_an_invalid_signature(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    for content in (b'{"mediaType": "%s"}' % BUNDLE.encode(), b"{}", b"not JSON"):
        await shelf.push_referrer(chart, content, BUNDLE)
    await shelf.settle()
    assert await shelf.marks(chart) == AttachmentCounts(invalid=3)


async def test_a_signed_sbom_makes_nothing_signed(shelf: Shelf, signer: Signer) -> None:
    await signer.be_trusted(shelf)
    chart = await push_chart(shelf, "1.0.0")
    sbom = {"spdxVersion": "SPDX-2.3", "packages": [{"name": "bash"}]}
    payload = statement(chart, "https://spdx.dev/Document", sbom)
    content = encode(envelope_of(signer, payload))
    await shelf.push_referrer(chart, content, "application/vnd.dsse.envelope.v1+json")
    await shelf.settle()
    assert await shelf.marks(chart) == AttachmentCounts(sboms=1, attestations=1)
    (found,) = (await shelf.findings.gather(shelf.repository.id, str(chart), Findings())).signatures
    assert found.check == "verified"


async def test_a_search_tells_signatures_apart(
    shelf: Shelf, signer: Signer, metadata: Metadata, permissions: Permissions
) -> None:
    search = Search(metadata.reader, permissions)

    async def found(text: str) -> int:
        return (await search.find(OPERATOR.identity, text)).found.total

    chart = await push_chart(shelf, "1.0.0")
    await attach_notation(shelf, chart, "application/cose", Digest.of(b"another"))
    await settle(shelf)
    texts = ("signed:true", "signed:verified", "signed:valid", "signed:invalid")
    assert [await found(each) for each in texts] == [0, 0, 0, 1]
    await attach_notation(shelf, chart, "application/cose", chart)
    await settle(shelf)
    assert [await found(each) for each in texts] == [1, 0, 1, 1]
    await signer.be_trusted(shelf)
    await signer.sign(shelf, chart)
    await settle(shelf)
    assert [await found(each) for each in texts] == [1, 1, 1, 1]
    assert await found("-signed:verified") == 0


async def settle(shelf: Shelf) -> None:
    """Do what is due now, and what follows a second later."""
    await shelf.settle()
    shelf.clock.advance(timedelta(seconds=5))
    await shelf.settle()


def test_what_an_older_reader_wrote_counts_as_it_did() -> None:
    older = Contribution(AttachmentCounts(signatures=1), ["sha256:a"])
    assert marks_for(older, "sha256:a") == AttachmentCounts(signatures=1, verified=1)
    assert marks_for(older, "sha256:b") == AttachmentCounts(signatures=1)
