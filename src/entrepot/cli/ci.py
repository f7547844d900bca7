"""`entrepot ci`: jobs that sign in with the ID tokens of their issuers."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from msgspec import Struct

from entrepot.cli.common.output import Data, Json, print_json, print_table
from entrepot.cli.hubs.choice import HubOption, open_hub
from entrepot.cli.workloads import issuers, trusts
from entrepot.cli.workloads.trusts import Namespace

app = typer.Typer(
    no_args_is_help=True,
    help="Manage workload identity: CI jobs that sign in without a stored secret.",
    rich_markup_mode=None,
)
grant_app = typer.Typer(
    no_args_is_help=True, help="Manage the grants of running jobs.", rich_markup_mode=None
)
app.add_typer(issuers.app, name="issuer")
app.add_typer(trusts.app, name="trust")
app.add_typer(grant_app, name="grant")


class Grant(Struct, kw_only=True):
    """The rights of one job."""

    id: int
    label: str
    issuer: str
    subject: str
    claims: dict[str, str]
    address: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None


@grant_app.command("list")
def list_grants(
    namespace: Namespace, hub: HubOption = None, data: Data = None, as_json: Json = False
) -> None:
    """List the newest grants of jobs."""
    with open_hub(hub, data) as it:
        found = it.list_all(f"/namespaces/{namespace}/grants", Grant)
    if as_json:
        print_json(found)
        return
    now = datetime.now(UTC)
    rows = [
        (
            each.id,
            each.label,
            each.address,
            f"{each.created_at:%Y-%m-%d %H:%M}",
            f"{each.expires_at:%Y-%m-%d %H:%M}",
            "ended" if each.ended_at else "live" if now < each.expires_at else "expired",
        )
        for each in found
    ]
    columns = ("ID", "JOB", "ADDRESS", "SINCE", "UNTIL", "STATE")
    print_table(columns, rows, "There are no grants.")


@grant_app.command("end")
def end_grant(
    namespace: Namespace,
    grant: Annotated[int, typer.Argument(metavar="ID", help="The grant's id, from the list.")],
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """End a job's grant now; its ID token opens no other."""
    with open_hub(hub, data) as it:
        it.act("DELETE", f"/namespaces/{namespace}/grants/{grant}")
    if as_json:
        print_json({"id": grant, "ended": True})
    else:
        print(f"Ended grant {grant}.")
