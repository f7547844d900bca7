"""Webhooks of repositories and of namespaces: made, changed, tried; what was delivered."""

import re
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from entrepot.api.calls import Call, route, shown
from entrepot.api.fields import Asked, Moment
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.http.routing import Policy
from entrepot.hub.outbox import EVENTS
from entrepot.hub.webhooks import Owner
from entrepot.metadata import deliveries, webhooks

_URL = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2000,
        description="Where to post to: `https://` or `http://`, on the internet at large.",
        examples=["https://ci.example.org/hooks/entrepot"],
    ),
]
_Event = Annotated[str, Meta(pattern=rf"^(?:{'|'.join(map(re.escape, EVENTS))})$")]
_EVENTS = Annotated[
    list[_Event],
    Meta(max_length=len(EVENTS), description="Which events are told; none: every one."),
]


class Webhook(Struct, frozen=True):
    """An address that is told of what happens."""

    id: int
    url: str
    events: list[str]
    is_active: bool
    created_at: Moment


class NewlyMadeWebhook(Webhook, frozen=True):
    """A webhook with its secret, which is shown this once."""

    secret: str


class NewWebhook(Asked, frozen=True, kw_only=True):
    """A webhook to be made."""

    url: _URL
    events: _EVENTS = field(default_factory=list)


class WebhookChange(Asked, frozen=True, kw_only=True):
    """What changes; what is left out stays."""

    url: _URL | UnsetType = UNSET
    events: _EVENTS | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class Delivery(Struct, frozen=True):
    """A message, and what the last attempt to send it brought."""

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
    """A delivery with what is sent (a CloudEvent in JSON) and the beginning of the answer."""

    body: str
    response: str


class Queued(Struct, frozen=True):
    """The delivery that was asked for."""

    id: int


class Redelivered(Struct, frozen=True):
    """How many deliveries will be sent again."""

    count: int


async def _owner(call: Call) -> Owner:
    if "repository" in call.values:
        return await call.desk.webhooks.of_repository(call.repository.name, call.actor)
    return await call.desk.webhooks.of_namespace(call.namespace.name, call.actor)


async def _webhook(call: Call) -> webhooks.Webhook:
    return await call.desk.webhooks.get(await _owner(call), int(call.values["webhook"]))


async def _list(call: Call, query: PageQuery) -> Page[Webhook]:
    found = await call.desk.webhooks.list_of(await _owner(call))
    return cut(found, query, lambda each: shown(Webhook, each))


async def _create(call: Call, body: NewWebhook) -> NewlyMadeWebhook:
    made = await call.desk.webhooks.add(await _owner(call), body.url, body.events, call.actor)
    call.created(f"{call.request.path.removeprefix('/api/v1')}/{made.id}")
    return shown(NewlyMadeWebhook, made)


async def _change(call: Call, body: WebhookChange) -> Webhook:
    found = await _webhook(call)
    changed = await call.desk.webhooks.edit(
        await _owner(call),
        found.id,
        found.url if body.url is UNSET else body.url,
        found.events if body.events is UNSET else body.events,
        found.is_active if body.is_active is UNSET else body.is_active,
        call.actor,
    )
    return shown(Webhook, changed)


async def _deliveries(call: Call, query: PageQuery) -> Page[Delivery]:
    found = await call.desk.webhooks.list_deliveries(
        await _webhook(call), query.before, query.limit + 1
    )
    last = found[query.limit - 1].id if len(found) > query.limit else None
    items = [shown(Delivery, each) for each in found[: query.limit]]
    return Page(items=items, next=None if last is None else f"{last:x}")


async def _delivery(call: Call) -> deliveries.Delivery:
    return await call.desk.webhooks.get_delivery(await _webhook(call), int(call.values["delivery"]))


async def _delete(call: Call) -> None:
    owner = await _owner(call)
    await call.desk.webhooks.delete(owner, int(call.values["webhook"]), call.actor)


