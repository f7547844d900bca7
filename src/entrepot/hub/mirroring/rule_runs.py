"""Runs of pull rules: tags are fetched through the cache, and copied from there by a promotion."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from entrepot.errors import (
    Denied,
    EntrepotError,
    NotFound,
    OutOfSpace,
    RepositoryUnknown,
    TooMany,
    UpstreamUnreachable,
)
from entrepot.hub.events.audit import audit_and_notify
from entrepot.hub.mirroring.pull_rules import next_run
from entrepot.hub.mirroring.tag_choices import TagChoice
from entrepot.hub.mirrors import Mirrors
from entrepot.hub.people.actors import OPERATOR
from entrepot.hub.promotions import Promotions
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.registry import history, manifests, pull_rules
from entrepot.metadata.repositories import ChangeListener, find_repository
from entrepot.model.copies import CopyOrder
from entrepot.model.mirroring.prefetches import Prefetched, Selection
from entrepot.model.mirroring.pull_rules import PullRule, RuleRun, RuleState, RuleTag, TagAction
from entrepot.model.mirrors import MirroredName
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.oci.names import Reference, Tag

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 3
"""Rules that run at a time, on all nodes together."""
_TAKEN: Final = 20
_LOOK_EVERY: Final = 15.0
"""Seconds after which rules are looked for that have become due."""
_AGAIN: Final = timedelta(minutes=5)
"""After which a rule runs again whose upstream could not be reached."""
_MOST_TAGS: Final = 100_000
_BAD: Final = frozenset({TagAction.FAIL, TagAction.REFUSE})


class FetchesArtifacts(Protocol):
    """Has artifacts of mirrors here."""

    async def list_tags(self, asked: MirroredName) -> list[str]:
        """Every tag that the upstream has now."""

    async def find_image(self, asked: MirroredName, tag: Tag, selection: Selection) -> Reference:
        """The first image of the tag for the platforms; the tag where it is no index."""

    async def preview(
        self,
        asked: MirroredName,
        reference: Reference,
        selection: Selection,
        tags: frozenset[str] | None = None,
    ) -> Prefetched:
        """The outcome that `fetch` would have."""

    async def fetch(
        self,
        asked: MirroredName,
        reference: Reference,
        selection: Selection,
        tags: frozenset[str] | None = None,
        watch: Callable[[int], None] = lambda _: None,
    ) -> Prefetched:
        """Have the artifact here with all that was selected; raises what a pull does."""


class RemovesTags(Protocol):
    """Removes tags with all that only they hold."""

    async def remove(
        self,
        repository: Repository,
        chosen: Sequence[tuple[Tag, Digest]],
        *,
        whole: bool,
        by: None,
        listener: ChangeListener | None,
        spare_held: bool,
    ) -> None:
        """Remove the tags that still point where they did."""


class ImmutableTags(Protocol):
    """The tags of a repository that stay where they point."""

    def find(self, tag: str) -> tuple[str, str] | None:
        """The rule by which the tag is one of them; `None` without."""


FindImmutable = Callable[[int], Awaitable[ImmutableTags]]
Watch = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class RuleTools:
    """The powers of a run."""

    metadata: Metadata
    mirrors: Mirrors
    promotions: Promotions
    prefetches: FetchesArtifacts
    removals: RemovesTags
    find_immutable: FindImmutable
    now: Clock


@dataclass(frozen=True, slots=True)
class RulePreview:
    """The planned outcome for tags; `waits` says why nothing would be deleted."""

    tags: list[RuleTag]
    waits: str
    left_out: int
    """Tags that were not looked at."""


class RuleRuns:
    """Runs pull rules when they are due, or when somebody asks for it."""

    def __init__(self, tools: RuleTools) -> None:
        self._tools = tools

    async def run_due(self) -> int:
        """Run every rule that is due, and those that become due meanwhile; say how many.

        A rule that takes hours keeps few others waiting.
        """
        running: dict[int, asyncio.Task[object]] = {}
        begun: set[int] = set()
        try:
            while True:
                for rule in await self._list_startable(begun, _AT_ONCE - len(running)):
                    begun.add(rule.id)
                    work = self.run(rule, confirmed=rule.is_confirmed)
                    running[rule.id] = asyncio.create_task(work)
                if not running:
                    return len(begun)
                await asyncio.wait(
                    running.values(), timeout=_LOOK_EVERY, return_when=asyncio.FIRST_COMPLETED
                )
                for rule_id in [key for key, task in running.items() if task.done()]:
                    error = running.pop(rule_id).exception()
                    if error is not None:
                        _log.error("pull rule broke", exc_info=error)
        finally:
            for task in running.values():
                task.cancel()
            await asyncio.gather(*running.values(), return_exceptions=True)

    async def _list_startable(self, begun: set[int], most: int) -> list[PullRule]:
        """At most `most` rules that are due, and that were not begun in this round."""
        tools = self._tools
        due = await pull_rules.list_due(tools.metadata.reader, tools.now(), _TAKEN + len(begun))
        return [each for each in due if each.id not in begun][:most]

    async def preview(self, rule: PullRule, most: int | None = None) -> RulePreview:
        """The outcome that a run would have for each tag, or the first `most`; changes nothing."""
        work = _Run(self._tools, rule, dry_run=True, most=most)
        await work.do()
        return RulePreview(list(work.found.values()), work.waits, work.left_out)

    async def run(
        self,
        rule: PullRule,
        *,
        confirmed: bool = False,
        watch: Watch = lambda _: None,
    ) -> RuleRun:
        """Copy what is not here as it is there, and return how that went.

        `confirmed`: more than half of the tags may be deleted. What was cut is gone on with.
        """
        tools, started = self._tools, self._tools.now()
        async with tools.metadata.begin() as tx:
            began = RuleRun(state=RuleState.RUNNING, started_at=started)
            await pull_rules.begin_run(tx, rule.id, began)
        work = _Run(tools, rule, confirmed=confirmed, watch=watch)
        state, note, due_at = RuleState.DONE, "", next_run(rule.settings, started)
        try:
            await work.do()
        except EntrepotError as error:
            state, note = RuleState.FAILED, error.message
            due_at = _again(due_at, error, tools.now())
        else:
            state, note = work.judge()
        run = RuleRun(
            state=state,
            started_at=started,
            ended_at=tools.now(),
            note=note,
            counts=work.counts,
            size=work.size,
        )
        async with tools.metadata.begin() as tx:
            await pull_rules.end_run(tx, rule.id, run, due_at)
        details = {"rule": rule.name, "state": str(state), "note": note, **run.counts}
        _log.info("pull rule ran", extra=details)
        return run


def _again(due_at: datetime | None, error: EntrepotError, now: datetime) -> datetime | None:
    """When a rule runs again that was cut short: as the upstream asks, or soon."""
    if isinstance(error, TooMany):
        return now + timedelta(seconds=error.wait)
    if isinstance(error, UpstreamUnreachable) and due_at is not None:
        return min(due_at, now + _AGAIN)
    return due_at


@dataclass(slots=True)
class _Run:
    """One run of one rule."""

    tools: RuleTools
    rule: PullRule
    dry_run: bool = False
    confirmed: bool = False
    most: int | None = None
    watch: Watch = lambda _: None
    found: dict[str, RuleTag] = field(default_factory=dict)
    known: dict[str, RuleTag] = field(default_factory=dict)
    """The outcomes so far."""
    waits: str = ""
    size: int = 0
    left_out: int = 0

    async def do(self) -> None:
        """Copy tags, then delete; raises why the source cannot be asked at all."""
        settings = self.rule.settings
        asked = await self.tools.mirrors.find_name(settings.source_name)
        listed = await pull_rules.list_tags(
            self.tools.metadata.reader, self.rule.id, "", _MOST_TAGS
        )
        self.known = {each.tag: each for each in listed}
        try:
            tags = frozenset(await self.tools.prefetches.list_tags(asked))
        except RepositoryUnknown:
            # Nothing is left there, or never was.
            tags = frozenset()
        if settings.source_tag:
            chosen = [settings.source_tag] if settings.source_tag in tags else []
        else:
            chosen = await asyncio.to_thread(TagChoice.of(settings).choose, tags)
        self.left_out = max(0, len(chosen) - len(chosen[: self.most]))
        for tag in chosen[: self.most]:
            await self._note(await self._copy(asked, tag, tags))
        if settings.delete == "follow":
            await self._delete(tags)
        if not self.found and not self.waits and not tags:
            raise NotFound(f"{asked.mirror.name} has no tags of {asked.upstream_name}")

    @property
    def counts(self) -> dict[str, int]:
        """How many tags there were of each action."""
        actions = [str(each.action) for each in self.found.values()]
        return {action: actions.count(action) for action in dict.fromkeys(sorted(actions))}

    def judge(self) -> tuple[RuleState, str]:
        """The state of a run that came to its end, and why it is not well."""
        if self.waits:
            return RuleState.WAITING, self.waits
        bad = [each for each in self.found.values() if each.action in _BAD]
        if bad:
            return RuleState.FAILED, f"{len(bad)} of {len(self.found)} tags: {bad[0].reason}"
        return RuleState.DONE, "" if self.found else "no tag matches"

    async def _copy(self, asked: MirroredName, tag: str, tags: frozenset[str]) -> RuleTag:
        """Have one tag here as it is there; the outcome, also where that fails."""
        prefetches, selection = self.tools.prefetches, self.rule.settings.selection
        old = self.known.get(tag)
        kept = old.digest if old else ""
        try:
            what: Reference = Tag(tag)
            if self.rule.settings.flatten:
                what = await prefetches.find_image(asked, Tag(tag), selection)
            if self.dry_run:
                there = await prefetches.preview(asked, what, selection, tags)
            else:
                there = await prefetches.fetch(asked, what, selection, tags, self.watch)
            self.size += there.size
            return await self._link(asked, tag, there, kept)
        except (UpstreamUnreachable, TooMany, OutOfSpace):
            # As for every other tag: the run is over.
            raise
        except Denied as error:
            return RuleTag(tag, TagAction.REFUSE, kept, error.message)
        except EntrepotError as error:
            return RuleTag(tag, TagAction.FAIL, kept, error.message)

    async def _link(self, asked: MirroredName, tag: str, there: Prefetched, kept: str) -> RuleTag:
        settings, reader = self.rule.settings, self.tools.metadata.reader
        target = await find_repository(reader, settings.target_name)
        into, pointed = Tag(settings.target_tag or tag), None
        lacking = there.manifests
        if target is not None:
            pointed = await history.find_pointed_at(reader, target.id, into)
            digests = [Digest.parse(each) for each in there.manifests]
            held = await manifests.find_sizes(reader, target.id, digests)
            lacking = there.manifests - {str(each) for each in held}
        is_there = pointed == there.digest
        if pointed is not None and not is_there and not settings.overwrite:
            reason = "it points elsewhere here, and the rule does not overwrite"
            return RuleTag(tag, TagAction.KEEP, kept, reason, there.size)
        if is_there and not lacking:
            return RuleTag(tag, TagAction.SKIP, there.digest, there.reason, there.size)
        action = TagAction.COPY if pointed is None or is_there else TagAction.MOVE
        if self.dry_run:
            return await self._plan(target, into, _copied(action, tag, there))
        source = await find_repository(reader, asked.name)
        if source is None:
            raise RepositoryUnknown(f"{asked.name} is not cached any more")
        order = CopyOrder(
            source,
            Digest.parse(there.digest),
            () if is_there else (into,),
            f"{asked.name}:{tag}",
            only=there.manifests,
        )
        copied = await self.tools.promotions.copy(order, settings.target_name)
        if is_there and not copied.manifests + copied.attachments:
            # The upstream lists something as attached that says nothing of it.
            action = TagAction.SKIP
        return _copied(action, tag, there)

    async def _plan(self, target: Repository | None, into: Tag, planned: RuleTag) -> RuleTag:
        """The planned outcome; a tag that is immutable here is not moved."""
        if target is not None and planned.action is TagAction.MOVE:
            rule = (await self.tools.find_immutable(target.id)).find(into.text)
            if rule is not None:
                reason = f"the tag {into} is immutable: it matches the rule {rule[1]}"
                return replace(planned, action=TagAction.REFUSE, reason=reason)
        return planned

    async def _delete(self, tags: frozenset[str]) -> None:
        """Delete here what this rule has put here and what vanished there."""
        owned = [each for each in self.known.values() if each.digest]
        vanished = [each for each in owned if each.tag not in tags]
        if 2 * len(vanished) > len(owned) and not self.confirmed:
            self.waits = (
                f"{len(vanished)} of {len(owned)} tags vanished at the source:"
                " confirm that they are to be deleted here"
            )
            return
        settings = self.rule.settings
        target = await find_repository(self.tools.metadata.reader, settings.target_name)
        for each in vanished:
            await self._note(await self._delete_one(target, each))

    async def _delete_one(self, target: Repository | None, gone: RuleTag) -> RuleTag:
        into, tools = Tag(self.rule.settings.target_tag or gone.tag), self.tools
        done = RuleTag(gone.tag, TagAction.DELETE)
        pointed = None
        if target is not None:
            pointed = await history.find_pointed_at(tools.metadata.reader, target.id, into)
        if target is None or pointed != gone.digest:
            return replace(done, action=TagAction.KEEP, reason="it was moved or removed here")
        if self.dry_run:
            return done
        listener = audit_and_notify(OPERATOR, tools.now)
        chosen = [(into, Digest.parse(gone.digest))]
        try:
            if target.is_archived:
                raise Denied(f"{target.name} is archived and read-only")
            await tools.removals.remove(
                target, chosen, whole=True, by=None, listener=listener, spare_held=True
            )
        except Denied as error:
            return replace(gone, action=TagAction.REFUSE, reason=error.message, size=0)
        return done

    async def _note(self, outcome: RuleTag) -> None:
        """Remember the outcome of a tag, and store it where it is another than the last time."""
        self.found[outcome.tag] = outcome
        if self.dry_run or outcome == self.known.get(outcome.tag):
            return
        async with self.tools.metadata.begin() as tx:
            await pull_rules.note_tags(tx, self.rule.id, [outcome], self.tools.now())


def _copied(action: TagAction, tag: str, there: Prefetched) -> RuleTag:
    """The outcome of a tag that is copied."""
    return RuleTag(tag, action, there.digest, there.reason, there.size)
