"""The first verdict about what is pushed: by what is known before anybody has read it."""

from collections.abc import Sequence
from datetime import datetime

from entrepot.kinds.recognition.attachments import is_hidden_tag
from entrepot.metadata.engines.engine import Transaction
from entrepot.metadata.security import exemptions, pull_judgements, pull_policies
from entrepot.model.security.pull_decisions import judge
from entrepot.model.security.pull_evidence import PullEvidence
from entrepot.model.security.pull_policies import PullVerdict
from entrepot.oci.digests import Digest


async def judge_push(
    tx: Transaction,
    repository_id: int,
    manifest_id: int,
    digest: Digest,
    tags: Sequence[str],
    now: datetime,
) -> dict[str, PullVerdict]:
    """Return the verdict of each tag that is about to point at the manifest.

    What was judged by the same rules stays so. Anything else has neither signature nor SBOM yet:
    a rule that asks for one refuses it until the indexing job has looked.
    """
    policies = await pull_policies.find_policies(tx, repository_id)
    visible = [tag for tag in tags if not is_hidden_tag(tag)]
    if policies is None or policies.is_empty or (tags and not visible):
        return {}
    judgement = await pull_judgements.find_judgement(tx, manifest_id)
    if judgement is None or judgement.policies != policies.fingerprint:
        holding = await exemptions.list_holding(tx, policies.namespace_id, repository_id, now)
        evidence = PullEvidence(str(digest), now)
        judgement = judge(policies.scoped, evidence, holding, now, policies.fingerprint)
        listed = await pull_judgements.list_index_tags(tx, repository_id, str(digest))
        by_digest = judgement.verdict(judgement.mildest([*visible, *listed]))
        await pull_judgements.write_judgement(
            tx, repository_id, manifest_id, judgement, by_digest, {}
        )
    return {tag: judgement.verdict(tag) for tag in visible}
