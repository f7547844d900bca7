"""`entrepot org`: organizations."""

from typing import Annotated

import typer

from entrepot.cli.common.closing import delete_namespace
from entrepot.cli.common.output import USAGE, Data, Json, fail, print_json, print_table, with_app

app = typer.Typer(
    no_args_is_help=True,
    help="Manage organizations, the namespaces that several accounts share.",
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="The organization's name.")]


@app.command("add")
def add(
    name: Name,
    owner: Annotated[
        str, typer.Option("--owner", help="The account that will own the organization.")
    ],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Create an organization."""
    with_app(data, lambda it: it.organizations.add(name, owner))
    if as_json:
        print_json({"name": name, "owner": owner})
    else:
        print(f"Created organization {name} with owner {owner}.")


@app.command("list")
def list_orgs(data: Data = None, as_json: Json = False) -> None:
    """List the organizations and their members."""
    found = with_app(data, lambda it: it.organizations.list_all())
    if as_json:
        print_json(
            [
                {
                    "name": each.name,
                    "members": {member: str(role) for member, role in members},
                    "created_at": each.created_at.isoformat(),
                }
                for each, members in found
            ]
        )
        return
    rows = [
        (each.name, ", ".join(f"{member} ({role})" for member, role in members))
        for each, members in found
    ]
    print_table(("NAME", "MEMBERS"), rows, "There are no organizations.")


@app.command("delete")
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Permanently delete an organization with its repositories, tokens and webhooks."""
    from entrepot.model.people.accounts import NamespaceKind

    delete_namespace(name, NamespaceKind.ORGANIZATION, data, yes=yes, as_json=as_json)


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
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Set or remove the role of an account in an organization."""
    from entrepot.model.people.accounts import Role

    if role != "none" and role not in set(Role):
        fail(f"invalid role {role}: use owner, editor, member or none", USAGE)
    chosen = None if role == "none" else Role(role)
    with_app(data, lambda it: it.organizations.set_member(name, account, chosen))
    if as_json:
        print_json({"name": name, "account": account, "role": role})
    else:
        removed = f"Removed {account} from {name}."
        print(f"{account} is now {role} in {name}." if chosen else removed)


groups = typer.Typer(
    no_args_is_help=True,
    help="Map groups of a sign-in provider to roles and teams of an organization.",
    rich_markup_mode=None,
)
app.add_typer(groups, name="group")


@groups.command("add")
def add_group(
    name: Name,
    group: Annotated[str, typer.Argument(help="The group, as the provider sends it.")],
    role: Annotated[str, typer.Option("--role", help="owner, editor or member.")] = "member",
    team: Annotated[str, typer.Option("--team", help="A team to put its members into.")] = "",
    source: Annotated[
        str, typer.Option("--source", help="oidc (single sign-on) or ldap (a directory).")
    ] = "oidc",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Give members of a group a role, and a place in a team; from their next sign-in on."""
    from entrepot.model.people.accounts import Role
    from entrepot.model.people.groups import GroupSource

    if role not in set(Role):
        fail(f"invalid role {role}: use owner, editor or member", USAGE)
    if source not in set(GroupSource):
        fail(f"invalid source {source}: use oidc or ldap", USAGE)
    chosen = GroupSource(source), group, Role(role), team
    made = with_app(data, lambda it: it.groups.add(name, *chosen))
    if as_json:
        print_json({"id": made.id, "group": made.group, "role": role, "team": team})
    else:
        print(f"Mapped the group {made.group} to the role {role} in {name}.")


@groups.command("list")
def list_groups(name: Name, data: Data = None, as_json: Json = False) -> None:
    """List the groups that are mapped in an organization."""
    from entrepot.hub.people.actors import OPERATOR

    found = with_app(data, lambda it: it.groups.list_of(name, OPERATOR))
    if as_json:
        print_json(
            [
                {
                    "id": each.id,
                    "source": each.source.value,
                    "group": each.group,
                    "role": each.role.value,
                    "team": each.team,
                    "holders": each.holders,
                }
                for each in found
            ]
        )
        return
    rows = [
        (str(each.id), each.source, each.group, each.role, each.team, str(each.holders))
        for each in found
    ]
    heads = ("ID", "SOURCE", "GROUP", "ROLE", "TEAM", "ACCOUNTS")
    print_table(heads, rows, f"No groups are mapped in {name}.")


@groups.command("remove")
def remove_group(
    name: Name,
    number: Annotated[int, typer.Argument(metavar="ID", help="The mapping's id.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Remove a mapping, and the memberships that came from it alone."""
    with_app(data, lambda it: it.groups.remove(name, number))
    if as_json:
        print_json({"id": number, "name": name})
    else:
        print(f"Removed the mapping {number} from {name}.")
