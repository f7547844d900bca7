"""`entrepot audit`: what was done, by whom and from where."""

from datetime import datetime
from typing import Annotated

import typer
from msgspec import Raw, Struct
from msgspec.structs import asdict

from entrepot.cli.common.output import Data, Json, fail, print_json, print_table, with_app
from entrepot.cli.hubs.choice import HubOption, open_hub

app = typer.Typer(
    no_args_is_help=True,
    help="Show and verify the audit log: actions, actors and addresses.",
    rich_markup_mode=None,
)


class Entry(Struct, kw_only=True):
    """An entry of the log; `details` is JSON."""

    at: datetime
    id: int
    actor: str
    action: str
    target: str
    details: Raw
    address: str
    request: str
    hash: str


@app.command("list")
def list_entries(
    action: Annotated[
        str | None,
        typer.Option(
            "--action", help="Show only these actions, such as repo, repo.tag or repo.tag.push."
        ),
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", help="Show only actions of this account.")
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option("--namespace", help="Show only what was done in an organization or account."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, help="The number of entries.")
    ] = 50,
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the audit log, the newest entry first; the whole of it as an administrator."""
    path = f"/namespaces/{namespace}/audit" if namespace else "/admin/audit"
    with open_hub(hub, data) as it:
        found = it.list_all(path, Entry, limit, action=action, actor=actor)
    if as_json:
        print_json([{**asdict(each), "details": bytes(each.details).decode()} for each in found])
        return
    rows = [
        (f"{each.at:%Y-%m-%d %H:%M:%S}", each.actor, each.action, each.target, each.address)
        for each in found
    ]
    print_table(("AT", "ACTOR", "ACTION", "TARGET", "FROM"), rows, "There are no entries.")


@app.command("verify")
def verify(data: Data = None, as_json: Json = False) -> None:
    """Verify the hashes of the audit log, where the hub's data is."""
    broken = with_app(data, lambda it: it.audit.verify())
    if as_json:
        print_json({"whole": broken is None, "first_broken": broken})
    elif broken is None:
        print("The audit log is intact.")
    if broken is not None:
        fail(f"the audit log was changed: the hash of entry {broken} does not match")
