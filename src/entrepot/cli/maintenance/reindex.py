"""`entrepot reindex`: contents are read again, by readers that have learnt something since."""

import asyncio
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from entrepot.cli.common.output import Data, Json, counted, print_json, with_app

if TYPE_CHECKING:
    from entrepot.app import App

All = Annotated[
    bool, typer.Option("--all", help="Also artifacts that this version has already read.")
]
_FINE: Final = ("done", "queued")
_PAUSE: Final = 0.2


def reindex(everything: All = False, data: Data = None, as_json: Json = False) -> None:
    """Read artifacts again that an older version has read; the hub may be running."""
    found = with_app(data, lambda hub: _reindex(hub, everything=everything))
    if as_json:
        print_json(found)
        return
    print(
        f"Queued {counted(found['asked'], 'artifact')}, {found['waiting']:,} still waiting."
        f" {found['failed']:,} of {found['total']:,} artifacts cannot be read."
    )


async def _reindex(hub: "App", *, everything: bool) -> dict[str, int]:
    from rich.console import Console
    from rich.progress import Progress

    indexing, asked = hub.indexing, 0
    console = Console(file=sys.stderr)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        total = await indexing.count_outdated(everything=everything)
        task = progress.add_task("Reading", total=total)
        # A few at a time: whatever is pushed meanwhile has its turn soon.
        async for count in indexing.ask_again(everything=everything):
            await do_due_jobs(hub)
            asked += count
            progress.update(task, completed=asked)
        # Summaries follow a second after what they sum up.
        await do_due_jobs(hub, timedelta(seconds=2))
    return {"asked": asked, **await _states(hub)}


async def do_due_jobs(hub: "App", ahead: timedelta = timedelta()) -> None:
    """Work as one of the hub's workers does, until nothing is due, or will be so soon."""
    from entrepot.jobs.handlers import job_handlers
    from entrepot.jobs.worker import JobWorker

    worker = JobWorker(hub.metadata, job_handlers(hub), hub.now)
    await worker.drain()
    while await hub.administration.has_jobs_due(ahead):
        if not await worker.drain():
            await asyncio.sleep(_PAUSE)


async def _states(hub: "App") -> dict[str, int]:
    states = await hub.administration.count_artifacts()
    failed = sum(count for state, count in states.items() if state not in _FINE)
    jobs = await hub.administration.count_jobs()
    waiting = sum(each.count for each in jobs if (each.kind, each.state) == ("index", "queued"))
    return {"waiting": waiting, "total": sum(states.values()), "failed": failed}
