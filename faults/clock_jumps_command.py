"""`python -m faults clocks`: the clocks of a hub are set forward and back under its clients."""

import argparse
import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from faults.clock_jumps import ClockJump, Hub, random_jumps, run_soak_across_jumps
from faults.commands import Command
from faults.soaks import Soak

FORMS: Final[Mapping[str, Callable[[Path, Mapping[str, str]], Hub]]] = {
    "one": Hub.alone,
    "three": Hub.of_three,
}


def run_jumps(hub: Hub, soak: Soak, jumps: Sequence[ClockJump], clients: int) -> Soak:
    """What clients found on a hub whose clocks jump."""
    try:
        hub.start()
        asyncio.run(run_soak_across_jumps(hub, soak, jumps, clients))
    finally:
        hub.stop()
    return soak


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=100, help="how many jumps (default 100)")
    parser.add_argument("--clients", type=int, default=6, help="how many push (default 6)")
    parser.add_argument("--form", choices=FORMS, action="append", help="only this one")


def _run(arguments: argparse.Namespace, console: Console, place: Path) -> Sequence[str]:
    complaints: list[str] = []
    for form in arguments.form or FORMS:
        here = place / form
        here.mkdir()
        hub = FORMS[form](here, {})
        jumps = random_jumps(arguments.seed, arguments.rounds, len(hub.nodes), hub.offsets)
        soak = run_jumps(hub, Soak.of(arguments.seed), jumps, arguments.clients)
        verdict = f"{len(soak.complaints)} complaints" if soak.complaints else "nothing lost"
        told = ", ".join(f"{count:,} {what}" for what, count in sorted(soak.counts.items()))
        freed = hub.count_in_logs('"collected"')
        console.print(
            f"{form}: {verdict}: {told}; {freed:,} runs that freed something,"
            f" seed {arguments.seed}",
            soft_wrap=True,
            highlight=False,
        )
        complaints += [f"{form}: {each}" for each in soak.complaints]
    return complaints


CLOCKS = Command("clocks", "set the clocks of nodes forward and back", _add_arguments, _run)
