"""One task of replication: what the hub has now is compared with the destination, and pushed."""

from typing import Final

from entrepot.kinds.recognition.attachments import attached_to
from entrepot.metadata import repositories
from entrepot.metadata.contents import artifacts
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.registry import history, manifests
from entrepot.metadata.replication import replication_tasks
from entrepot.model.replication import DeletionMode, ReplicationRule, ReplicationTask
from entrepot.model.repositories import Repository
from entrepot.oci.names import Tag
from entrepot.registry.replication.arrivals import HEADER, find_authored
from entrepot.registry.replication.destinations import Destinations
from entrepot.registry.replication.transfers import Transferred, Transfers
from entrepot.upstream.pushing import Journal, PushRefused

_NEWER: Final = 412
_MOST: Final = 1000
"""Manifests that are looked at to find the tags which something was attached below."""


class ReplicationTasks:
    """Does tasks, one at a time; doing one again changes nothing."""

    def __init__(
        self, metadata: Metadata, transfers: Transfers, destinations: Destinations, now: Clock
    ) -> None:
        self._metadata = metadata
        self._transfers = transfers
        self._destinations = destinations
        self._now = now

    async def run(
        self, rule: ReplicationRule, task: ReplicationTask, journal: Journal
    ) -> Transferred | None:
        """Have the destination as the hub is now; `None` where there was nothing to push.

        Raises `PushRefused` where the destination does not want it, and other errors where it may
        want it later.
        """
        reader = self._metadata.reader
        repository = await repositories.find_by_id(reader, task.repository_id)
        if repository is None or repository.is_mirrored or not rule.covers(repository.name.text):
            return None
        if ":" in task.tag:
            await self._ask_for_tags(rule, repository, task)
            return None
        tag = Tag(task.tag)
        if not rule.covers_tag(tag.text):
            return None
        pushes = self._destinations.pushes(rule)
        authored = await find_authored(reader, repository.id, tag.text)
        # Another Entrepot keeps a tag that was changed there later; others do not look at it.
        headers = {} if authored is None else {HEADER: authored.at.isoformat()}
        try:
            if authored is not None and authored.digest:
                return await self._transfers.transfer(
                    rule, repository, tag, pushes, journal, headers
                )
            if rule.deletes is DeletionMode.FOLLOW:
                target = rule.target(repository.name).text
                await pushes.delete_tag(target, tag.text, headers)
        except PushRefused as error:
            if error.status != _NEWER:
                raise
        return None

    async def _ask_for_tags(
        self, rule: ReplicationRule, repository: Repository, task: ReplicationTask
    ) -> None:
        """Have each of the rule's tags compared that the digest belongs to."""
        tags = await self._find_tags(repository, task.tag)
        async with self._metadata.begin() as tx:
            for tag in sorted(tags):
                if rule.covers_tag(tag):
                    await replication_tasks.ask(
                        tx, rule.id, repository.id, tag, self._now(), task.behind_since
                    )

    async def _find_tags(self, repository: Repository, text: str) -> set[str]:
        """The tags that lead to a manifest: its own, its indexes' and those of its subjects."""
        reader, found, seen, waiting = self._metadata.reader, set[str](), set[str](), [text]
        while waiting and len(seen) < _MOST:
            digest = waiting.pop()
            if digest in seen:
                continue
            seen.add(digest)
            # A tag holds only the first part of a long digest.
            stored = await manifests.find_by_prefix(reader, repository.id, digest)
            if stored is None:
                continue
            parents = await artifacts.list_parents(reader, repository.id, stored.digest)
            waiting += [each for _, each in parents]
            subject = await manifests.find_subject(reader, stored.id)
            waiting += [] if subject is None else [subject]
            for tag in await history.list_tags_of(reader, stored.id):
                subject = attached_to(tag)
                if subject is None:
                    found.add(tag)
                else:
                    waiting.append(subject)
        return found
