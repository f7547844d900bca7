"""Policies: which tags are immutable, what is kept, how much room there is; who may say so."""

from dataclasses import dataclass

from entrepot.errors import NamespaceUnknown
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.names import find_namespace
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import Permissions, check_administrator
from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.registry import policies
from entrepot.model.people.accounts import Namespace
from entrepot.model.policies import Policy, Rules
from entrepot.model.repositories import Repository
from entrepot.oci.names import RepositoryName
from entrepot.oci.tag_patterns import TagPatterns


@dataclass(frozen=True, slots=True)
class EffectivePolicies:
    """The policies of a namespace or a repository; `rules` is `None` without any."""

    immutable: TagPatterns
    rules: Rules | None


class Policies:
    """Rules take who acts; by default it is the operator."""

    def __init__(
        self,
        metadata: Metadata,
        permissions: Permissions,
        now: Clock,
    ) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._now = now

    async def get_of_repository(
        self, repository: Repository
    ) -> tuple[EffectivePolicies, EffectivePolicies]:
        """Return the repository's own policies, and its namespace's."""
        found = await policies.find_of_repository(self._metadata.reader, repository.id)
        of_namespace, of_repository = found
        return _told(of_repository), _told(of_namespace)

    async def get_of_namespace(self, namespace: Namespace) -> EffectivePolicies:
        """Return the policies of the namespace."""
        return _told(await policies.find_of_namespace(self._metadata.reader, namespace.id))

    async def set_of_repository(
        self, name: RepositoryName, immutable: str, rules: Rules | None, by: Actor = OPERATOR
    ) -> None:
        """Replace what the repository has been told; for its administrators."""
        found = await self._permissions.repository_to_administer(by.identity, name)
        policy = _policy(immutable, rules)
        async with self._metadata.begin() as tx:
            await repositories.lock_repository(tx, found)
            await policies.set_of_repository(tx, found.id, policy)
            details = {"immutable": policy.immutable, "retention": policy.retention}
            entry = Entry(found.namespace_id, by, Audited.REPO_POLICY, found.name.text, details)
            await record(tx, entry, self._now())

    async def set_of_namespace(
        self, name: str, immutable: str, rules: Rules | None, by: Actor = OPERATOR
    ) -> None:
        """Replace what all of a namespace's repositories have been told; for its owners."""
        found = await self._permissions.namespace_to_administer(by.identity, name)
        policy = _policy(immutable, rules)
        async with self._metadata.begin() as tx:
            await policies.set_of_namespace(tx, found.id, policy)
            details = {"immutable": policy.immutable, "retention": policy.retention}
            await record(tx, Entry(found.id, by, Audited.ORG_POLICY, name, details), self._now())

    async def get_room(self, name: str) -> tuple[int | None, int]:
        """Bytes that the namespace may hold (`None`: no limit), and those it does."""
        found, reader = await self._get_namespace(name), self._metadata.reader
        quota = await policies.find_quota(reader, found.id)
        if quota is not None:
            return quota.limit, quota.used
        # The usage is not counted yet: this takes a while.
        return None, await policies.measure_namespace(reader, found.id)

    async def _get_namespace(self, name: str) -> Namespace:
        found = await find_namespace(self._metadata.reader, name)
        if found is None:
            raise NamespaceUnknown(f"no such namespace: {name}")
        return found

    async def set_quota(self, name: str, limit: int | None, by: Actor = OPERATOR) -> None:
        """Limit a namespace's room, or (`None`) no longer; for the hub's administrators."""
        check_administrator(by.identity)
        found = await self._get_namespace(name)
        async with self._metadata.begin() as tx:
            await policies.set_quota(tx, found.id, limit)
            await policies.count_used(tx, found.id)
            entry = Entry(found.id, by, Audited.ORG_QUOTA, name, {"bytes": limit})
            await record(tx, entry, self._now())


def _told(policy: Policy) -> EffectivePolicies:
    return EffectivePolicies(TagPatterns.parse(policy.immutable), Rules.parse(policy.retention))


def _policy(immutable: str, rules: Rules | None) -> Policy:
    return Policy(TagPatterns.parse(immutable).text, rules.text if rules else "")
