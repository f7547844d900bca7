"""Webhooks of repositories and of namespaces: made, changed, tried; what was delivered."""

import re
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from entrepot.api.fields import Asked, Moment
from entrepot.api.paging import Page, PageQuery, cut, page_before
from entrepot.api.requests import ApiRequest, route, shown
from entrepot.http.authorize import AccessRule
from entrepot.hub.outbox import EVENTS
from entrepot.hub.webhooks import Owner
from entrepot.model.webhooks import Delivery as StoredDelivery
from entrepot.model.webhooks import Webhook as StoredWebhook

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


class Webhook(Struct, frozen=True):
    """A webhook: a URL and the events that it receives."""

    id: int
    url: str
    events: list[str]
    is_active: bool
    created_at: Moment


class NewlyMadeWebhook(Webhook, frozen=True):
    """A new webhook and its secret, which is shown only once."""

    secret: str


class NewWebhook(Asked, frozen=True, kw_only=True):
    """The webhook to create."""

    url: _URL
    events: _EVENTS = field(default_factory=list)


class WebhookChange(Asked, frozen=True, kw_only=True):
    """The fields to change; omitted fields stay as they are."""

    url: _URL | UnsetType = UNSET
    events: _EVENTS | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


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
    """A delivery with its request (a CloudEvent in JSON) and the beginning of the response."""

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


async def _list(request: ApiRequest, query: PageQuery) -> Page[Webhook]:
    found = await request.app.webhooks.list_of(await _owner(request))
    return cut(found, query, lambda each: shown(Webhook, each))


async def _create(request: ApiRequest, body: NewWebhook) -> NewlyMadeWebhook:
    made = await request.app.webhooks.add(
        await _owner(request), body.url, body.events, request.actor
    )
    request.created(f"{request.http.path.removeprefix('/api/v1')}/{made.id}")
    return shown(NewlyMadeWebhook, made)


async def _change(request: ApiRequest, body: WebhookChange) -> Webhook:
    found = await _webhook(request)
    changed = await request.app.webhooks.edit(
        await _owner(request),
        found.id,
        found.url if body.url is UNSET else body.url,
        found.events if body.events is UNSET else body.events,
        found.is_active if body.is_active is UNSET else body.is_active,
        request.actor,
    )
    return shown(Webhook, changed)


async def _deliveries(request: ApiRequest, query: PageQuery) -> Page[Delivery]:
    found = await request.app.webhooks.list_deliveries(
        await _webhook(request), query.before, query.limit + 1
    )
    return page_before(found, query, lambda each: shown(Delivery, each))


async def _delivery(request: ApiRequest) -> StoredDelivery:
    return await request.app.webhooks.get_delivery(
        await _webhook(request), int(request.values["delivery"])
    )


async def _delete(request: ApiRequest) -> None:
    owner = await _owner(request)
    await request.app.webhooks.delete(owner, int(request.values["webhook"]), request.actor)


async def _renew(request: ApiRequest) -> NewlyMadeWebhook:
    owner = await _owner(request)
    made = await request.app.webhooks.renew_secret(
        owner, int(request.values["webhook"]), request.actor
    )
    return shown(NewlyMadeWebhook, made)


async def _ping(request: ApiRequest) -> Queued:
    owner = await _owner(request)
    return Queued(
        await request.app.webhooks.ping(owner, int(request.values["webhook"]), request.actor)
    )


async def _redeliver(request: ApiRequest) -> Queued:
    owner, found = await _owner(request), await _delivery(request)
    await request.app.webhooks.redeliver(owner, found.webhook_id, found.id, request.actor)
    return Queued(found.id)


async def _redeliver_dead(request: ApiRequest) -> Redelivered:
    owner, webhook_id = await _owner(request), int(request.values["webhook"])
    return Redelivered(await request.app.webhooks.redeliver_dead(owner, webhook_id, request.actor))


