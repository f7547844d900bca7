"""Rules about pulls: who may set them, and what they would refuse before they do."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import Permissions
from entrepot.hub.security.pull_verdicts import PullVerdicts
from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.security import pull_policies
from entrepot.model.people.accounts import Namespace
from entrepot.model.repositories import Repository
from entrepot.model.security.pull_policies import PullPolicy, PullVerdict
from entrepot.oci.names import RepositoryName

PREVIEWED: Final = 1000
"""Tags that a preview looks at: the first by name."""
_MONTH: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class PreviewedPull:
    """A tag that rules would refuse or warn of, and how often it was pulled in 30 days."""

    tag: str
    digest: str
    verdict: PullVerdict
    message: str
    pulls: int


@dataclass(frozen=True, slots=True)
class PullPreview:
    """The tags that rules are about to refuse or warn of, of those that were looked at."""

    looked_at: int
    is_complete: bool
    pulls: list[PreviewedPull]


class PullPolicies:
    """The rules of repositories and namespaces; by default the operator acts."""

    def __init__(
        self, metadata: Metadata, permissions: Permissions, verdicts: PullVerdicts, now: Clock
    ) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._verdicts = verdicts
        self._now = now

    async def get_of_repository(self, repository: Repository) -> tuple[PullPolicy, PullPolicy]:
        """The repository's own rules, and those of its namespace, which hold too."""
        found = await pull_policies.find_policies(self._metadata.reader, repository.id)
        if found is None:
            return PullPolicy(), PullPolicy()
        return PullPolicy.parse(found.of_repository), PullPolicy.parse(found.of_namespace)

    async def get_of_namespace(self, namespace: Namespace) -> PullPolicy:
        """The rules of the namespace."""
        text = await pull_policies.find_of_namespace(self._metadata.reader, namespace.id)
        return PullPolicy.parse(text)

    async def get_by_name(self, name: str, by: Actor = OPERATOR) -> PullPolicy:
        """The rules of the namespace of that name; for its owners."""
        found = await self._permissions.namespace_to_administer(by.identity, name)
        return await self.get_of_namespace(found)

    async def set_of_repository(
        self, name: RepositoryName, policy: PullPolicy, by: Actor = OPERATOR
    ) -> None:
        """Replace the repository's own rules; for its administrators.

        The newest manifests are judged at once, the others by a job.
        """
        found = await self._permissions.repository_to_administer(by.identity, name)
        async with self._metadata.begin() as tx:
            await repositories.lock_repository(tx, found)
            await pull_policies.set_of_repository(tx, found.id, policy.text)
            await self._verdicts.ask_to_judge(tx, found.namespace_id, found.id)
            details = {"rules": policy.text[:400]}
            entry = Entry(
                found.namespace_id, by, Audited.REPO_PULL_POLICY, found.name.text, details
            )
            await record(tx, entry, self._now())
        await self._verdicts.judge_newest(found.namespace_id, found.id)

    async def set_of_namespace(self, name: str, policy: PullPolicy, by: Actor = OPERATOR) -> None:
        """Replace the rules of all repositories of a namespace; for its owners."""
        found = await self._permissions.namespace_to_administer(by.identity, name)
        async with self._metadata.begin() as tx:
            await pull_policies.set_of_namespace(tx, found.id, policy.text)
            details = {"rules": policy.text[:400]}
            await self._verdicts.ask_to_judge(tx, found.id, None)
            await record(
                tx, Entry(found.id, by, Audited.ORG_PULL_POLICY, name, details), self._now()
            )
        await self._verdicts.judge_newest(found.id, None)

    async def preview(self, repository: Repository, policy: PullPolicy | None) -> PullPreview:
        """Return what these rules of the repository would refuse; `None`: those that it has."""
        reader = self._metadata.reader
        found = await pull_policies.find_policies(reader, repository.id)
        if found is None:
            return PullPreview(0, True, [])
        if policy is not None:
            found = replace(found, of_repository=policy.text)
        first = (self._now() - _MONTH).date().toordinal()
        counts = await pull_policies.count_pulls_by_tag(reader, repository.id, first)
        tags = await pull_policies.list_tagged(reader, repository.id, "", PREVIEWED + 1)
        lines = []
        for tag, manifest in tags[:PREVIEWED]:
            decision = await self._verdicts.decide(repository.id, manifest.digest, tag, found)
            if decision.verdict is not PullVerdict.ALLOW:
                lines.append(
                    PreviewedPull(
                        tag,
                        manifest.digest,
                        decision.verdict,
                        decision.message,
                        counts.get(tag, 0),
                    )
                )
        lines.sort(key=lambda each: (-each.verdict.weight, -each.pulls, each.tag))
        return PullPreview(min(len(tags), PREVIEWED), len(tags) <= PREVIEWED, lines)
