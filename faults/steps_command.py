"""`python -m faults steps`: somebody dies at each step of what a node of many does."""

import argparse
import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from faults import results
from faults.commands import Command
from faults.node_sweeps import COLLECT, STEP, VICTIMS, NodeSweep
from faults.servers import ServerFailed
from faults.sweeps import Swept


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--victim", choices=VICTIMS, action="append", help="only this one")
    parser.add_argument("--operation", action="append", help="only this one, such as `push`")
    parser.add_argument("--report", type=Path, help="write what was found to this file")


def _run(arguments: argparse.Namespace, console: Console, place: Path) -> Sequence[str]:
    sweep = NodeSweep.create(place, seed=arguments.seed)
    victims = arguments.victim or VICTIMS
    operations = arguments.operation or [*sweep.operations, COLLECT]
    try:
        asyncio.run(sweep.run(operations, victims, (STEP,), lambda *news: _show(console, *news)))
    except ServerFailed as failure:
        sweep.result.complaints.append(str(failure))
    finally:
        sweep.stop()
    found = sweep.result
    verdict = "nothing lost" if not found.complaints else f"{len(found.complaints)} complaints"
    console.print(
        f"{verdict}: {found.faults} deaths, {found.refused} operations refused or cut,"
        f" {found.checked:,} read back, seed {found.seed}",
        soft_wrap=True,
        highlight=False,
    )
    if arguments.report:
        facts = {
            "seed": found.seed,
            "deaths": found.faults,
            "operations refused or cut": found.refused,
            "things read back": f"{found.checked:,}",
            "complaints": len(found.complaints),
        }
        results.write(arguments.report, "Deaths at each step", facts, _table(found))
    return found.complaints


def _show(console: Console, found: Swept, name: str) -> None:
    console.print(f"{name}: {found.faults} deaths so far", highlight=False)


def _table(found: Swept) -> list[Sequence[object]]:
    """For each operation and victim, at how many steps of each kind there was a death."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for (name, victim, step), count in found.struck.items():
        counts[name, victim, " ".join(step.split()[:2])] += count
    kinds = sorted({kind for _, _, kind in counts})
    rows: list[Sequence[object]] = [("operation", "victim", *kinds)]
    for name, victim in dict.fromkeys((name, victim) for name, victim, _ in counts):
        rows.append((name, victim, *(counts[name, victim, kind] for kind in kinds)))
    return rows


STEPS = Command(
    "steps", "kill a node, the database or the store at each step", _add_arguments, _run
)
