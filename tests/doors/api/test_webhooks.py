"""Webhooks by the API and by pages: made, told, looked at, sent again, deleted."""

from datetime import timedelta

import pytest

from entrepot.hub.events.webhook_urls import WebhookUrls
from entrepot.jobs.webhook_delivery import ATTEMPTS, WebhookDelivery
from entrepot.model.repositories import Visibility
from entrepot.model.webhooks import WebhookFormat
from tests.doors.browsers import Browser
from tests.doors.conftest import INDEX, Town
from tests.doors.programs import Program
from tests.jobs.posts import Servers
from tests.metadata.clocks import MovableClock

URL = "https://ci.example.org/hooks"
N = "/namespaces/acme/webhooks"


@pytest.fixture
def owner(town: Town) -> Program:
    """The owner's program, with a token that nothing limits."""
    return Program(town.doors, town.auth["owner repo:admin"])


async def deliver(town: Town, servers: Servers, times: int = 1) -> None:
    """Send what is due, then once more hours later and so on."""
    clock = MovableClock()
    clock.moment = town.doors.app.webhooks._now() + timedelta(seconds=1)
    deliverer = WebhookDelivery(town.metadata, WebhookUrls(), servers, clock, lambda: 0.5)
    for _ in range(times):
        await deliverer.drain()
        clock.advance(timedelta(hours=8))


async def test_a_namespace_is_told_of_what_happens_in_it(town: Town, owner: Program) -> None:
    made = await owner.do("POST", N, {"url": URL, "events": ["repository.created"]}, status=201)
    assert made["secret"].startswith("whsec_")
    path = f"{N}/{made['id']}"
    assert "secret" not in await owner.get(path)
    assert [each["id"] for each in (await owner.get(N))["items"]] == [made["id"]]
    await owner.do("POST", "/repositories", {"name": "acme/fresh"}, status=201)
    servers = Servers()
    await deliver(town, servers)
    assert len(servers.posted) == 1
    (told,) = (await owner.get(f"{path}/deliveries"))["items"]
    assert (told["event"], told["state"], told["status"]) == (
        "repository.created",
        "delivered",
        204,
    )
    whole = await owner.get(f"{path}/deliveries/{told['id']}")
    assert '"repository":"acme/fresh"' in whole["body"]
    changed = await owner.do("PATCH", path, {"is_active": False, "events": []})
    assert (changed["is_active"], changed["events"], changed["url"]) == (False, [], URL)
    renewed = await owner.do("POST", f"{path}/secret")
    assert renewed["secret"] != made["secret"]
    await owner.do("DELETE", path, status=204)
    await owner.do("GET", path, status=404)


async def test_what_a_repository_goes_through_is_told_in_order(town: Town, owner: Program) -> None:
    name = await town.build(Visibility.PRIVATE)
    base = f"/repositories/{name}/-/webhooks"
    made = await owner.do("POST", base, {"url": URL}, status=201)
    path = f"{base}/{made['id']}"
    manifest = f"/repositories/{name}/-/manifests/v1"
    digest = (await owner.get(manifest))["digest"]
    await owner.do("DELETE", manifest, status=204)
    event = (await owner.get(f"/repositories/{name}/-/history"))["items"][0]
    await owner.do("POST", f"/repositories/{name}/-/undo", {"event": event["id"]})
    await owner.do("PATCH", f"/repositories/{name}", {"visibility": "public"})
    await owner.do("DELETE", f"/repositories/{name}/-/manifests/{digest}", status=204)
    await owner.do("POST", f"{path}/ping", status=202)
    listed = (await owner.get(f"{path}/deliveries?limit=2"))["items"]
    assert [each["event"] for each in listed] == ["ping", "manifest.deleted"]
    await owner.do("DELETE", f"/repositories/{name}", status=204)
    servers = Servers()
    await deliver(town, servers)
    types = [each.body.split(b'"type":"entrepot.')[1].split(b'"')[0] for each in servers.posted]
    assert sorted(types) == sorted(
        [
            b"tag.deleted",
            b"tag.restored",
            b"repository.visibility",
            b"manifest.deleted",
            b"ping",
            b"repository.deleted",
        ]
    )
    assert [each for each in types if each != b"ping"] == [
        b"tag.deleted",
        b"tag.restored",
        b"repository.visibility",
        b"manifest.deleted",
        b"repository.deleted",
    ]


async def test_what_was_given_up_is_sent_again(town: Town, owner: Program) -> None:
    made = await owner.do("POST", N, {"url": URL}, status=201)
    path = f"{N}/{made['id']}"
    asked = await owner.do("POST", f"{path}/ping", status=202)
    servers = Servers()
    servers.will("ci.example.org", *[500] * ATTEMPTS)
    await deliver(town, servers, ATTEMPTS)
    assert (await owner.get(f"{path}/deliveries/{asked['id']}"))["state"] == "dead"
    assert await owner.do("POST", f"{path}/redeliver", status=202) == {"count": 1}
    await deliver(town, servers)
    one = f"{path}/deliveries/{asked['id']}"
    assert (await owner.get(one))["state"] == "delivered"
    await owner.do("POST", f"{one}/redeliver", status=202)
    assert (await owner.get(one))["state"] == "waiting"
    await owner.do("GET", f"{path}/deliveries/999", status=404)


