"""`entrepot check`: every row has its bytes, every byte hashes right."""

from typing import TYPE_CHECKING

import typer

from entrepot.cli.common.output import FAILED, Data, Json, counted, print_json, with_app
from entrepot.cli.common.progress import showing
from entrepot.extract.sandbox.confinement import Confinement, describe

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.registry.maintenance.check import Checked


def check(data: Data = None, as_json: Json = False) -> None:
    """Check the database and all blobs; the hub may be running."""
    found, sandbox, directory = with_app(data, _look)
    problems = [each for each in found if each.problem is not None]
    if as_json:
        print_json(
            {
                "checked": len(found),
                "bytes": sum(each.size for each in found),
                "sandbox": sandbox,
                "directory": directory,
                "problems": [
                    {"what": each.what, "digest": each.digest, "problem": each.problem}
                    for each in problems
                ],
            }
        )
    else:
        for each in problems:
            print(f"{each.what} {each.digest}: {each.problem}")
        kinds = ("manifest", "blob")
        counts = [counted(sum(each.what == kind for each in found), kind) for kind in kinds]
        print(f"Checked {' and '.join(counts)}: {counted(len(problems), 'problem')}.")
        print(f"Extraction sandbox: {describe(sandbox)}.")
        if directory is not None:
            print(f"Directory: {directory or 'it answers'}.")
    if problems:
        raise typer.Exit(FAILED)


async def _look(hub: "App") -> "tuple[list[Checked], Confinement, str | None]":
    found = []
    with showing("Checking", await hub.check.count()) as bar:
        async for each in hub.check.run():
            found.append(each)
            bar.advance(1)
    directory = await hub.directory.client.probe() if hub.directory else None
    return found, await hub.confinement(), directory
