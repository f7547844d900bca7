"""What is attached is found in every form, counted, and rolled up to indexes."""

import base64
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from entrepot.extract.findings import ExtractionState
from entrepot.hub.contents.attachments import Node
from entrepot.hub.permissions import Permissions
from entrepot.hub.repositories import Repositories
from entrepot.hub.security.trusted_keys import TrustedKeys
from entrepot.metadata.engines.slices import AT_ONCE
from entrepot.metadata.registry import policies
from entrepot.metadata.security import trusted_keys
from entrepot.model.artifacts import AttachmentCounts
from entrepot.model.security.trusted_keys import TrustedKey
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, Tag
from tests.hub.shelves import (
    SIMPLE_SIGNING,
    SPDX,
    Shelf,
    attestation_of,
    push_chart,
    signed_payload,
    spdx,
    statement,
)
from tests.metadata.clocks import START
from tests.metadata.rows import add_organization, add_repository
from tests.registry.bodies import body
from tests.registry.conftest import target_of
from tests.wire.content import descriptor, encode, image, index

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SARIF = "application/sarif+json"


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody with a key."""

    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        """Their public key."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()

    async def sign(self, shelf: Shelf, of: Digest, tag: str = "", **more: object) -> Digest:
        """Push a signature as cosign does; by default under the tag that says what it is of."""
        payload = signed_payload(of)
        signature = base64.b64encode(self.key.sign(payload, ec.ECDSA(hashes.SHA256()))).decode()
        said = {"dev.cosignproject.cosign/signature": signature}
        layers = [descriptor(payload, SIMPLE_SIGNING, annotations=said)]
        config = descriptor(b"{}", "application/vnd.oci.image.config.v1+json")
        manifest = image(config=config, layers=layers, **more)
        return await shelf.push(manifest, payload, b"{}", tag=tag or legacy(of, "sig"))

    async def be_trusted(self, shelf: Shelf) -> None:
        """Have the repository's namespace trust the key."""
        assert shelf.repository.namespace_id is not None
        key = TrustedKey(0, shelf.repository.namespace_id, "key", self.pem, START, None)
        async with shelf.metadata.begin() as tx:
            assert await trusted_keys.insert_trusted_key(tx, key)


@pytest.fixture(scope="module")
def signer() -> Signer:
    """Somebody with a key of cosign's kind."""
    return Signer(ec.generate_private_key(ec.SECP256R1()))


def legacy(digest: Digest, suffix: str) -> str:
    """The tag by which older clients attach things."""
    return f"{digest.algorithm}-{digest.hex}{'.' if suffix else ''}{suffix}"


def shape(nodes: tuple[Node, ...]) -> list[object]:
    """A tree's kinds."""
    return [(node.attached.artifact.kind, shape(node.children)) for node in nodes]


