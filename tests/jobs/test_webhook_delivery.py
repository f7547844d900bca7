"""What webhooks are told arrives: signed, in order, again where it failed, and at last not."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from entrepot.hub.events.outbox import WebhookEvent, enqueue
from entrepot.hub.events.webhook_urls import WebhookUrls
from entrepot.hub.events.webhooks import Owner, Webhooks
from entrepot.hub.permissions import Permissions
from entrepot.jobs.webhook_client import Answer
from entrepot.jobs.webhook_delivery import ATTEMPTS, SOON, WebhookDelivery
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.repositories import Repository
from entrepot.model.webhooks import Delivery, Webhook
from tests.hub.town import Town, found_town
from tests.jobs.posts import Servers
from tests.metadata.clocks import START, MovableClock
from tests.metadata.rows import add_repository

ALL = 2**62


class Hall:
    """A namespace with webhooks, and who delivers what they are told."""

    def __init__(self, metadata: Metadata, clock: MovableClock, town: Town) -> None:
        self.metadata, self.clock, self.town = metadata, clock, town
        self.servers, self.outcomes = Servers(), list[str]()
        targets = WebhookUrls()
        permissions = Permissions(metadata.reader, is_open=False)
        self.rules = Webhooks(metadata, permissions, targets, clock)
        self.owner, self.actor = Owner("acme", town.acme), town.actors["owner"]
        self.deliverer = WebhookDelivery(
            metadata, targets, self.servers, clock, lambda: 0.5, self.outcomes.append
        )

    async def add(self, host: str = "x.example", *events: str) -> Webhook:
        """A webhook of the namespace."""
        return await self.rules.add(self.owner, f"https://{host}/", events, self.actor)

    async def repository(self, name: str = "acme/app") -> Repository:
        """A repository of the namespace."""
        return await add_repository(self.metadata, name, namespace_id=self.town.acme)

    async def tell(self, repository: Repository, *tags: str) -> None:
        """Say that tags were pushed, each in a transaction of its own."""
        for tag in tags:
            async with self.metadata.begin() as tx:
                webhook_event = WebhookEvent("tag.pushed", repository, {"tag": tag})
                await enqueue(tx, webhook_event, self.actor, self.clock())

    async def deliver(self, after: timedelta = timedelta()) -> None:
        """Let time pass, and send what is due."""
        self.clock.advance(after)
        await self.deliverer.drain()

    def tags(self, host: str = "x.example") -> list[str]:
        """The tags of what arrived at a host."""
        found = [each.body for each in self.servers.posted if each.host == host]
        return [json.loads(body)["data"].get("tag", "") for body in found]

    async def deliveries(self, webhook: Webhook) -> list[Delivery]:
        """What a webhook was told, the oldest first."""
        return (await self.rules.list_deliveries(webhook, ALL, 1000))[::-1]

    async def states(self, webhook: Webhook) -> list[str]:
        """How far each delivery has come, the oldest first."""
        return [each.state for each in await self.deliveries(webhook)]


@pytest.fixture
async def hall(metadata: Metadata, clock: MovableClock) -> Hall:
    """A namespace with nobody who listens yet."""
    return Hall(metadata, clock, await found_town(metadata))


async def test_what_is_told_is_a_signed_cloud_event(hall: Hall) -> None:
    webhook = await hall.add()
    await hall.tell(await hall.repository(), "v1")
    await hall.deliver()
    (posted,) = hall.servers.posted
    headers, event = posted.headers, json.loads(posted.body)
    assert headers["Content-Type"].startswith("application/cloudevents+json")
    assert event["data"] == {"repository": "acme/app", "tag": "v1", "actor": "owner"}
    assert {name: event[name] for name in ("specversion", "type", "source", "subject")} == {
        "specversion": "1.0",
        "type": "entrepot.tag.pushed",
        "source": "/r/acme/app",
        "subject": "v1",
    }
    assert event["time"] == "2026-03-04T05:06:07.000089Z"
    assert event["id"] == headers["webhook-id"]
    assert headers["webhook-timestamp"] == str(int(START.timestamp()))
    key = base64.b64decode(webhook.secret.removeprefix("whsec_"))
    content = f"{event['id']}.{headers['webhook-timestamp']}.".encode() + posted.body
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{signature}"
    assert await hall.states(webhook) == ["delivered"]
    assert hall.outcomes == ["delivered"]


async def test_what_failed_keeps_its_id_and_what_comes_after_it(hall: Hall) -> None:
    webhook, repository = await hall.add(), await hall.repository()
    hall.servers.will("x.example", 500, "no connection: refused")
    await hall.tell(repository, "a", "b", "c")
    await hall.deliver()
    assert hall.tags() == ["a"]
    await hall.deliver(timedelta(seconds=4))
    assert hall.tags() == ["a"]
    await hall.deliver(timedelta(seconds=1))
    assert hall.tags() == ["a", "a"]
    # Something new does not shorten the wait.
    await hall.tell(repository, "d")
    await hall.deliver(timedelta(seconds=19))
    assert hall.tags() == ["a", "a"]
    await hall.deliver(timedelta(seconds=1))
    assert hall.tags() == ["a", "a", "a", "b", "c", "d"]
    assert len(set(hall.servers.told("x.example"))) == 4
    first = (await hall.deliveries(webhook))[0]
    assert (first.state, first.attempts, first.error) == ("delivered", 3, "")
    assert hall.outcomes == ["failed", "failed", *["delivered"] * 4]


async def test_a_dead_target_keeps_back_nobody_else(hall: Hall) -> None:
    app, other = await hall.repository(), await hall.repository("acme/other")
    await hall.add("dead.example")
    await hall.add("x.example")
    hall.servers.will("dead.example", *["no connection"] * 99)
    await hall.tell(app, "a")
    await hall.tell(other, "b")
    await hall.deliver()
    assert sorted(hall.tags()) == ["a", "b"]
    # Of the dead one's streams each waits by itself.
    assert sorted(hall.tags("dead.example")) == ["a", "b"]


async def test_after_the_last_attempt_it_is_dead_until_somebody_asks(hall: Hall) -> None:
    webhook, repository = await hall.add(), await hall.repository()
    hall.servers.will("x.example", *[500] * ATTEMPTS)
    await hall.tell(repository, "a", "b")
    for _ in range(ATTEMPTS):
        await hall.deliver(timedelta(hours=8))
    # What came after it goes on.
    assert hall.tags() == ["a"] * ATTEMPTS + ["b"]
    dead, delivered = await hall.deliveries(webhook)
    assert (dead.state, dead.attempts, dead.error) == ("dead", ATTEMPTS, "answered 500")
    assert delivered.state == "delivered"
    assert await hall.rules.redeliver_dead(hall.owner, webhook.id, hall.actor) == 1
    await hall.deliver()
    assert hall.tags()[-1] == "a"
    assert await hall.states(webhook) == ["delivered", "delivered"]
    await hall.rules.redeliver(hall.owner, webhook.id, delivered.id, hall.actor)
    await hall.deliver()
    assert hall.tags()[-1] == "b"


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Answer(429, {"retry-after": "600"}, "", 1), 600),
        (Answer(503, {"retry-after": "Wed, 04 Mar 2026 05:16:07 GMT"}, "", 1), 600),
        (Answer(429, {"retry-after": "9" * 30}, "", 1), 24 * 3600),
        (Answer(503, {"retry-after": "soon"}, "", 1), 5),
        (Answer(500, {"retry-after": "600"}, "", 1), 5),
        (Answer(302, {"location": "http://127.0.0.1/"}, "", 1), 5),
    ],
)
async def test_who_asks_to_wait_is_waited_for(hall: Hall, answer: Answer, seconds: int) -> None:
    await hall.add()
    hall.servers.will("x.example", answer)
    await hall.tell(await hall.repository(), "a")
    await hall.deliver()
    await hall.deliver(timedelta(seconds=seconds - 1))
    assert hall.tags() == ["a"]
    await hall.deliver(timedelta(seconds=1))
    assert hall.tags() == ["a", "a"]


async def test_who_is_gone_is_told_nothing_more(hall: Hall) -> None:
    webhook, repository = await hall.add(), await hall.repository()
    hall.servers.will("x.example", 410)
    await hall.tell(repository, "a", "b")
    await hall.deliver()
    assert hall.tags() == ["a"]
    assert await hall.states(webhook) == ["dead", "dead"]
    assert not (await hall.rules.get(hall.owner, webhook.id)).is_active
    await hall.tell(repository, "c")
    assert len(await hall.states(webhook)) == 2
    # A ping arrives nevertheless.
    await hall.rules.ping(hall.owner, webhook.id, hall.actor)
    await hall.deliver()
    assert json.loads(hall.servers.posted[-1].body)["type"] == "entrepot.ping"


async def test_many_streams_of_one_webhook_are_all_sent(hall: Hall) -> None:
    await hall.add()
    for number in range(40):
        await hall.tell(await hall.repository(f"acme/r{number}"), f"t{number}", "last")
    await hall.deliver()
    for _ in range(40):
        await hall.deliver(SOON)
    assert len(hall.tags()) == 80
    assert sorted(hall.tags())[:40] == ["last"] * 40


async def test_what_was_cut_short_is_sent_by_whoever_comes_next(hall: Hall) -> None:
    """As after a crash: the stream is somebody's until the lease is over."""
    await hall.add()
    await hall.tell(await hall.repository(), "a")
    await hall.deliverer._begin_some()
    await hall.deliverer.stop()
    assert hall.tags() == []
    await hall.deliver(timedelta(minutes=1))
    assert hall.tags() == ["a"]


async def test_an_address_that_is_not_allowed_any_more_is_told_nothing(hall: Hall) -> None:
    allowing = Webhooks(
        hall.metadata,
        Permissions(hall.metadata.reader, is_open=False),
        WebhookUrls(("10.0.0.0/8",)),
        hall.clock,
    )
    webhook = await allowing.add(hall.owner, "http://10.0.0.1/", (), hall.actor)
    await hall.tell(await hall.repository(), "a")
    await hall.deliver()
    assert hall.servers.posted == []
    (delivery,) = await hall.deliveries(webhook)
    assert "may not reach" in delivery.error
    await hall.rules.delete(hall.owner, webhook.id, hall.actor)


async def test_what_waited_for_days_is_given_up_and_later_forgotten(hall: Hall) -> None:
    webhook = await hall.add()
    await hall.tell(await hall.repository(), "a")
    hall.clock.advance(timedelta(days=4))
    await hall.rules.prune()
    assert await hall.states(webhook) == ["dead"]
    hall.clock.advance(timedelta(days=27))
    await hall.rules.prune()
    assert await hall.states(webhook) == []
