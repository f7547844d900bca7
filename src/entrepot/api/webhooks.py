"""Webhooks of repositories and of namespaces: made, changed, tried; what was delivered."""

import re
from dataclasses import replace
from types import FunctionType
from typing import Annotated, Final, Literal, TypeVar, cast

from msgspec import UNSET, Meta, Struct, UnsetType, field

from entrepot.api.fields import Asked, Moment
from entrepot.api.paging import Page, PageQuery, cut, page_before
from entrepot.api.requests import ApiRequest, Handler, route, shown
from entrepot.http.authorize import AccessRule
from entrepot.hub.events.outbox import EVENTS
from entrepot.hub.events.webhooks import Owner
from entrepot.model.webhooks import Delivery as StoredDelivery
from entrepot.model.webhooks import Webhook as StoredWebhook
from entrepot.model.webhooks import WebhookFormat

Shown = TypeVar("Shown")

_URL = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2000,
        description="The URL to post to: `https://` or `http://`, on a public address.",
        examples=["https://ci.example.org/hooks/entrepot"],
    ),
]
_Event = Annotated[str, Meta(pattern=rf"^(?:{'|'.join(map(re.escape, EVENTS))})$")]
_EVENTS = Annotated[
    list[_Event],
    Meta(max_length=len(EVENTS), description="The events to send; an empty list sends all."),
]


_HEADER = Annotated[
    str,
    Meta(
        max_length=1102,
        description="A header that is sent along, as `Name: value`; only its name is shown again. "
        "An empty text removes it.",
        examples=["Authorization: Bearer secret"],
    ),
]


class Webhook(Struct, frozen=True):
    """A webhook: a URL and the events that it receives.

    `format` is the form of what is sent; `header` is the name of the header that is sent along.
    """

    id: int
    url: str
    events: list[str]
    is_active: bool
    created_at: Moment
    format: WebhookFormat
    header: str


class NewlyMadeWebhook(Webhook, frozen=True, kw_only=True):
    """A new webhook and its secret, which is shown only once."""

    secret: str


class NewWebhook(Asked, frozen=True, kw_only=True):
    """The webhook to create."""

    url: _URL
    events: _EVENTS = field(default_factory=list)
    format: WebhookFormat = WebhookFormat.CLOUDEVENTS
    header: _HEADER = ""


class WebhookChange(Asked, frozen=True, kw_only=True):
    """The fields to change; omitted fields stay as they are."""

    url: _URL | UnsetType = UNSET
    events: _EVENTS | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    format: WebhookFormat | UnsetType = UNSET
    header: _HEADER | UnsetType = UNSET


class Delivery(Struct, frozen=True):
    """A delivery and the result of its last attempt."""

    id: int
    message: str
    event: str
    state: Literal["waiting", "delivered", "dead"]
    attempts: int
    created_at: Moment
    run_at: Moment
    ended_at: Moment | None
    status: int | None
    milliseconds: int
    error: str


class WholeDelivery(Delivery, frozen=True):
    """A delivery with its request, in the webhook's format, and the beginning of the response."""

    body: str
    response: str


class Queued(Struct, frozen=True):
    """The queued delivery."""

    id: int


class Redelivered(Struct, frozen=True):
    """The number of deliveries that will be resent."""

    count: int


async def _owner(request: ApiRequest) -> Owner:
    if "repository" in request.values:
        return await request.app.webhooks.of_repository(request.repository.name, request.actor)
    return await request.app.webhooks.of_namespace(request.namespace.name, request.actor)


async def _webhook(request: ApiRequest) -> StoredWebhook:
    return await request.app.webhooks.get(await _owner(request), int(request.values["webhook"]))


def _shown(request: ApiRequest, kind: type[Shown], webhook: StoredWebhook) -> Shown:
    """A webhook as answers have it: of the header only the name."""
    return shown(kind, replace(webhook, header=request.app.webhooks.header_name(webhook)))


async def list_webhooks(request: ApiRequest, query: PageQuery) -> Page[Webhook]:
    """List the webhooks of the owner, the oldest first."""
    found = await request.app.webhooks.list_of(await _owner(request))
    return cut(found, query, lambda each: _shown(request, Webhook, each))


async def create_webhook(request: ApiRequest, body: NewWebhook) -> NewlyMadeWebhook:
    """Create a webhook of the owner; its secret is shown only once."""
    owner = await _owner(request)
    made = await request.app.webhooks.add(
        owner, body.url, body.events, request.actor, body.format, body.header
    )
    request.created(f"{request.http.path.removeprefix('/api/v1')}/{made.id}")
    return _shown(request, NewlyMadeWebhook, made)


async def get_webhook(request: ApiRequest) -> Webhook:
    """Return a webhook of the owner."""
    return _shown(request, Webhook, await _webhook(request))


