"""Webhooks and what they are told, as every engine keeps it."""

from dataclasses import replace
from datetime import timedelta

from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.engines.sentinels import WRAPPED
from entrepot.metadata.events import deliveries, jobs, webhooks
from entrepot.metadata.events.deliveries import DEAD, DELIVERED, WAITING
from entrepot.metadata.events.jobs import LEASE
from entrepot.model.webhooks import Outcome, Webhook, WebhookFormat
from tests.metadata.clocks import START
from tests.metadata.rows import add_organization, add_repository

SECOND = timedelta(seconds=1)


async def add(metadata: Metadata, **changes: object) -> Webhook:
    """A webhook of nobody's, with these changes."""
    new = Webhook(0, None, None, "https://x.example", "whsec_x", (), True, START, None)
    new = replace(new, **changes)  # type: ignore[arg-type]
    async with metadata.begin() as tx:
        return replace(new, id=await webhooks.insert_webhook(tx, new))


async def tell(metadata: Metadata, webhook: Webhook, message: str, repository_id: int = 0) -> int:
    """Have a webhook told something; the delivery's id."""
    async with metadata.begin() as tx:
        return await deliveries.add_delivery(
            tx, webhook.id, repository_id, message, "ping", "{}", START
        )


async def note(metadata: Metadata, delivery_id: int, outcome: Outcome) -> None:
    """Write down what an attempt brought."""
    async with metadata.begin() as tx:
        await deliveries.note_outcome(tx, delivery_id, outcome)


async def test_a_webhook_listens_to_its_repository_or_its_namespace(metadata: Metadata) -> None:
    acme, zoo = await add_organization(metadata, "acme"), await add_organization(metadata, "zoo")
    app = await add_repository(metadata, "acme/app", namespace_id=acme)
    other = await add_repository(metadata, "acme/other", namespace_id=acme)
    mine = await add(metadata, repository_id=app.id, events=("tag.pushed", "tag.moved"))
    ours = await add(metadata, namespace_id=acme)
    await add(metadata, namespace_id=acme, is_active=False)
    await add(metadata, namespace_id=zoo)
    reader = metadata.reader
    assert await webhooks.list_listening(reader, app.id, acme) == [mine, ours]
    assert await webhooks.list_listening(reader, other.id, acme) == [ours]
    assert await webhooks.list_listening(reader, other.id, None) == []
    assert await webhooks.list_of_repository(reader, app.id) == [mine]
    assert await repositories.find_by_id(reader, app.id) == app
    assert await repositories.find_by_id(reader, app.id + 99) is None
    assert len(await webhooks.list_of_namespace(reader, acme)) == 2
    assert len(await webhooks.list_webhooks(reader)) == 4
    assert mine.wants("tag.moved")
    assert not mine.wants("tag.deleted")
    assert ours.wants("tag.deleted")


async def test_a_webhook_is_changed_switched_off_and_deleted(metadata: Metadata) -> None:
    acme = await add_organization(metadata, "acme")
    webhook = await add(metadata, namespace_id=acme)
    changed = replace(webhook, url="https://y.example", secret="whsec_y", events=("tag.pushed",))
    async with metadata.begin() as tx:
        await webhooks.change_webhook(tx, changed)
    assert await webhooks.find_webhook(metadata.reader, webhook.id) == changed
    async with metadata.begin() as tx:
        await webhooks.switch_off(tx, webhook.id)
    assert await webhooks.find_webhook(metadata.reader, webhook.id) == replace(
        changed, is_active=False
    )
    delivery = await tell(metadata, webhook, "a")
    async with metadata.begin() as tx:
        assert await webhooks.delete_webhook(tx, webhook.id)
        assert not await webhooks.delete_webhook(tx, webhook.id)
    assert await webhooks.find_webhook(metadata.reader, webhook.id) is None
    assert await deliveries.find_delivery(metadata.reader, webhook.id, delivery) is None