async def list_repository_webhooks(request: ApiRequest, query: PageQuery) -> Page[Webhook]:
    """List the webhooks of the repository, the oldest first."""
    return await _list(request, query)


async def create_repository_webhook(request: ApiRequest, body: NewWebhook) -> NewlyMadeWebhook:
    """Create a webhook of the repository; its secret is shown only once."""
    return await _create(request, body)


async def get_repository_webhook(request: ApiRequest) -> Webhook:
    """Return a webhook of the repository."""
    return shown(Webhook, await _webhook(request))


async def change_repository_webhook(request: ApiRequest, body: WebhookChange) -> Webhook:
    """Change, activate or deactivate a webhook of the repository."""
    return await _change(request, body)


async def delete_repository_webhook(request: ApiRequest) -> None:
    """Delete a webhook of the repository and its queued deliveries."""
    await _delete(request)


async def renew_repository_webhook_secret(request: ApiRequest) -> NewlyMadeWebhook:
    """Create a new secret for a webhook of the repository; later deliveries use it."""
    return await _renew(request)


async def ping_repository_webhook(request: ApiRequest) -> Queued:
    """Send a test event to a webhook of the repository."""
    return await _ping(request)


async def list_repository_webhook_deliveries(
    request: ApiRequest, query: PageQuery
) -> Page[Delivery]:
    """List the deliveries of a webhook of the repository, the newest first."""
    return await _deliveries(request, query)


async def get_repository_webhook_delivery(request: ApiRequest) -> WholeDelivery:
    """Return a delivery of a webhook of the repository, with its request and response."""
    return shown(WholeDelivery, await _delivery(request))


async def redeliver_to_repository_webhook(request: ApiRequest) -> Queued:
    """Resend one delivery of a webhook of the repository."""
    return await _redeliver(request)


async def redeliver_dead_to_repository_webhook(request: ApiRequest) -> Redelivered:
    """Resend all failed deliveries of a webhook of the repository."""
    return await _redeliver_dead(request)


async def list_namespace_webhooks(request: ApiRequest, query: PageQuery) -> Page[Webhook]:
    """List the webhooks of the namespace, the oldest first."""
    return await _list(request, query)


async def create_namespace_webhook(request: ApiRequest, body: NewWebhook) -> NewlyMadeWebhook:
    """Create a webhook of the namespace; its secret is shown only once."""
    return await _create(request, body)


async def get_namespace_webhook(request: ApiRequest) -> Webhook:
    """Return a webhook of the namespace."""
    return shown(Webhook, await _webhook(request))


async def change_namespace_webhook(request: ApiRequest, body: WebhookChange) -> Webhook:
    """Change, activate or deactivate a webhook of the namespace."""
    return await _change(request, body)


async def delete_namespace_webhook(request: ApiRequest) -> None:
    """Delete a webhook of the namespace and its queued deliveries."""
    await _delete(request)


async def renew_namespace_webhook_secret(request: ApiRequest) -> NewlyMadeWebhook:
    """Create a new secret for a webhook of the namespace; later deliveries use it."""
    return await _renew(request)


async def ping_namespace_webhook(request: ApiRequest) -> Queued:
    """Send a test event to a webhook of the namespace."""
    return await _ping(request)


async def list_namespace_webhook_deliveries(
    request: ApiRequest, query: PageQuery
) -> Page[Delivery]:
    """List the deliveries of a webhook of the namespace, the newest first."""
    return await _deliveries(request, query)


async def get_namespace_webhook_delivery(request: ApiRequest) -> WholeDelivery:
    """Return a delivery of a webhook of the namespace, with its request and response."""
    return shown(WholeDelivery, await _delivery(request))


async def redeliver_to_namespace_webhook(request: ApiRequest) -> Queued:
    """Resend one delivery of a webhook of the namespace."""
    return await _redeliver(request)


