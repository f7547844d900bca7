"""What can happen to a cluster: a part of it is killed, cut off, read-only, or lies for a while."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from torture.clusters import Cluster
from torture.proxies import FAULTS, Fault


@dataclass(frozen=True, slots=True)
class Blow:
    """When something happens, and for how long; `pick` chooses among equals."""

    number: int
    kind: str
    after: float
    lasts: float
    pick: int


def random_blows(seed: int, kinds: Mapping[str, int], count: int) -> list[Blow]:
    """So many blows, of each kind one at least where there are enough."""
    rng = random.Random(f"{seed}/blows")
    chosen = list(kinds)[:count]
    chosen += rng.choices(list(kinds), list(kinds.values()), k=count - len(chosen))
    rng.shuffle(chosen)
    return [
        Blow(number, kind, rng.uniform(0.3, 2.0), rng.uniform(0.5, 3.0), rng.randrange(1000))
        for number, kind in enumerate(chosen, 1)
    ]


def strike(cluster: Cluster, blow: Blow) -> None:
    """Let it happen, and mend what an operator would mend; the hub is left to itself."""
    if blow.kind in FAULTS:
        _lie(cluster, blow)
    else:
        _BLOWS[blow.kind](cluster, blow)


def _lie(cluster: Cluster, blow: Blow) -> None:
    if cluster.proxy is None:
        raise ValueError("there is no proxy")
    cluster.proxy.faults = tuple[Fault, ...](each for each in FAULTS if each == blow.kind)
    time.sleep(blow.lasts)
    cluster.proxy.faults = ()


def _worker(cluster: Cluster, blow: Blow) -> None:
    node = cluster.nodes[blow.pick % len(cluster.nodes)]
    node.kill_worker(lambda pids: pids[blow.pick % len(pids)])
    time.sleep(0.3)


def _node(cluster: Cluster, blow: Blow) -> None:
    node = cluster.nodes[blow.pick % len(cluster.nodes)]
    node.kill()
    time.sleep(blow.lasts)
    node.start()


def _database(cluster: Cluster, blow: Blow) -> None:
    cluster.database.kill()
    time.sleep(blow.lasts)
    cluster.database.start()


def _database_crash(cluster: Cluster, _: Blow) -> None:
    cluster.database.crash()
    cluster.database.start()


def _connections(cluster: Cluster, blow: Blow) -> None:
    for _ in range(5):
        cluster.database.cut_all()
        time.sleep(blow.lasts / 5)


def _read_only(cluster: Cluster, blow: Blow) -> None:
    for value in ("on", "off"):
        cluster.database.run(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        cluster.database.run("SELECT pg_reload_conf()")
        time.sleep(blow.lasts if value == "on" else 0.2)


def _store(cluster: Cluster, blow: Blow) -> None:
    cluster.store.kill()
    time.sleep(blow.lasts)
    cluster.store.start()


_BLOWS: Final[Mapping[str, Callable[[Cluster, Blow], None]]] = {
    "worker": _worker,
    "node": _node,
    "database": _database,
    "database crash": _database_crash,
    "connections": _connections,
    "read-only": _read_only,
    "store": _store,
}
NODE_BLOWS: Final[Mapping[str, int]] = dict.fromkeys(_BLOWS, 1)
STORE_BLOWS: Final[Mapping[str, int]] = dict.fromkeys(FAULTS, 1)
