"""`entrepot org`: organizations."""

from datetime import datetime
from typing import Annotated, Final

import typer
from msgspec import Struct

from entrepot.cli import groups
from entrepot.cli.common.closing import describe_belongings
from entrepot.cli.common.output import (
    USAGE,
    Data,
    Json,
    Yes,
    confirm,
    fail,
    print_json,
    print_table,
)
from entrepot.cli.hubs.choice import HubOption, open_hub
from entrepot.cli.hubs.login import Me

app = typer.Typer(
    no_args_is_help=True,
    help="Manage organizations, the namespaces that several accounts share.",
    rich_markup_mode=None,
)
app.add_typer(groups.app, name="group")

Name = Annotated[str, typer.Argument(help="The organization's name.")]
_ROLES: Final = ("owner", "editor", "member")


class Organization(Struct):
    """An organization, and the roles of its members by name."""

    name: str
    members: dict[str, str]
    created_at: datetime


class Belongings(Struct):
    """The belongings that are deleted with an organization."""

    name: str
    repositories: list[str]
    members: int


@app.command("add")
def add(
    name: Name,
    owner: Annotated[
        str | None,
        typer.Option("--owner", help="The account that will own it; by default your account."),
    ] = None,
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Create an organization."""
    with open_hub(hub, data) as it:
        if owner is None and not it.host:
            fail("pass the account that will own the organization with --owner", USAGE)
        whose = owner or it.get("/me", Me).name
        it.act("POST", "/organisations", {"name": name, "owner": whose})
    if as_json:
        print_json({"name": name, "owner": whose})
    else:
        print(f"Created organization {name} with owner {whose}.")


@app.command("list")
def list_orgs(hub: HubOption = None, data: Data = None, as_json: Json = False) -> None:
    """List organizations and their members: yours, and as an administrator all."""
    with open_hub(hub, data) as it:
        found = it.list_all("/organisations", Organization)
    if as_json:
        print_json(found)
        return
    rows = [
        (each.name, ", ".join(f"{member} ({role})" for member, role in each.members.items()))
        for each in found
    ]
    print_table(("NAME", "MEMBERS"), rows, "There are no organizations.")


@app.command("delete")
def delete(
    name: Name, yes: Yes = False, hub: HubOption = None, data: Data = None, as_json: Json = False
) -> None:
    """Permanently delete an organization with its repositories, tokens and webhooks."""
    with open_hub(hub, data) as it:
        found = it.get(f"/namespaces/{name}/delete", Belongings)
        described = describe_belongings(found.name, found.repositories, found.members)
        if not yes:
            confirm(f"Delete {described}{it.suffix}, for good?")
        it.act("DELETE", f"/namespaces/{name}")
    if as_json:
        print_json({"name": name, "deleted": True, "repositories": found.repositories})
    else:
        print(f"Deleted {described}.")


@app.command("member")
def member(
    name: Name,
    account: Annotated[str, typer.Argument(help="The account.")],
    role: Annotated[
        str,
        typer.Option(
            "--role",
            help="owner, editor (read, write and delete), member (read), or none to remove the "
            "member.",
        ),
    ],
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Set or remove the role of an account in an organization."""
    if role not in (*_ROLES, "none"):
        fail(f"invalid role {role}: use owner, editor, member or none", USAGE)
    path = f"/namespaces/{name}/members/{account}"
    with open_hub(hub, data) as it:
        if role == "none":
            it.act("DELETE", path)
        else:
            it.act("PUT", path, {"role": role})
    if as_json:
        print_json({"name": name, "account": account, "role": role})
    else:
        removed = f"Removed {account} from {name}."
        print(f"{account} is now {role} in {name}." if role != "none" else removed)
