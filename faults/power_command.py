"""`python -m faults power`: cut the power of a server's disk while clients push."""

import argparse
import asyncio
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from faults.commands import Command, free_port, last_words, stop
from faults.disks import KINDS, disk_of
from faults.kills import KillRun, Moment, Result
from faults.results import write
from faults.servers import Server, ServerFailed

LONGEST = 1.5
PATIENCE = 60.0
"""Seconds in which a server must be ready; how long it took is told."""
_HEAD: Sequence[object] = (
    "disk",
    "cuts",
    "requests under fire",
    "acknowledged",
    "in doubt",
    "read back",
    "slowest start",
    "complaints",
)


def power_moments(seed: int, count: int) -> list[Moment]:
    """As many cuts, half of them set off by a clock and half by a number of requests."""
    rng = random.Random(f"{seed}/power")
    return [
        Moment(
            number,
            "power",
            rng.uniform(0.02, LONGEST),
            rng.randint(1, 300) if rng.random() < 0.5 else None,
            rng.uniform(0, 0.005),
        )
        for number in range(1, count + 1)
    ]


def cut_power(
    kind: str,
    place: Path,
    moments: Sequence[Moment],
    *,
    seed: int,
    progress: Callable[[Result], None] = lambda _: None,
    environment: dict[str, str] | None = None,
) -> Result:
    """Go through the cuts on a disk with this file system."""
    with disk_of(kind, place) as disk:
        told = {"ENTREPOT_OPEN": "true"} | (environment or {})
        server = Server(disk.mount / "data", free_port(), environment=told)
        late: list[str] = []
        try:
            run = KillRun(server, seed=seed, clients=8, disk=disk, ready_within=PATIENCE)
            result = asyncio.run(run.run(moments, progress))
        except ServerFailed as failure:
            result = Result(seed, complaints=[str(failure)])
        finally:
            stop(server, late)
        if result.complaints:
            result.complaints += last_words(server)
        result.complaints += late
        return result


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--moments", type=int, default=250, help="cuts on each disk (default 250)")
    parser.add_argument("--report", type=Path, help="write the figures to this page")
    parser.add_argument("--disk", choices=KINDS, help="only this file system")


def _run(arguments: argparse.Namespace, console: Console, place: Path) -> Sequence[str]:
    columns = (
        TextColumn("[bold]cutting power on {task.fields[kind]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    rows: list[list[object]] = []
    complaints: list[str] = []
    for kind in [arguments.disk] if arguments.disk else KINDS:
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("", total=arguments.moments, kind=kind, note="")

            moments = power_moments(arguments.seed, arguments.moments)
            show = partial(_show, bar, task)
            result = cut_power(kind, place, moments, seed=arguments.seed, progress=show)
        rows.append(_row(kind, result))
        console.print(*rows[-1], soft_wrap=True, highlight=False)
        complaints += result.complaints
    if arguments.report is not None:
        facts = {"command": f"`python -m faults power --seed {arguments.seed}`", "clients": 8}
        write(arguments.report, "Power cuts", facts, [_HEAD, *rows])
    return complaints


def _show(bar: Progress, task: TaskID, result: Result) -> None:
    note = f"{result.acknowledged:,} acknowledged, {result.in_doubt} in doubt"
    bar.update(task, completed=result.moments, note=note)


def _row(kind: str, result: Result) -> list[object]:
    return [
        kind,
        result.moments,
        f"{result.requests:,}",
        f"{result.acknowledged:,}",
        f"{result.in_doubt:,}",
        f"{result.checked:,}",
        f"{result.slowest_start:.2f} s",
        len(result.complaints),
    ]


POWER = Command("power", "cut the power of the server's disk", _add_arguments, _run)