async def redeliver_dead_to_namespace_webhook(request: ApiRequest) -> Redelivered:
    """Resend all failed deliveries of a webhook of the namespace."""
    return await _redeliver_dead(request)


_R: Final = "/repositories/{repository}/-/webhooks"
_N: Final = "/namespaces/{namespace}/webhooks"

ROUTES: Final = (
    route("GET", _R, AccessRule.REPOSITORY_ADMIN, list_repository_webhooks),
    route("POST", _R, AccessRule.REPOSITORY_ADMIN, create_repository_webhook, status=201),
    route("GET", f"{_R}/{{webhook}}", AccessRule.REPOSITORY_ADMIN, get_repository_webhook),
    route("PATCH", f"{_R}/{{webhook}}", AccessRule.REPOSITORY_ADMIN, change_repository_webhook),
    route("DELETE", f"{_R}/{{webhook}}", AccessRule.REPOSITORY_ADMIN, delete_repository_webhook),
    route(
        "POST",
        f"{_R}/{{webhook}}/secret",
        AccessRule.REPOSITORY_ADMIN,
        renew_repository_webhook_secret,
    ),
    route(
        "POST",
        f"{_R}/{{webhook}}/ping",
        AccessRule.REPOSITORY_ADMIN,
        ping_repository_webhook,
        status=202,
    ),
    route(
        "GET",
        f"{_R}/{{webhook}}/deliveries",
        AccessRule.REPOSITORY_ADMIN,
        list_repository_webhook_deliveries,
    ),
    route(
        "GET",
        f"{_R}/{{webhook}}/deliveries/{{delivery}}",
        AccessRule.REPOSITORY_ADMIN,
        get_repository_webhook_delivery,
    ),
    route(
        "POST",
        f"{_R}/{{webhook}}/deliveries/{{delivery}}/redeliver",
        AccessRule.REPOSITORY_ADMIN,
        redeliver_to_repository_webhook,
        status=202,
    ),
    route(
        "POST",
        f"{_R}/{{webhook}}/redeliver",
        AccessRule.REPOSITORY_ADMIN,
        redeliver_dead_to_repository_webhook,
        status=202,
    ),
    route("GET", _N, AccessRule.NAMESPACE_OWNER, list_namespace_webhooks),
    route("POST", _N, AccessRule.NAMESPACE_OWNER, create_namespace_webhook, status=201),
    route("GET", f"{_N}/{{webhook}}", AccessRule.NAMESPACE_OWNER, get_namespace_webhook),
    route("PATCH", f"{_N}/{{webhook}}", AccessRule.NAMESPACE_OWNER, change_namespace_webhook),
    route("DELETE", f"{_N}/{{webhook}}", AccessRule.NAMESPACE_OWNER, delete_namespace_webhook),
    route(
        "POST",
        f"{_N}/{{webhook}}/secret",
        AccessRule.NAMESPACE_OWNER,
        renew_namespace_webhook_secret,
    ),
    route(
        "POST",
        f"{_N}/{{webhook}}/ping",
        AccessRule.NAMESPACE_OWNER,
        ping_namespace_webhook,
        status=202,
    ),
    route(
        "GET",
        f"{_N}/{{webhook}}/deliveries",
        AccessRule.NAMESPACE_OWNER,
        list_namespace_webhook_deliveries,
    ),
    route(
        "GET",
        f"{_N}/{{webhook}}/deliveries/{{delivery}}",
        AccessRule.NAMESPACE_OWNER,
        get_namespace_webhook_delivery,
    ),
    route(
        "POST",
        f"{_N}/{{webhook}}/deliveries/{{delivery}}/redeliver",
        AccessRule.NAMESPACE_OWNER,
        redeliver_to_namespace_webhook,
        status=202,
    ),
    route(
        "POST",
        f"{_N}/{{webhook}}/redeliver",
        AccessRule.NAMESPACE_OWNER,
        redeliver_dead_to_namespace_webhook,
        status=202,
    ),
)
