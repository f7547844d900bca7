"""`entrepot scrub`: every blob is read and compared; what is wrong is put aside."""

from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.common.output import FAILED, Data, Json, counted, print_json, with_app
from entrepot.cli.common.progress import showing
from entrepot.cli.policies import parse_size

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.registry.maintenance.scrub import ScrubResult


def scrub(
    rate: Annotated[
        str | None,
        typer.Option(
            help="The maximum read rate in bytes per second, such as 50M; unlimited by default."
        ),
    ] = None,
    after: Annotated[str, typer.Option(help="Continue after this digest.")] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Compare every blob with its digest; corrupt blobs are moved to `quarantine`."""
    limit = parse_size(rate) if rate else None
    count, damaged = with_app(data, lambda hub: _scrub(hub, limit, after))
    if as_json:
        found = [
            {"digest": each.digest, "problem": each.problem, "repositories": each.holders}
            for each in damaged
        ]
        print_json({"checked": count, "damaged": found})
    else:
        for each in damaged:
            holders = ", ".join(each.holders) or "no repository"
            print(f"{each.digest}: {each.problem}; referenced by {holders}")
        print(f"Scrubbed {counted(count, 'blob')}: {len(damaged) or 'none'} damaged.")
    if damaged:
        raise typer.Exit(FAILED)


async def _scrub(hub: "App", rate: int | None, after: str) -> "tuple[int, list[ScrubResult]]":
    damaged, count = [], 0
    with showing("Scrubbing", await hub.scrub.count()) as bar:
        async for each in hub.scrub.run(rate, after):
            count += 1
            bar.advance(1)
            if each.problem is not None:
                damaged.append(each)
    return count, damaged
