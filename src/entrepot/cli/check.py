"""`entrepot check`: every row has its bytes, every byte hashes right."""

import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import typer

from entrepot.cli.output import FAILED, Data, Json, print_json, with_services

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from entrepot.registry.check import Checked
    from entrepot.services import Services


def check(data: Data = None, as_json: Json = False) -> None:
    """Check that everything stored is there and right; a hub may be running."""
    found = with_services(data, _look)
    problems = [each for each in found if each.problem is not None]
    if as_json:
        print_json(
            {
                "checked": len(found),
                "bytes": sum(each.size for each in found),
                "problems": [
                    {"what": each.what, "digest": each.digest, "problem": each.problem}
                    for each in problems
                ],
            }
        )
    else:
        for each in problems:
            print(f"{each.what} {each.digest}: {each.problem}")
        kinds = (sum(each.what == what for each in found) for what in ("manifest", "blob"))
        counts = "{} manifests and {} blobs".format(*kinds)
        print(f"Checked {counts}: {len(problems) or 'no'} problems.")
    if problems:
        raise typer.Exit(FAILED)


async def _look(services: "Services") -> "list[Checked]":
    from rich.console import Console
    from rich.progress import Progress

    console = Console(file=sys.stderr)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        total = await services.check.count()
        task = progress.add_task("Checking", total=total)
        return [each async for each in _watched(services, progress, task)]


async def _watched(
    services: "Services", progress: "Progress", task: "TaskID"
) -> "AsyncIterator[Checked]":
    async for each in services.check.run():
        progress.advance(task)
        yield each