@pytest.mark.parametrize("form", list(WebhookFormat))
async def test_a_push_is_told_in_the_webhooks_form_with_its_header(
    town: Town, owner: Program, form: WebhookFormat
) -> None:
    header = "Authorization: Bearer s3cret"
    body = {"url": URL, "format": str(form), "header": header}
    made = await owner.do("POST", N, body, status=201)
    assert (made["format"], made["header"]) == (str(form), "Authorization")
    name, auth = await town.build(Visibility.PUBLIC), town.auth["owner"]
    answer = await town.doors.ask("PUT", f"/v2/{name}/manifests/v2", INDEX, auth=auth)
    assert answer.status == 201
    servers = Servers()
    await deliver(town, servers)
    (posted,) = servers.posted
    assert posted.headers["Authorization"] == "Bearer s3cret"
    assert posted.headers["webhook-signature"].startswith("v1,")
    expected = "cloudevents+json" if form is WebhookFormat.CLOUDEVENTS else "json"
    assert posted.headers["Content-Type"] == f"application/{expected}; charset=utf-8"
    assert f"{name}".encode() in posted.body
    path = f"{N}/{made['id']}"
    (told,) = (await owner.get(f"{path}/deliveries"))["items"]
    whole = await owner.get(f"{path}/deliveries/{told['id']}")
    assert whole["body"].encode() == posted.body
    changed = await owner.do("PATCH", path, {"format": "slack"})
    assert (changed["format"], changed["header"]) == ("slack", "Authorization")
    assert (await owner.do("PATCH", path, {"header": ""}))["header"] == ""


async def test_a_form_is_told_only_of_what_it_can_say(town: Town, owner: Program) -> None:
    await owner.do("POST", N, {"url": URL, "format": "dockerhub"}, status=201)
    await owner.do("POST", "/repositories", {"name": "acme/fresh"}, status=201)
    servers = Servers()
    await deliver(town, servers)
    assert servers.posted == []


async def test_what_is_wrong_is_refused(town: Town, owner: Program) -> None:
    for body in (
        {"url": URL, "format": "fax"},
        {"url": URL, "header": "Host: x"},
        {"url": URL, "header": "Webhook-Id: x"},
        {"url": URL, "header": "no colon"},
        {"url": URL, "header": "X: a\r\nY: b"},
        {"url": URL, "header": "X: \u00e9"},
        {"url": "http://127.0.0.1/"},
        {"url": "ftp://example.org/"},
        {"url": URL, "events": ["tag.eaten"]},
    ):
        await owner.do("POST", N, body, status=400)
    for _ in range(20):
        await owner.do("POST", N, {"url": URL}, status=201)
    await owner.do("POST", N, {"url": URL}, status=409)


async def test_another_owners_webhook_is_none(town: Town, owner: Program) -> None:
    name = await town.build(Visibility.PRIVATE)
    made = await owner.do("POST", N, {"url": URL}, status=201)
    await owner.do("GET", f"/repositories/{name}/-/webhooks/{made['id']}", status=404)


async def test_pages_show_make_change_and_delete(town: Town) -> None:
    sessions = town.doors.app.sessions
    secret = await sessions.begin(town.people["owner"], address="127.0.0.1", client="test")
    browser = Browser(town.doors, secret)
    base = "/u/acme/-/webhooks"
    assert "There are no webhooks yet" in (await browser.get(base)).body.decode()
    header = "Authorization: s3cret"
    fields = {"url": URL, "event": "tag.pushed", "format": "harbor", "header": header}
    made = await browser.post(base, **fields)
    assert made.status == 200
    assert "whsec_" in made.body.decode()
    (webhook,) = await town.doors.app.webhooks.list_all()
    one = f"{base}/{webhook.id}"
    shown = (await browser.get(one)).body.decode()
    assert "whsec_" not in shown
    assert "s3cret" not in shown
    assert "Remove the header Authorization" in shown
    assert '<option value="harbor" selected>' in " ".join(shown.split())
    assert (await browser.post(one, what="save", url=URL, format="fax")).status == 400
    assert (await browser.post(one, what="save", url=URL, format="slack", active="1")).status == 303
    (webhook,) = await town.doors.app.webhooks.list_all()
    assert town.doors.app.webhooks.header_name(webhook) == "Authorization"
    gone = {"no-header": "1", "format": "cloudevents", "active": "1"}
    assert (await browser.post(one, what="save", url=URL, **gone)).status == 303
    (webhook,) = await town.doors.app.webhooks.list_all()
    assert (webhook.header, str(webhook.format)) == ("", "cloudevents")
    assert (await browser.post(one, what="ping")).status == 303
    await deliver(town, Servers())
    assert "delivered" in (await browser.get(one)).body.decode()
    (delivery,) = await town.doors.app.webhooks.list_deliveries(webhook, None, 9)
    page = await browser.get(f"{one}/{delivery.id}")
    assert "entrepot.ping" in page.body.decode()
    assert (await browser.post(f"{one}/{delivery.id}")).status == 303
    assert (await browser.post(one, what="delete")).status == 400
    assert (await browser.post(one, what="delete", confirm="1")).status == 303
    assert await town.doors.app.webhooks.list_all() == []
