"""`python -m bench.memory`: what nodes hold in memory while each takes 1 GiB and gives it 8 times.

Three nodes over one PostgreSQL and one S3 server (versitygw), without redirects: all bytes pass the
nodes. Memory is the proportional set size of all of a node's processes, looked at all the time.
"""

import argparse
import hashlib
import http.client
import os
import random
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.processes import Tree
from tests.metadata.postgres import serving as serving_postgres
from tests.support.s3 import BUCKET, CREDENTIALS
from tests.support.s3 import serving as serving_s3
from tests.support.server import PASSWORD, PROGRAM, USER, free_port, operate

MIB = 1024 * 1024
LOOK_EVERY = 0.1
ALLOWED = 64
"""MiB by which a node may grow."""
_BASIC = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@dataclass(slots=True)
class Node:
    """One node, and the most that it held since it was last asked."""

    port: int
    tree: Tree
    most: dict[str, float] = field(default_factory=dict)

    def look(self, phase: str) -> float:
        """MiB held now; remembered as the phase's most."""
        held = sum(map(_proportional, self.tree.pids())) / MIB
        self.most[phase] = max(self.most.get(phase, 0.0), held)
        return held


@dataclass(frozen=True, slots=True)
class Content:
    """A blob that is made while it is sent: of one seed, a MiB at a time."""

    size: int
    seed: int

    def runs(self) -> Iterator[bytes]:
        """The bytes; runs differ, so that nothing on the way can be cleverer than it should."""
        run = bytearray(random.Random(self.seed).randbytes(MIB))
        for number in range(self.size // MIB):
            run[:8] = number.to_bytes(8, "big")
            yield bytes(run)

    @property
    def digest(self) -> str:
        """Its name."""
        hasher = hashlib.sha256()
        for run in self.runs():
            hasher.update(run)
        return f"sha256:{hasher.hexdigest()}"


def main() -> int:
    """Measure; 1 when a node grew by more than it may."""
    options = _options()
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="memory-")))
        nodes = start_nodes(stack, place, options.nodes).nodes
        _watch(stack, nodes)
        contents = [Content(options.size * MIB, number) for number in range(len(nodes))]
        digests = [content.digest for content in contents]
        warm_up = [partial(_push, nodes[0], Content(64 * MIB, 99))]
        _together([*warm_up, partial(_push, nodes[-1], Content(MIB, 98))])
        idle = _settle(nodes)
        _PHASE.name = "push"
        _together([partial(_push, *pair) for pair in zip(nodes, contents, strict=True)])
        _PHASE.name = "pull"
        pairs = list(zip(nodes, digests, strict=True)) * options.pulls
        _together([partial(_pull, *pair) for pair in pairs])
        _PHASE.name = "after"
        _settle(nodes)
    return _report(Console(), nodes, idle)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--nodes", type=int, default=3, help="nodes (3)")
    parser.add_argument("--size", type=int, default=1024, help="MiB that each takes (1024)")
    parser.add_argument("--pulls", type=int, default=8, help="pulls from each at once (8)")
    return parser.parse_args()


class _Phase:
    name = "idle"


_PHASE = _Phase()


@dataclass(frozen=True, slots=True)
class Cluster:
    """Nodes that run, over a database and a store whose processes these are."""

    nodes: list[Node]
    database: list[int]
    store: list[int]


def start_nodes(stack: ExitStack, place: Path, count: int, workers: int = 2) -> Cluster:
    """Nodes over one PostgreSQL and one S3 server; the first account is made."""
    before = _running()
    database = stack.enter_context(serving_postgres())
    of_database = _running() - before
    (place / "s3").mkdir()
    store = stack.enter_context(serving_s3(place / "s3"))
    of_store = _running() - before - of_database
    settings = CREDENTIALS | {
        "ENTREPOT_DATABASE": database,
        "ENTREPOT_STORAGE": f"s3://{BUCKET}/hub",
        "ENTREPOT_S3_ENDPOINT": store.url,
        "ENTREPOT_S3_REDIRECT": "false",
        "ENTREPOT_ADMIN_PASSWORD": PASSWORD,
    }
    nodes = []
    for number in range(count):
        port, data = free_port(), place / f"node-{number}"
        command = [str(PROGRAM), "serve", "--data", str(data), "--port", str(port)]
        tree = Tree([*command, "--workers", str(workers)], place / f"node-{number}.log", settings)
        stack.callback(tree.end)
        nodes.append(Node(port, tree))
        _wait_for(port)
    first = place / "node-0"
    operate(first, "user", "add", USER, "--password-stdin", stdin=PASSWORD, settings=settings)
    return Cluster(nodes, sorted(of_database), sorted(of_store))


def _running() -> set[int]:
    """Processes of this one: children, and theirs."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                text = (entry / "stat").read_text()
                parents[int(entry.name)] = int(text.rpartition(")")[2].split()[1])
    found, growing = {os.getpid()}, True
    while growing:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        growing = bool(more)
    return found - {os.getpid()}


def _wait_for(port: int) -> None:
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()


def _watch(stack: ExitStack, nodes: Sequence[Node]) -> None:
    done = threading.Event()

    def look() -> None:
        while not done.wait(LOOK_EVERY):
            for node in nodes:
                node.look(_PHASE.name)

    watching = threading.Thread(target=look)
    watching.start()
    stack.callback(watching.join)
    stack.callback(done.set)


def _settle(nodes: Sequence[Node]) -> list[float]:
    time.sleep(3)
    return [node.look(_PHASE.name) for node in nodes]


def _together(jobs: Sequence[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result()


def _push(node: Node, content: Content) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=600)
    headers = {"Authorization": _BASIC}
    connection.request("POST", f"/v2/{USER}/large/blobs/uploads/", headers=headers)
    location = _expect(connection, 202).headers["location"]
    target = location.removeprefix(f"http://127.0.0.1:{node.port}")
    joint = "&" if "?" in target else "?"
    headers["Content-Length"] = str(content.size)
    connection.request("PUT", f"{target}{joint}digest={content.digest}", content.runs(), headers)
    _expect(connection, 201)
    connection.close()


def _pull(node: Node, digest: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=600)
    connection.request("GET", f"/v2/{USER}/large/blobs/{digest}", headers={"Authorization": _BASIC})
    answer = connection.getresponse()
    hasher = hashlib.sha256()
    while run := answer.read(MIB):
        hasher.update(run)
    connection.close()
    if f"sha256:{hasher.hexdigest()}" != digest:
        raise SystemExit(f"{answer.status}: not the bytes of {digest}")


def _expect(connection: http.client.HTTPConnection, status: int) -> http.client.HTTPResponse:
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != status:
        raise SystemExit(f"{answer.status}: {said[:300]!r}")
    return answer


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _report(console: Console, nodes: Sequence[Node], idle: Sequence[float]) -> int:
    table = Table("node", "idle", "push", "pull", "after", "grew by", title="MiB")
    worst = 0.0
    for number, (node, before) in enumerate(zip(nodes, idle, strict=True), 1):
        most = max(node.most["push"], node.most["pull"])
        worst = max(worst, most - before)
        cells = [before, node.most["push"], node.most["pull"], node.most["after"], most - before]
        table.add_row(str(number), *(f"{cell:.0f}" for cell in cells))
    console.print(table)
    console.print(f"at most {worst:.0f} MiB more than idle; {ALLOWED} are allowed")
    return int(worst > ALLOWED)


if __name__ == "__main__":
    os.environ.setdefault("CI", "true")
    sys.exit(main())
