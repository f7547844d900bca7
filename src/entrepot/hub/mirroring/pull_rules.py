"""Pull rules as administrators see them: made, changed, asked to run, removed."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from entrepot.errors import Conflict, Invalid, NameTaken, NotFound
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.mirroring.tag_choices import TagChoice
from entrepot.hub.mirrors import Mirrors
from entrepot.hub.names import find_namespace
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import check_administrator
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.registry import pull_rules
from entrepot.model.mirroring.pull_rules import PullRule, RuleSettings, RuleTag
from entrepot.model.mirroring.schedules import Schedule
from entrepot.model.people.accounts import NamespaceKind
from entrepot.oci.names import Tag

MOST_RULES: Final = 1000


class PullRules:
    """Every pull rule; for the hub's administrators. By default it is the operator who acts."""

    def __init__(self, metadata: Metadata, mirrors: Mirrors, now: Clock) -> None:
        self._metadata = metadata
        self._mirrors = mirrors
        self._now = now

    async def list_all(self) -> list[PullRule]:
        """Every rule, by name."""
        return await pull_rules.list_rules(self._metadata.reader)

    async def get(self, name: str) -> PullRule:
        """The rule of that name; else `NotFound`."""
        found = await pull_rules.find_rule(self._metadata.reader, name)
        if found is None:
            raise NotFound(f"no such pull rule: {name}")
        return found

    async def list_tags(self, rule: PullRule, after: str, limit: int) -> list[RuleTag]:
        """At most `limit` tags of the rule behind `after`, by name, and what became of them."""
        return await pull_rules.list_tags(self._metadata.reader, rule.id, after, limit)

    async def add(self, name: str, settings: RuleSettings, by: Actor = OPERATOR) -> PullRule:
        """Make a rule, which runs at its next time; raise `NameTaken`, `Invalid`, `NotFound`."""
        check_administrator(by.identity)
        _check_name(name)
        now = self._now()
        namespace_id = await self.check(settings)
        async with self._metadata.begin() as tx:
            await tx.lock(pull_rules.LOCK)
            known = await pull_rules.list_rules(tx)
            if any(each.name == name for each in known):
                raise NameTaken(f"there is a pull rule {name} already")
            if len(known) >= MOST_RULES:
                raise Conflict(f"a hub has at most {MOST_RULES} pull rules")
            due_at = next_run(settings, now)
            draft = PullRule(0, name, namespace_id, settings, now, due_at)
            made = replace(draft, id=await pull_rules.insert_rule(tx, draft))
            await self._record(tx, made, Audited.PULL_RULE_CREATE, by, now)
        return made

    async def edit(self, name: str, settings: RuleSettings, by: Actor = OPERATOR) -> PullRule:
        """Replace the settings of a rule; what it has copied stays."""
        check_administrator(by.identity)
        found = await self.get(name)
        namespace_id, now = await self.check(settings), self._now()
        due_at = next_run(settings, now)
        changed = replace(found, settings=settings, namespace_id=namespace_id, due_at=due_at)
        async with self._metadata.begin() as tx:
            await pull_rules.change_rule(tx, changed)
            await self._record(tx, changed, Audited.PULL_RULE_EDIT, by, now)
        return changed

    async def ask_to_run(
        self, name: str, *, confirmed: bool = False, by: Actor = OPERATOR
    ) -> PullRule:
        """Have the rule run soon; `confirmed`: it may delete more than half of its tags."""
        check_administrator(by.identity)
        found, now = await self.get(name), self._now()
        async with self._metadata.begin() as tx:
            await pull_rules.ask_to_run(tx, found.id, now, confirmed=confirmed)
        return replace(found, due_at=now, is_confirmed=confirmed)

    async def remove(self, name: str, by: Actor = OPERATOR) -> None:
        """Forget a rule; what it has copied stays."""
        check_administrator(by.identity)
        found = await self.get(name)
        async with self._metadata.begin() as tx:
            await pull_rules.delete_rule(tx, found.id)
            await self._record(tx, found, Audited.PULL_RULE_DELETE, by, self._now())

    async def check(self, settings: RuleSettings) -> int:
        """The id of the mirror's namespace; raises `NotFound` and `Invalid`."""
        TagChoice.of(settings)
        asked = await self._mirrors.find_name(settings.source_name)
        target = settings.target_name
        into = await find_namespace(self._metadata.reader, target.namespace or "")
        if into is None:
            raise NotFound(f"no such user or organization: {target.namespace}")
        if into.kind is NamespaceKind.MIRROR:
            raise Invalid(f"{into.name} is a mirror: nothing is copied into it")
        return asked.mirror.id

    async def _record(
        self, tx: Transaction, rule: PullRule, what: Audited, by: Actor, now: datetime
    ) -> None:
        details = {"from": rule.settings.source, "to": rule.settings.target}
        await record(tx, Entry(rule.namespace_id, by, what, rule.name, details), now)


def next_run(settings: RuleSettings, now: datetime) -> datetime | None:
    """When a rule with these settings runs after that moment; `None`: when somebody asks."""
    if not settings.schedule or settings.is_paused:
        return None
    return Schedule.parse(settings.schedule).next_after(now)


def _check_name(name: str) -> None:
    """Raise `Invalid` unless the name reads like a tag: it stands in addresses."""
    try:
        Tag(name)
    except Invalid as error:
        raise Invalid(
            f"invalid name of a rule {name[:100]}: use letters, digits, _, . and -"
        ) from error
    if len(name) > 64:
        raise Invalid("the name of a rule has at most 64 characters")
