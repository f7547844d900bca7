"""Webhooks of repositories and namespaces: the list, one of them, and what one was told."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final, NotRequired, TypedDict

from entrepot.errors import Invalid, WebhookUnknown
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.http.paging import split_page
from entrepot.hub.events.outbox import EVENTS
from entrepot.hub.events.webhooks import Owner
from entrepot.model.people.accounts import Namespace, NamespaceKind
from entrepot.model.repositories import RepositoryFacts
from entrepot.model.webhooks import Delivery, Webhook, WebhookFormat
from entrepot.web.pages import Page, redirect
from entrepot.web.repositories import facts_of, is_starred
from entrepot.web.requests import PageRequest, PageRoute

_SIZE: Final = 25


@dataclass(kw_only=True)
class Shown:
    """A webhook as pages show it: without its secret, and of its header only the name."""

    id: int
    url: str
    events: tuple[str, ...]
    is_active: bool
    created_at: datetime
    counts: dict[str, int] = field(default_factory=dict)
    format: WebhookFormat = WebhookFormat.CLOUDEVENTS
    header: str = ""


@dataclass(kw_only=True)
class WebhookFrame(Page):
    """A page of webhooks, in the frame of their owner."""

    frame: str
    base: str
    current: str
    name: str = ""
    facts: RepositoryFacts | None = None
    is_starred: bool = False
    namespace: Namespace | None = None
    is_organization: bool = False
    may_administer: bool = True
    may_see_members: bool = True


class _Frame(TypedDict):
    """The fields of a `WebhookFrame`: of a repository or of a namespace."""

    title: str
    frame: str
    base: str
    current: str
    name: NotRequired[str]
    facts: NotRequired[RepositoryFacts]
    is_starred: NotRequired[bool]
    namespace: NotRequired[Namespace]
    is_organization: NotRequired[bool]


@dataclass(kw_only=True)
class WebhooksPage(WebhookFrame):
    """All of one owner's, and a form for a new one."""

    template: ClassVar[str] = "webhooks/list.html"
    webhooks: list[Shown]
    events: tuple[str, ...] = EVENTS
    secret: str = ""


@dataclass(kw_only=True)
class WebhookPage(WebhookFrame):
    """One webhook: what it is, and what it was told."""

    template: ClassVar[str] = "webhooks/webhook.html"
    webhook: Shown
    deliveries: list[Delivery]
    next_before: int | None
    events: tuple[str, ...] = EVENTS
    secret: str = ""


@dataclass(kw_only=True)
class DeliveryPage(WebhookFrame):
    """One delivery: what was sent, and what was answered."""

    template: ClassVar[str] = "webhooks/delivery.html"
    webhook: Shown
    delivery: Delivery
    body: str


async def _owner(request: PageRequest) -> Owner:
    if "repository" in request.values:
        return await request.app.webhooks.of_repository(request.repository.name, request.actor)
    return await request.app.webhooks.of_namespace(request.namespace.name, request.actor)


def _base(request: PageRequest) -> str:
    if "repository" in request.values:
        return f"/r/{request.repository.name}/-/webhooks"
    return f"/u/{request.namespace.name}/-/webhooks"


async def _frame(request: PageRequest) -> _Frame:
    base = _base(request)
    if "repository" in request.values:
        name = request.repository.name.text
        return {
            "base": base,
            "title": f"{name}: webhooks",
            "frame": "repositories/frame.html",
            "current": "settings",
            "name": name,
            "facts": await facts_of(request),
            "is_starred": await is_starred(request),
        }
    namespace = request.namespace
    return {
        "base": base,
        "title": f"{namespace.name}: webhooks",
        "frame": "namespaces/frame.html",
        "current": "webhooks",
        "namespace": namespace,
        "is_organization": namespace.kind is NamespaceKind.ORGANIZATION,
    }


async def _shown(request: PageRequest, webhook: Webhook) -> Shown:
    return Shown(
        id=webhook.id,
        url=webhook.url,
        events=webhook.events,
        is_active=webhook.is_active,
        created_at=webhook.created_at,
        counts=await request.app.webhooks.count(webhook),
        format=webhook.format,
        header=request.app.webhooks.header_name(webhook),
    )


def _format(request: PageRequest) -> WebhookFormat:
    try:
        return WebhookFormat(request.form.get("format") or WebhookFormat.CLOUDEVENTS)
    except ValueError as error:
        raise Invalid("no such format") from error


