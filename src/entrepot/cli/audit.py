"""`entrepot audit`: what was done, by whom and from where."""

from typing import Annotated

import typer

from entrepot.cli.common.output import Data, Json, fail, print_json, print_table, with_app

app = typer.Typer(
    no_args_is_help=True,
    help="Show and verify the audit log: actions, actors and addresses.",
    rich_markup_mode=None,
)


@app.command("list")
def list_entries(
    action: Annotated[
        str,
        typer.Option(
            "--action", help="Show only these actions, such as repo, repo.tag or repo.tag.push."
        ),
    ] = "",
    actor: Annotated[str, typer.Option("--actor", help="Show only actions of this account.")] = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, help="The number of entries.")
    ] = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the audit log, the newest entry first."""
    from entrepot.hub.people.actors import OPERATOR
    from entrepot.model.audit import AuditQuery

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
    print_table(("AT", "ACTOR", "ACTION", "TARGET", "FROM"), rows, "There are no entries.")


@app.command("verify")
def verify(data: Data = None, as_json: Json = False) -> None:
    """Verify the hashes of the audit log."""
    broken = with_app(data, lambda it: it.audit.verify())
    if as_json:
        print_json({"whole": broken is None, "first_broken": broken})
    elif broken is None:
        print("The audit log is intact.")
    if broken is not None:
        fail(f"the audit log was changed: the hash of entry {broken} does not match")
