"""Pull rules, and what became of each of their tags."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import json
from sqlalchemy import BindParameter, bindparam, delete, select, update

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.mirror_tables import pull_rule_tags, pull_rules
from entrepot.model.mirroring.pull_rules import PullRule, RuleRun, RuleSettings, RuleTag, parse_run

LOCK: Final = "pull rules"
"""Held by who makes a rule."""
_RULE: Final = select(
    pull_rules.c.id,
    pull_rules.c.name,
    pull_rules.c.namespace_id,
    pull_rules.c.settings,
    pull_rules.c.created_at,
    pull_rules.c.due_at,
    pull_rules.c.is_confirmed,
    pull_rules.c.run,
)
_FIND: Final = SqlStatement(_RULE.where(pull_rules.c.name == bindparam("name")))
_LIST: Final = SqlStatement(_RULE.order_by(pull_rules.c.name))
_DUE: Final = SqlStatement(
    _RULE.where(pull_rules.c.due_at <= bindparam("now"))
    .order_by(pull_rules.c.due_at, pull_rules.c.id)
    .limit(bindparam("limit"))
)
_INSERT: Final = SqlStatement(
    insert(pull_rules)
    .values(
        name=bindparam("name"),
        namespace_id=bindparam("of"),
        settings=bindparam("chosen"),
        created_at=bindparam("moment"),
        due_at=bindparam("due"),
    )
    .returning(pull_rules.c.id)
)
_BY_ID: Final = pull_rules.c.id == bindparam("rule_id")
_CHANGE: Final = SqlStatement(
    update(pull_rules)
    .where(_BY_ID)
    .values(namespace_id=bindparam("of"), settings=bindparam("chosen"), due_at=bindparam("due"))
)
_ASK: Final = SqlStatement(
    update(pull_rules)
    .where(_BY_ID)
    .values(due_at=bindparam("due"), is_confirmed=bindparam("confirmed"))
)
_RUN: Final = SqlStatement(
    update(pull_rules)
    .where(_BY_ID)
    .values(run=bindparam("said"), due_at=bindparam("due"), is_confirmed=0)
)
_BEGIN: Final = SqlStatement(update(pull_rules).where(_BY_ID).values(run=bindparam("said")))
_DELETE: Final = SqlStatement(delete(pull_rules).where(_BY_ID))
_TAGS: Final = SqlStatement(
    select(
        pull_rule_tags.c.tag,
        pull_rule_tags.c.action,
        pull_rule_tags.c.digest,
        pull_rule_tags.c.reason,
        pull_rule_tags.c.size,
        pull_rule_tags.c.changed_at,
    )
    .where(
        pull_rule_tags.c.rule_id == bindparam("rule_id"), pull_rule_tags.c.tag > bindparam("after")
    )
    .order_by(pull_rule_tags.c.tag)
    .limit(bindparam("limit"))
)
_SAID: Final[dict[str, BindParameter[object]]] = {
    "digest": bindparam("digest"),
    "action": bindparam("action"),
    "reason": bindparam("reason"),
    "size": bindparam("size"),
    "changed_at": bindparam("moment"),
}
_NOTE: Final = SqlStatement(
    insert(pull_rule_tags)
    .values(rule_id=bindparam("rule_id"), tag=bindparam("name"), **_SAID)
    .on_conflict_do_update(index_elements=["rule_id", "tag"], set_=_SAID)
)
_rule: Final = row_mapper(PullRule, settings=RuleSettings.parse, run=parse_run)
_tag: Final = row_mapper(RuleTag)


async def find_rule(reader: Reader, name: str) -> PullRule | None:
    """The rule of that name; `None` without."""
    return await find_one(reader, _rule, _FIND, name=name)


async def list_rules(reader: Reader) -> list[PullRule]:
    """Every rule, by name."""
    return await list_all(reader, _rule, _LIST)


async def list_due(reader: Reader, now: datetime, limit: int) -> list[PullRule]:
    """At most `limit` rules that are to run by now, those that wait longest first."""
    return await list_all(reader, _rule, _DUE, now=to_instant(now), limit=limit)


async def insert_rule(tx: Transaction, rule: PullRule) -> int:
    """Store a rule whose name is free; return its id."""
    row = await tx.one(
        _INSERT,
        name=rule.name,
        of=rule.namespace_id,
        chosen=rule.settings.text,
        moment=to_instant(rule.created_at),
        due=None if rule.due_at is None else to_instant(rule.due_at),
    )
    return int(row[0]) if row else 0


async def change_rule(tx: Transaction, rule: PullRule) -> None:
    """Store the settings of a rule, and when it runs next."""
    due = None if rule.due_at is None else to_instant(rule.due_at)
    of, chosen = rule.namespace_id, rule.settings.text
    await tx.run(_CHANGE, rule_id=rule.id, of=of, chosen=chosen, due=due)


async def ask_to_run(tx: Transaction, rule_id: int, moment: datetime, *, confirmed: bool) -> None:
    """Have the rule run at that moment; `confirmed`: it may delete more than half of its tags."""
    await tx.run(_ASK, rule_id=rule_id, due=to_instant(moment), confirmed=int(confirmed))


async def begin_run(tx: Transaction, rule_id: int, run: RuleRun) -> None:
    """Record that the rule runs; when it is due stays, so that it runs again after a crash."""
    await tx.run(_BEGIN, rule_id=rule_id, said=json.encode(run).decode())


async def end_run(tx: Transaction, rule_id: int, run: RuleRun, due_at: datetime | None) -> None:
    """Record how the rule has run, and when it runs next."""
    due = None if due_at is None else to_instant(due_at)
    await tx.run(_RUN, rule_id=rule_id, said=json.encode(run).decode(), due=due)


async def delete_rule(tx: Transaction, rule_id: int) -> None:
    """Forget the rule, and what became of its tags."""
    await tx.run(_DELETE, rule_id=rule_id)


async def list_tags(reader: Reader, rule_id: int, after: str, limit: int) -> list[RuleTag]:
    """At most `limit` tags of the rule behind `after`, by name."""
    return await list_all(reader, _tag, _TAGS, rule_id=rule_id, after=after, limit=limit)


async def note_tags(
    tx: Transaction, rule_id: int, tags: Sequence[RuleTag], moment: datetime
) -> None:
    """Record what became of tags."""
    for tag in tags:
        await tx.run(
            _NOTE,
            rule_id=rule_id,
            name=tag.tag,
            digest=tag.digest,
            action=tag.action,
            reason=tag.reason[:1000],
            size=tag.size,
            moment=to_instant(moment),
        )