def _number(request: PageRequest, place: str) -> int:
    text = request.values[place]
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise WebhookUnknown
    return int(text)


async def _webhook(request: PageRequest) -> Webhook:
    return await request.app.webhooks.get(await _owner(request), _number(request, "webhook"))


async def show_all(request: PageRequest) -> Page:
    """The webhooks of a repository or a namespace."""
    found = await request.app.webhooks.list_of(await _owner(request))
    return WebhooksPage(
        **await _frame(request),
        webhooks=[await _shown(request, each) for each in found],
    )


async def add(request: PageRequest) -> Page:
    """Make a webhook; its secret is shown once."""
    made = await request.app.webhooks.add(
        await _owner(request),
        request.form.get("url"),
        request.form.get_all("event"),
        request.actor,
        _format(request),
        request.form.get("header"),
    )
    return await _page(request, made, made.secret)


async def show(request: PageRequest) -> Page:
    """One webhook."""
    return await _page(request, await _webhook(request), "")


async def _page(request: PageRequest, webhook: Webhook, secret: str) -> Page:
    before = request.number("before", default=0, most=2**62)
    found = await request.app.webhooks.list_deliveries(webhook, before or None, _SIZE + 1)
    deliveries, has_more = split_page(found, _SIZE)
    return WebhookPage(
        **await _frame(request),
        webhook=await _shown(request, webhook),
        deliveries=deliveries,
        next_before=deliveries[-1].id if has_more else None,
        secret=secret,
    )


async def change(request: PageRequest) -> Page | Response:
    """Do with a webhook what the button says."""
    owner, found, rules = await _owner(request), await _webhook(request), request.app.webhooks
    address, what, actor = f"{_base(request)}/{found.id}", request.form.get("what"), request.actor
    if what == "secret":
        changed = await rules.renew_secret(owner, found.id, actor)
        return await _page(request, changed, changed.secret)
    if what == "ping":
        await rules.ping(owner, found.id, actor)
    elif what == "redeliver":
        await rules.redeliver_dead(owner, found.id, actor)
    elif what == "delete":
        if request.form.get("confirm") != "1":
            raise Invalid("tick the box to delete the webhook")
        await rules.delete(owner, found.id, actor)
        return redirect(_base(request), said="gone")
    elif what == "save":
        url, events = request.form.get("url"), request.form.get_all("event")
        header = request.form.get("header") or None
        if request.form.get("no-header"):
            header = ""
        is_active = bool(request.form.get("active"))
        await rules.edit(owner, found.id, url, events, is_active, actor, _format(request), header)
        return redirect(address, said="saved")
    return redirect(address)


async def show_delivery(request: PageRequest) -> Page:
    """Show a delivery with its request and response."""
    webhook = await _webhook(request)
    delivery = await request.app.webhooks.get_delivery(webhook, _number(request, "delivery"))
    body = request.app.webhooks.message(webhook, delivery, request.app.origins.public).body
    with suppress(ValueError):
        body = json.dumps(json.loads(body), indent=2)
    return DeliveryPage(
        **await _frame(request),
        webhook=await _shown(request, webhook),
        delivery=delivery,
        body=body,
    )


async def redeliver(request: PageRequest) -> Response:
    """Send it again."""
    owner, webhook = await _owner(request), await _webhook(request)
    number = _number(request, "delivery")
    await request.app.webhooks.redeliver(owner, webhook.id, number, request.actor)
    return redirect(f"{_base(request)}/{webhook.id}/{number}")


def _routes(base: str, rule: AccessRule) -> tuple[PageRoute, ...]:
    one, delivery = f"{base}/{{webhook}}", f"{base}/{{webhook}}/{{delivery}}"
    return (
        PageRoute("GET", base, rule, show_all),
        PageRoute("POST", base, rule, add),
        PageRoute("GET", one, rule, show),
        PageRoute("POST", one, rule, change),
        PageRoute("GET", delivery, rule, show_delivery),
        PageRoute("POST", delivery, rule, redeliver),
    )


ROUTES: Final = (
    *_routes("/r/{repository}/-/webhooks", AccessRule.REPOSITORY_ADMIN),
    *_routes("/u/{namespace}/-/webhooks", AccessRule.NAMESPACE_OWNER),
)
