"""Webhooks of repositories and namespaces: the list, one of them, and what one was told."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final

from entrepot.errors import Invalid, WebhookUnknown
from entrepot.http.messages import Response
from entrepot.http.routing import Policy
from entrepot.hub.outbox import EVENTS
from entrepot.hub.webhooks import Owner
from entrepot.metadata import webhooks
from entrepot.metadata.accounts import Namespace, NamespaceKind
from entrepot.metadata.deliveries import Delivery
from entrepot.metadata.repository_facts import RepositoryFacts
from entrepot.web.pages import Page, redirect
from entrepot.web.repositories import facts_of, is_starred
from entrepot.web.visits import PageRoute, Visit

_SIZE: Final = 25


@dataclass(kw_only=True)
class Shown:
    """A webhook as pages show it: without its secret."""

    id: int
    url: str
    events: tuple[str, ...]
    is_active: bool
    created_at: datetime
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(kw_only=True)
class WebhookFrame(Page):
    """Whatever has to do with webhooks, in the frame of whose they are."""

    frame: str
    base: str
    current: str
    name: str = ""
    facts: RepositoryFacts | None = None
    is_starred: bool = False
    namespace: Namespace | None = None
    is_organisation: bool = False
    may_administer: bool = True
    may_see_members: bool = True


@dataclass(kw_only=True)
class WebhooksPage(WebhookFrame):
    """All of one owner's, and a form for a new one."""

    template: ClassVar[str] = "webhooks.html"
    webhooks: list[Shown]
    events: tuple[str, ...] = EVENTS
    secret: str = ""


@dataclass(kw_only=True)
class WebhookPage(WebhookFrame):
    """One webhook: what it is, and what it was told."""

    template: ClassVar[str] = "webhook.html"
    webhook: Shown
    deliveries: list[Delivery]
    next_before: int | None
    events: tuple[str, ...] = EVENTS
    secret: str = ""


@dataclass(kw_only=True)
class DeliveryPage(WebhookFrame):
    """One delivery: what was sent, and what was answered."""

    template: ClassVar[str] = "delivery.html"
    webhook: Shown
    delivery: Delivery
    body: str


async def _owner(visit: Visit) -> Owner:
    if "repository" in visit.values:
        return await visit.desk.webhooks.of_repository(visit.repository.name, visit.actor)
    return await visit.desk.webhooks.of_namespace(visit.owned.name, visit.actor)


def _base(visit: Visit) -> str:
    if "repository" in visit.values:
        return f"/r/{visit.repository.name}/-/webhooks"
    return f"/u/{visit.owned.name}/-/webhooks"


async def _frame(visit: Visit) -> dict[str, object]:
    frame: dict[str, object] = {"base": _base(visit)}
    if "repository" in visit.values:
        name = visit.repository.name.text
        return frame | {
            "title": f"{name}: webhooks",
            "frame": "repository_frame.html",
            "current": "settings",
            "name": name,
            "facts": await facts_of(visit),
            "is_starred": await is_starred(visit),
        }
    return frame | {
        "title": f"{visit.owned.name}: webhooks",
        "frame": "namespace_frame.html",
        "current": "webhooks",
        "namespace": visit.owned,
        "is_organisation": visit.owned.kind is NamespaceKind.ORGANISATION,
    }


async def _shown(visit: Visit, webhook: webhooks.Webhook) -> Shown:
    return Shown(
        id=webhook.id,
        url=webhook.url,
        events=webhook.events,
        is_active=webhook.is_active,
        created_at=webhook.created_at,
        counts=await visit.desk.webhooks.count(webhook),
    )


def _number(visit: Visit, place: str) -> int:
    text = visit.values[place]
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise WebhookUnknown
    return int(text)


async def _webhook(visit: Visit) -> webhooks.Webhook:
    return await visit.desk.webhooks.get(await _owner(visit), _number(visit, "webhook"))


async def show_all(visit: Visit) -> Page:
    """The webhooks of a repository or a namespace."""
    found = await visit.desk.webhooks.list_of(await _owner(visit))
    return WebhooksPage(
        **await _frame(visit),  # type: ignore[arg-type]
        webhooks=[await _shown(visit, each) for each in found],
    )


async def add(visit: Visit) -> Page:
    """Make a webhook; its secret is shown once."""
    made = await visit.desk.webhooks.add(
        await _owner(visit), visit.form.get("url"), visit.form.get_all("event"), visit.actor
    )
    return await _page(visit, made, made.secret)


async def show(visit: Visit) -> Page:
    """One webhook."""
    return await _page(visit, await _webhook(visit), "")


async def _page(visit: Visit, webhook: webhooks.Webhook, secret: str) -> Page:
    before = visit.number("before", default=0, most=2**62)
    found = await visit.desk.webhooks.list_deliveries(webhook, before or None, _SIZE + 1)
    return WebhookPage(
        **await _frame(visit),  # type: ignore[arg-type]
        webhook=await _shown(visit, webhook),
        deliveries=found[:_SIZE],
        next_before=found[_SIZE - 1].id if len(found) > _SIZE else None,
        secret=secret,
    )


async def change(visit: Visit) -> Page | Response:
    """Do with a webhook what the button says."""
    owner, found, rules = await _owner(visit), await _webhook(visit), visit.desk.webhooks
    address, what, actor = f"{_base(visit)}/{found.id}", visit.form.get("what"), visit.actor
    if what == "secret":
        changed = await rules.renew_secret(owner, found.id, actor)
        return await _page(visit, changed, changed.secret)
    if what == "ping":
        await rules.ping(owner, found.id, actor)
    elif what == "redeliver":
        await rules.redeliver_dead(owner, found.id, actor)
    elif what == "delete":
        if visit.form.get("confirm") != "1":
            raise Invalid("tick the box to delete the webhook")
        await rules.delete(owner, found.id, actor)
        return redirect(_base(visit), said="gone")
    elif what == "save":
        url, events = visit.form.get("url"), visit.form.get_all("event")
        await rules.edit(owner, found.id, url, events, bool(visit.form.get("active")), actor)
        return redirect(address, said="saved")
    return redirect(address)


async def show_delivery(visit: Visit) -> Page:
    """What was sent, and what was answered."""
    webhook = await _webhook(visit)
    delivery = await visit.desk.webhooks.get_delivery(webhook, _number(visit, "delivery"))
    body = delivery.body
    with suppress(ValueError):
        body = json.dumps(json.loads(body), indent=2)
    return DeliveryPage(
        **await _frame(visit),  # type: ignore[arg-type]
        webhook=await _shown(visit, webhook),
        delivery=delivery,
        body=body,
    )


async def redeliver(visit: Visit) -> Response:
    """Send it again."""
    owner, webhook = await _owner(visit), await _webhook(visit)
    number = _number(visit, "delivery")
    await visit.desk.webhooks.redeliver(owner, webhook.id, number, visit.actor)
    return redirect(f"{_base(visit)}/{webhook.id}/{number}")


def _routes(base: str, policy: Policy) -> tuple[PageRoute, ...]:
    one, delivery = f"{base}/{{webhook}}", f"{base}/{{webhook}}/{{delivery}}"
    return (
        PageRoute("GET", base, policy, show_all),
        PageRoute("POST", base, policy, add),
        PageRoute("GET", one, policy, show),
        PageRoute("POST", one, policy, change),
        PageRoute("GET", delivery, policy, show_delivery),
        PageRoute("POST", delivery, policy, redeliver),
    )


ROUTES: Final = (
    *_routes("/r/{repository}/-/webhooks", Policy.ADMINISTER),
    *_routes("/u/{namespace}/-/webhooks", Policy.OWN),
)
