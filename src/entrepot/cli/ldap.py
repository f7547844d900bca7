"""`entrepot ldap`: the directory that people sign in with."""

from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.common.output import Data, Json, fail, print_json, with_app

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.hub.directory.entries import Entry
    from entrepot.hub.directory.people import DirectoryPeople

app = typer.Typer(
    no_args_is_help=True,
    help="Test the directory (LDAP) that people sign in with, and link accounts to it.",
    rich_markup_mode=None,
)

Account = Annotated[str, typer.Argument(help="The account of the hub.")]
Login = Annotated[str, typer.Argument(help="The login name in the directory.")]


@app.command("test")
def ask(
    login: Annotated[str, typer.Argument(help="A login name to look for.")] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Ask the directory whether it answers, and for a person with that login name."""
    problem, entry = with_app(data, lambda hub: _ask(hub, login))
    if problem:
        fail(f"the directory does not answer: {problem}")
    if login and entry is None:
        fail(f"the directory answers, and has no person with the login name {login}")
    if as_json:
        print_json({"problem": problem, "entry": _described(entry)})
        return
    print("The directory answers.")
    for name, value in (_described(entry) or {}).items():
        shown = "\n  ".join(["", *value]) if isinstance(value, list) else f" {value}"
        print(f"{name}:{shown}")


@app.command("link")
def link(account: Account, login: Login, data: Data = None, as_json: Json = False) -> None:
    """Link an account to a person in the directory, whose password counts from now on."""
    entry = with_app(data, lambda hub: _people(hub).link(account, login))
    if as_json:
        print_json({"account": account, "entry": _described(entry)})
    else:
        print(f"Linked {account} to {entry.dn}.")


@app.command("unlink")
def unlink(account: Account, data: Data = None, as_json: Json = False) -> None:
    """Make a linked account one of the hub's own again; set its password then."""
    with_app(data, lambda hub: _people(hub).unlink(account))
    if as_json:
        print_json({"account": account})
    else:
        print(f"Unlinked {account}: set its password with entrepot user password {account}.")


def _people(hub: "App") -> "DirectoryPeople":
    if hub.directory_people is None:
        fail("no directory is configured: set ldap_url")
    return hub.directory_people


async def _ask(hub: "App", login: str) -> "tuple[str, Entry | None]":
    _people(hub)
    if hub.directory is None:
        return "", None
    client = hub.directory.client
    problem = await client.probe()
    return problem, await client.find(login) if login and not problem else None


def _described(entry: "Entry | None") -> dict[str, object] | None:
    if entry is None:
        return None
    return {
        "entry": entry.dn,
        "id": entry.subject,
        "name": entry.name,
        "full name": entry.full_name,
        "e-mail": entry.email,
        "disabled": entry.is_disabled,
        "groups": sorted(entry.groups),
    }
