"""Some nodes over one PostgreSQL and one bucket, each of which can be killed by itself."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from faults.commands import free_port
from faults.processes import BUCKET, CREDENTIALS, Postgres, Store, remove_directory
from faults.proxies import Proxy
from faults.servers import Server

OPEN: Final[Mapping[str, str]] = {"ENTREPOT_OPEN": "true"}


@dataclass(slots=True)
class Cluster:
    """All of a hub: its nodes, its database and its bucket. It is asked like a single server."""

    place: Path
    nodes: tuple[Server, ...]
    database: Postgres
    store: Store
    proxy: Proxy | None = None

    @classmethod
    def create(
        cls,
        place: Path,
        count: int = 3,
        settings: Mapping[str, str] = OPEN,
        seed: int | None = None,
    ) -> "Cluster":
        """A cluster that is made and started but for its nodes.

        With a seed there is a proxy between the nodes and the store.
        """
        # A socket's path is short, and whoever runs PostgreSQL must be able to reach it.
        directory = Path(tempfile.mkdtemp(prefix="etp-pg-"))
        with ExitStack() as stack:
            stack.callback(remove_directory, directory)
            directory.chmod(0o755)
            database = Postgres(directory / "pg")
            database.create()
            stack.callback(database.stop)
            database.start()
            store = Store(place / "s3", free_port())
            stack.callback(store.kill)
            store.start()
            proxy = None if seed is None else Proxy(free_port(), store.port, seed)
            if proxy is not None:
                proxy.start()
            shared = {
                **settings,
                **CREDENTIALS,
                "ENTREPOT_DATABASE": database.url,
                "ENTREPOT_STORAGE": f"s3://{BUCKET}/faults",
                "ENTREPOT_S3_ENDPOINT": f"http://127.0.0.1:{(proxy or store).port}",
            }
            nodes = tuple(
                Server(place / f"node-{number}", free_port(), workers=1, environment=shared)
                for number in range(1, count + 1)
            )
            # Everything runs: from here on `stop` ends it.
            stack.pop_all()
        return cls(place, nodes, database, store, proxy)

    @property
    def ports(self) -> Sequence[int]:
        """Where the nodes listen."""
        return [node.port for node in self.nodes]

    def start(self) -> None:
        """Start the nodes that do not run, one after another."""
        for node in self.nodes:
            if not node.is_running():
                node.start()
                node.wait_ready()

    def wait_ready(self) -> float:
        """Seconds until every node is ready."""
        return sum(node.wait_ready() for node in self.nodes)

    def check(self) -> list[str]:
        """What `entrepot check` complains about, asked on one node."""
        return self.nodes[0].check()

    def stop(self) -> None:
        """End everything, whatever does not end as it should."""
        with ExitStack() as stack:
            stack.callback(remove_directory, self.database.directory.parent)
            stack.callback(self.database.stop)
            stack.callback(self.store.kill)
            if self.proxy is not None:
                stack.callback(self.proxy.stop)
            for node in self.nodes:
                stack.callback(node.stop)

    def tail(self, lines: int = 15) -> str:
        """What the nodes printed last."""
        return "\n".join(f"{node.data.name}:\n{node.tail(lines)}" for node in self.nodes)
