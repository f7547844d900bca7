"""`python -m faults shortages`: a server runs short of one thing after the other."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from faults import full_databases, results, shortages
from faults.commands import Command, free_port
from faults.servers import ServerFailed
from faults.shortages import KINDS as OF_SERVERS
from faults.shortages import Shortfall

KINDS: Final = (*OF_SERVERS, *full_databases.KINDS)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kind", choices=KINDS, action="append", help="only this one")
    parser.add_argument("--rounds", type=int, default=1, help="how often each (default 1)")
    parser.add_argument("--report", type=Path, help="write what was found to this file")


def _run(arguments: argparse.Namespace, console: Console, place: Path) -> Sequence[str]:
    found: list[Shortfall] = []
    for number in range(arguments.rounds):
        for kind in arguments.kind or KINDS:
            here = place / f"{kind}-{number}"
            here.mkdir()
            found.append(_once(here, kind, arguments.seed + number))
            console.print(_sentence(found[-1]), soft_wrap=True, highlight=False)
    if arguments.report:
        facts = {"seed": arguments.seed, "complaints": sum(len(each.complaints) for each in found)}
        results.write(arguments.report, "Shortages", facts, _table(found))
    return [text for each in found for text in each.complaints]


def _once(place: Path, kind: str, seed: int) -> Shortfall:
    run = full_databases.run if kind in full_databases.KINDS else shortages.run
    try:
        return run(place, kind, free_port(), seed=seed)
    except ServerFailed as failure:
        return Shortfall(kind, complaints=[f"{kind}: {failure}"])


def _sentence(found: Shortfall) -> str:
    verdict = "came back" if not found.complaints else f"{len(found.complaints)} complaints"
    return (
        f"{found.kind}: {verdict}, {found.pushed} images pushed, {_refusals(found)},"
        f" {found.pulled} things pulled"
    )


def _refusals(found: Shortfall) -> str:
    each = [f"{count} times {status or 'cut'}" for status, count in sorted(found.refused.items())]
    return " and ".join(each) or "never refused"


def _table(found: Sequence[Shortfall]) -> list[Sequence[object]]:
    head = ("short of", "images pushed", "pushes refused", "things pulled", "came back")
    rows = [
        (each.kind, each.pushed, _refusals(each), each.pulled, "yes" if each.resumed else "no")
        for each in found
    ]
    return [head, *rows]


SHORTAGES = Command("shortages", "full disks, no descriptors, read-only", _add_arguments, _run)
