"""`python -m bench`: measures, prints, archives."""

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.progress import Progress

from bench.cases import Case, make_cases
from bench.content import fill, make_files
from bench.measures import Measure
from bench.pages import measure_pages
from bench.peers import Distribution, Entrepot, Peer
from bench.report import (
    CaseResult,
    Footprint,
    print_cases,
    print_footprint,
    print_scale,
    write,
)
from bench.scale import ScaleResult, measure_scale
from bench.search import SearchResult, measure_search, print_search

NO_WORSE = 0.95
"""The ratio that every case must reach beside another checkout."""
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run what was asked for."""
    options = _options()
    console = Console()
    seconds = 1.0 if options.quick else options.seconds
    rounds = 1 if options.quick else options.rounds
    cases: list[CaseResult] = []
    scale: list[ScaleResult] = []
    searches: list[SearchResult] = []
    footprint = None
    with _scratch(options.scratch) as directory:
        is_whole = options.only is None and options.against is None
        if is_whole or options.only == "footprint":
            footprint = _measure_footprint(directory / "footprint", rounds)
            print_footprint(footprint, console)
        if options.only not in ("scale", "footprint", "search"):
            made = directory / "cases"
            cases = _measure_cases(made, rounds, seconds, options.only, options.against)
            print_cases(cases, console)
        if is_whole or options.only == "scale":
            console.print("filling the large hub: this takes some minutes")
            scale = measure_scale(directory / "scale", rounds, seconds, quick=options.quick)
            print_scale(scale, console)
        if is_whole or options.only == "search":
            searches = measure_search(directory / "search", rounds, quick=options.quick)
            searches += measure_pages(directory / "search" / "entrepot.db", rounds)
            print_search(searches, console)
    console.print(f"written to {write(RESULTS, cases, scale, footprint, searches)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds (5)")
    parser.add_argument("--seconds", type=float, default=4.0, help="seconds a measure (4)")
    parser.add_argument(
        "--quick", action="store_true", help="one short round, a tenth of the scale"
    )
    parser.add_argument("--only", help="scale, footprint, search, or a part of a case's name")
    parser.add_argument(
        "--against", type=Path, help="a checkout to measure beside, in place of distribution"
    )
    parser.add_argument("--scratch", type=Path, help="a directory on the disk to measure")
    return parser.parse_args()


def _measure_footprint(directory: Path, rounds: int) -> Footprint:
    first, again, idle = [], [], []
    for number in range(rounds):
        hub = Entrepot(directory / str(number))
        first.append(hub.start())
        hub.tree.end()
        again.append(hub.start())
        time.sleep(2)
        idle.append(hub.tree.proportional())
        hub.tree.end()
    return Footprint(round(median(idle)), median(first), median(again))


def _measure_cases(
    directory: Path, rounds: int, seconds: float, only: str | None, against: Path | None
) -> list[CaseResult]:
    directory.mkdir(parents=True)
    files = make_files(directory)
    entrepot, other = Entrepot(directory / "entrepot"), _other(directory / "peer", against)
    manifest = ""
    for peer in (entrepot, other):
        peer.start()
        manifest = fill(peer, files)
        peer.tree.end()
    cases = [
        case if against is None else replace(case, least=NO_WORSE)
        for case in make_cases(files, manifest, directory, seconds)
        if only is None or only in case.name
    ]
    return _alternate(cases, entrepot, other, rounds)


def _other(directory: Path, against: Path | None) -> Peer:
    return Distribution(directory) if against is None else Entrepot(directory, against)


def _alternate(cases: Sequence[Case], entrepot: Peer, other: Peer, rounds: int) -> list[CaseResult]:
    """Every case on one, then on the other, and again: what the machine does hits both."""
    taken: dict[str, dict[str, list[Measure]]] = {
        case.name: {entrepot.name: [], other.name: []} for case in cases
    }
    with Progress(transient=True) as progress:
        task = progress.add_task("measuring", total=rounds * 2 * len(cases))
        for number in range(rounds):
            order = (entrepot, other) if number % 2 == 0 else (other, entrepot)
            for peer in order:
                peer.start()
                for case in cases:
                    taken[case.name][peer.name].append(case.take(peer))
                    progress.advance(task)
                peer.tree.end()
    return [
        CaseResult(case, other.name, taken[case.name][entrepot.name], taken[case.name][other.name])
        for case in cases
    ]


@contextmanager
def _scratch(parent: Path | None) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
