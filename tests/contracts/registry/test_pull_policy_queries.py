"""Rules about pulls, verdicts and exemptions, on every engine."""

from datetime import timedelta

from entrepot.metadata.contents import artifact_findings
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import manifests, policies
from entrepot.metadata.security import exemptions, pull_evidence, pull_judgements, pull_policies
from entrepot.model.repositories import Repository
from entrepot.model.security.exemptions import Exemption
from entrepot.model.security.pull_decisions import Judgement, RuleResult
from entrepot.model.security.pull_policies import Mode, PullVerdict
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from tests.contracts.contents.test_advisory_queries import finding
from tests.metadata.clocks import START
from tests.metadata.rows import add_manifest, add_organization, add_repository

RULES = '{"rules":[]}'
DAY = timedelta(days=1)


async def build(metadata: Metadata) -> tuple[int, Repository, int]:
    """A namespace, a repository in it, and a manifest with two tags and one that attaches."""
    acme = await add_organization(metadata, "acme")
    repository = await add_repository(metadata, "acme/app", namespace_id=acme)
    manifest = await add_manifest(metadata, repository, b"one")
    async with metadata.begin() as tx:
        for name in ("1.0", "latest", f"sha256-{'a' * 64}.sig"):
            await manifests.move_tag(tx, repository.id, Tag(name), manifest, None, START)
    return acme, repository, manifest


async def test_rules_are_those_of_the_repository_and_its_namespace(metadata: Metadata) -> None:
    acme, repository, _ = await build(metadata)
    reader = metadata.reader
    assert await pull_policies.find_policies(reader, repository.id + 99) is None
    found = await pull_policies.find_policies(reader, repository.id)
    assert found is not None
    assert found.is_empty
    async with metadata.begin() as tx:
        assert await policies.lock_for_manifest(tx, repository.id, START) == (False, False)
        await pull_policies.set_of_namespace(tx, acme, RULES)
        assert await policies.lock_for_manifest(tx, repository.id, START) == (False, True)
        await pull_policies.set_of_namespace(tx, acme, "")
        await pull_policies.set_of_repository(tx, repository.id, RULES)
        await policies.set_quota(tx, acme, 10)
        assert await policies.lock_for_manifest(tx, repository.id, START) == (True, True)
    found = await pull_policies.find_policies(reader, repository.id)
    assert found is not None
    assert (found.namespace_id, found.namespace, found.repository) == (acme, "acme", "acme/app")
    assert (found.of_namespace, found.of_repository) == ("", RULES)
    assert await pull_policies.find_of_namespace(reader, acme) == ""
    assert await pull_policies.list_repositories_of(reader, acme, 0, 10) == [repository.id]
    assert await pull_policies.list_repositories_of(reader, acme, repository.id, 10) == []
    # Rules about tags stay as they are.
    assert (await policies.find_of_repository(reader, repository.id))[1].immutable == ""


async def test_verdicts_come_with_the_manifest(metadata: Metadata) -> None:
    _, repository, manifest = await build(metadata)
    reader, of, digest = metadata.reader, repository.id, Digest.of(b"one")
    result = RuleResult("prod", "acme", Mode.ENFORCE, ("*",), False, "it is not signed")
    judgement = Judgement("f", (result,), again_at=(START + DAY).isoformat())
    tags = {"1.0": PullVerdict.REFUSE, "other": PullVerdict.REFUSE}
    async with metadata.begin() as tx:
        assert await pull_judgements.find_revision(tx, manifest) == 0
        await pull_judgements.write_judgement(tx, of, manifest, judgement, PullVerdict.WARN, tags)
        await pull_judgements.write_judgement(tx, of, manifest, judgement, PullVerdict.WARN, tags)
        assert await pull_judgements.find_revision(tx, manifest) == 2
    for reference, verdict in ((Tag("1.0"), 1), (Tag("latest"), None), (digest, 2)):
        facts = await manifests.find_facts(reader, of, reference)
        stored = await manifests.find_manifest(reader, of, reference)
        assert facts is not None
        assert stored is not None
        assert (facts.verdict, stored.verdict, stored.content) == (verdict, verdict, b"one")
    assert await pull_judgements.find_judgement(reader, manifest) == judgement
    assert await pull_judgements.list_own_tags(reader, manifest) == {"1.0": 1, "latest": None}
    assert await pull_judgements.list_due(reader, START, 10) == []
    assert await pull_judgements.list_due(reader, START + DAY, 10) == [(of, str(digest))]
    async with metadata.begin() as tx:
        await manifests.move_tag(tx, of, Tag("1.0"), manifest, None, START, 2)
        await manifests.move_tag(tx, of, Tag("latest"), manifest, None, START)
    assert await pull_judgements.list_own_tags(reader, manifest) == {"1.0": 2, "latest": None}
    async with metadata.begin() as tx:
        await pull_judgements.clear(tx, of)
    assert await pull_judgements.find_judgement(reader, manifest) is None
    assert set((await pull_judgements.list_own_tags(reader, manifest)).values()) == {None}
    facts = await manifests.find_facts(reader, of, digest)
    assert facts is not None
    assert facts.verdict is None