async def test_a_deleted_repositorys_webhook_stays_until_it_has_told_all(
    metadata: Metadata,
) -> None:
    app = await add_repository(metadata, "acme/app")
    webhook = await add(metadata, repository_id=app.id)
    delivery = await tell(metadata, webhook, "gone", app.id)
    async with metadata.begin() as tx:
        await repositories.delete_repository(tx, app.id)
        assert await webhooks.delete_orphans(tx) == 0
    orphan = await webhooks.find_webhook(metadata.reader, webhook.id)
    assert orphan == replace(webhook, repository_id=None)
    await note(metadata, delivery, Outcome(DELIVERED, 1, START, START, 204))
    async with metadata.begin() as tx:
        assert await webhooks.delete_orphans(tx) == 1


async def test_the_oldest_that_waits_comes_next_in_its_stream(metadata: Metadata) -> None:
    webhook, reader = await add(metadata), metadata.reader
    first, second = [await tell(metadata, webhook, name, 7) for name in ("a", "b")]
    other = await tell(metadata, webhook, "c", 8)
    found = await deliveries.find_next(reader, webhook.id, 7)
    assert found is not None
    assert (found.id, found.message, found.state, found.attempts) == (first, "a", WAITING, 0)
    later = START + SECOND
    await note(metadata, first, Outcome(WAITING, 1, START, later, 500, 12, "oops", "answered 500"))
    found = await deliveries.find_next(reader, webhook.id, 7)
    assert found is not None
    assert (found.id, found.run_at, found.status, found.response) == (first, later, 500, "oops")
    assert (found.milliseconds, found.error, found.ended_at) == (12, "answered 500", None)
    await note(metadata, first, Outcome(DELIVERED, 2, later, later, 200))
    found = await deliveries.find_next(reader, webhook.id, 7)
    assert found is not None
    assert found.id == second
    listed = await deliveries.list_deliveries(reader, webhook.id, 2**62, 2)
    assert [each.id for each in listed] == [other, second]
    listed = await deliveries.list_deliveries(reader, webhook.id, second, 2)
    assert [(each.id, each.ended_at) for each in listed] == [(first, later)]


async def test_what_is_over_is_not_written_over(metadata: Metadata) -> None:
    webhook = await add(metadata)
    delivery = await tell(metadata, webhook, "a")
    await note(metadata, delivery, Outcome(DELIVERED, 1, START, START, 200))
    await note(metadata, delivery, Outcome(DEAD, 2, START, START, 500))
    found = await deliveries.find_delivery(metadata.reader, webhook.id, delivery)
    assert found is not None
    assert (found.state, found.status) == (DELIVERED, 200)
    assert await deliveries.find_delivery(metadata.reader, webhook.id + 1, delivery) is None


async def test_what_was_given_up_can_be_sent_again(metadata: Metadata) -> None:
    webhook = await add(metadata)
    one, two = [await tell(metadata, webhook, name, 7) for name in ("a", "b")]
    async with metadata.begin() as tx:
        assert not await deliveries.revive(tx, webhook.id, one, START)
    for each in (one, two):
        await note(metadata, each, Outcome(DEAD, 8, START, START, 500))
    assert await deliveries.count_deliveries(metadata.reader, webhook.id) == {DEAD: 2}
    assert await deliveries.list_dead_streams(metadata.reader, webhook.id) == [7]
    async with metadata.begin() as tx:
        assert await deliveries.revive(tx, webhook.id, one, START + SECOND)
        assert await deliveries.revive_dead(tx, webhook.id, START + SECOND) == 1
    found = await deliveries.find_next(metadata.reader, webhook.id, 7)
    assert found is not None
    assert (found.id, found.attempts, found.run_at) == (one, 0, START + SECOND)


