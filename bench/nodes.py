"""`python -m bench.nodes`: pushes and pulls a second with one, two and three nodes.

Every node may use a quarter of one processor, by a cgroup; PostgreSQL, the S3 server (versitygw)
and the clients have the other processor. What a request costs each layer in processor time is
counted too: that holds whatever else the machine does, and from it follows what comes first to its
end with more nodes. Needs root, for the cgroups.
"""

import argparse
import os
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.content import digest_of
from bench.http import Connection
from bench.measures import push_images
from bench.memory import Cluster, Node, start_nodes
from tests.support.server import PASSWORD, USER

CGROUP = Path("/sys/fs/cgroup/cpu/entrepot-bench")
SHARE = 0.25
"""Of one processor, for each node."""
CLIENTS = 8
SETTLES = 6.0
"""Seconds after the first pushes: what they were is found out then."""
PERIOD = 100_000
_BASIC = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Cost:
    """What some requests took: how many a second, and processor milliseconds of each layer."""

    what: str
    nodes: int
    rate: float
    node: float
    database: float
    store: float


def main() -> int:
    """Measure, print, and say what the model makes of it."""
    options = _options()
    console = Console()
    costs: list[Cost] = []
    for count in (1, 2, 3):
        with ExitStack() as stack:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nodes-")))
            cluster = start_nodes(stack, place, count, workers=1)
            stack.enter_context(_shared_out(cluster))
            _work_together(cluster, _push, 1.0)
            time.sleep(SETTLES)
            for what, work in (("pull of a manifest and a blob", _pull), ("push", _push)):
                costs.append(_measure(cluster, what, work, options.seconds))
    _print(console, costs)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.nodes", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measure (20)")
    return parser.parse_args()


@contextmanager
def _shared_out(cluster: Cluster) -> Iterator[None]:
    """A share of the first processor for every node, the second one for all the others."""
    groups = []
    for number, node in enumerate(cluster.nodes):
        group = CGROUP / f"node-{number}"
        group.mkdir(parents=True, exist_ok=True)
        (group / "cpu.cfs_period_us").write_text(str(PERIOD))
        (group / "cpu.cfs_quota_us").write_text(str(int(PERIOD * SHARE)))
        for pid in node.tree.pids():
            os.sched_setaffinity(pid, {0})
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {0})
            (group / "cgroup.procs").write_text(str(pid))
        groups.append(group)
    for pid in [*cluster.database, *cluster.store, os.getpid()]:
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {1})
    try:
        yield
    finally:
        for group in groups:
            for each in (group / "cgroup.procs").read_text().split():
                with suppress(OSError):
                    (CGROUP.parent / "cgroup.procs").write_text(each)
            group.rmdir()
        CGROUP.rmdir()


Work = Callable[[Node, int, float], int]


def _measure(cluster: Cluster, what: str, work: Work, seconds: float) -> Cost:
    pids = [pid for node in cluster.nodes for pid in node.tree.pids()]
    layers = (pids, cluster.database, cluster.store)
    before = [_processor(layer) for layer in layers]
    began = time.perf_counter()
    done = _work_together(cluster, work, seconds)
    rate = done / (time.perf_counter() - began)
    used = [
        (_processor(layer) - each) * 1000 / done for layer, each in zip(layers, before, strict=True)
    ]
    return Cost(what, len(cluster.nodes), rate, *used)


def _work_together(cluster: Cluster, work: Work, seconds: float) -> int:
    nodes = [cluster.nodes[client % len(cluster.nodes)] for client in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        jobs = [pool.submit(work, node, client, seconds) for client, node in enumerate(nodes)]
        return sum(job.result() for job in jobs)


def _push(node: Node, client: int, seconds: float) -> int:
    return len(push_images(node.port, f"{USER}/push{client}", _BASIC, seconds))


def _pull(node: Node, client: int, seconds: float) -> int:
    connection, name = Connection(node.port, _BASIC), f"{USER}/push{client}"
    manifest = connection.request("GET", f"/v2/{name}/manifests/t0").expect(200)
    digest = digest_of(manifest.body)
    layer = manifest.body.decode().rpartition('"digest"')[2].split('"')[1]
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        connection.request("GET", f"/v2/{name}/manifests/{digest}").expect(200)
        connection.request("GET", f"/v2/{name}/blobs/{layer}").expect(200)
        count += 1
    connection.close()
    return count


def _processor(pids: Sequence[int]) -> float:
    """Seconds of processor time of these processes, and of their children that have ended."""
    ticks = 0
    for pid in _with_children(pids):
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(each) for each in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _with_children(pids: Sequence[int]) -> set[int]:
    """PostgreSQL starts a process for each connection."""
    found = set(pids)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent in pids:
                    found.add(int(entry.name))
    return found


def _print(console: Console, costs: Sequence[Cost]) -> None:
    table = Table("what", "nodes", "a second", "predicted", "node ms", "database ms", "store ms")
    first = {cost.what: cost for cost in costs if cost.nodes == 1}
    for cost in sorted(costs, key=lambda cost: (cost.what, cost.nodes)):
        one = first[cost.what]
        predicted = min(
            cost.nodes * SHARE * 1000 / one.node, 1000 / (one.database + one.store or 1)
        )
        cells = (cost.rate, predicted, cost.node, cost.database, cost.store)
        table.add_row(cost.what, str(cost.nodes), *(f"{cell:.2f}" for cell in cells))
    console.print(table)
    for one in first.values():
        console.print(
            f"{one.what}: a processor of a node does {1000 / one.node:,.0f} a second, one of"
            f" PostgreSQL {1000 / max(one.database, 0.001):,.0f}, one of the store"
            f" {1000 / max(one.store, 0.001):,.0f}",
            soft_wrap=True,
        )


if __name__ == "__main__":
    sys.exit(main())