async def _renew(call: Call) -> NewlyMadeWebhook:
    owner = await _owner(call)
    made = await call.desk.webhooks.renew_secret(owner, int(call.values["webhook"]), call.actor)
    return shown(NewlyMadeWebhook, made)


async def _ping(call: Call) -> Queued:
    owner = await _owner(call)
    return Queued(await call.desk.webhooks.ping(owner, int(call.values["webhook"]), call.actor))


async def _redeliver(call: Call) -> Queued:
    owner, found = await _owner(call), await _delivery(call)
    await call.desk.webhooks.redeliver(owner, found.webhook_id, found.id, call.actor)
    return Queued(found.id)


async def _redeliver_dead(call: Call) -> Redelivered:
    owner, webhook_id = await _owner(call), int(call.values["webhook"])
    return Redelivered(await call.desk.webhooks.redeliver_dead(owner, webhook_id, call.actor))


async def list_repository_webhooks(call: Call, query: PageQuery) -> Page[Webhook]:
    """The webhooks of a repository itself, the oldest first."""
    return await _list(call, query)


async def create_repository_webhook(call: Call, body: NewWebhook) -> NewlyMadeWebhook:
    """Have a URL told of what happens in the repository; the secret is shown this once."""
    return await _create(call, body)


async def get_repository_webhook(call: Call) -> Webhook:
    """One webhook of the repository."""
    return shown(Webhook, await _webhook(call))


async def change_repository_webhook(call: Call, body: WebhookChange) -> Webhook:
    """Change a webhook of the repository, switch it off or on again."""
    return await _change(call, body)


async def delete_repository_webhook(call: Call) -> None:
    """Delete a webhook of the repository with all that still waits for it."""
    await _delete(call)


async def renew_repository_webhook_secret(call: Call) -> NewlyMadeWebhook:
    """Sign what a webhook of the repository is told with a new secret from now on."""
    return await _renew(call)


async def ping_repository_webhook(call: Call) -> Queued:
    """Send something to a webhook of the repository, to see whether it arrives."""
    return await _ping(call)


async def list_repository_webhook_deliveries(call: Call, query: PageQuery) -> Page[Delivery]:
    """What a webhook of the repository was told, the newest first."""
    return await _deliveries(call, query)


async def get_repository_webhook_delivery(call: Call) -> WholeDelivery:
    """One delivery of a webhook of the repository, with what was sent and answered."""
    return shown(WholeDelivery, await _delivery(call))


async def redeliver_to_repository_webhook(call: Call) -> Queued:
    """Send one delivery again to a webhook of the repository."""
    return await _redeliver(call)


async def redeliver_dead_to_repository_webhook(call: Call) -> Redelivered:
    """Send everything again to a webhook of the repository that was given up."""
    return await _redeliver_dead(call)


async def list_namespace_webhooks(call: Call, query: PageQuery) -> Page[Webhook]:
    """The webhooks of a namespace itself, the oldest first."""
    return await _list(call, query)


async def create_namespace_webhook(call: Call, body: NewWebhook) -> NewlyMadeWebhook:
    """Have a URL told of what happens in the namespace; the secret is shown this once."""
    return await _create(call, body)


async def get_namespace_webhook(call: Call) -> Webhook:
    """One webhook of the namespace."""
    return shown(Webhook, await _webhook(call))


async def change_namespace_webhook(call: Call, body: WebhookChange) -> Webhook:
    """Change a webhook of the namespace, switch it off or on again."""
    return await _change(call, body)


async def delete_namespace_webhook(call: Call) -> None:
    """Delete a webhook of the namespace with all that still waits for it."""
    await _delete(call)


async def renew_namespace_webhook_secret(call: Call) -> NewlyMadeWebhook:
    """Sign what a webhook of the namespace is told with a new secret from now on."""
    return await _renew(call)


