"""`python -m faults soak`: nodes that collect every second, under clients that need the bytes."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from faults.clusters import Cluster
from faults.commands import Command
from faults.soaks import SETTINGS, Soak


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (default 30)")
    parser.add_argument("--clients", type=int, default=10, help="how many push (default 10)")
    parser.add_argument("--nodes", type=int, default=3, help="of the hub (default 3)")


def _run(arguments: argparse.Namespace, console: Console, place: Path) -> Sequence[str]:
    cluster = Cluster.create(place, arguments.nodes, SETTINGS)
    soak = Soak.of(arguments.seed)
    try:
        cluster.start()
        seconds = arguments.minutes * 60
        asyncio.run(soak.run(cluster.ports, arguments.clients, seconds))
        soak.complaints += cluster.check()
    finally:
        cluster.stop()
    told = ", ".join(f"{count:,} {what}" for what, count in sorted(soak.counts.items()))
    verdict = f"{len(soak.complaints)} complaints" if soak.complaints else "nothing lost"
    freed = sum(node.log.read_text(errors="replace").count('"collected"') for node in cluster.nodes)
    console.print(
        f"{verdict}: {arguments.minutes:g} minutes, {told}; {freed:,} runs that freed something,"
        f" {cluster.store.objects():,} objects at the end, seed {arguments.seed}",
        soft_wrap=True,
        highlight=False,
    )
    return soak.complaints


SOAK = Command("soak", "collect every second under clients of three nodes", _add_arguments, _run)
