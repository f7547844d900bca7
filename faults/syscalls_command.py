"""`python -m faults syscalls`: each call of the system fails in turn, and nothing is lost."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from faults import results
from faults.commands import Command, free_port, last_words, stop
from faults.servers import Server, ServerFailed
from faults.sweeps import ERRORS, REPEATABLE, Sweep, Swept
from faults.traces import CALLS

COLLECT = "collect"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--error", choices=ERRORS, action="append", help="only this one")
    parser.add_argument("--call", choices=CALLS, action="append", help="only this one")
    parser.add_argument("--operation", action="append", help="only this one, such as `push`")
    parser.add_argument("--report", type=Path, help="write what was found to this file")


def _run(arguments: argparse.Namespace, console: Console, place: Path) -> Sequence[str]:
    server = Server(place / "data", free_port(), 1, environment=REPEATABLE)
    sweep = Sweep(server, place, seed=arguments.seed)
    errors, calls = arguments.error or ERRORS, arguments.call or CALLS
    wanted = arguments.operation or [*sweep.operations, COLLECT]

    async def everything() -> None:
        clients = [name for name in sweep.operations if name in wanted]
        await sweep.run(clients, errors, calls, lambda *news: _show(console, *news))
        if COLLECT in wanted and not sweep.result.complaints:
            await sweep.collect(errors, calls)

    try:
        asyncio.run(everything())
    except ServerFailed as failure:
        sweep.result.complaints.append(str(failure))
    finally:
        late: list[str] = []
        stop(server, late)
    found = sweep.result
    found.complaints += late
    console.print(_sentence(found), soft_wrap=True, highlight=False)
    if arguments.report:
        results.write(arguments.report, "System calls that fail", _facts(found), _table(found))
    return [*found.complaints, *last_words(server)] if found.complaints else []


def _show(console: Console, found: Swept, name: str) -> None:
    if console.is_terminal:
        console.print(f"{name}: {found.faults} faults", end="\r", highlight=False)


def _sentence(found: Swept) -> str:
    verdict = "nothing lost" if not found.complaints else f"{len(found.complaints)} complaints"
    return (
        f"{verdict}: {found.faults} faults, {found.refused} operations refused or cut,"
        f" {found.checked:,} read back, seed {found.seed}"
    )


def _facts(found: Swept) -> dict[str, object]:
    return {
        "seed": found.seed,
        "faults": found.faults,
        "operations refused or cut": found.refused,
        "things read back": f"{found.checked:,}",
        "complaints": len(found.complaints),
    }


def _table(found: Swept) -> list[Sequence[object]]:
    """For each operation and error, how many calls of each kind failed before a run was whole."""
    rows: list[Sequence[object]] = [("operation", "fault", *CALLS)]
    for name, error in dict.fromkeys((name, error) for name, error, _ in found.struck):
        rows.append((name, error, *(found.struck.get((name, error, call), 0) for call in CALLS)))
    return rows


SYSCALLS = Command("syscalls", "let each system call fail in turn", _add_arguments, _run)
