"""Replication rules as administrators see them: added, listed, run, removed."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from entrepot.errors import Conflict, Invalid, InvalidName, NotFound
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.identity.keyring import REPLICATION, Keyring
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import check_administrator
from entrepot.hub.registry_settings import (
    HOST,
    PATTERN,
    check_credentials,
    check_url,
    parse_networks,
    parse_words,
)
from entrepot.kinds.recognition.attachments import attached_to
from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.registry import manifests
from entrepot.metadata.replication import replication_rules, replication_tasks
from entrepot.model.replication import (
    DeletionMode,
    ReplicationRule,
    ReplicationStatus,
    ReplicationTrigger,
    TaskLine,
)
from entrepot.model.repositories import Repository
from entrepot.oci.names import RepositoryName
from entrepot.oci.tag_patterns import TagPatterns

Test = Callable[[ReplicationRule], Awaitable[str]]
"""Asks a destination and returns what it said; raises what is wrong."""

DAILY: Final = 24 * 3600
"""Seconds after which a rule on pushes compares every tag, where nothing else is said."""
SHORTEST: Final = 60
LONGEST: Final = 365 * 24 * 3600
MAX_RULES: Final = 100
_NAME: Final = re.compile(r"(?=.{1,64}$)[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_MOST_STRIPPED: Final = 10
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """The choices of an administrator."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    repositories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    strip: int = 0
    prefix: str = ""
    trigger: ReplicationTrigger = ReplicationTrigger.PUSH
    every: int | None = None
    """Seconds between comparisons of every tag; `None`: a day, or never for manual rules."""
    deletes: DeletionMode = DeletionMode.NEVER
    with_attachments: bool = True
    allows_private: bool = False
    networks: tuple[str, ...] = ()
    token_hosts: tuple[str, ...] = ()


