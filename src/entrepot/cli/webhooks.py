"""`entrepot webhook`: who is told of what happens, and what could not be told."""

from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.common.output import (
    USAGE,
    Data,
    Json,
    counted,
    fail,
    print_json,
    print_table,
    with_app,
)
from entrepot.errors import InvalidName

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.hub.events.webhooks import Owner
    from entrepot.model.webhooks import Webhook

app = typer.Typer(
    no_args_is_help=True,
    help="Manage webhooks.",
    rich_markup_mode=None,
)

Id = Annotated[int, typer.Argument(help="The webhook's number, as `webhook list` shows it.")]


@app.command("list")
def list_webhooks(data: Data = None, as_json: Json = False) -> None:
    """List the webhooks of all repositories and namespaces."""

    async def work(hub: "App") -> list[dict[str, object]]:
        return [
            await _described(hub, each, (await hub.webhooks.owner_of(each)).name)
            for each in await hub.webhooks.list_all()
        ]

    found = with_app(data, work)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["id"],
            each["of"],
            each["url"],
            each["format"],
            "yes" if each["is_active"] else "no",
            each["waiting"],
            each["dead"],
        )
        for each in found
    ]
    columns = ("ID", "OF", "URL", "FORMAT", "ACTIVE", "WAITING", "DEAD")
    print_table(columns, rows, "There are no webhooks yet.")


@app.command("add")
def add(
    name: Annotated[
        str,
        typer.Argument(help="A repository, such as docker/demo, or a namespace, such as docker."),
    ],
    url: Annotated[str, typer.Argument(help="The URL to post to.")],
    event: Annotated[
        list[str] | None, typer.Option("--event", help="An event to send; by default all events.")
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="The form of what is sent: cloudevents, dockerhub, harbor, slack or teams.",
        ),
    ] = "cloudevents",
    header: Annotated[
        str, typer.Option("--header", help='A header to send along, such as "Authorization: x".')
    ] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Create a webhook and print its secret once."""
    from entrepot.hub.people.actors import OPERATOR
    from entrepot.model.webhooks import WebhookFormat

    if form not in list(WebhookFormat):
        fail(f"no such format: {form}; choose one of {', '.join(WebhookFormat)}", USAGE)

    async def work(hub: "App") -> "Webhook":
        owner, chosen = await _owner(hub, name), WebhookFormat(form)
        return await hub.webhooks.add(owner, url, event or (), OPERATOR, chosen, header)

    made = with_app(data, work)
    if as_json:
        print_json({"id": made.id, "url": made.url, "secret": made.secret})
        return
    print(f"Created webhook {made.id} of {name}. Its secret is shown only once:\n{made.secret}")


@app.command("redeliver")
def redeliver(
    webhook: Id,
    delivery: Annotated[
        int | None,
        typer.Option(
            "--delivery", help="The delivery to resend; by default all failed deliveries."
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Resend the failed deliveries of a webhook."""
    from entrepot.hub.people.actors import OPERATOR

    async def work(hub: "App") -> int:
        owner = await _owner_of(hub, webhook)
        if delivery is None:
            return await hub.webhooks.redeliver_dead(owner, webhook, OPERATOR)
        await hub.webhooks.redeliver(owner, webhook, delivery, OPERATOR)
        return 1

    count = with_app(data, work)
    if as_json:
        print_json({"webhook": webhook, "count": count})
    else:
        print(f"{counted(count, 'delivery', 'deliveries').capitalize()} will be sent again.")


async def _owner(hub: "App", name: str) -> "Owner":
    """The repository of that name, or else the namespace."""
    from entrepot.oci.names import RepositoryName

    if "/" not in name:
        return await hub.webhooks.of_namespace(name)
    try:
        return await hub.webhooks.of_repository(RepositoryName(name))
    except InvalidName:
        fail(f"{name} is not a repository or a namespace", USAGE)


async def _owner_of(hub: "App", webhook_id: int) -> "Owner":
    """Whose a webhook is, by its number."""
    every = await hub.webhooks.list_all()
    found = next((each for each in every if each.id == webhook_id), None)
    if found is None:
        fail(f"no such webhook: {webhook_id}")
    return await hub.webhooks.owner_of(found)


async def _described(hub: "App", webhook: "Webhook", name: str) -> dict[str, object]:
    counts = await hub.webhooks.count(webhook)
    return {
        "id": webhook.id,
        "of": name,
        "url": webhook.url,
        "events": list(webhook.events),
        "format": str(webhook.format),
        "header": hub.webhooks.header_name(webhook),
        "is_active": webhook.is_active,
        "created_at": webhook.created_at.isoformat(),
        "waiting": counts.get("waiting", 0),
        "dead": counts.get("dead", 0),
    }
