"""`entrepot audit`: what was done, by whom and from where."""

from typing import Annotated

import typer

from entrepot.cli.output import Data, Json, fail, print_json, print_table, with_app

app = typer.Typer(
    no_args_is_help=True,
    help="The audit log: what was done, by whom and from where.",
    rich_markup_mode=None,
)


@app.command("list")
def list_entries(
    action: Annotated[
        str, typer.Option("--action", help="Only these, such as repo, repo.tag or repo.tag.push.")
    ] = "",
    actor: Annotated[str, typer.Option("--actor", help="Only what this account did.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many.")] = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List what was done, the newest first."""
    from entrepot.hub.actors import OPERATOR
    from entrepot.hub.audit import AuditQuery

    query = AuditQuery(action=action, actor=actor)
    page = with_app(data, lambda it: it.audit.list_all(OPERATOR, query, limit))
    if as_json:
        names = ("id", "actor", "action", "target", "details", "address", "request", "hash")
        print_json(
            [
                {"at": each.at.isoformat(), **{name: getattr(each, name) for name in names}}
                for each in page.rows
            ]
        )
        return
    rows = [
        (f"{each.at:%Y-%m-%d %H:%M:%S}", each.actor, each.action, each.target, each.address)
        for each in page.rows
    ]
    print_table(("AT", "ACTOR", "ACTION", "TARGET", "FROM"), rows, "Nothing was done yet.")


@app.command("verify")
def verify(data: Data = None, as_json: Json = False) -> None:
    """Check that no entry was changed or removed since it was written."""
    broken = with_app(data, lambda it: it.audit.verify())
    if as_json:
        print_json({"whole": broken is None, "first_broken": broken})
    elif broken is None:
        print("The audit log is whole.")
    if broken is not None:
        fail(f"the audit log was changed: entry {broken} is not what was written")
