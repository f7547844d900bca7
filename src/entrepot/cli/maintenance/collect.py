"""`entrepot collect`: deletes unreferenced blobs."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.common.output import Data, Json, confirm, counted, print_json, with_app
from entrepot.cli.common.progress import showing

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.registry.maintenance.collector import CollectionResult

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be deleted, and change nothing.")
]
Now = Annotated[bool, typer.Option("--now", help="Ignore the grace period.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


def collect(
    data: Data = None,
    dry_run: DryRun = False,
    now: Now = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Delete unreferenced blobs; the hub may be running."""
    if now and not dry_run and not yes:
        confirm("Deleted tags can then not be restored, and running pushes may fail. Continue?")
    found = with_app(data, lambda hub: _collect(hub, dry_run=dry_run, now=now))
    if as_json:
        print_json(asdict(found))
        return
    print(_sentence(found, is_preview=dry_run))


def _sentence(found: "CollectionResult", *, is_preview: bool) -> str:
    freed, removed = ("Would free", "Would remove") if is_preview else ("Freed", "Removed")
    blobs = counted(found.blobs, "blob")
    files = counted(found.strays, "file")
    links = counted(found.links, "unreferenced blob")
    deleted = counted(found.deleted, "deleted manifest")
    untagged = counted(found.manifests, "untagged manifest")
    return (
        f"{freed} {counted(found.size, 'byte')}: {blobs} outside every repository,"
        f" {files} without a blob record.\n"
        f"{removed} {links} from repositories, {deleted} and {untagged}."
    )


async def _collect(hub: "App", *, dry_run: bool, now: bool) -> "CollectionResult":
    collector = hub.collector
    with showing("Collecting", await collector.count()) as bar:
        return await (collector.preview if dry_run else collector.run)(bar.advance, at_once=now)
