"""`python -m faults kill`: kill a server while clients push, and prove that nothing was lost."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from faults.commands import Command, free_port, last_words, stop
from faults.kills import KillRun, Result, random_moments
from faults.servers import Server, ServerFailed


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--moments", type=int, default=200, help="how often (default 200)")
    parser.add_argument("--clients", type=int, default=8, help="how many push (default 8)")
    parser.add_argument("--workers", type=int, default=2, help="of the server (default 2)")
    parser.add_argument("--port", type=int, default=0, help="of the server (default: a free one)")


def _run(arguments: argparse.Namespace, console: Console, place: Path) -> Sequence[str]:
    server = Server(place / "data", arguments.port or free_port(), arguments.workers)
    try:
        result = _kill(console, server, arguments)
    except ServerFailed as failure:
        result = Result(arguments.seed, complaints=[str(failure)])
    finally:
        late: list[str] = []
        stop(server, late)
    result.complaints += late
    _report(console, result)
    return [*result.complaints, *last_words(server)] if result.complaints else []


def _kill(console: Console, server: Server, arguments: argparse.Namespace) -> Result:
    columns = (
        TextColumn("[bold]killing"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=arguments.moments, note=f"seed {arguments.seed}")

        def show(result: Result) -> None:
            note = f"{result.acknowledged:,} acknowledged, {result.in_doubt} in doubt"
            bar.update(task, completed=result.moments, note=note)

        run = KillRun(server, seed=arguments.seed, clients=arguments.clients)
        moments = random_moments(arguments.seed, arguments.moments)
        return asyncio.run(run.run(moments, show))


def _report(console: Console, result: Result) -> None:
    verdict = "nothing lost" if not result.complaints else f"{len(result.complaints)} complaints"
    console.print(
        f"{verdict}: {result.moments} moments, {result.requests:,} requests under fire,"
        f" {result.acknowledged:,} acknowledged, {result.in_doubt:,} in doubt,"
        f" {result.checked:,} read back, slowest start {result.slowest_start:.2f} s,"
        f" seed {result.seed}",
        soft_wrap=True,
        highlight=False,
    )


KILL = Command("kill", "kill the server's processes at random moments", _add_arguments, _run)
