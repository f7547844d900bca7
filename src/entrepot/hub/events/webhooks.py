"""Webhooks as owners see them: made, changed, tried, looked at, deleted."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from entrepot.errors import DeliveryUnknown, InvalidWebhook, TooManyWebhooks, WebhookUnknown
from entrepot.hub.events.audit import Audited, Details, Entry, record
from entrepot.hub.events.outbox import EVENTS, add_ping
from entrepot.hub.events.webhook_formats import Message, render
from entrepot.hub.events.webhook_urls import WebhookUrls
from entrepot.hub.identity.keyring import WEBHOOK, WEBHOOK_HEADER, Keyring
from entrepot.hub.identity.signing import new_webhook_secret
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import Permissions, check_administrator
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.events import deliveries, jobs, webhooks
from entrepot.metadata.people.accounts import find_namespace_by_id
from entrepot.metadata.repositories import find_by_id
from entrepot.model.webhooks import Delivery, Webhook, WebhookFormat
from entrepot.oci.names import RepositoryName

MAX_WEBHOOKS: Final = 20
"""Webhooks of one namespace or repository."""
KEPT: Final = timedelta(days=30)
"""How long it can be seen what was delivered or given up."""
WAITS: Final = timedelta(days=3)
"""A delivery older than this has failed, also where attempts are left."""
_NEWEST: Final = 2**62
_HEADER: Final = re.compile(
    r"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}): ?([\x21-\x7e](?:[\x20-\x7e]{0,998}[\x21-\x7e])?)"
)
_OWN: Final = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "date", "expect", "host"}
    | {"keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "user-agent"}
)
"""Headers that belong to the connection or to the message."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a webhook is: a namespace's, or a repository's."""

    name: str
    namespace_id: int | None
    repository_id: int | None = None

    def has(self, webhook: Webhook) -> bool:
        """Whether the webhook is theirs."""
        if self.repository_id is not None:
            return webhook.repository_id == self.repository_id
        return self.namespace_id is not None and webhook.namespace_id == self.namespace_id


