"""Webhook events, written in the transaction of the change as CloudEvents 1.0 in JSON.

A change costs one look at the webhooks' indices where nobody listens.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from entrepot.hub.actors import Actor
from entrepot.metadata import deliveries, jobs, webhooks
from entrepot.metadata.engine import Transaction
from entrepot.metadata.repositories import Change, Event, Repository
from entrepot.metadata.webhooks import Webhook

EVENTS: Final = (
    "tag.pushed",
    "tag.moved",
    "tag.deleted",
    "tag.restored",
    "manifest.pushed",
    "manifest.deleted",
    "referrer.attached",
    "repository.created",
    "repository.renamed",
    "repository.visibility",
    "repository.deleted",
)
"""What webhooks can be told of; `ping` comes only when somebody asks for it."""
PING: Final = "ping"
TYPE: Final = "entrepot."
"""What a CloudEvent's `type` begins with."""

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Happening:
    """An event about a repository, with what only this event tells."""

    event: str
    repository: Repository
    data: Facts = field(default_factory=dict)


async def tell_of_change(tx: Transaction, change: Change, actor: Actor, now: datetime) -> None:
    """Have webhooks told of what was pushed or deleted."""
    repository = change.repository
    listening = await webhooks.list_listening(tx, repository.id, repository.namespace_id)
    if not listening:
        return
    for happening in happenings_of(change):
        await _tell(tx, happening, listening, actor, now)


async def tell(
    tx: Transaction,
    happening: Happening,
    actor: Actor,
    now: datetime,
    also: int | None = None,
) -> None:
    """Have webhooks of the repository and its namespace (and of `also`) told of it."""
    repository = happening.repository
    found = await webhooks.list_listening(tx, repository.id, repository.namespace_id)
    if also is not None:
        found += await webhooks.list_listening(tx, 0, also)
    await _tell(tx, happening, found, actor, now)


async def add_ping(tx: Transaction, webhook: Webhook, actor: Actor, now: datetime) -> int:
    """Have one webhook told that it is one, whatever it listens to; return the delivery's id."""
    return await _add(tx, webhook, 0, PING, "", {"actor": actor.name}, now)


def happenings_of(change: Change) -> Iterator[Happening]:
    """The events that a change is: none where a tag was pushed that pointed there already."""
    repository = change.repository
    if change.event is Event.CREATED:
        facts = {"visibility": str(repository.visibility)}
        yield Happening("repository.created", repository, facts)
    elif change.event is Event.UNTAGGED:
        for tag, digest in zip(change.tags, change.previous, strict=True):
            yield Happening("tag.deleted", repository, {"tag": tag, "digest": digest})
    elif change.event is Event.DELETED:
        facts_of_manifest = {"digest": change.digest, "tags": list(change.untagged)}
        yield Happening("manifest.deleted", repository, facts_of_manifest)
    else:
        yield from _pushed(change)


def _pushed(change: Change) -> Iterator[Happening]:
    facts: dict[str, object] = {"digest": change.digest, **_described(change)}
    for tag, previous in zip(change.tags, change.previous, strict=True):
        if change.is_restored:
            event = "tag.restored"
        elif previous == change.digest:
            continue
        else:
            event = "tag.moved" if previous else "tag.pushed"
        told = {"tag": tag, **facts, **({"previous": previous} if previous else {})}
        yield Happening(event, change.repository, told)
    if "subject" in facts:
        yield Happening("referrer.attached", change.repository, facts)
    elif not change.tags:
        yield Happening("manifest.pushed", change.repository, facts)


def _described(change: Change) -> dict[str, object]:
    """What the manifest says of itself; its kind as far as the manifest alone tells."""
    if change.manifest is None:
        return {}
    # Late: most hubs have nobody who listens, and kinds are many modules.
    from entrepot.kinds.catalogue import recognize
    from entrepot.kinds.evidence import Evidence

    facts: dict[str, object] = {
        "kind": recognize(Evidence(change.manifest)).id,
        "media_type": change.manifest.media_type,
    }
    if change.manifest.subject is not None:
        facts["subject"] = str(change.manifest.subject.digest)
    return facts


async def _tell(
    tx: Transaction, happening: Happening, listening: list[Webhook], actor: Actor, now: datetime
) -> None:
    repository = happening.repository
    name = repository.name.text
    for webhook in listening:
        if webhook.wants(happening.event):
            data = {"repository": name, **happening.data, "actor": actor.name}
            await _add(tx, webhook, repository.id, happening.event, name, data, now)


async def _add(
    tx: Transaction,
    webhook: Webhook,
    repository_id: int,
    event: str,
    subject: str,
    data: Facts,
    now: datetime,
) -> int:
    message = f"msg_{secrets.token_hex(16)}"
    body: dict[str, object] = {
        "specversion": "1.0",
        "id": message,
        "source": f"/r/{subject}" if subject else "/",
        "type": TYPE + event,
        "time": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "datacontenttype": "application/json",
        "data": data,
    }
    if "tag" in data:
        body["subject"] = data["tag"]
    elif "digest" in data:
        body["subject"] = data["digest"]
    text = json.dumps(body, separators=(",", ":"))
    made = await deliveries.add_delivery(tx, webhook.id, repository_id, message, event, text, now)
    await jobs.add_job(tx, jobs.DELIVER, f"{webhook.id} {repository_id}", now)
    return made
