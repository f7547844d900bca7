"""`entrepot migrate`: a hub's bytes go to another storage, its facts to another database."""

from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.common.output import USAGE, Data, Json, counted, fail, print_json, with_app
from entrepot.cli.common.progress import showing

if TYPE_CHECKING:
    from pathlib import Path

    from entrepot.app import App
    from entrepot.settings import Settings


def migrate(
    to_storage: Annotated[
        str | None,
        typer.Option("--to-storage", help="`files`, or an address such as `s3://BUCKET/PREFIX`."),
    ] = None,
    to_database: Annotated[
        str | None, typer.Option("--to-database", help="`sqlite`, or `postgresql://…`.")
    ] = None,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Make the previous database writable again.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Move the hub to another storage or another database while it runs."""
    from entrepot.cli.common.configuration import read_settings

    if [to_storage is not None, to_database is not None, cancel].count(True) != 1:
        fail("pass one of --to-storage, --to-database and --cancel", USAGE)
    settings = read_settings(data=data)
    nouns: dict[str, str] = {}
    if to_storage is not None:
        told = _move_bytes(settings, to_storage)
        line = "{storage} has {blobs}, {copied} of them copied now; {problems}."
        nouns = {"blobs": "blob", "problems": "problem"}
    elif to_database is not None:
        told = _move_facts(settings, to_database)
        line = "Copied and compared {rows} of {tables}. Set `database` and start the hub."
        nouns = {"rows": "row", "tables": "table"}
    else:
        told = _cancel(settings)
        line = "The database is writable again."
    if as_json:
        print_json(told)
    else:
        numbers = {name: counted(int(str(told[name])), noun) for name, noun in nouns.items()}
        print(line.format(**{**told, **numbers}))
    if told.get("problems"):
        raise typer.Exit(1)


def _move_bytes(settings: "Settings", place: str) -> dict[str, object]:
    if settings.storage != place or settings.storage_from is None:
        fail(
            f'first set storage = "{place}" and storage_from = "{settings.storage}",'
            " and start the hub again: it then writes there and reads from both",
            USAGE,
        )
    return with_app(settings.data, lambda hub: _copy_blobs(hub, place))


async def _copy_blobs(hub: "App", place: str) -> dict[str, object]:
    import sys

    moves = hub.storage_migration
    if moves is None:
        fail("storage_from is not set", USAGE)
    count, total = await moves.count()
    copied = problems = 0
    with showing("Copying", total) as bar:
        async for moved in moves.run():
            copied += moved.is_copied
            problems += moved.problem is not None
            if moved.problem is not None:
                print(f"{moved.digest}: {moved.problem}", file=sys.stderr)
            bar.advance(moved.size)
    # Looked at again: what a hub that was not started again wrote to the old storage meanwhile.
    left = await moves.count_left()
    return {
        "storage": place,
        "blobs": count,
        "copied": copied,
        "problems": max(left, problems),
    }


def _move_facts(settings: "Settings", to: str) -> dict[str, object]:
    from entrepot.bootstrap import copy_database, place_of_facts
    from entrepot.errors import EntrepotError

    if to != "sqlite" and not to.startswith(("postgresql://", "postgres://")):
        fail("invalid database: use sqlite or postgresql://USER@HOST/NAME", USAGE)
    source = _facts_of(settings)
    target = place_of_facts(settings, None if to == "sqlite" else to)
    if source == target:
        fail("the hub already uses this database", USAGE)
    try:
        with showing("Copying rows", None) as bar:
            rows, tables = copy_database(source, target, bar.advance)
    except EntrepotError as error:
        fail(f"{error.message} (repeat this, or go back with: entrepot migrate --cancel)")
    return {"rows": rows, "tables": tables}


def _cancel(settings: "Settings") -> dict[str, object]:
    from entrepot.bootstrap import unseal_database
    from entrepot.errors import EntrepotError

    try:
        unseal_database(_facts_of(settings))
    except EntrepotError as error:
        fail(error.message)
    return {"sealed": False}


def _facts_of(settings: "Settings") -> "Path | str":
    """Where the hub's facts are; no hub there ends the command."""
    from entrepot.bootstrap import place_of_facts

    if settings.database is None and not settings.sqlite_file.exists():
        fail(f"there is no hub in {settings.data} (start one with: entrepot serve)")
    return place_of_facts(settings, settings.database)
