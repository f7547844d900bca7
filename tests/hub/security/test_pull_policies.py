"""Rules about pulls: judged when something changes, and never when somebody pulls."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from entrepot.errors import Invalid, NotFound
from entrepot.hub.security.trusted_keys import check_signatures
from entrepot.metadata.registry import manifests
from entrepot.metadata.security import pull_judgements, pull_policies
from entrepot.model.security.pull_policies import PullPolicy, PullVerdict
from entrepot.oci.names import Reference, Tag
from tests.hub.contents.test_attachments import Signer, signer
from tests.hub.shelves import SPDX, Shelf, push_chart, statement
from tests.support.osv import document, fixed, since, write_zip
from tests.wire.content import encode

__all__ = ["signer"]

ALLOW, REFUSE, WARN = PullVerdict.ALLOW, PullVerdict.REFUSE, PullVerdict.WARN
SIGNED: dict[str, object] = {"signed": {}}
NO_HIGH = {"vulnerabilities": {"none_at_or_above": "high"}}
CVE = "CVE-2023-32681"
ADVISORY = document(
    "GHSA-aaaa-bbbb-cccc",
    "PyPI",
    "requests",
    since(),
    fixed("2.31.0"),
    aliases=[CVE],
    database_specific={"severity": "HIGH"},
)
VULNERABLE = {
    "spdxVersion": "SPDX-2.3",
    "name": "sbom",
    "packages": [
        {
            "name": "requests",
            "versionInfo": "2.30.0",
            "SPDXID": "SPDXRef-1",
            "licenseDeclared": "Apache-2.0",
            "externalRefs": [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": "pkg:pypi/requests@2.30.0",
                }
            ],
        }
    ],
}


def policy(*require: object, mode: str = "enforce", **applies: object) -> PullPolicy:
    """A policy of one rule."""
    rule = {"name": "prod", "mode": mode, "require": require}
    return PullPolicy.parse(json.dumps({"rules": [{**rule, "applies": applies}]}))


async def verdict(shelf: Shelf, reference: Reference) -> PullVerdict:
    """What a pull by that reference reads."""
    facts = await manifests.find_facts(shelf.metadata.reader, shelf.repository.id, reference)
    stored = await manifests.find_manifest(shelf.metadata.reader, shelf.repository.id, reference)
    assert facts is not None
    assert stored is not None
    assert facts.verdict == stored.verdict
    return PullVerdict(facts.verdict or 0)


async def set_policy(shelf: Shelf, rules: PullPolicy) -> None:
    """Give the repository its rules, by the operator."""
    await shelf.pull_policies.set_of_repository(shelf.repository.name, rules)


async def test_nothing_is_judged_without_rules(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await shelf.settle()
    facts = await manifests.find_facts(shelf.metadata.reader, shelf.repository.id, chart)
    assert facts is not None
    assert facts.verdict is None


async def test_what_is_not_signed_is_refused_until_a_trusted_key_signs_it(
    shelf: Shelf, signer: Signer
) -> None:
    await signer.be_trusted(shelf)
    chart = await push_chart(shelf, "1.0.0")
    await shelf.settle()
    await set_policy(shelf, policy(SIGNED))
    for reference in (chart, Tag("1.0.0")):
        assert await verdict(shelf, reference) is REFUSE
    made = await signer.sign(shelf, chart)
    assert await verdict(shelf, made) is ALLOW
    await shelf.settle()
    for reference in (chart, Tag("1.0.0"), made):
        assert await verdict(shelf, reference) is ALLOW


async def test_a_push_is_judged_in_its_transaction(shelf: Shelf, signer: Signer) -> None:
    await set_policy(shelf, policy(SIGNED))
    chart = await push_chart(shelf, "1.0.0")
    assert await verdict(shelf, Tag("1.0.0")) is REFUSE
    assert await verdict(shelf, chart) is REFUSE


async def test_a_signature_by_another_key_changes_nothing(shelf: Shelf, signer: Signer) -> None:
    await set_policy(shelf, policy(SIGNED))
    chart = await push_chart(shelf, "1.0.0")
    await signer.sign(shelf, chart)
    await shelf.settle()
    assert await verdict(shelf, chart) is REFUSE
    await signer.be_trusted(shelf)
    assert shelf.repository.namespace_id is not None
    async with shelf.metadata.begin() as tx:
        await check_signatures(tx, shelf.repository.namespace_id, shelf.clock())
    await shelf.settle()
    assert await verdict(shelf, chart) is ALLOW


async def test_a_signed_sbom_is_no_signature(shelf: Shelf, signer: Signer) -> None:
    await signer.be_trusted(shelf)
    await set_policy(shelf, policy(SIGNED))
    chart = await push_chart(shelf, "1.0.0")
    said = statement(chart, "https://spdx.dev/Document", VULNERABLE)
    await shelf.push_referrer(chart, said, "application/vnd.in-toto+json")
    await shelf.settle()
    assert await verdict(shelf, chart) is REFUSE


async def test_a_named_key_must_have_signed(shelf: Shelf, signer: Signer) -> None:
    await signer.be_trusted(shelf)
    chart = await push_chart(shelf, "1.0.0")
    await signer.sign(shelf, chart)
    await shelf.settle()
    await set_policy(shelf, policy({"signed": {"all": [{"key": "key"}]}}))
    assert await verdict(shelf, chart) is ALLOW
    await set_policy(shelf, policy({"signed": {"any": [{"key": "other"}]}}))
    assert await verdict(shelf, chart) is REFUSE


async def test_an_indexs_signature_covers_what_it_lists(shelf: Shelf, signer: Signer) -> None:
    await signer.be_trusted(shelf)
    await set_policy(shelf, policy(SIGNED))
    index, images = await shelf.push_built("1.0")
    attestation = await shelf.push_attestation(images[0])
    await shelf.settle()
    for each in (index, *images):
        assert await verdict(shelf, each) is REFUSE
    assert await verdict(shelf, attestation) is ALLOW
    await signer.sign(shelf, index)
    await shelf.settle()
    for each in (index, *images):
        assert await verdict(shelf, each) is ALLOW
    await set_policy(shelf, policy({"signed": {"by_index": False}}))
    assert await verdict(shelf, index) is ALLOW
    assert await verdict(shelf, images[0]) is REFUSE


async def test_tags_have_verdicts_of_their_own(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await push_chart(shelf, "1.0.0")
    await set_policy(shelf, policy(SIGNED, tags=["prod*"]))
    assert await verdict(shelf, Tag("1.0.0")) is ALLOW
    assert await verdict(shelf, chart) is ALLOW
    stored = await manifests.find_manifest(shelf.metadata.reader, shelf.repository.id, chart)
    assert stored is not None
    await shelf.push(stored.content, tag="prod-1")
    await shelf.settle()
    assert await verdict(shelf, Tag("prod-1")) is REFUSE
    # By its digest it may be what the other tag names.
    assert await verdict(shelf, chart) is ALLOW


async def test_a_rule_may_warn(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await set_policy(shelf, policy(SIGNED, mode="warn"))
    assert await verdict(shelf, chart) is WARN
    decision = await shelf.pull_verdicts.decide(shelf.repository.id, str(chart), "1.0.0")
    assert (
        decision.message
        == f'does not meet policy "prod" of {shelf.repository.name}: it is not signed'
    )


async def test_rules_of_the_namespace_hold_too(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    namespace = shelf.repository.name.namespace
    assert namespace is not None
    await shelf.pull_policies.set_of_namespace(namespace, policy(SIGNED))
    assert await verdict(shelf, chart) is REFUSE
    await set_policy(shelf, PullPolicy())
    assert await verdict(shelf, chart) is REFUSE
    await shelf.pull_policies.set_of_namespace(namespace, PullPolicy())
    facts = await manifests.find_facts(shelf.metadata.reader, shelf.repository.id, chart)
    assert facts is not None
    assert facts.verdict is None
    await shelf.settle()


async def test_new_advisories_refuse_what_was_allowed(shelf: Shelf, tmp_path: Path) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await shelf.push_referrer(chart, encode(VULNERABLE), SPDX)
    await set_policy(shelf, policy(NO_HIGH))
    await shelf.settle()
    assert await verdict(shelf, chart) is ALLOW
    await shelf.advisories.import_file(write_zip(tmp_path / "all.zip", ADVISORY), "all.zip")
    await shelf.settle()
    assert await verdict(shelf, chart) is REFUSE
    decision = await shelf.pull_verdicts.decide(shelf.repository.id, str(chart), None)
    assert decision.message == (
        f'blocked by policy "prod" of {shelf.repository.name}: 1 high vulnerability ({CVE})'
    )
    await set_policy(shelf, policy({"vulnerabilities": {"none_at_or_above": "critical"}}))
    assert await verdict(shelf, chart) is ALLOW
    await set_policy(shelf, policy({"licenses": {"not_in": ["Apache-*"]}}))
    assert await verdict(shelf, chart) is REFUSE


async def test_what_is_in_it_may_have_to_be_known(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    limit = {"none_at_or_above": "low", "unknown": "refuse"}
    await set_policy(shelf, policy({"vulnerabilities": limit}))
    assert await verdict(shelf, chart) is REFUSE
    await shelf.push_referrer(chart, encode(VULNERABLE), SPDX)
    await shelf.settle()
    assert await verdict(shelf, chart) is ALLOW


async def test_an_exemption_ends_by_itself(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await set_policy(shelf, policy(SIGNED))
    until = shelf.clock() + timedelta(days=1)
    name = shelf.repository.name.text
    await shelf.exemptions.add(name, str(chart), "a hotfix", until)
    assert await verdict(shelf, Tag("1.0.0")) is ALLOW
    await shelf.settle()
    assert await verdict(shelf, Tag("1.0.0")) is ALLOW
    shelf.clock.advance(timedelta(days=2))
    await shelf.pull_verdicts.judge_due()
    assert await verdict(shelf, Tag("1.0.0")) is REFUSE


@pytest.mark.parametrize("what", [CVE, f"{CVE}@requests", "GHSA-aaaa-bbbb-cccc", "tag:1.0.0"])
async def test_vulnerabilities_and_tags_are_exempted(
    shelf: Shelf, tmp_path: Path, what: str
) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await shelf.push_referrer(chart, encode(VULNERABLE), SPDX)
    await shelf.advisories.import_file(write_zip(tmp_path / "all.zip", ADVISORY), "all.zip")
    await set_policy(shelf, policy(NO_HIGH))
    await shelf.settle()
    assert await verdict(shelf, chart) is REFUSE
    name, until = shelf.repository.name.text, shelf.clock() + timedelta(days=30)
    number = await shelf.exemptions.add(name, what, "not reachable", until)
    assert await verdict(shelf, chart) is ALLOW
    namespace = name.partition("/")[0]
    (listed,) = await shelf.exemptions.list_of(namespace)
    assert (listed.id, listed.what, listed.repository) == (number, what, name)
    await shelf.exemptions.remove(namespace, number)
    assert await verdict(shelf, chart) is REFUSE
    with pytest.raises(NotFound):
        await shelf.exemptions.remove(namespace, number)
    await shelf.settle()


async def test_an_exemption_has_a_reason_and_an_end(shelf: Shelf) -> None:
    now, name = shelf.clock(), shelf.repository.name.text
    for what, reason, days in (
        (CVE, "", 1),
        (CVE, "late", -1),
        (CVE, "for ever", 400),
        ("no tag!", "why", 1),
    ):
        with pytest.raises(Invalid):
            await shelf.exemptions.add(name, what, reason, now + timedelta(days=days))
    namespace = name.partition("/")[0]
    with pytest.raises(Invalid, match="its repository"):
        await shelf.exemptions.add(namespace, "tag:1.0", "why", now + timedelta(days=1))


async def test_fresh_pushes_cool_down(shelf: Shelf) -> None:
    await set_policy(shelf, policy({"age": {"at_least_days": 3}}))
    chart = await push_chart(shelf, "1.0.0")
    await shelf.settle()
    assert await verdict(shelf, chart) is REFUSE
    shelf.clock.advance(timedelta(days=3))
    await shelf.pull_verdicts.judge_due()
    assert await verdict(shelf, chart) is ALLOW


async def test_kinds_are_listed(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await shelf.settle()
    await set_policy(shelf, policy({"kinds": {"only": ["image"]}}))
    assert await verdict(shelf, chart) is REFUSE
    await set_policy(shelf, policy({"kinds": {"not_in": ["image"]}}))
    assert await verdict(shelf, chart) is ALLOW
    await set_policy(shelf, policy(SIGNED, kinds=["image"]))
    assert await verdict(shelf, chart) is ALLOW


async def test_a_preview_lists_what_enforcing_then_refuses(shelf: Shelf, signer: Signer) -> None:
    await signer.be_trusted(shelf)
    for number in range(4):
        chart = await push_chart(shelf, f"1.{number}.0")
        if number % 2:
            await signer.sign(shelf, chart)
    await shelf.settle()
    rules = policy(SIGNED, tags=["1.*", "!1.2.0"])
    preview = await shelf.pull_policies.preview(shelf.repository, rules)
    assert (preview.looked_at, preview.is_complete) == (4, True)
    assert [(each.tag, each.verdict) for each in preview.pulls] == [("1.0.0", REFUSE)]
    before = [await verdict(shelf, Tag(f"1.{number}.0")) for number in range(4)]
    assert before == [ALLOW] * 4
    await set_policy(shelf, rules)
    after = [await verdict(shelf, Tag(f"1.{number}.0")) for number in range(4)]
    assert after == [REFUSE, ALLOW, ALLOW, ALLOW]


async def test_attestations_name_who_made_them(shelf: Shelf) -> None:
    needed = {"predicate_type": "https://slsa.dev/provenance/*"}
    await set_policy(shelf, policy({"attestation": needed}))
    chart = await push_chart(shelf, "1.0.0")
    await shelf.settle()
    decision = await shelf.pull_verdicts.decide(shelf.repository.id, str(chart), None)
    assert "it has no attestation of type" in decision.message
    said = statement(chart, "https://slsa.dev/provenance/v1", {"runDetails": {}})
    await shelf.push_referrer(chart, said, "application/vnd.in-toto+json")
    await shelf.settle()
    decision = await shelf.pull_verdicts.decide(shelf.repository.id, str(chart), None)
    assert "by nobody who may make it" in decision.message


@pytest.mark.parametrize(
    "rules",
    [
        [{"name": "a", "mode": "refuse", "require": [SIGNED]}],
        [{"name": "a", "require": []}],
        [{"name": "a", "require": [{}]}],
        [{"name": "a", "require": [{**SIGNED, **NO_HIGH}]}],
        [{"name": "a", "require": [{"signed": {"anyone": []}}]}],
        [{"name": "a", "require": [{"vulnerabilities": {"none_at_or_above": "bad"}}]}],
        [{"name": "a", "require": [{"signed": {"any": [{"identity": "me"}]}}]}],
        [{"name": "a", "require": [SIGNED]}, {"name": "a", "require": [SIGNED]}],
        [{"name": "a", "require": [SIGNED], "applies": {"tags": ["("]}}],
    ],
)
def test_a_policy_that_is_not_understood_is_refused(rules: object) -> None:
    with pytest.raises(Invalid, match="invalid pull policy"):
        PullPolicy.parse(json.dumps({"rules": rules}))


async def test_a_judgement_that_was_overtaken_is_made_again(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await set_policy(shelf, policy(SIGNED))
    reader = shelf.metadata.reader
    manifest = await pull_policies.find_judged(reader, shelf.repository.id, str(chart))
    policies = await pull_policies.find_policies(reader, shelf.repository.id)
    assert manifest is not None
    assert policies is not None
    judgement = await pull_judgements.find_judgement(reader, manifest.id)
    assert judgement is not None
    revision = await pull_judgements.find_revision(reader, manifest.id)
    write = shelf.pull_verdicts._write
    assert not await write(shelf.repository.id, manifest, policies, judgement, revision - 1)
    assert await write(shelf.repository.id, manifest, policies, judgement, revision)
    assert await pull_judgements.find_revision(reader, manifest.id) == revision + 1