async def ping_namespace_webhook(call: Call) -> Queued:
    """Send something to a webhook of the namespace, to see whether it arrives."""
    return await _ping(call)


async def list_namespace_webhook_deliveries(call: Call, query: PageQuery) -> Page[Delivery]:
    """What a webhook of the namespace was told, the newest first."""
    return await _deliveries(call, query)


async def get_namespace_webhook_delivery(call: Call) -> WholeDelivery:
    """One delivery of a webhook of the namespace, with what was sent and answered."""
    return shown(WholeDelivery, await _delivery(call))


async def redeliver_to_namespace_webhook(call: Call) -> Queued:
    """Send one delivery again to a webhook of the namespace."""
    return await _redeliver(call)


async def redeliver_dead_to_namespace_webhook(call: Call) -> Redelivered:
    """Send everything again to a webhook of the namespace that was given up."""
    return await _redeliver_dead(call)


_R: Final = "/repositories/{repository}/-/webhooks"
_N: Final = "/namespaces/{namespace}/webhooks"

ROUTES: Final = (
    route("GET", _R, Policy.ADMINISTER, list_repository_webhooks),
    route("POST", _R, Policy.ADMINISTER, create_repository_webhook, status=201),
    route("GET", f"{_R}/{{webhook}}", Policy.ADMINISTER, get_repository_webhook),
    route("PATCH", f"{_R}/{{webhook}}", Policy.ADMINISTER, change_repository_webhook),
    route("DELETE", f"{_R}/{{webhook}}", Policy.ADMINISTER, delete_repository_webhook),
    route("POST", f"{_R}/{{webhook}}/secret", Policy.ADMINISTER, renew_repository_webhook_secret),
    route("POST", f"{_R}/{{webhook}}/ping", Policy.ADMINISTER, ping_repository_webhook, status=202),
    route(
        "GET", f"{_R}/{{webhook}}/deliveries", Policy.ADMINISTER, list_repository_webhook_deliveries
    ),
    route(
        "GET",
        f"{_R}/{{webhook}}/deliveries/{{delivery}}",
        Policy.ADMINISTER,
        get_repository_webhook_delivery,
    ),
    route(
        "POST",
        f"{_R}/{{webhook}}/deliveries/{{delivery}}/redeliver",
        Policy.ADMINISTER,
        redeliver_to_repository_webhook,
        status=202,
    ),
    route(
        "POST",
        f"{_R}/{{webhook}}/redeliver",
        Policy.ADMINISTER,
        redeliver_dead_to_repository_webhook,
        status=202,
    ),
    route("GET", _N, Policy.OWN, list_namespace_webhooks),
    route("POST", _N, Policy.OWN, create_namespace_webhook, status=201),
    route("GET", f"{_N}/{{webhook}}", Policy.OWN, get_namespace_webhook),
    route("PATCH", f"{_N}/{{webhook}}", Policy.OWN, change_namespace_webhook),
    route("DELETE", f"{_N}/{{webhook}}", Policy.OWN, delete_namespace_webhook),
    route("POST", f"{_N}/{{webhook}}/secret", Policy.OWN, renew_namespace_webhook_secret),
    route("POST", f"{_N}/{{webhook}}/ping", Policy.OWN, ping_namespace_webhook, status=202),
    route("GET", f"{_N}/{{webhook}}/deliveries", Policy.OWN, list_namespace_webhook_deliveries),
    route(
        "GET",
        f"{_N}/{{webhook}}/deliveries/{{delivery}}",
        Policy.OWN,
        get_namespace_webhook_delivery,
    ),
    route(
        "POST",
        f"{_N}/{{webhook}}/deliveries/{{delivery}}/redeliver",
        Policy.OWN,
        redeliver_to_namespace_webhook,
        status=202,
    ),
    route(
        "POST",
        f"{_N}/{{webhook}}/redeliver",
        Policy.OWN,
        redeliver_dead_to_namespace_webhook,
        status=202,
    ),
)
