"""`entrepot ci issuer`: issuers of ID tokens."""

from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from entrepot.cli.common.output import USAGE, Data, Json, fail, print_json, print_table
from entrepot.cli.hubs.choice import HubOption, open_hub

app = typer.Typer(
    no_args_is_help=True, help="Manage the issuers of ID tokens.", rich_markup_mode=None
)

IssuerName = Annotated[str, typer.Argument(help="The issuer's name, such as github.")]


class Issuer(Struct, kw_only=True):
    """An issuer of ID tokens."""

    name: str
    kind: str
    url: str
    audiences: list[str]
    has_keys: bool
    allows_private: bool


class IssuerKeys(Struct):
    """How many keys an issuer has now."""

    keys: int


@app.command("add")
def add_issuer(
    name: IssuerName,
    url: Annotated[str, typer.Option("--url", help="The claim iss of its tokens, exactly.")] = "",
    kind: Annotated[str, typer.Option("--kind", help="github, gitlab, kubernetes or other.")] = "",
    audience: Annotated[
        list[str] | None, typer.Option("--audience", help="An audience beside the hub's URL.")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option("--keys", help="A JSON Web Key Set, for an issuer that cannot be reached."),
    ] = None,
    allow_private_network: Annotated[
        bool, typer.Option("--allow-private-network", help="It may have a private address.")
    ] = False,
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Register an issuer of ID tokens; github and gitlab need no URL."""
    if kind and kind not in ("github", "gitlab", "kubernetes", "other"):
        fail(f"invalid kind {kind}: use github, gitlab, kubernetes or other", USAGE)
    body = {
        "name": name,
        "url": url,
        "kind": kind or None,
        "audiences": audience or [],
        "keys": keys.read_text() if keys else "",
        "allows_private": allow_private_network,
    }
    with open_hub(hub, data) as it:
        made = it.ask("POST", "/issuers", Issuer, body)
    if as_json:
        print_json(made)
    else:
        print(f"Registered issuer {made.name} ({made.url}).")


@app.command("list")
def list_issuers(hub: HubOption = None, data: Data = None, as_json: Json = False) -> None:
    """List the issuers."""
    with open_hub(hub, data) as it:
        found = it.list_all("/issuers", Issuer)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.name,
            each.kind,
            each.url,
            " ".join(each.audiences),
            "uploaded" if each.has_keys else "fetched",
        )
        for each in found
    ]
    columns = ("NAME", "KIND", "URL", "AUDIENCES", "KEYS")
    print_table(columns, rows, "There are no issuers.")


@app.command("keys")
def set_keys(
    name: IssuerName,
    keys: Annotated[
        Path | None,
        typer.Argument(help="A JSON Web Key Set; without one the keys are fetched again."),
    ] = None,
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Replace the uploaded keys of an issuer."""
    text = keys.read_text() if keys else ""
    with open_hub(hub, data) as it:
        made = it.ask("PATCH", f"/issuers/{name}", Issuer, {"keys": text})
    if as_json:
        print_json(made)
    else:
        print(f"The keys of {name} are {'uploaded' if made.has_keys else 'fetched'}.")


@app.command("test")
def ask_issuer(
    name: IssuerName, hub: HubOption = None, data: Data = None, as_json: Json = False
) -> None:
    """Ask an issuer for its keys."""
    with open_hub(hub, data) as it:
        count = it.ask("POST", f"/issuers/{name}/test", IssuerKeys).keys
    if as_json:
        print_json({"name": name, "keys": count})
    else:
        print(f"{name} has {count} {'key' if count == 1 else 'keys'}.")


@app.command("remove")
def remove_issuer(
    name: IssuerName, hub: HubOption = None, data: Data = None, as_json: Json = False
) -> None:
    """Remove an issuer and all trusts in it; the grants by these end."""
    with open_hub(hub, data) as it:
        it.act("DELETE", f"/issuers/{name}")
    if as_json:
        print_json({"name": name, "removed": True})
    else:
        print(f"Removed issuer {name}.")
