"""`entrepot vulnerabilities`: the advisories that the hub matches packages with."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.common.output import (
    FAILED,
    Data,
    Json,
    counted,
    print_json,
    print_table,
    with_app,
)
from entrepot.cli.common.progress import showing
from entrepot.cli.maintenance.reindex import do_due_jobs

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.hub.security.advisories import ImportResult
    from entrepot.model.security.advisories import AdvisoryNumbers, DataSet

app = typer.Typer(no_args_is_help=True, help="Import and match advisories about vulnerabilities.")


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="Zips of OSV documents, or single ones.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Import advisories in the format of OSV, and match packages; the hub may be running.

    Documents that have not changed are skipped. Repeat an import that was interrupted.
    """
    results = with_app(data, lambda hub: _import(hub, files))
    if as_json:
        print_json({"files": [_described(each.data_set) for each in results]})
    else:
        for each in results:
            found = each.data_set
            print(
                f"{found.name}: {counted(found.documents, 'advisory', 'advisories')},"
                f" {found.changed:,} new or changed, {found.skipped:,} skipped."
            )
            for reason in each.reasons:
                print(f"  {reason}")
    if any(each.data_set.documents == each.data_set.skipped for each in results):
        raise typer.Exit(FAILED)


@app.command()
def status(data: Data = None, as_json: Json = False) -> None:
    """Show what was imported and when, and how many packages match."""

    async def read(hub: "App") -> "tuple[list[DataSet], AdvisoryNumbers]":
        return await hub.advisories.list_data_sets(), await hub.advisories.count()

    sets, numbers = with_app(data, read)
    if as_json:
        print_json({"data_sets": [_described(each) for each in sets], **_counts(numbers)})
        return
    rows = [
        (each.name, f"{each.documents:,}", each.newest, _moment(each.finished_at)) for each in sets
    ]
    columns = ("FILE", "ADVISORIES", "NEWEST", "IMPORTED")
    print_table(columns, rows, "No advisories. Import a file: entrepot vulnerabilities import")
    print(
        f"{counted(numbers.advisories, 'advisory', 'advisories')},"
        f" {counted(numbers.packages, 'package')}, {counted(numbers.matches, 'match', 'matches')}."
    )
    if numbers.unplaced:
        print(f"Not matched, of no known ecosystem or distribution: {numbers.unplaced:,}.")


@app.command()
def rematch(data: Data = None, as_json: Json = False) -> None:
    """Match every package with every advisory again."""
    numbers = with_app(data, _rematch)
    if as_json:
        print_json(_counts(numbers))
    else:
        print(f"Matched again: {counted(numbers.matches, 'match', 'matches')}.")


async def _import(hub: "App", files: list[Path]) -> "list[ImportResult]":
    results = []
    for path in files:
        with showing(path.name, None) as bar:
            results.append(await hub.advisories.import_file(path, path.name, bar.reach))
    await do_due_jobs(hub)
    return results


async def _rematch(hub: "App") -> "AdvisoryNumbers":
    with showing("Matching", None):
        await hub.matching.rematch()
        await do_due_jobs(hub)
    return await hub.advisories.count()


def _described(found: "DataSet") -> dict[str, object]:
    return {
        "name": found.name,
        "documents": found.documents,
        "changed": found.changed,
        "skipped": found.skipped,
        "newest": found.newest,
        "started_at": _moment(found.started_at),
        "finished_at": _moment(found.finished_at) or None,
    }


def _counts(numbers: "AdvisoryNumbers") -> dict[str, int]:
    return {
        "advisories": numbers.advisories,
        "packages": numbers.packages,
        "unplaced": numbers.unplaced,
        "waiting": numbers.waiting,
        "matches": numbers.matches,
    }


def _moment(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