class Webhooks:
    """All webhooks. Callers ask `of_…` for an `Owner` that the actor may manage."""

    def __init__(
        self,
        metadata: Metadata,
        permissions: Permissions,
        targets: WebhookUrls,
        now: Clock,
        keyring: Keyring | None = None,
    ) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._targets = targets
        self._now = now
        self._keyring = keyring or Keyring()

    async def of_namespace(self, name: str, by: Actor = OPERATOR) -> Owner:
        """The namespace, for its owners."""
        found = await self._permissions.namespace_to_administer(by.identity, name)
        return Owner(found.name, found.id)

    async def of_repository(self, name: RepositoryName, by: Actor = OPERATOR) -> Owner:
        """The repository, for its administrators."""
        found = await self._permissions.repository_to_administer(by.identity, name)
        return Owner(found.name.text, found.namespace_id, found.id)

    async def owner_of(self, webhook: Webhook) -> Owner:
        """The owner of a webhook, for an actor who may see it."""
        reader = self._metadata.reader
        if webhook.repository_id is not None:
            found = await find_by_id(reader, webhook.repository_id)
            if found is not None:
                return Owner(found.name.text, found.namespace_id, found.id)
        if webhook.namespace_id is not None:
            namespace = await find_namespace_by_id(reader, webhook.namespace_id)
            if namespace is not None:
                return Owner(namespace.name, namespace.id)
        raise WebhookUnknown("its repository was deleted")

    async def list_all(self, by: Actor = OPERATOR) -> list[Webhook]:
        """Every webhook with an owner, for administrators of the hub."""
        check_administrator(by.identity)
        found = await webhooks.list_webhooks(self._metadata.reader)
        return [each for each in found if each.repository_id or each.namespace_id]

    async def list_of(self, owner: Owner) -> list[Webhook]:
        """The owner's webhooks, the oldest first."""
        reader = self._metadata.reader
        if owner.repository_id is not None:
            return await webhooks.list_of_repository(reader, owner.repository_id)
        if owner.namespace_id is None:
            return []
        return await webhooks.list_of_namespace(reader, owner.namespace_id)

    async def get(self, owner: Owner, webhook_id: int) -> Webhook:
        """One of the owner's webhooks; else `WebhookUnknown`."""
        found = await webhooks.find_webhook(self._metadata.reader, webhook_id)
        if found is None or not owner.has(found):
            raise WebhookUnknown
        return found

    async def add(
        self,
        owner: Owner,
        url: str,
        events: Iterable[str],
        by: Actor,
        form: WebhookFormat = WebhookFormat.CLOUDEVENTS,
        header: str = "",
    ) -> Webhook:
        """Have the URL told of the events (none: of every one); the secret is shown this once."""
        if len(await self.list_of(owner)) >= MAX_WEBHOOKS:
            raise TooManyWebhooks(f"{owner.name} has reached the limit of {MAX_WEBHOOKS} webhooks")
        new = Webhook(
            id=0,
            namespace_id=None if owner.repository_id is not None else owner.namespace_id,
            repository_id=owner.repository_id,
            url=self._checked(url),
            secret=new_webhook_secret(),
            events=_known(events),
            is_active=True,
            created_at=self._now(),
            created_by=by.identity.account_id,
            format=form,
            header=self._stored(header),
        )
        async with self._metadata.begin() as tx:
            made = replace(new, id=await webhooks.insert_webhook(tx, self._wrapped(new)))
            await self._record(tx, owner, made, Audited.WEBHOOK_CREATE, by)
        return made

    def _wrapped(self, webhook: Webhook) -> Webhook:
        return replace(webhook, secret=self._keyring.wrap(WEBHOOK, webhook.secret))

    async def edit(
        self,
        owner: Owner,
        webhook_id: int,
        url: str,
        events: Iterable[str],
        is_active: bool,
        by: Actor,
        form: WebhookFormat | None = None,
        header: str | None = None,
    ) -> Webhook:
        """Replace what a webhook is; its secret stays, and so does what is `None`."""
        found = await self.get(owner, webhook_id)
        changed = replace(
            found,
            url=self._checked(url),
            events=_known(events),
            is_active=is_active,
            format=found.format if form is None else form,
            header=found.header if header is None else self._stored(header),
        )
        async with self._metadata.begin() as tx:
            await webhooks.change_webhook(tx, changed)
            details = {"active": is_active}
            await self._record(tx, owner, changed, Audited.WEBHOOK_EDIT, by, details)
        return changed

    async def renew_secret(self, owner: Owner, webhook_id: int, by: Actor) -> Webhook:
        """Sign with a new secret from now on, shown this once."""
        found = await self.get(owner, webhook_id)
        changed = replace(found, secret=new_webhook_secret())
        async with self._metadata.begin() as tx:
            await webhooks.change_webhook(tx, self._wrapped(changed))
            await self._record(tx, owner, changed, Audited.WEBHOOK_SECRET, by)
        return changed

    async def delete(self, owner: Owner, webhook_id: int, by: Actor) -> None:
        """Tell the URL nothing more, not even what still waits."""
        found = await self.get(owner, webhook_id)
        async with self._metadata.begin() as tx:
            await webhooks.delete_webhook(tx, found.id)
            await self._record(tx, owner, found, Audited.WEBHOOK_DELETE, by)

    async def ping(self, owner: Owner, webhook_id: int, by: Actor) -> int:
        """Send something that tells of nothing, to see whether it arrives; return its id."""
        found = await self.get(owner, webhook_id)
        async with self._metadata.begin() as tx:
            made = await add_ping(tx, found, by, self._now())
            await self._record(tx, owner, found, Audited.WEBHOOK_PING, by)
        return made

    async def list_deliveries(
        self, webhook: Webhook, before: int | None, limit: int
    ) -> list[Delivery]:
        """The newest deliveries with an id below `before`."""
        reader = self._metadata.reader
        first = _NEWEST if before is None else before
        return await deliveries.list_deliveries(reader, webhook.id, first, limit)

    async def get_delivery(self, webhook: Webhook, delivery_id: int) -> Delivery:
        """One delivery of the webhook; else `DeliveryUnknown`."""
        found = await deliveries.find_delivery(self._metadata.reader, webhook.id, delivery_id)
        if found is None:
            raise DeliveryUnknown
        return found

    async def count(self, webhook: Webhook) -> dict[str, int]:
        """How many deliveries are waiting, delivered and dead."""
        return await deliveries.count_deliveries(self._metadata.reader, webhook.id)

    async def redeliver(self, owner: Owner, webhook_id: int, delivery_id: int, by: Actor) -> None:
        """Send one again that was delivered or given up; what waits goes on to wait."""
        webhook = await self.get(owner, webhook_id)
        found = await self.get_delivery(webhook, delivery_id)
        now = self._now()
        async with self._metadata.begin() as tx:
            if await deliveries.revive(tx, webhook.id, found.id, now):
                await jobs.add_job(tx, jobs.DELIVER, f"{webhook.id} {found.repository_id}", now)
            details = {"delivery": found.message}
            await self._record(tx, owner, webhook, Audited.WEBHOOK_REDELIVER, by, details)

    async def redeliver_dead(self, owner: Owner, webhook_id: int, by: Actor) -> int:
        """Resend all failed deliveries; return their number."""
        webhook, now = await self.get(owner, webhook_id), self._now()
        async with self._metadata.begin() as tx:
            for repository_id in await deliveries.list_dead_streams(tx, webhook.id):
                await jobs.add_job(tx, jobs.DELIVER, f"{webhook.id} {repository_id}", now)
            count = await deliveries.revive_dead(tx, webhook.id, now)
            details = {"count": count}
            await self._record(tx, owner, webhook, Audited.WEBHOOK_REDELIVER, by, details)
        return count

    async def prune(self) -> None:
        """Give up what has waited too long, and forget what is long over."""
        now = self._now()
        async with self._metadata.begin() as tx:
            why = f"failed: not delivered within {WAITS.days} days"
            await deliveries.give_up_before(tx, now - WAITS, now, why)
            await deliveries.delete_ended_before(tx, now - KEPT)
            await webhooks.delete_orphans(tx)

    def header_name(self, webhook: Webhook) -> str:
        """The name of the header that the webhook sends along, "" without one."""
        return self._keyring.unwrap(WEBHOOK_HEADER, webhook.header).partition(":")[0]

    def message(self, webhook: Webhook, delivery: Delivery, url: str) -> Message:
        """Return the body of a delivery in the webhook's format; `url` is the hub's public one."""
        return render(webhook.format, delivery.body, url)

    def _stored(self, header: str) -> str:
        """A header as it is stored; raise `InvalidWebhook` where it cannot be sent along."""
        if not header.strip():
            return ""
        found = _HEADER.fullmatch(header.strip())
        if found is None:
            raise InvalidWebhook("invalid header: write it as `Name: value`, at most 1,000 letters")
        name = found[1].lower()
        if name in _OWN or name.startswith("webhook-"):
            raise InvalidWebhook(f"invalid header: the hub itself sends {found[1]}")
        return self._keyring.wrap(WEBHOOK_HEADER, f"{found[1]}: {found[2]}")

    def _checked(self, url: str) -> str:
        self._targets.parse(url.strip())
        return url.strip()

    async def _record(
        self,
        tx: Transaction,
        owner: Owner,
        webhook: Webhook,
        action: Audited,
        by: Actor,
        details: Details | None = None,
    ) -> None:
        host = urlsplit(webhook.url).hostname
        told: Details = {"webhook": webhook.id, "host": host, **(details or {})}
        entry = Entry(owner.namespace_id, by, action, owner.name, told)
        await record(tx, entry, self._now())


def _known(events: Iterable[str]) -> tuple[str, ...]:
    wanted = frozenset(events)
    unknown = sorted(wanted - frozenset(EVENTS))
    if unknown:
        raise InvalidWebhook(f"no such event: {unknown[0][:40]}")
    return tuple(each for each in EVENTS if each in wanted)
