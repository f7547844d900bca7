"""`entrepot scrub`: every blob is read and compared; what is wrong is put aside."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.output import FAILED, Data, Json, print_json, with_services
from entrepot.cli.policies import parse_size

if TYPE_CHECKING:
    from entrepot.registry.scrub import Found
    from entrepot.services import Services

_DAMAGED_SHOWN = 1000


def scrub(
    rate: Annotated[
        str | None, typer.Option(help="Bytes a second at most, such as 50M; none: all there are.")
    ] = None,
    after: Annotated[str, typer.Option(help="Go on after this digest.")] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Compare every blob with its digest; what is wrong is put aside, to be pushed again."""
    limit = parse_size(rate) if rate else None
    count, damaged = with_services(data, lambda services: _scrub(services, limit, after))
    if as_json:
        found = [
            {"digest": each.digest, "problem": each.problem, "repositories": each.holders}
            for each in damaged
        ]
        print_json({"checked": count, "damaged": found})
    else:
        for each in damaged:
            print(f"{each.digest}: {each.problem}; held by {', '.join(each.holders) or 'nobody'}")
        print(f"Scrubbed {count} blobs: {len(damaged) or 'none'} damaged.")
    if damaged:
        raise typer.Exit(FAILED)


async def _scrub(services: "Services", rate: int | None, after: str) -> "tuple[int, list[Found]]":
    from rich.console import Console
    from rich.progress import Progress

    console, count, damaged = Console(file=sys.stderr), 0, []
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Scrubbing", total=await services.scrub.count())
        async for each in services.scrub.run(rate, after):
            count += 1
            progress.update(task, completed=count, description=f"Scrubbing {each.digest[:19]}")
            if each.problem is not None:
                damaged.append(each)
    return count, damaged
