"""`python -m faults nodes` and `s3`: parts of a hub of three nodes fail, one after another."""

import argparse
import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from faults.clusters import OPEN, Cluster
from faults.commands import Command
from faults.faults import NODE_FAULTS, STORE_FAULTS, random_faults
from faults.kills import Result
from faults.node_chaos import LEASE, NodeChaos


def run_soak_across_jumps(
    place: Path,
    kinds: Mapping[str, int],
    *,
    count: int,
    clients: int,
    seed: int,
    nodes: int = 3,
    settings: Mapping[str, str] = OPEN,
    plant: Callable[[Cluster], None] = lambda _: None,
    lease: float = LEASE,
) -> tuple[Result, str]:
    """What a run found, and what else there is to say about it; `plant` makes it go wrong."""
    is_lying = kinds.keys() <= STORE_FAULTS.keys()
    told = {**settings, "ENTREPOT_S3_REDIRECT": "false"}
    cluster = Cluster.create(place, nodes, told, seed if is_lying else None)
    plant(cluster)
    chaos = NodeChaos(cluster, seed=seed, clients=clients, heavy=is_lying, lease=lease)
    try:
        cluster.start()
        result = asyncio.run(chaos.run(random_faults(seed, kinds, count)))
        if result.complaints:
            result.complaints.append(cluster.tail())
    finally:
        cluster.stop()
    met = sum(cluster.proxy.met.values()) if cluster.proxy else 0
    reads = ", ".join(f"{count:,} x {status}" for status, count in sorted(chaos.reads.items()))
    return result, (
        f"{met:,} requests to S3 met a fault, reads under fire: {reads},"
        f" {len(cluster.store.unfinished())} multipart uploads left"
    )


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--moments", type=int, default=100, help="how often (default 100)")
    parser.add_argument("--clients", type=int, default=6, help="how many push (default 6)")
    parser.add_argument("--nodes", type=int, default=3, help="of the hub (default 3)")


def _run(
    kinds: Mapping[str, int], arguments: argparse.Namespace, console: Console, place: Path
) -> Sequence[str]:
    result, note = run_soak_across_jumps(
        place,
        kinds,
        count=arguments.moments,
        clients=arguments.clients,
        seed=arguments.seed,
        nodes=arguments.nodes,
    )
    verdict = "nothing lost" if not result.complaints else f"{len(result.complaints)} complaints"
    console.print(
        f"{verdict}: {result.moments} moments, {result.requests:,} requests under fire,"
        f" {result.acknowledged:,} acknowledged, {result.in_doubt:,} in doubt,"
        f" {result.checked:,} read back, all ready after {result.slowest_start:.1f} s at most,"
        f" {note}, seed {result.seed}",
        soft_wrap=True,
        highlight=False,
    )
    return result.complaints


NODES = Command(
    "nodes",
    "kill workers, nodes, the database and the store",
    _add_arguments,
    partial(_run, NODE_FAULTS),
)
S3 = Command("s3", "let the store fail, hang and lie", _add_arguments, partial(_run, STORE_FAULTS))
