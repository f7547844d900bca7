"""`entrepot org group`: groups of a sign-in provider, and what they give in an organization."""

from typing import Annotated, Final

import typer
from msgspec import Struct

from entrepot.cli.common.output import USAGE, Data, Json, fail, print_json, print_table
from entrepot.cli.hubs.choice import HubOption, open_hub

app = typer.Typer(
    no_args_is_help=True,
    help="Map groups of a sign-in provider to roles and teams of an organization.",
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="The organization's name.")]
_ROLES: Final = ("owner", "editor", "member")


class Mapping(Struct, kw_only=True):
    """A group, and the role and team that it gives; `holders` counts accounts that were in it."""

    id: int
    source: str
    group: str
    role: str
    team: str
    holders: int


@app.command("add")
def add_group(
    name: Name,
    group: Annotated[str, typer.Argument(help="The group, as the provider sends it.")],
    role: Annotated[str, typer.Option("--role", help="owner, editor or member.")] = "member",
    team: Annotated[str, typer.Option("--team", help="A team to put its members into.")] = "",
    source: Annotated[
        str, typer.Option("--source", help="oidc (single sign-on) or ldap (a directory).")
    ] = "oidc",
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Give members of a group a role, and a place in a team; from their next sign-in on."""
    if role not in _ROLES:
        fail(f"invalid role {role}: use owner, editor or member", USAGE)
    if source not in ("oidc", "ldap"):
        fail(f"invalid source {source}: use oidc or ldap", USAGE)
    body = {"source": source, "group": group, "role": role, "team": team or None}
    with open_hub(hub, data) as it:
        made = it.ask("POST", f"/namespaces/{name}/groups", Mapping, body)
    if as_json:
        print_json({"id": made.id, "group": made.group, "role": role, "team": team})
    else:
        print(f"Mapped the group {made.group} to the role {role} in {name}.")


@app.command("list")
def list_groups(
    name: Name, hub: HubOption = None, data: Data = None, as_json: Json = False
) -> None:
    """List the groups that are mapped in an organization."""
    with open_hub(hub, data) as it:
        found = it.list_all(f"/namespaces/{name}/groups", Mapping)
    if as_json:
        print_json(found)
        return
    rows = [
        (each.id, each.source, each.group, each.role, each.team, each.holders) for each in found
    ]
    heads = ("ID", "SOURCE", "GROUP", "ROLE", "TEAM", "ACCOUNTS")
    print_table(heads, rows, f"No groups are mapped in {name}.")


@app.command("remove")
def remove_group(
    name: Name,
    number: Annotated[int, typer.Argument(metavar="ID", help="The mapping's id.")],
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Remove a mapping, and the memberships that came from it alone."""
    with open_hub(hub, data) as it:
        it.act("DELETE", f"/namespaces/{name}/groups/{number}")
    if as_json:
        print_json({"id": number, "name": name})
    else:
        print(f"Removed the mapping {number} from {name}.")