async def test_indexes_and_what_they_list_know_each_other(metadata: Metadata) -> None:
    _, repository, manifest = await build(metadata)
    reader, of, digest = metadata.reader, repository.id, Digest.of(b"one")
    children = frozenset({digest, Digest.of(b"absent")})
    index = await add_manifest(metadata, repository, b"index", children=children)
    async with metadata.begin() as tx:
        await manifests.move_tag(tx, of, Tag("2.0"), index, None, START)
    assert await pull_judgements.list_index_tags(reader, of, str(digest)) == ["2.0"]
    (listed,) = await pull_policies.list_listed(reader, of, index)
    assert (listed.id, listed.digest, listed.subject) == (manifest, str(digest), None)
    assert [each.id for each in await pull_policies.list_judged(reader, of, 2**62, 10)] == [
        index,
        manifest,
    ]
    assert [each.id for each in await pull_policies.list_judged(reader, of, index, 10)] == [
        manifest
    ]
    tagged = await pull_policies.list_tagged(reader, of, "", 10)
    assert [(tag, each.id) for tag, each in tagged] == [
        ("1.0", manifest),
        ("2.0", index),
        ("latest", manifest),
    ]
    assert await pull_policies.find_judged(reader, of, str(digest)) == listed
    assert await pull_policies.find_judged(reader, of + 99, str(digest)) is None
    assert await pull_policies.count_pulls_by_tag(reader, of, 0) == {}


async def test_exemptions_hold_for_a_repository_or_a_namespace(metadata: Metadata) -> None:
    acme, repository, _ = await build(metadata)
    reader = metadata.reader
    other = await add_repository(metadata, "acme/other", namespace_id=acme)
    exemption = Exemption(0, acme, "", "CVE-2026-1", "why", START + DAY, START, "alice")
    async with metadata.begin() as tx:
        one = await exemptions.insert_exemption(tx, exemption, repository.id)
        two = await exemptions.insert_exemption(tx, exemption, None)
    found = await exemptions.list_exemptions(reader, acme, 10)
    assert [(each.id, each.repository) for each in found] == [(one, "acme/app"), (two, "")]
    for of, expected in ((repository.id, [one, two]), (other.id, [two])):
        holding = await exemptions.list_holding(reader, acme, of, START)
        assert [each.id for each in holding] == expected
    assert await exemptions.list_holding(reader, acme, other.id, START + DAY) == []
    assert await exemptions.find_exemption(reader, acme + 99, one) is None
    async with metadata.begin() as tx:
        await exemptions.delete_exemption(tx, one)
    assert await exemptions.find_exemption(reader, acme, one) is None
    assert await exemptions.find_exemption(reader, acme, two) == found[1]


async def test_findings_come_with_when_they_were_first_seen(metadata: Metadata) -> None:
    _, repository, manifest = await build(metadata)
    found = finding("CVE-2026-1")
    async with metadata.begin() as tx:
        await artifact_findings.write_findings(tx, manifest, repository.id, [found], START)
    listed = await pull_evidence.list_findings_with_times(metadata.reader, [manifest])
    assert listed == [(found, START)]
    assert await pull_evidence.list_licenses(metadata.reader, [manifest]) == {}
