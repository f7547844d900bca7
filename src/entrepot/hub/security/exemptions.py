"""Exemptions from rules about pulls: with a reason, for a time, by an owner."""

from datetime import datetime, timedelta
from typing import Final

from entrepot.errors import Invalid, NotFound
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import Permissions
from entrepot.hub.security.pull_verdicts import PullVerdicts
from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.security import exemptions
from entrepot.model.security.exemptions import Exempted, Exemption
from entrepot.oci.names import RepositoryName

_LONGEST: Final = timedelta(days=366)
MOST: Final = 500
"""Exemptions that one namespace has; ended ones count until they are removed."""
_MAX_REASON: Final = 500


class Exemptions:
    """Exemptions of namespaces; only owners add them, for they weaken the namespace's rules."""

    def __init__(
        self,
        metadata: Metadata,
        permissions: Permissions,
        verdicts: PullVerdicts,
        now: Clock,
    ) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._verdicts = verdicts
        self._now = now

    async def list_of(self, namespace: str, by: Actor = OPERATOR) -> list[Exemption]:
        """The exemptions of the namespace, the first to end first; for its owners."""
        found = await self._permissions.namespace_to_administer(by.identity, namespace)
        return await exemptions.list_exemptions(self._metadata.reader, found.id, MOST)

    async def add(
        self, name: str, what: str, reason: str, until: datetime, by: Actor = OPERATOR
    ) -> int:
        """Exempt something in a repository or a whole namespace; return the exemption's id.

        Raises `Invalid` for what is no digest, tag or vulnerability, without a reason, and for an
        end that has passed or is more than a year away.
        """
        now, exempted = self._now(), Exempted.parse(what)
        reason = " ".join(reason.split())
        if not reason or len(reason) > _MAX_REASON or not reason.isprintable():
            raise Invalid(f"give a reason of at most {_MAX_REASON} characters")
        if not now < until <= now + _LONGEST:
            raise Invalid("the end of an exemption is in the future, and at most a year away")
        namespace_name, _, rest = name.partition("/")
        namespace = await self._permissions.namespace_to_administer(by.identity, namespace_name)
        repository_id = None
        if rest:
            repository = await self._permissions.repository_to_administer(
                by.identity, RepositoryName(name)
            )
            repository_id = repository.id
        elif exempted.tag:
            raise Invalid("a tag is exempted in its repository: give the repository's name")
        exemption = Exemption(0, namespace.id, "", what, reason, until, now, by.name)
        async with self._metadata.begin() as tx:
            if len(await exemptions.list_exemptions(tx, namespace.id, MOST)) >= MOST:
                raise Invalid(f"{namespace_name} has {MOST} exemptions: remove some")
            number = await exemptions.insert_exemption(tx, exemption, repository_id)
            await self._verdicts.ask_to_judge(tx, namespace.id, repository_id)
            details = {"what": what, "reason": reason, "until": until.isoformat()}
            await record(tx, Entry(namespace.id, by, Audited.EXEMPTION_ADD, name, details), now)
        await self._verdicts.judge_newest(namespace.id, repository_id)
        return number

    async def remove(self, namespace: str, number: int, by: Actor = OPERATOR) -> None:
        """End an exemption now; `NotFound` where the namespace has none of that id; for owners."""
        found = await self._permissions.namespace_to_administer(by.identity, namespace)
        now = self._now()
        exemption = await exemptions.find_exemption(self._metadata.reader, found.id, number)
        if exemption is None:
            raise NotFound(f"{namespace} has no exemption {number}")
        repository_id = None
        if exemption.repository:
            repository = await repositories.find_repository(
                self._metadata.reader, RepositoryName(exemption.repository)
            )
            repository_id = repository.id if repository else None
        async with self._metadata.begin() as tx:
            await exemptions.delete_exemption(tx, number)
            await self._verdicts.ask_to_judge(tx, found.id, repository_id)
            target = exemption.repository or namespace
            details = {"what": exemption.what, "reason": exemption.reason}
            await record(tx, Entry(found.id, by, Audited.EXEMPTION_REMOVE, target, details), now)
        await self._verdicts.judge_newest(found.id, repository_id)
