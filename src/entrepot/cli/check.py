"""`entrepot check`: every row has its bytes, every byte hashes right."""

from typing import TYPE_CHECKING

import typer

from entrepot.cli.output import FAILED, Data, Json, print_json, with_services
from entrepot.cli.progress import showing

if TYPE_CHECKING:
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
    found = []
    with showing("Checking", await services.check.count()) as bar:
        async for each in services.check.run():
            found.append(each)
            bar.advance(1)
    return found
