"""Webhook events, written in the transaction of the change as CloudEvents 1.0 in JSON.

A change costs one look at the webhooks' indices where no webhook listens.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from entrepot.hub.events.webhook_formats import REPOSITORY, carries
from entrepot.hub.people.actors import Actor
from entrepot.metadata.engines.engine import Transaction
from entrepot.metadata.events import deliveries, jobs, webhooks
from entrepot.model.repositories import ChangeType, Repository, RepositoryChange, Visibility
from entrepot.model.webhooks import Webhook, WebhookFormat

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
"""The events of webhooks; `ping` is sent only on request."""
PING: Final = "ping"
TYPE: Final = "entrepot."
"""The prefix of a CloudEvent's `type`."""

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event about a repository, with what only this event tells."""

    event: str
    repository: Repository
    data: Facts = field(default_factory=dict)


async def enqueue_change(
    tx: Transaction, change: RepositoryChange, actor: Actor, now: datetime
) -> None:
    """Have webhooks told of what was pushed or deleted."""
    repository = change.repository
    listening = await webhooks.list_listening(tx, repository.id, repository.namespace_id)
    if not listening:
        return
    for webhook_event in happenings_of(change):
        await _tell(tx, webhook_event, listening, actor, now)


async def enqueue(
    tx: Transaction,
    webhook_event: WebhookEvent,
    actor: Actor,
    now: datetime,
    also: int | None = None,
) -> None:
    """Have webhooks of the repository and its namespace (and of `also`) told of it."""
    repository = webhook_event.repository
    found = await webhooks.list_listening(tx, repository.id, repository.namespace_id)
    if also is not None:
        found += await webhooks.list_listening(tx, 0, also)
    await _tell(tx, webhook_event, found, actor, now)


async def add_ping(tx: Transaction, webhook: Webhook, actor: Actor, now: datetime) -> int:
    """Enqueue a ping for one webhook, whichever events it listens to; return the delivery's id."""
    return await _add(tx, webhook, 0, PING, "", {"actor": actor.name}, now)


def happenings_of(change: RepositoryChange) -> Iterator[WebhookEvent]:
    """The events that a change is: none where a tag was pushed that pointed there already."""
    repository = change.repository
    if change.event is ChangeType.CREATED:
        facts = {"visibility": str(repository.visibility)}
        yield WebhookEvent("repository.created", repository, facts)
    elif change.event is ChangeType.UNTAGGED:
        for tag, digest in zip(change.tags, change.previous, strict=True):
            yield WebhookEvent("tag.deleted", repository, {"tag": tag, "digest": digest})
    elif change.event is ChangeType.DELETED:
        facts_of_manifest = {"digest": change.digest, "tags": list(change.untagged)}
        yield WebhookEvent("manifest.deleted", repository, facts_of_manifest)
    else:
        yield from _pushed(change)


def _pushed(change: RepositoryChange) -> Iterator[WebhookEvent]:
    facts: dict[str, object] = {"digest": change.digest, **_described(change)}
    for tag, previous in zip(change.tags, change.previous, strict=True):
        if change.is_restored:
            event = "tag.restored"
        elif previous == change.digest:
            continue
        else:
            event = "tag.moved" if previous else "tag.pushed"
        told = {"tag": tag, **facts, **({"previous": previous} if previous else {})}
        if change.promoted_from:
            told["promoted_from"] = change.promoted_from
        yield WebhookEvent(event, change.repository, told)
    if "subject" in facts:
        yield WebhookEvent("referrer.attached", change.repository, facts)
    elif not change.tags:
        yield WebhookEvent("manifest.pushed", change.repository, facts)


def _described(change: RepositoryChange) -> dict[str, object]:
    """The manifest's own properties; its kind as far as the manifest alone tells."""
    if change.manifest is None:
        return {}
    # Imported late: most hubs have no webhooks, and kinds are many modules.
    from entrepot.kinds.recognition.catalogue import recognize
    from entrepot.kinds.recognition.manifest_view import ManifestView

    facts: dict[str, object] = {
        "kind": recognize(ManifestView(change.manifest)).id,
        "media_type": change.manifest.media_type,
    }
    if change.manifest.subject is not None:
        facts["subject"] = str(change.manifest.subject.digest)
    return facts


async def _tell(
    tx: Transaction,
    webhook_event: WebhookEvent,
    listening: list[Webhook],
    actor: Actor,
    now: datetime,
) -> None:
    repository = webhook_event.repository
    name = repository.name.text
    for webhook in listening:
        event = webhook_event.event
        if webhook.wants(event) and carries(webhook.format, event):
            data = {"repository": name, **webhook_event.data, "actor": actor.name}
            facts = _facts_for(webhook.format, repository)
            await _add(tx, webhook, repository.id, event, name, data, now, facts)


def _facts_for(form: WebhookFormat, repository: Repository) -> Facts | None:
    """Facts of the repository for other forms than CloudEvents: it may be gone when sent."""
    if form is WebhookFormat.CLOUDEVENTS:
        return None
    return {
        "description": repository.description,
        "is_private": repository.visibility is Visibility.PRIVATE,
        "stars": repository.stars,
        "created": int(repository.created_at.timestamp()),
    }


async def _add(
    tx: Transaction,
    webhook: Webhook,
    repository_id: int,
    event: str,
    subject: str,
    data: Facts,
    now: datetime,
    facts: Facts | None = None,
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
    if facts is not None:
        body[REPOSITORY] = facts
    text = json.dumps(body, separators=(",", ":"))
    made = await deliveries.add_delivery(tx, webhook.id, repository_id, message, event, text, now)
    await jobs.add_job(tx, jobs.DELIVER, f"{webhook.id} {repository_id}", now)
    return made