async def test_a_referrer_is_attached_and_counted(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await shelf.push_referrer(chart, encode(spdx("bash")), SPDX)
    await shelf.settle()
    assert await shelf.attached(chart) == [("spdx", "subject")]
    assert await shelf.marks(chart) == AttachmentCounts(sboms=1)
    await shelf.push_referrer(chart, encode(spdx("zlib")), SPDX)
    await shelf.settle()
    assert await shelf.marks(chart) == AttachmentCounts(sboms=2)


async def test_a_referrer_may_come_before_its_subject(shelf: Shelf) -> None:
    chart = Digest.of(image(config=descriptor(b"late", "application/x.late")))
    await shelf.push_referrer(chart, encode(spdx("bash")), SPDX)
    await shelf.settle()
    pushed = await shelf.push(
        image(config=descriptor(b"late", "application/x.late")), b"late", tag="v1"
    )
    assert pushed == chart
    await shelf.settle()
    assert await shelf.marks(chart) == AttachmentCounts(sboms=1)


async def test_many_findings_may_come_before_their_subject(shelf: Shelf) -> None:
    late = image(config=descriptor(b"late", "application/x.late"))
    names = [f"CVE-2024-{number}" for number in range(1000, 1000 + 2 * AT_ONCE)]
    rules = [{"id": name, "properties": {"security-severity": "9.8"}} for name in names]
    results = [{"ruleId": name, "message": {"text": "bad"}} for name in names]
    run = {"tool": {"driver": {"name": "scanner", "rules": rules}}, "results": results}
    await shelf.push_referrer(Digest.of(late), encode({"version": "2.1.0", "runs": [run]}), SARIF)
    await shelf.settle()
    chart = await shelf.push(late, b"late", tag="v1")
    await shelf.settle()
    assert (await shelf.marks(chart)).vulnerabilities == {"critical": len(names)}
    assert (await shelf.get(chart)).state == ExtractionState.DONE


async def test_findings_are_counted_by_severity(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    rules = [{"id": "CVE-1", "properties": {"security-severity": "9.8"}}]
    run = {
        "tool": {"driver": {"name": "scanner", "rules": rules}},
        "results": [{"ruleId": "CVE-1", "message": {"text": "bad"}}],
    }
    await shelf.push_referrer(chart, encode({"version": "2.1.0", "runs": [run]}), SARIF)
    await shelf.settle()
    assert (await shelf.marks(chart)).vulnerabilities == {"critical": 1}


async def test_what_buildkit_attests_is_of_the_image_and_of_the_index(shelf: Shelf) -> None:
    built, (amd64, arm64) = await shelf.push_built("v1", attested=1)
    await shelf.settle()
    assert [how for _, how in await shelf.attached(amd64)] == ["index"]
    assert await shelf.attached(arm64) == []
    # The page says of these: SBOM on one of two platforms.
    assert (await shelf.marks(amd64)).sboms == 1
    assert (await shelf.marks(arm64)).sboms == 0
    assert (await shelf.marks(built)).sboms == 1
    assert (await shelf.marks(built)).attestations == 1


async def test_every_platform_counts(shelf: Shelf) -> None:
    built, images = await shelf.push_built("v1", attested=2)
    await shelf.settle()
    assert [(await shelf.marks(each)).sboms for each in images] == [1, 1]
    assert (await shelf.marks(built)).sboms == 2


async def test_what_is_attached_to_a_child_later_counts_for_the_index(shelf: Shelf) -> None:
    built, (amd64, _) = await shelf.push_built("v1", attested=0)
    await shelf.settle()
    await shelf.push_referrer(amd64, encode(spdx("bash")), SPDX)
    await shelf.settle()
    assert (await shelf.marks(built), await shelf.marks(amd64)) == (
        AttachmentCounts(sboms=1),
        AttachmentCounts(sboms=1),
    )


async def test_older_clients_attach_by_tags(shelf: Shelf, signer: Signer) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await signer.sign(shelf, chart)
    tag = legacy(chart, "att")
    content = statement(chart, "https://slsa.dev/provenance/v1", {})
    await shelf.push_referrer(None, content, "application/vnd.in-toto+json", tag=tag)
    await shelf.settle()
    kinds = dict(await shelf.attached(chart))
    assert kinds.pop("cosign-signature") == "tag"
    assert list(kinds.values()) == ["tag"]
    assert await shelf.marks(chart) == AttachmentCounts(signatures=1, attestations=1)


async def test_a_fallback_index_attaches_what_it_lists(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    sbom = await shelf.push_referrer(None, encode(spdx("bash")), SPDX)
    listed = await shelf.push_index((sbom, {"artifactType": SPDX}), tag=legacy(chart, ""))
    await shelf.settle()
    assert await shelf.attached(chart) == [("spdx", "tag")]
    assert await shelf.marks(chart) == AttachmentCounts(sboms=1)
    assert listed != chart
    # The same one is counted once, however often it is attached.
    again = await shelf.push_referrer(chart, encode(spdx("bash")), SPDX)
    await shelf.push_index((sbom, {}), (again, {}), tag=legacy(chart, ""))
    await shelf.settle()
    assert await shelf.marks(chart) == AttachmentCounts(sboms=2)
    await shelf.push(index(), tag=legacy(chart, ""))
    await shelf.settle()
    assert await shelf.marks(chart) == AttachmentCounts(sboms=1)


async def test_a_key_that_is_trusted_later_verifies_when_read_again(
    shelf: Shelf, signer: Signer
) -> None:
    built, images = await shelf.push_built("v1", attested=0)
    await signer.sign(shelf, built)
    await signer.sign(shelf, images[0], subject=descriptor(b"{}"), tag="unrelated")
    await shelf.settle()
    assert await shelf.marks(built) == AttachmentCounts(signatures=1)
    await signer.be_trusted(shelf)
    await shelf.reindex()
    assert await shelf.marks(built) == AttachmentCounts(signatures=1, verified=1)


async def test_a_key_counts_as_long_as_it_is_trusted(
    shelf: Shelf, signer: Signer, permissions: Permissions, repositories: Repositories
) -> None:
    keys = TrustedKeys(shelf.metadata, permissions, shelf.clock)
    chart = await push_chart(shelf, "1.0.0")
    await signer.sign(shelf, chart)
    await shelf.settle()
    for step, verified in (
        (keys.add("shop", "key", signer.pem), 1),
        (keys.remove("shop", "key"), 0),
    ):
        await step
        await shelf.settle()
        assert (await shelf.marks(chart)).verified == verified
    await keys.add("shop", "key", signer.pem)
    await shelf.settle()
    assert (await shelf.marks(chart)).verified == 1
    # Where it goes, nobody trusts the key.
    await add_organization(shelf.metadata, "elsewhere")
    await repositories.transfer(shelf.repository.name, RepositoryName("elsewhere/shelf"))
    await shelf.settle()
    assert await shelf.marks(chart) == AttachmentCounts(signatures=1)


async def test_a_signature_of_one_image_verifies_no_other(shelf: Shelf, signer: Signer) -> None:
    await signer.be_trusted(shelf)
    good, bad = await push_chart(shelf, "1.0.0"), await push_chart(shelf, "6.6.6")
    signature = await signer.sign(shelf, good)
    await shelf.settle()
    assert await shelf.marks(good) == AttachmentCounts(signatures=1, verified=1)
    # By a tag, a subject, an index of referrers (the very same manifest) and one of platforms.
    await signer.sign(shelf, good, tag=legacy(bad, "sig"))
    referrer = await signer.sign(shelf, good, tag="x", subject={**descriptor(b""), **_of(bad)})
    fallback = await shelf.push_index((signature, {}), tag=legacy(bad, ""))
    attested = {**attestation_of(bad), "platform": {"os": "unknown", "architecture": "unknown"}}
    await shelf.push_index((bad, {}), (signature, attested), tag="mixed")
    await shelf.settle()
    assert len({signature, referrer, fallback}) == 3
    for _ in range(2):
        marks = await shelf.marks(bad)
        # Attached, and of something else: none of them makes it signed.
        assert marks == AttachmentCounts(invalid=3)
        assert await shelf.marks(good) == AttachmentCounts(signatures=1, verified=1)
        await shelf.reindex()


def _of(digest: Digest) -> dict[str, object]:
    return {"digest": str(digest), "mediaType": "application/vnd.oci.image.manifest.v1+json"}


async def test_the_tree_has_signatures_of_sboms(shelf: Shelf, signer: Signer) -> None:
    chart = await push_chart(shelf, "1.0.0")
    sbom = await shelf.push_referrer(chart, encode(spdx("bash")), SPDX)
    await signer.sign(shelf, sbom)
    await shelf.settle()
    tree = await shelf.attachments.tree_of(shelf.repository.id, str(chart))
    assert shape(tree) == [("spdx", [("cosign-signature", [])])]
    assert await shelf.marks(chart) == AttachmentCounts(sboms=1)
    assert await shelf.marks(sbom) == AttachmentCounts(signatures=1)


async def test_cycles_are_cut(shelf: Shelf) -> None:
    one = await shelf.push_referrer(None, encode(spdx("one")), SPDX)
    two = await shelf.push_referrer(one, encode(spdx("two")), SPDX, tag=legacy(one, "sbom"))
    # Hashes allow no circle of subjects, tags do.
    await shelf.push((await _content(shelf, one)), tag=legacy(two, "sbom"))
    await shelf.push((await _content(shelf, two)), tag=legacy(two, "att"))
    await shelf.settle()
    tree = await shelf.attachments.tree_of(shelf.repository.id, str(one))
    assert shape(tree) == [("spdx", [])]
    assert (await shelf.marks(one)).sboms == 1
    await shelf.reindex()


async def _content(shelf: Shelf, digest: Digest) -> bytes:
    return (await shelf.manifests.get(shelf.repository, digest)).content


async def test_deep_trees_end(shelf: Shelf) -> None:
    chart = subject = await push_chart(shelf, "1.0.0")
    for number in range(7):
        subject = await shelf.push_referrer(subject, encode(spdx(f"p{number}")), SPDX)
    await shelf.settle()
    tree = await shelf.attachments.tree_of(shelf.repository.id, str(chart))
    depth = 0
    while tree:
        depth, tree = depth + 1, tree[0].children
    assert depth == 4


async def test_what_is_in_another_repository_is_attached_to_nothing_here(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    other = target_of(await add_repository(shelf.metadata, "shop/other"))
    content = encode(spdx("bash"))
    await shelf.uploads.put(other, body(content), Digest.of(content))
    of = _of(chart) | {"size": 2}
    manifest = image(
        artifactType=SPDX,
        config=descriptor(b"{}", "application/vnd.oci.empty.v1+json"),
        layers=[descriptor(content, SPDX)],
        subject=of,
    )
    await shelf.manifests.put(other, manifest, None, digest=None, tags=[], by=None)
    await shelf.settle()
    assert await shelf.attached(chart) == []
    assert await shelf.marks(chart) == AttachmentCounts()


async def test_what_is_deleted_counts_no_more(shelf: Shelf, signer: Signer) -> None:
    built, (amd64, _) = await shelf.push_built("v1", attested=0)
    sbom = await shelf.push_referrer(amd64, encode(spdx("bash")), SPDX)
    await signer.sign(shelf, amd64)
    await shelf.settle()
    assert await shelf.marks(built) == AttachmentCounts(signatures=1, sboms=1)
    await shelf.manifests.delete(shelf.repository, sbom, None)
    await shelf.settle()
    assert await shelf.marks(amd64) == await shelf.marks(built) == AttachmentCounts(signatures=1)
    await shelf.manifests.untag(shelf.repository, Tag(legacy(amd64, "sig")), None)
    await shelf.settle()
    assert await shelf.marks(amd64) == await shelf.marks(built) == AttachmentCounts()


async def test_an_index_that_is_deleted_attests_no_more(shelf: Shelf) -> None:
    built, (amd64, _) = await shelf.push_built("v1", attested=1)
    await shelf.settle()
    assert (await shelf.marks(amd64)).sboms == 1
    await shelf.manifests.delete(shelf.repository, built, None)
    await shelf.settle()
    assert await shelf.marks(amd64) == AttachmentCounts()


async def test_the_room_of_a_repository_that_is_given_away_goes_with_it(
    shelf: Shelf, repositories: Repositories
) -> None:
    metadata, giver = shelf.metadata, shelf.repository.namespace_id
    assert giver is not None
    taker = await add_organization(metadata, "elsewhere")

    async def used() -> list[int]:
        found = [await policies.find_quota(metadata.reader, each) for each in (giver, taker)]
        return [each.used for each in found if each is not None]

    async with metadata.begin() as tx:
        await policies.set_quota(tx, giver, 10**6)
        await policies.set_quota(tx, taker, 10**6)
    await push_chart(shelf, "1.0.0")
    await shelf.settle()
    size, nothing = await used()
    assert (size > 0, nothing) == (True, 0)
    await repositories.transfer(shelf.repository.name, RepositoryName("elsewhere/shelf"))
    await shelf.settle()
    assert await used() == [0, size]
