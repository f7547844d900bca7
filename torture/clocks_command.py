"""`python -m torture clocks`: the clocks of a hub are set forward and back under its clients."""

import argparse
import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from torture.commands import Command
from torture.leaps import Hub, Leap, besiege, random_leaps
from torture.soaks import Soak

FORMS: Final[Mapping[str, Callable[[Path, Mapping[str, str]], Hub]]] = {
    "one": Hub.alone,
    "three": Hub.of_three,
}


def leap_about(hub: Hub, soak: Soak, leaps: Sequence[Leap], clients: int) -> Soak:
    """What clients found on a hub whose clocks leap."""
    try:
        hub.start()
        asyncio.run(besiege(hub, soak, leaps, clients))
    finally:
        hub.stop()
    return soak


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=100, help="how many leaps (default 100)")
    parser.add_argument("--clients", type=int, default=6, help="how many push (default 6)")
    parser.add_argument("--form", choices=FORMS, action="append", help="only this one")


def _run(arguments: argparse.Namespace, console: Console, place: Path) -> Sequence[str]:
    complaints: list[str] = []
    for form in arguments.form or FORMS:
        here = place / form
        here.mkdir()
        hub = FORMS[form](here, {})
        leaps = random_leaps(arguments.seed, arguments.rounds, len(hub.nodes), hub.offsets)
        soak = leap_about(hub, Soak.of(arguments.seed), leaps, arguments.clients)
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