async def test_what_waits_too_long_is_given_up_and_what_is_over_forgotten(
    metadata: Metadata,
) -> None:
    webhook = await add(metadata)
    delivery = await tell(metadata, webhook, "a")
    async with metadata.begin() as tx:
        assert await deliveries.give_up_before(tx, START, START, "old") == 0
        assert await deliveries.give_up_before(tx, START + SECOND, START, "old") == 1
    found = await deliveries.find_delivery(metadata.reader, webhook.id, delivery)
    assert found is not None
    assert (found.state, found.error) == (DEAD, "old")
    async with metadata.begin() as tx:
        assert await deliveries.delete_ended_before(tx, START) == 0
        assert await deliveries.delete_ended_before(tx, START + SECOND) == 1


async def test_deliveries_wait_apart_from_other_work(metadata: Metadata) -> None:
    async with metadata.begin() as tx:
        await jobs.add_job(tx, jobs.DELIVER, "1 2", START)
    assert await jobs.is_delivery_due(metadata.reader, START)
    assert not await jobs.is_due(metadata.reader, START)
    async with metadata.begin() as tx:
        assert await jobs.take_jobs(tx, START + LEASE, START, 9) == []
        taken = await jobs.take_deliveries(tx, START + LEASE, START, 9)
    assert [each.subject for each in taken] == ["1 2"]
    assert not await jobs.is_delivery_due(metadata.reader, START)


async def test_what_a_clock_that_was_ahead_has_dated_is_sent_now(metadata: Metadata) -> None:
    webhook, days = await add(metadata), timedelta(days=3)
    async with metadata.begin() as tx:
        ahead = await deliveries.add_delivery(tx, webhook.id, 7, "a", "ping", "{}", START + days)
    await tell(metadata, webhook, "b", 8)
    async with metadata.begin() as tx:
        assert await deliveries.bring_forward(tx, START) == {(webhook.id, 7)}
        assert await deliveries.bring_forward(tx, START) == set()
    found = await deliveries.find_delivery(metadata.reader, webhook.id, ahead)
    assert found is not None
    assert (found.run_at, found.created_at) == (START, START)


async def test_a_secret_is_stored_in_another_way_where_it_is_still_the_same(
    metadata: Metadata,
) -> None:
    plain, wrapped = await add(metadata), await add(metadata, secret=f"{WRAPPED}x")
    reader = metadata.reader
    assert await webhooks.list_unwrapped(reader) == [(plain.id, "whsec_x")]
    assert await webhooks.list_wrapped(reader) == [(wrapped.id, f"{WRAPPED}x")]
    async with metadata.begin() as tx:
        assert not await webhooks.replace_secret(tx, plain.id, "other", f"{WRAPPED}y")
        assert await webhooks.replace_secret(tx, plain.id, "whsec_x", f"{WRAPPED}y")
    assert await webhooks.list_unwrapped(reader) == []
    assert len(await webhooks.list_wrapped(reader, 1)) == 1


async def test_a_webhook_keeps_its_format_and_its_header(metadata: Metadata) -> None:
    made = await add(metadata, format=WebhookFormat.HARBOR, header="X: y")
    plain = await add(metadata)
    reader = metadata.reader
    assert await webhooks.find_webhook(reader, made.id) == made
    found = await webhooks.find_webhook(reader, plain.id)
    assert found is not None
    assert (found.format, found.header) == (WebhookFormat.CLOUDEVENTS, "")
    assert await webhooks.list_headers(reader) == [(made.id, "X: y")]
    async with metadata.begin() as tx:
        assert not await webhooks.replace_header(tx, made.id, "other", "new")
        assert await webhooks.replace_header(tx, made.id, "X: y", "X: z")
        await webhooks.change_webhook(tx, replace(plain, format=WebhookFormat.TEAMS))
    assert await webhooks.list_headers(reader) == [(made.id, "X: z")]
    changed = await webhooks.find_webhook(reader, plain.id)
    assert changed is not None
    assert changed.format is WebhookFormat.TEAMS
