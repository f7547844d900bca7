"""Retention: rules decide which tags are kept and which are deleted.

A tag goes with all that only it holds. What goes can be restored until the grace period is over.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final

from entrepot.errors import TagImmutable
from entrepot.metadata.contents import artifacts
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.registry import manifests, policies
from entrepot.metadata.repositories import ChangeListener
from entrepot.model.policies import Rules
from entrepot.model.repositories import Repository
from entrepot.model.tags import TagFacts
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from entrepot.oci.tag_patterns import TagPatterns
from entrepot.registry.removal import Removals
from entrepot.registry.tag_rules import ImmutableTags, find_immutable_tags

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 20
_PAGE: Final = 1000


class Reason(StrEnum):
    """Why a tag stays, or that it goes."""

    GOES = "goes"
    OTHER = "other"
    KEPT = "kept"
    IMMUTABLE = "immutable"
    NEWEST = "newest"
    PUSHED = "pushed"
    PULLED = "pulled"
    ATTACHED = "attached"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A tag, where it points, since when, and what becomes of it."""

    tag: str
    digest: str
    moved_at: datetime
    reason: Reason


class Retention:
    """Shows what the rules would do, and does it."""

    def __init__(self, metadata: Metadata, removals: Removals, now: Clock) -> None:
        self._metadata = metadata
        self._removals = removals
        self._now = now

    async def find_rules(self, repository: Repository) -> Rules | None:
        """The repository's own rules, else those of its namespace."""
        found = await policies.find_of_repository(self._metadata.reader, repository.id)
        of_namespace, of_repository = found
        return Rules.parse(of_repository.retention or of_namespace.retention)

    async def preview(self, repository: Repository, rules: Rules | None = None) -> list[Verdict]:
        """Return the decision of these rules, or of those in force, for each tag.

        Nothing is changed; without any rules there is nothing to tell.
        """
        rules = rules or await self.find_rules(repository)
        return [] if rules is None else await self._judge(repository, rules)

    async def preview_all(self) -> list[tuple[Repository, list[Verdict]]]:
        """As `preview`, of every repository that has rules."""
        found, after = [], 0
        while page := await policies.list_retaining(self._metadata.reader, after, _PAGE):
            after = page[-1].id
            # Archived ones are left alone.
            found += [(each, await self.preview(each)) for each in page if not each.is_archived]
        return found

    async def _judge(self, repository: Repository, rules: Rules) -> list[Verdict]:
        reader = self._metadata.reader
        tags: list[TagFacts] = []
        while page := await policies.list_tag_facts(
            reader, repository.id, tags[-1].tag if tags else "", _PAGE
        ):
            tags += page
        immutable = await find_immutable_tags(reader, repository.id)
        verdicts = decide(rules, immutable, tags, self._now())
        subjects = {each.tag: each.subject for each in tags if each.subject}
        return await self._keep_attached(repository, verdicts, subjects)

    async def _keep_attached(
        self, repository: Repository, verdicts: list[Verdict], subjects: Mapping[str, str]
    ) -> list[Verdict]:
        """Keep the tags of what is attached to something that stays."""
        reader = self._metadata.reader
        going = {each.digest for each in verdicts if each.reason is Reason.GOES}
        going -= {each.digest for each in verdicts if each.reason is not Reason.GOES}
        present = set()
        for digest in dict.fromkeys(subjects.values()):
            if await manifests.find_facts(reader, repository.id, Digest.parse(digest)):
                present.add(digest)
                # Its tag may go, and it stays all the same where an index lists it.
                if await artifacts.list_parents(reader, repository.id, digest):
                    going.discard(digest)
        is_changing = True
        while is_changing:
            is_changing = False
            for at, each in enumerate(verdicts):
                subject = subjects.get(each.tag, "")
                held = subject in present and subject not in going
                if each.reason is Reason.GOES and held:
                    verdicts[at] = replace(each, reason=Reason.ATTACHED)
                    going.discard(each.digest)
                    is_changing = True
        return verdicts

    async def run(self, repository: Repository, listener: ChangeListener | None = None) -> int:
        """Remove what the rules do not keep, a little at a time; say how many tags went."""
        rules = await self.find_rules(repository)
        if rules is None or repository.is_archived:
            return 0
        verdicts = await self._judge(repository, rules)
        going = iter([each for each in verdicts if each.reason is Reason.GOES])
        count = 0
        while batch := list(islice(going, _AT_ONCE)):
            chosen = [(Tag(each.tag), Digest.parse(each.digest)) for each in batch]
            try:
                await self._removals.remove(
                    repository, chosen, whole=True, by=None, listener=listener, spare_held=True
                )
            except TagImmutable as error:
                # Said since it was looked at: next time it is looked at again.
                _log.info("retention waits", extra={"tag": error.message})
                continue
            count += len(batch)
        return count

    async def run_all(self, listener: ChangeListener | None = None) -> int:
        """Do so in every repository that has rules; say how many tags went."""
        count = after = 0
        while page := await policies.list_retaining(self._metadata.reader, after, _PAGE):
            after = page[-1].id
            for repository in page:
                count += await self.run(repository, listener)
        return count


def decide(
    rules: Rules, immutable: ImmutableTags, tags: Sequence[TagFacts], now: datetime
) -> list[Verdict]:
    """Return the decision for each tag, the newest first."""
    about, keep = TagPatterns.parse(rules.tags), TagPatterns.parse(rules.keep)
    newest = rules.newest or 0
    verdicts = []
    for each in sorted(tags, key=lambda tag: (tag.moved_at, tag.tag), reverse=True):
        reason = _kept_anyhow(each, about, keep, immutable)
        if reason is None and newest:
            newest -= 1
            reason = Reason.NEWEST
        if reason is None:
            reason = _kept_for_its_age(each, rules, now)
        verdicts.append(Verdict(each.tag, each.digest, each.moved_at, reason))
    return verdicts


def _kept_anyhow(
    tag: TagFacts, about: TagPatterns, keep: TagPatterns, immutable: ImmutableTags
) -> Reason | None:
    if about.find(tag.tag) is None:
        return Reason.OTHER
    if keep.find(tag.tag) is not None:
        return Reason.KEPT
    return Reason.IMMUTABLE if immutable.find(tag.tag) is not None else None


def _kept_for_its_age(tag: TagFacts, rules: Rules, now: datetime) -> Reason:
    if rules.pushed_within and tag.moved_at > now - timedelta(days=rules.pushed_within):
        return Reason.PUSHED
    pulled = tag.pulled_at
    if rules.pulled_within and pulled and pulled > now - timedelta(days=rules.pulled_within):
        return Reason.PULLED
    return Reason.GOES
