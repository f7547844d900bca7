"""`entrepot user`: accounts."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.common.addresses import Url, hub_url
from entrepot.cli.common.closing import delete_namespace
from entrepot.cli.common.output import (
    USAGE,
    Data,
    Json,
    fail,
    print_json,
    print_table,
    read_line_of_stdin,
    with_app,
)

if TYPE_CHECKING:
    from entrepot.app import App

app = typer.Typer(no_args_is_help=True, help="Manage accounts.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="The account's name.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the standard input.")
]


@app.command("add")
def add(
    name: Name,
    password_stdin: PasswordStdin = False,
    admin: Annotated[
        bool, typer.Option("--admin", help="Make the account an administrator.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Create an account."""
    password = read_password(password_stdin)
    account = with_app(data, lambda it: it.accounts.add(name, password, is_admin=admin))
    if as_json:
        print_json({"name": account.name, "admin": account.is_admin})
    else:
        print(f"Created account {account.name}.")


@app.command("list")
def list_users(data: Data = None, as_json: Json = False) -> None:
    """List the accounts."""
    found = with_app(data, lambda it: it.accounts.list_all())
    if as_json:
        print_json(
            [
                {
                    "name": each.name,
                    "admin": each.is_admin,
                    "disabled": each.disabled_at is not None,
                    "created_at": each.created_at.isoformat(),
                }
                for each in found
            ]
        )
        return
    rows = [
        (
            each.name,
            "admin" if each.is_admin else "",
            "disabled" if each.disabled_at else "",
            f"{each.created_at:%Y-%m-%d %H:%M}",
        )
        for each in found
    ]
    print_table(("NAME", "ROLE", "STATE", "CREATED"), rows, "There are no accounts.")


@app.command("disable")
def disable(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Disable an account: block sign-in and stop its tokens."""
    with_app(data, lambda it: it.accounts.disable(name))
    _say(as_json, name, "disabled", f"Disabled account {name}.")


@app.command("enable")
def enable(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Enable a disabled account."""
    with_app(data, lambda it: it.accounts.enable(name))
    _say(as_json, name, "enabled", f"Enabled account {name}.")


@app.command("delete")
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Permanently delete an account with its repositories, tokens and webhooks."""
    from entrepot.model.people.accounts import NamespaceKind

    delete_namespace(name, NamespaceKind.ACCOUNT, data, yes=yes, as_json=as_json)


@app.command("password")
def password(
    name: Name, password_stdin: PasswordStdin = False, data: Data = None, as_json: Json = False
) -> None:
    """Replace an account's password."""
    new = read_password(password_stdin)
    with_app(data, lambda it: it.accounts.set_password(name, new))
    _say(as_json, name, "password", f"Replaced the password of {name}.")


@app.command("link")
def link(name: Name, url: Url = None, data: Data = None, as_json: Json = False) -> None:
    """Print a password reset link that works once, within three days."""
    from entrepot.cli.common.configuration import read_settings

    address = hub_url(read_settings(data=data), url)

    async def work(hub: "App") -> str:
        return await hub.password_links.begin(await hub.accounts.get(name))

    secret = with_app(data, work)
    if as_json:
        print_json({"name": name, "link": f"{address}/welcome/{secret}"})
    else:
        print(f"{address}/welcome/{secret}")


@app.command("second-factor")
def second_factor(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Remove an account's second factor, for a lost authenticator."""

    async def work(hub: "App") -> None:
        await hub.second_factors.remove(await hub.accounts.get(name))

    with_app(data, work)
    _say(as_json, name, "second factor", f"Removed the second factor of {name}.")


def read_password(from_stdin: bool) -> str:
    """The password from the standard input, or asked for twice on a terminal."""
    if from_stdin:
        text = read_line_of_stdin()
    elif sys.stdin.isatty():
        text = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    else:
        fail("pass the password with --password-stdin", USAGE)
    return text


def _say(as_json: bool, name: str, change: str, sentence: str) -> None:
    if as_json:
        print_json({"name": name, "changed": change})
    else:
        print(sentence)