class Replication:
    """Every rule; for the hub's administrators. By default it is the operator who acts."""

    def __init__(self, metadata: Metadata, keyring: Keyring, test: Test, now: Clock) -> None:
        self._metadata = metadata
        self._keyring = keyring
        self._test = test
        self._now = now

    async def list_all(self) -> list[ReplicationRule]:
        """Every rule, by name."""
        return await replication_rules.list_rules(self._metadata.reader)

    async def get(self, name: str) -> ReplicationRule:
        """The rule of that name; else `NotFound`."""
        found = next((each for each in await self.list_all() if each.name == name), None)
        if found is None:
            raise NotFound(f"no such replication rule: {name}")
        return found

    async def list_status(self) -> list[ReplicationStatus]:
        """Every rule by name, and how far its destination is behind."""
        return await replication_tasks.list_status(self._metadata.reader, self._now())

    async def get_status(self, name: str) -> ReplicationStatus:
        """How far the rule's destination is behind; else `NotFound`."""
        rule = await self.get(name)
        return next(each for each in await self.list_status() if each.rule.id == rule.id)

    async def list_tasks(self, name: str, limit: int, offset: int = 0) -> Sequence[TaskLine]:
        """A page of what is not at the rule's destination: failed first, then conflicts."""
        rule = await self.get(name)
        reader = self._metadata.reader
        return await replication_tasks.list_lines(reader, rule.id, self._now(), limit, offset)

    async def add(self, name: str, settings: RuleSettings, by: Actor = OPERATOR) -> ReplicationRule:
        """Add a rule; raise `Conflict` and `Invalid`. The destination is not asked."""
        check_administrator(by.identity)
        if not _NAME.fullmatch(name):
            raise Invalid(
                f"invalid name {name[:64]}: at most 64 lower-case letters, digits, '.', '_', '-'"
            )
        if settings.password and not self._keyring.has_key:
            raise Invalid("a password needs a secret key to encrypt it by: set secret_key first")
        now = self._now()
        rule = _checked(ReplicationRule(0, name, settings.url, now), settings)
        if settings.password:
            rule = replace(rule, secret=self._keyring.wrap(REPLICATION, settings.password))
        async with self._metadata.begin() as tx:
            await tx.lock(replication_rules.LOCK)
            known = await replication_rules.list_rules(tx)
            if any(each.name == name for each in known):
                raise Conflict(f"there is a replication rule {name} already")
            if len(known) >= MAX_RULES:
                raise Conflict(f"a hub has at most {MAX_RULES} replication rules")
            rule_id = await replication_rules.insert_rule(tx, rule)
            entry = Entry(None, by, Audited.REPLICATION_CREATE, name, {"url": rule.url})
            await record(tx, entry, now)
        return replace(rule, id=rule_id)

    async def test(self, name: str) -> str:
        """Ask the destination and return what it said; raise what is wrong."""
        return await self._test(await self.get(name))

    async def remove(self, name: str, by: Actor = OPERATOR) -> None:
        """Remove the rule with all that waits; what was pushed stays where it is."""
        check_administrator(by.identity)
        rule = await self.get(name)
        async with self._metadata.begin() as tx:
            await replication_rules.delete_rule(tx, rule.id)
            entry = Entry(None, by, Audited.REPLICATION_DELETE, name, {"url": rule.url})
            await record(tx, entry, self._now())

    async def run(self, name: str, by: Actor = OPERATOR) -> int:
        """Have every tag of the rule compared with the destination; say how many there are."""
        check_administrator(by.identity)
        rule = await self.get(name)
        async with self._metadata.begin() as tx:
            await replication_rules.set_back_off(tx, rule.id, None)
            await replication_tasks.retry_all(tx, rule.id, self._now())
            entry = Entry(None, by, Audited.REPLICATION_RUN, name, {"url": rule.url})
            await record(tx, entry, self._now())
        return await self.queue(rule)

    async def queue_due(self) -> None:
        """Queue every tag of the rules whose time has come: new ones, and those on a schedule."""
        for rule in await self.list_all():
            # A clock that was ahead may have said that it was queued in the future.
            late = rule.queued_at is None or abs(self._now() - rule.queued_at) >= timedelta(
                seconds=rule.every
            )
            if rule.every and late:
                await self.queue(rule)

    async def list_lags(self) -> dict[str, float]:
        """Seconds for which each rule's destination has been behind; 0: it is not."""
        now = self._now()
        return {each.rule.name: each.lag(now) for each in await self.list_status()}

    async def queue(self, rule: ReplicationRule) -> int:
        """Queue every tag of the rule for a comparison; say how many there are."""
        reader, last, count = self._metadata.reader, "", 0
        while names := await repositories.list_all_names(reader, last, _PAGE):
            last = names[-1]
            for name in filter(rule.covers, names):
                found = await repositories.find_repository(reader, RepositoryName(name))
                if found is not None and not found.is_mirrored:
                    count += await self._queue_tags(rule, found)
        async with self._metadata.begin() as tx:
            await replication_rules.set_queued_at(tx, rule.id, self._now())
        return count

    async def _queue_tags(self, rule: ReplicationRule, repository: Repository) -> int:
        reader, last, count = self._metadata.reader, "", 0
        while tags := await manifests.list_tags(reader, repository.id, last, _PAGE):
            last, now = tags[-1], self._now()
            # What is attached goes with what it is attached to.
            chosen = [tag for tag in tags if rule.covers_tag(tag) and attached_to(tag) is None]
            async with self._metadata.begin() as tx:
                for tag in chosen:
                    await replication_tasks.ask(tx, rule.id, repository.id, tag, now)
            count += len(chosen)
        return count


def _checked(rule: ReplicationRule, settings: RuleSettings) -> ReplicationRule:
    """The rule with checked settings; raises `Invalid`."""
    url = settings.url.rstrip("/")
    check_url(url)
    check_credentials(settings.username, settings.password)
    if settings.password and not settings.username:
        raise Invalid("a password needs a user name")
    if not 0 <= settings.strip <= _MOST_STRIPPED:
        raise Invalid(f"a name can lose 0 to {_MOST_STRIPPED} components")
    if settings.prefix:
        try:
            RepositoryName(settings.prefix)
        except InvalidName as error:
            raise Invalid(f"invalid prefix: {settings.prefix[:255]}") from error
    return replace(
        rule,
        url=url,
        username=settings.username,
        repositories=parse_words(PATTERN, "pattern", settings.repositories),
        tags=TagPatterns.parse(" ".join(settings.tags)).patterns,
        strip=settings.strip,
        prefix=settings.prefix,
        trigger=settings.trigger,
        every=_check_every(settings),
        deletes=settings.deletes,
        with_attachments=settings.with_attachments,
        allows_private=settings.allows_private,
        networks=parse_networks(settings.networks),
        token_hosts=parse_words(HOST, "host", settings.token_hosts),
    )


def _check_every(settings: RuleSettings) -> int:
    is_manual = settings.trigger is ReplicationTrigger.MANUAL
    every = settings.every
    if every is None:
        return 0 if is_manual else DAILY
    if is_manual and every:
        raise Invalid("a manual rule has no schedule: leave out how often it runs")
    if not is_manual and not SHORTEST <= every <= LONGEST:
        raise Invalid("invalid schedule: a rule runs every minute at most and every year at least")
    return every
