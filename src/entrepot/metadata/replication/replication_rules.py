"""Replication rules: which tags are pushed to which registry."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, null, select, update

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.replication_tables import replication_rules as rules
from entrepot.model.replication import ReplicationRule, ReplicationTrigger

LOCK: Final = "replication"
"""Held by who adds a rule."""
_SETTINGS: Final = (
    "url",
    "username",
    "secret",
    "repositories",
    "tags",
    "strip",
    "prefix",
    "trigger",
    "every",
    "deletes",
    "with_attachments",
    "allows_private",
    "networks",
    "token_hosts",
)
_RULE: Final = select(
    rules.c.id,
    rules.c.name,
    rules.c.url,
    rules.c.created_at,
    *(rules.c[name] for name in _SETTINGS[1:]),
    rules.c.queued_at,
    rules.c.succeeded_at,
    rules.c.backs_off_until,
    rules.c.problem,
    rules.c.failures,
    rules.c.sent_bytes,
    rules.c.sent_tags,
)
_LIST: Final = SqlStatement(_RULE.order_by(rules.c.name))
_LIST_ON_PUSH: Final = SqlStatement(
    _RULE.where(rules.c.trigger == ReplicationTrigger.PUSH).order_by(rules.c.id), is_short=True
)
_FIND: Final = SqlStatement(_RULE.where(rules.c.id == bindparam("rule")))
_INSERT: Final = SqlStatement(
    insert(rules)
    .values(
        name=bindparam("name"),
        created_at=bindparam("created_at"),
        **{name: bindparam(name) for name in _SETTINGS},
    )
    .returning(rules.c.id)
)
_THIS: Final = rules.c.id == bindparam("rule")
_DELETE: Final = SqlStatement(delete(rules).where(_THIS))
_REPLACE_SECRET: Final = SqlStatement(
    update(rules).where(_THIS, rules.c.secret == bindparam("old")).values(secret=bindparam("new"))
)
_BACK_OFF: Final = SqlStatement(
    update(rules)
    .where(_THIS)
    .values(
        backs_off_until=bindparam("until"),
        problem=bindparam("why"),
        failures=rules.c.failures + 1,
    )
)
_CLEAR: Final = SqlStatement(
    update(rules).where(_THIS).values(backs_off_until=null(), problem="", failures=0)
)
_SUCCEEDED: Final = SqlStatement(
    update(rules)
    .where(_THIS)
    .values(
        succeeded_at=bindparam("now"),
        sent_bytes=rules.c.sent_bytes + bindparam("bytes"),
        sent_tags=rules.c.sent_tags + bindparam("count"),
        backs_off_until=null(),
        problem="",
        failures=0,
    )
)
_QUEUED: Final = SqlStatement(update(rules).where(_THIS).values(queued_at=bindparam("now")))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_rule: Final = row_mapper(
    ReplicationRule,
    repositories=_words,
    tags=_words,
    networks=_words,
    token_hosts=_words,
)


async def list_rules(reader: Reader) -> list[ReplicationRule]:
    """Every rule, by name."""
    return await list_all(reader, _rule, _LIST)


async def list_on_push(reader: Reader) -> list[ReplicationRule]:
    """The rules that follow every change of a tag."""
    return await list_all(reader, _rule, _LIST_ON_PUSH)


async def find_rule(reader: Reader, rule_id: int) -> ReplicationRule | None:
    """The rule with this id; `None` where it is gone."""
    return await find_one(reader, _rule, _FIND, rule=rule_id)


async def insert_rule(tx: Transaction, rule: ReplicationRule) -> int:
    """Store a new rule; return its id."""
    row = await tx.one(
        _INSERT,
        name=rule.name,
        created_at=to_instant(rule.created_at),
        url=rule.url,
        username=rule.username,
        secret=rule.secret,
        repositories=" ".join(rule.repositories),
        tags=" ".join(rule.tags),
        strip=rule.strip,
        prefix=rule.prefix,
        trigger=rule.trigger,
        every=rule.every,
        deletes=rule.deletes,
        with_attachments=int(rule.with_attachments),
        allows_private=int(rule.allows_private),
        networks=" ".join(rule.networks),
        token_hosts=" ".join(rule.token_hosts),
    )
    if row is None:
        raise RuntimeError("the database gave no id")
    return int(row[0])


async def delete_rule(tx: Transaction, rule_id: int) -> None:
    """Delete the rule with its tasks; what was pushed stays where it is."""
    await tx.run(_DELETE, rule=rule_id)


async def replace_secret(tx: Transaction, rule_id: int, old: str, new: str) -> int:
    """Store the secret in another form; say how many rows that changed: 1, or 0 where it is new."""
    return await tx.run(_REPLACE_SECRET, rule=rule_id, old=old, new=new)


async def set_back_off(
    tx: Transaction, rule_id: int, until: datetime | None, problem: str = ""
) -> None:
    """Leave the destination alone until then; `None`: it answers again."""
    if until is None:
        await tx.run(_CLEAR, rule=rule_id)
    else:
        await tx.run(_BACK_OFF, rule=rule_id, until=to_instant(until), why=problem)


async def note_success(
    tx: Transaction, rule_id: int, now: datetime, *, count: int, size: int
) -> None:
    """Record that the destination has a tag; `count` tags and `size` bytes were sent for it."""
    await tx.run(_SUCCEEDED, rule=rule_id, now=to_instant(now), count=count, bytes=size)


async def set_queued_at(tx: Transaction, rule_id: int, now: datetime) -> None:
    """Record that every tag was queued."""
    await tx.run(_QUEUED, rule=rule_id, now=to_instant(now))
