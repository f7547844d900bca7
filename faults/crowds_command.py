"""`python -m faults crowds`: idle, slow and vanishing clients beside one who works."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from faults import results
from faults.commands import Command, free_port
from faults.crowds import Crowd, run
from faults.servers import ServerFailed


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--idle", type=int, default=5000, help="connections (default 5000)")
    parser.add_argument("--slow", type=int, default=200, help="connections (default 200)")
    parser.add_argument("--report", type=Path, help="write what was found to this file")


def _run(arguments: argparse.Namespace, console: Console, place: Path) -> Sequence[str]:
    idle, slow = arguments.idle, arguments.slow
    try:
        found = run(place, free_port(), idle=idle, slow=slow, seed=arguments.seed)
    except ServerFailed as failure:
        found = Crowd(idle, slow, complaints=[str(failure)])
    facts = {
        "seed": arguments.seed,
        "idle connections": found.idle,
        "slow connections": found.slow,
        "pushed and pulled meanwhile": found.done,
        "clients that vanished midway": found.vanished,
        "complaints": len(found.complaints),
    }
    console.print(", ".join(f"{name}: {fact}" for name, fact in facts.items()), soft_wrap=True)
    if arguments.report:
        results.write(arguments.report, "Idle, slow and vanishing clients", facts, [])
    return found.complaints


CROWDS = Command("crowds", "idle, slow and vanishing clients", _add_arguments, _run)
