"""Judges artifacts by the rules about pulls, when something changes; pulls read the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from entrepot.errors import PullRefused, Unavailable
from entrepot.hub.security.pull_evidence import PullEvidenceReader
from entrepot.kinds.recognition.catalogue import kind_of_id
from entrepot.metadata.contents import artifact_revisions
from entrepot.metadata.engines.engine import Clock, Metadata, Reader, Transaction
from entrepot.metadata.events import jobs
from entrepot.metadata.security import exemptions, pull_judgements, pull_policies
from entrepot.metadata.security.pull_policies import JudgedManifest, RepositoryPolicies
from entrepot.model.manifests import ManifestFacts
from entrepot.model.security.pull_decisions import Judgement, RuleResult, judge
from entrepot.model.security.pull_policies import PullVerdict
from entrepot.oci.aside import aside

_AT_ONCE: Final = 200
"""Manifests that are judged before a change of rules is answered; a job judges the others."""
_REPOSITORIES_AT_ONCE: Final = 20
_NAMESPACE: Final = "namespace"
"""The word before the id of a namespace in the subject of a job."""
_PAGE: Final = 100
_TRIES: Final = 20
_FINDING: Final = 64
"""What a finding weighs beside bytes of a document: judging it takes as long as parsing those."""


@dataclass(frozen=True, slots=True)
class PullDecision:
    """A verdict for one reference, with every rule that is about it."""

    verdict: PullVerdict
    message: str
    rules: Sequence[RuleResult]
    exemption: str = ""


class PullVerdicts:
    """Keeps the verdict of every manifest of repositories that have rules."""

    def __init__(self, metadata: Metadata, evidence: PullEvidenceReader, now: Clock) -> None:
        self._metadata = metadata
        self._evidence = evidence
        self._now = now

    async def judge_manifest(self, repository_id: int, digest: str) -> None:
        """Judge a manifest again, and those that it lists; nothing where there are no rules."""
        reader = self._metadata.reader
        policies = await pull_policies.find_policies(reader, repository_id)
        if policies is None or policies.is_empty:
            return
        manifest = await pull_policies.find_judged(reader, repository_id, digest)
        if manifest is None:
            return
        await self._judge(repository_id, manifest, policies)
        for child in await pull_policies.list_listed(reader, repository_id, manifest.id):
            await self._judge(repository_id, child, policies)

    async def ask_to_judge(
        self, tx: Transaction, namespace_id: int | None, repository_id: int | None
    ) -> None:
        """Have a job judge all manifests of the repository, or of the namespace without one."""
        subject = str(repository_id or f"{_NAMESPACE} {namespace_id}")
        await jobs.add_job(tx, jobs.JUDGE, subject, self._now())

    async def judge_newest(self, namespace_id: int | None, repository_id: int | None) -> None:
        """Judge the newest manifests of what a job was asked for: those are in use."""
        if repository_id is not None:
            await self.judge_repository(repository_id, _AT_ONCE)
            return
        for each in await pull_policies.list_repositories_of(
            self._metadata.reader, namespace_id or 0, 0, _REPOSITORIES_AT_ONCE
        ):
            await self.judge_repository(each, _AT_ONCE // 10)

    async def judge(self, subject: str) -> None:
        """Do the job of this subject: judge a repository, or ask for each of a namespace."""
        what, _, number = subject.rpartition(" ")
        if what != _NAMESPACE:
            await self.judge_repository(int(number))
            return
        namespace_id, after = int(number), 0
        while some := await pull_policies.list_repositories_of(
            self._metadata.reader, namespace_id, after, _PAGE
        ):
            async with self._metadata.begin() as tx:
                for each in some:
                    await self.ask_to_judge(tx, namespace_id, each)
            after = some[-1]

    async def judge_repository(self, repository_id: int, most: int | None = None) -> None:
        """Judge every manifest of the repository, or the first `most`, the newest first."""
        policies = await pull_policies.find_policies(self._metadata.reader, repository_id)
        if policies is None:
            return
        if policies.is_empty:
            async with self._metadata.begin() as tx:
                await pull_judgements.clear(tx, repository_id)
            return
        before, count = 2**62, 0
        while some := await pull_policies.list_judged(
            self._metadata.reader, repository_id, before, _PAGE
        ):
            for manifest in some:
                if count == most:
                    return
                await self._judge(repository_id, manifest, policies)
                before, count = manifest.id, count + 1

    async def judge_due(self) -> None:
        """Judge what time alone may have changed: exemptions that ended, ages, days of grace."""
        seen: set[tuple[int, str]] = set()
        while due := await pull_judgements.list_due(self._metadata.reader, self._now(), _PAGE):
            new = [each for each in due if each not in seen]
            if not new:
                return
            for repository_id, digest in new:
                await self.judge_manifest(repository_id, digest)
            seen.update(new)

    async def decide(
        self,
        repository_id: int,
        digest: str,
        tag: str | None,
        policies: RepositoryPolicies | None = None,
    ) -> PullDecision:
        """Decide by the rules, or by these others, and what is known now; changes nothing."""
        reader = self._metadata.reader
        policies = policies or await pull_policies.find_policies(reader, repository_id)
        manifest = await pull_policies.find_judged(reader, repository_id, digest)
        if manifest is None or policies is None or policies.is_empty:
            return PullDecision(PullVerdict.ALLOW, "", ())
        judgement = await self._judgement(repository_id, manifest, policies)
        if tag is None:
            tag = judgement.mildest(await self._tags(reader, repository_id, manifest))
        return _decision(judgement, tag)

    async def check(self, repository_id: int, facts: ManifestFacts, tag: str | None) -> None:
        """Raise `PullRefused` where the verdict that came with the manifest refuses its pull."""
        if facts.verdict == PullVerdict.REFUSE:
            raise PullRefused(await self.explain(repository_id, facts, tag) or "a rule refuses it")

    async def explain(self, repository_id: int, facts: ManifestFacts, tag: str | None) -> str:
        """Why a pull is refused or warned of, as it was judged last; empty where it is not."""
        reader = self._metadata.reader
        judgement = await pull_judgements.find_judgement(reader, facts.id)
        if judgement is None:
            return ""
        if tag is None:
            manifest = JudgedManifest(facts.id, facts.digest, None, self._now())
            tag = judgement.mildest(await self._tags(reader, repository_id, manifest))
        return judgement.message(tag)

    async def _judge(
        self, repository_id: int, manifest: JudgedManifest, policies: RepositoryPolicies
    ) -> None:
        for _ in range(_TRIES):
            before = await pull_judgements.find_revision(self._metadata.reader, manifest.id)
            judgement = await self._judgement(repository_id, manifest, policies)
            if await self._write(repository_id, manifest, policies, judgement, before):
                return
        raise Unavailable("others go on judging the same")

    async def _write(
        self,
        repository_id: int,
        manifest: JudgedManifest,
        policies: RepositoryPolicies,
        judgement: Judgement,
        before: int,
    ) -> bool:
        """Write a judgement; `False` where others have judged since, who may have known more."""
        async with self._metadata.begin() as tx:
            if not await artifact_revisions.lock_manifest(
                tx, repository_id, manifest.id, manifest.digest
            ):
                return True
            now = await pull_policies.find_policies(tx, repository_id)
            if now is None or now.texts != policies.texts:
                return True  # whoever changed the rules has everything judged by them
            if await pull_judgements.find_revision(tx, manifest.id) != before:
                return False
            own = await pull_judgements.list_own_tags(tx, manifest.id)
            by_tag = {tag: judgement.verdict(tag) for tag in own}
            changed = {tag: each for tag, each in by_tag.items() if own[tag] != each}
            tags = await self._tags(tx, repository_id, manifest)
            by_digest = judgement.verdict(judgement.mildest(tags))
            await pull_judgements.write_judgement(
                tx, repository_id, manifest.id, judgement, by_digest, changed
            )
        return True

    async def _judgement(
        self, repository_id: int, manifest: JudgedManifest, policies: RepositoryPolicies
    ) -> Judgement:
        reader, now = self._metadata.reader, self._now()
        if manifest.subject is not None:
            return Judgement(policies.fingerprint)
        evidence = await self._evidence.read(repository_id, manifest, policies)
        if evidence.kind and kind_of_id(evidence.kind).is_attachment:
            # Signatures and SBOMs must be had by whoever wants to check them.
            return Judgement(policies.fingerprint)
        holding = await exemptions.list_holding(reader, policies.namespace_id, repository_id, now)
        weight = _FINDING * len(evidence.findings)
        return await aside(
            weight, lambda: judge(policies.scoped, evidence, holding, now, policies.fingerprint)
        )

    async def _tags(
        self, reader: Reader, repository_id: int, manifest: JudgedManifest
    ) -> list[str]:
        """The tags by which it is pulled: its own, and those of indexes that list it."""
        own = await pull_judgements.list_own_tags(reader, manifest.id)
        listed = await pull_judgements.list_index_tags(reader, repository_id, manifest.digest)
        return [*own, *listed]


def _decision(judgement: Judgement, tag: str | None) -> PullDecision:
    return PullDecision(
        judgement.verdict(tag),
        judgement.message(tag),
        [each for each in judgement.results if each.is_about(tag)],
        judgement.exempt or judgement.exempt_tags.get(tag or "", ""),
    )
