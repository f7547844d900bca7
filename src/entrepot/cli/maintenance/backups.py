"""`entrepot backup` and `entrepot restore`: everything of one moment, in a directory."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.common.output import (
    FAILED,
    Data,
    Json,
    counted,
    fail,
    print_json,
    print_table,
    with_app,
)
from entrepot.cli.common.progress import showing
from entrepot.errors import EntrepotError

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.registry.maintenance.backup_catalog import BackupCatalog, BackupGeneration
    from entrepot.registry.maintenance.backups import Backups
    from entrepot.settings import Settings

Directory = Annotated[Path, typer.Argument(help="The directory of the backups.")]


def backup(
    directory: Directory,
    keep: Annotated[
        int | None, typer.Option(help="Keep this many backups and delete older ones.", min=1)
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Verify the existing backups instead of making one.")
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="List the existing backups instead of making one.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Back up the hub while it runs; only new blobs are copied."""
    from entrepot.registry.maintenance.backups import Backups

    backups = Backups(directory)
    if list_:
        _print_all(backups, as_json=as_json)
        return
    if verify:
        _verify(backups, as_json=as_json)
        return
    made = with_app(data, lambda hub: _make(hub, backups, data))
    if keep is not None:
        backups.keep(keep)
    if as_json:
        print_json(_described(made))
    else:
        rows, blobs = counted(made.rows, "row"), counted(made.blobs, "blob")
        print(f"Backup {made.name}: {rows}, {blobs}, {counted(made.size, 'byte')}.")
        for each in made.problems:
            print(each)
    if made.problems:
        raise typer.Exit(FAILED)


def restore(
    directory: Directory,
    generation: Annotated[
        str | None, typer.Option(help="The backup to restore; the newest by default.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Restore a backup into an empty data directory, then check it."""
    from entrepot.bootstrap import prepare_storage
    from entrepot.cli.common.configuration import read_settings
    from entrepot.registry.maintenance.backup_catalog import BackupCatalog

    settings, generations = read_settings(data=data), BackupCatalog(directory)
    try:
        found = generations.get(generation)
        prepare_storage(settings)
        rows = asyncio.run(_restore(settings, generations, found))
    except (EntrepotError, OSError) as error:
        fail(str(error))
    problems = with_app(data, _problems_of)
    if as_json:
        print_json({"generation": found.name, "rows": rows, "problems": problems})
    else:
        print(f"Restored {found.name}: {counted(rows, 'row')}, {counted(found.blobs, 'blob')}.")
        for each in problems:
            print(each)
    if problems:
        raise typer.Exit(FAILED)


async def _make(hub: "App", backups: "Backups", data: Path | None) -> "BackupGeneration":
    from entrepot.bootstrap import place_of_facts
    from entrepot.cli.common.configuration import read_settings

    settings = read_settings(data=data)
    place = place_of_facts(settings, settings.database)
    with showing("Backing up", None, in_bytes=True) as bar:
        return await backups.make(hub.metadata, hub.storage, place, hub.now, bar.reach)


async def _restore(
    settings: "Settings", generations: "BackupCatalog", found: "BackupGeneration"
) -> int:
    from entrepot.bootstrap import open_storage, place_of_facts
    from entrepot.registry.maintenance.restores import Restores

    storage, place = open_storage(settings), place_of_facts(settings, settings.database)
    with showing("Restoring", None, in_bytes=True) as bar:
        restores = Restores(generations, settings.data / "restore.jsonl")
        return await restores.restore(found, storage, place, bar.reach)


async def _problems_of(hub: "App") -> list[str]:
    return [
        f"{each.what} {each.digest}: {each.problem}"
        async for each in hub.check.run()
        if each.problem is not None
    ]


def _verify(backups: "Backups", *, as_json: bool) -> None:
    with showing("Reading", None, in_bytes=True) as bar:
        problems = asyncio.run(backups.verify(bar.reach))
    if as_json:
        print_json({"problems": problems})
    else:
        for each in problems:
            print(each)
        there = counted(len(backups.list_all()), "backup")
        print(f"{there}: {counted(len(problems), 'problem')}.")
    if problems:
        raise typer.Exit(FAILED)


def _print_all(backups: "Backups", *, as_json: bool) -> None:
    found = backups.list_all()
    if as_json:
        print_json([_described(each) for each in found])
        return
    rows = [(each.name, each.blobs, f"{each.size:,}", len(each.problems)) for each in found]
    print_table(("GENERATION", "BLOBS", "BYTES", "PROBLEMS"), rows, "There are no backups yet.")


def _described(made: "BackupGeneration") -> dict[str, object]:
    from dataclasses import asdict

    return asdict(made)
