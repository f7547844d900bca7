"""`entrepot mirror import`: mirrors and pull rules from a file of regsync."""

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from entrepot.cli.common.output import USAGE, Data, Json, fail, print_json, print_table, with_app
from entrepot.errors import EntrepotError, Invalid

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.hub.mirroring.regsync import RegsyncPlan
    from entrepot.hub.mirroring.regsync_imports import Imported

File = Annotated[Path, typer.Argument(metavar="REGSYNC.YML", help="A file of regsync.")]
Registry = Annotated[
    list[str] | None,
    typer.Option("--registry", help="A host by which the file knows this hub; default: guessed."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be made.")]


def import_(
    file: File,
    registry: Registry = None,
    dry_run: DryRun = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make the mirrors and pull rules that a file of regsync stands for; can be repeated.

    Warnings say what works in another way here.
    """
    content = file.read_bytes()
    plan, done = with_app(
        data, lambda hub: _import(hub, content, frozenset(registry or ()), dry_run=dry_run)
    )
    if as_json:
        made = [asdict(each) for each in done]
        print_json({"dry_run": dry_run, "made": made, "warnings": plan.warnings})
        return
    for warning in plan.warnings:
        print(f"entrepot: warning: {warning}", file=sys.stderr)
    rows = [(each.kind, each.name, each.action, each.note) for each in done]
    print_table(("KIND", "NAME", "ACTION", "NOTE"), rows, "The file has nothing to import.")


async def _import(
    hub: "App", content: bytes, own_hosts: frozenset[str], *, dry_run: bool
) -> "tuple[RegsyncPlan, list[Imported]]":
    from entrepot.hub.mirroring.regsync import plan_regsync
    from entrepot.hub.mirroring.regsync_files import Surroundings

    def read_file(path: str) -> str:
        try:
            return Path(path).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"the file {path} of a template cannot be read: {error}") from error

    try:
        around = Surroundings(os.environ, read_file)
        plan = plan_regsync(content, around, own_hosts, urlsplit(hub.origins.public or "").netloc)
    except EntrepotError as error:
        fail(error.message, USAGE)
    return plan, await hub.regsync_imports.run(plan, dry_run=dry_run)
