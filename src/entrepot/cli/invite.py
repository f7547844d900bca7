"""`entrepot invite`: a link that lets somebody sign up, or join an organization."""

from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.common.addresses import Url, hub_url
from entrepot.cli.common.output import USAGE, Data, Json, fail, print_json, with_app

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.model.people.organizations import Invitation


def invite(
    organization: Annotated[
        str | None, typer.Option("--org", help="The organization to join; by default only the hub.")
    ] = None,
    role: Annotated[
        str, typer.Option("--role", help="owner, editor (read, write and delete) or member (read).")
    ] = "member",
    team: Annotated[
        str | None, typer.Option("--team", help="The team of the organization to join as well.")
    ] = None,
    note: Annotated[str, typer.Option("--note", help="A note about the invited person.")] = "",
    url: Url = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Print an invitation link that works once, within seven days."""
    from entrepot.cli.common.configuration import read_settings
    from entrepot.hub.people.actors import OPERATOR
    from entrepot.model.people.accounts import Role

    if role not in set(Role):
        fail(f"invalid role {role}: use owner, editor or member", USAGE)
    address = hub_url(read_settings(data=data), url)

    async def work(hub: "App") -> "tuple[Invitation, str]":
        return await hub.invitations.invite(
            OPERATOR, organization, role=Role(role), team=team, note=note
        )

    made, secret = with_app(data, work)
    link = f"{address}/invitations/{secret}"
    if as_json:
        print_json({"id": made.id, "link": link, "expires_at": made.expires_at.isoformat()})
    else:
        print(link)
