"""What can happen to a cluster: a part of it is killed, cut off, read-only, or lies for a while."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from faults.clusters import Cluster
from faults.proxies import FAULTS, Fault


@dataclass(frozen=True, slots=True)
class NodeFault:
    """When something happens, and for how long; `pick` chooses among equals."""

    number: int
    kind: str
    after: float
    lasts: float
    pick: int


def random_faults(seed: int, kinds: Mapping[str, int], count: int) -> list[NodeFault]:
    """So many faults, of each kind one at least where there are enough."""
    rng = random.Random(f"{seed}/faults")
    chosen = list(kinds)[:count]
    chosen += rng.choices(list(kinds), list(kinds.values()), k=count - len(chosen))
    rng.shuffle(chosen)
    return [
        NodeFault(number, kind, rng.uniform(0.3, 2.0), rng.uniform(0.5, 3.0), rng.randrange(1000))
        for number, kind in enumerate(chosen, 1)
    ]


def strike(cluster: Cluster, fault: NodeFault) -> None:
    """Let it happen, and mend what an operator would mend; the hub is left to itself."""
    if fault.kind in FAULTS:
        _lie(cluster, fault)
    else:
        _ACTIONS[fault.kind](cluster, fault)


def _lie(cluster: Cluster, fault: NodeFault) -> None:
    if cluster.proxy is None:
        raise ValueError("there is no proxy")
    cluster.proxy.faults = tuple[Fault, ...](each for each in FAULTS if each == fault.kind)
    time.sleep(fault.lasts)
    cluster.proxy.faults = ()


def _worker(cluster: Cluster, fault: NodeFault) -> None:
    node = cluster.nodes[fault.pick % len(cluster.nodes)]
    node.kill_worker(lambda pids: pids[fault.pick % len(pids)])
    time.sleep(0.3)


def _node(cluster: Cluster, fault: NodeFault) -> None:
    node = cluster.nodes[fault.pick % len(cluster.nodes)]
    node.kill()
    time.sleep(fault.lasts)
    node.start()


def _database(cluster: Cluster, fault: NodeFault) -> None:
    cluster.database.kill()
    time.sleep(fault.lasts)
    cluster.database.start()


def _database_crash(cluster: Cluster, _: NodeFault) -> None:
    cluster.database.crash()
    cluster.database.start()


def _connections(cluster: Cluster, fault: NodeFault) -> None:
    for _ in range(5):
        cluster.database.cut_all()
        time.sleep(fault.lasts / 5)


def _read_only(cluster: Cluster, fault: NodeFault) -> None:
    for value in ("on", "off"):
        cluster.database.run(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        cluster.database.run("SELECT pg_reload_conf()")
        time.sleep(fault.lasts if value == "on" else 0.2)


def _store(cluster: Cluster, fault: NodeFault) -> None:
    cluster.store.kill()
    time.sleep(fault.lasts)
    cluster.store.start()


_ACTIONS: Final[Mapping[str, Callable[[Cluster, NodeFault], None]]] = {
    "worker": _worker,
    "node": _node,
    "database": _database,
    "database crash": _database_crash,
    "connections": _connections,
    "read-only": _read_only,
    "store": _store,
}
NODE_FAULTS: Final[Mapping[str, int]] = dict.fromkeys(_ACTIONS, 1)
STORE_FAULTS: Final[Mapping[str, int]] = dict.fromkeys(FAULTS, 1)