async def change_webhook(request: ApiRequest, body: WebhookChange) -> Webhook:
    """Change, activate or deactivate a webhook of the owner."""
    found = await _webhook(request)
    changed = await request.app.webhooks.edit(
        await _owner(request),
        found.id,
        found.url if body.url is UNSET else body.url,
        found.events if body.events is UNSET else body.events,
        found.is_active if body.is_active is UNSET else body.is_active,
        request.actor,
        None if body.format is UNSET else body.format,
        None if body.header is UNSET else body.header,
    )
    return _shown(request, Webhook, changed)


async def delete_webhook(request: ApiRequest) -> None:
    """Delete a webhook of the owner and its queued deliveries."""
    owner = await _owner(request)
    await request.app.webhooks.delete(owner, int(request.values["webhook"]), request.actor)


async def renew_webhook_secret(request: ApiRequest) -> NewlyMadeWebhook:
    """Create a new secret for a webhook of the owner; later deliveries use it."""
    owner, number = await _owner(request), int(request.values["webhook"])
    made = await request.app.webhooks.renew_secret(owner, number, request.actor)
    return _shown(request, NewlyMadeWebhook, made)


async def ping_webhook(request: ApiRequest) -> Queued:
    """Send a test event to a webhook of the owner."""
    owner, number = await _owner(request), int(request.values["webhook"])
    return Queued(await request.app.webhooks.ping(owner, number, request.actor))


async def list_webhook_deliveries(request: ApiRequest, query: PageQuery) -> Page[Delivery]:
    """List the deliveries of a webhook of the owner, the newest first."""
    found = await request.app.webhooks.list_deliveries(
        await _webhook(request), query.before, query.limit + 1
    )
    return page_before(found, query, lambda each: shown(Delivery, each))


async def get_webhook_delivery(request: ApiRequest) -> WholeDelivery:
    """Return a delivery of a webhook of the owner, with its request and response."""
    webhook, delivery = await _webhook(request), await _delivery(request)
    message = request.app.webhooks.message(webhook, delivery, request.app.origins.public)
    return shown(WholeDelivery, replace(delivery, body=message.body))


async def redeliver_to_webhook(request: ApiRequest) -> Queued:
    """Resend one delivery of a webhook of the owner."""
    owner, found = await _owner(request), await _delivery(request)
    await request.app.webhooks.redeliver(owner, found.webhook_id, found.id, request.actor)
    return Queued(found.id)


async def redeliver_dead_to_webhook(request: ApiRequest) -> Redelivered:
    """Resend all failed deliveries of a webhook of the owner."""
    owner, webhook_id = await _owner(request), int(request.values["webhook"])
    return Redelivered(await request.app.webhooks.redeliver_dead(owner, webhook_id, request.actor))


async def _delivery(request: ApiRequest) -> StoredDelivery:
    return await request.app.webhooks.get_delivery(
        await _webhook(request), int(request.values["delivery"])
    )


def _of(noun: str, handler: Handler) -> Handler:
    """Return a handler of its own name and text: clients are generated from both."""
    whole = cast("FunctionType", handler)
    name = whole.__name__.replace("webhook", f"{noun}_webhook")
    made = FunctionType(whole.__code__, whole.__globals__, name)
    made.__doc__ = (whole.__doc__ or "").replace("the owner", f"the {noun}")
    made.__annotations__ = whole.__annotations__
    return made


_DELIVERIES: Final = "/{webhook}/deliveries"
_OPERATIONS: Final = (
    ("GET", "", list_webhooks, 200),
    ("POST", "", create_webhook, 201),
    ("GET", "/{webhook}", get_webhook, 200),
    ("PATCH", "/{webhook}", change_webhook, 200),
    ("DELETE", "/{webhook}", delete_webhook, 200),
    ("POST", "/{webhook}/secret", renew_webhook_secret, 200),
    ("POST", "/{webhook}/ping", ping_webhook, 202),
    ("GET", _DELIVERIES, list_webhook_deliveries, 200),
    ("GET", f"{_DELIVERIES}/{{delivery}}", get_webhook_delivery, 200),
    ("POST", f"{_DELIVERIES}/{{delivery}}/redeliver", redeliver_to_webhook, 202),
    ("POST", "/{webhook}/redeliver", redeliver_dead_to_webhook, 202),
)
_OWNERS: Final = (
    ("repository", "/repositories/{repository}/-/webhooks", AccessRule.REPOSITORY_ADMIN),
    ("namespace", "/namespaces/{namespace}/webhooks", AccessRule.NAMESPACE_OWNER),
)

ROUTES: Final = tuple(
    route(method, f"{start}{path}", rule, _of(noun, handler), status=status)
    for noun, start, rule in _OWNERS
    for method, path, handler, status in _OPERATIONS
)
