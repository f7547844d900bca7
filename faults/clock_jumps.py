"""Clients push while the clocks of the nodes are set forward and back, and all nodes collect."""

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import psycopg

from faults.clocks import FaultClock
from faults.clusters import Cluster
from faults.commands import free_port
from faults.servers import Server
from faults.soaks import GARBAGE, GRACE, SETTINGS, Soak

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
RIGHT: Final = timedelta()
FAR: Final = (RIGHT, 3 * DAY, 5 * HOUR, 40 * MINUTE, -2 * MINUTE, -3 * HOUR, -2 * DAY)
NEAR: Final = (RIGHT, 12 * MINUTE, 3 * MINUTE, -3 * MINUTE, -12 * MINUTE)
"""S3 takes no request whose clock is more than 15 minutes wrong."""
REST: Final = 1.5
"""Grace periods without a jump in which who waits for one goes on to collect."""
RECOVERS_WITHIN: Final = 60.0
"""Seconds, and two grace periods."""
_WAITING: Final = "SELECT count(*) FROM jobs WHERE state = 'queued'"


@dataclass(frozen=True, slots=True)
class ClockJump:
    """One clock is set, after some seconds."""

    node: int
    offset: timedelta
    after: float


def random_jumps(
    seed: int, count: int, nodes: int, offsets: Sequence[timedelta], grace: float = GRACE
) -> Sequence[ClockJump]:
    """So many jumps; every third leaves time enough for garbage to be collected."""
    rng = random.Random(f"{seed}/jumps")
    return [
        ClockJump(
            rng.randrange(nodes),
            rng.choice(offsets),
            REST * grace if number % 3 == 2 else rng.uniform(2.0, 6.0),
        )
        for number in range(count)
    ]


@dataclass(slots=True)
class Hub:
    """Servers that each go by a clock of their own, and what stands behind them."""

    nodes: Sequence[Server]
    clocks: Sequence[FaultClock]
    offsets: Sequence[timedelta]
    count_stored: Callable[[], int]
    count: Callable[[str], int]
    """Asks the database how many there are of something."""
    stop_rest: Callable[[], None] = lambda: None

    @classmethod
    def alone(cls, place: Path, more: Mapping[str, str]) -> "Hub":
        """One node of two workers on files."""
        settings = {**SETTINGS, **more}
        server = Server(place / "data", free_port(), workers=2, environment=settings)
        return cls(
            [server],
            _wind(place, [server]),
            FAR,
            lambda: _count_files(server.data / "blobs"),
            lambda question: _ask_file(server.data / "entrepot.db", question),
        )

    @classmethod
    def of_three(cls, place: Path, more: Mapping[str, str]) -> "Hub":
        """Three nodes on PostgreSQL and S3, whose own clocks are right."""
        cluster = Cluster.create(place, 3, {**SETTINGS, **more})
        clocks = _wind(place, cluster.nodes)
        return cls(
            cluster.nodes,
            clocks,
            NEAR,
            cluster.store.objects,
            lambda question: _ask_server(cluster.database.url, question),
            cluster.stop,
        )

    @property
    def ports(self) -> Sequence[int]:
        """Where the nodes listen."""
        return [node.port for node in self.nodes]

    def start(self) -> None:
        """Start all nodes."""
        for node in self.nodes:
            node.start()
            node.wait_ready()

    def stop(self) -> None:
        """End everything."""
        for node in self.nodes:
            node.stop()
        self.stop_rest()

    def set_all(self, offset: timedelta) -> None:
        """Set all clocks to the same."""
        for clock in self.clocks:
            clock.set(offset)

    def count_in_logs(self, text: str) -> int:
        """How often something is told in the logs."""
        return sum(node.log.read_text(errors="replace").count(text) for node in self.nodes)


def _wind(place: Path, nodes: Sequence[Server]) -> Sequence[FaultClock]:
    clocks = [FaultClock(place / f"{node.data.name}.clock") for node in nodes]
    for node, clock in zip(nodes, clocks, strict=True):
        clock.set(RIGHT)
        node.environment = {**node.environment, **clock.environment}
    return clocks


def _count_files(directory: Path) -> int:
    return sum(1 for path in directory.rglob("*") if path.is_file())


def _ask_file(path: Path, question: str) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        return int(connection.execute(question).fetchone()[0])


def _ask_server(url: str, question: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(question.encode()).fetchone()
    return int(row[0]) if row else 0


async def run_soak_across_jumps(
    hub: Hub, soak: Soak, jumps: Sequence[ClockJump], clients: int
) -> None:
    """Let clients work while the clocks jump; then all are right, and all must be as ever."""
    seconds = sum(jump.after for jump in jumps) + REST * soak.grace
    work = asyncio.create_task(soak.run(hub.ports, clients, seconds))
    for jump in jumps:
        await asyncio.sleep(jump.after)
        hub.clocks[jump.node].set(jump.offset)
        soak.counts["jumps"] += 1
    hub.set_all(RIGHT)
    await work
    if soak.complaints:
        return
    soak.complaints += await _recover(hub, soak)
    soak.complaints += await asyncio.to_thread(hub.nodes[0].check)


async def _recover(hub: Hub, soak: Soak) -> list[str]:
    """What is not as ever with right clocks: garbage is collected, and all work gets done."""
    await soak.leave_garbage(hub.ports)
    there = hub.count_stored()
    began = time.monotonic()
    patience = RECOVERS_WITHIN + 2 * soak.grace
    waiting = ["garbage is not collected", "work is not done"]
    while waiting and time.monotonic() - began < patience:
        await asyncio.sleep(1)
        if waiting[0].startswith("garbage") and hub.count_stored() <= there - GARBAGE:
            waiting.pop(0)
        if waiting and waiting[-1].startswith("work") and not hub.count(_WAITING):
            waiting.pop()
    soak.counts["seconds until all was done"] = round(time.monotonic() - began)
    return [f"stuck: {each} after {patience:.0f} s" for each in waiting]
