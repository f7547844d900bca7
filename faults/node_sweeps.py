"""Kills a node, PostgreSQL or the store at each step of what a node does, and reads back."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from faults.checks import Checker
from faults.clients import InDoubt, NotSent
from faults.clusters import OPEN, Cluster
from faults.history import Key
from faults.processes import wait_until
from faults.steps import Refused, Steps
from faults.sweeps import Sweep
from faults.traces import Fault

STEP: Final = "step"
COLLECT: Final = "collect"
VICTIMS: Final = ("node", "database", "store")


class NodeSweep(Sweep):
    """Two nodes: the first does what a client asks for, the second is asked what is left."""

    def __init__(self, cluster: Cluster, place: Path, *, seed: int) -> None:
        super().__init__(cluster.nodes[0], place, seed=seed)
        self._cluster = cluster
        self._last: list[Key] = []
        self._order = place / "steps.json"
        self._struck = self._order.with_suffix(".struck")
        first = cluster.nodes[0]
        first.environment = {**first.environment, "TORTURE_STEPS": str(self._order)}

    @classmethod
    def create(
        cls,
        place: Path,
        *,
        seed: int,
        bug: str | None = None,
        plant: Callable[[Cluster], None] = lambda _: None,
    ) -> "NodeSweep":
        """A sweep over a new cluster whose second node runs; `plant` makes it go wrong."""
        injection = {
            "PYTHONPATH": str(Path(__file__).with_name("injection")),
            "TORTURE_MEDDLE": ",".join(filter(None, ("at_rest", "dies_at_a_step", bug))),
        }
        cluster = Cluster.create(place, 2, {**OPEN, **injection})
        cluster.nodes[1].start()
        cluster.nodes[1].wait_ready()
        plant(cluster)
        return cls(cluster, place, seed=seed)

    def stop(self) -> None:
        """End everything."""
        self._cluster.stop()

    async def _once(self, name: str, fault: Fault) -> bool:
        """Do it once; whether the step was come to."""
        do = await self._prepare(name, fault)
        self._give_order(fault)
        helper = asyncio.create_task(self._bring_back(fault.error))
        refusal = ""
        try:
            refusal = await do()
        finally:
            struck = not self._order.exists()
            self._order.unlink(missing_ok=True)
            await helper
        if struck:
            step = self._struck.read_text()
            self._count(name, Fault(step, fault.error, fault.number))
        elif refusal:
            self._complain(f"{name} failed although nothing did: {refusal}")
        await self._check(name, fault)
        return struck

    async def _prepare(self, name: str, fault: Fault) -> Callable[[], Awaitable[str]]:
        """Have all that the operation needs; what does it, and says what went wrong."""
        if name != COLLECT:
            act = await self.operations[name]()
            return lambda: self._act(act, fault)
        async with self._steps() as steps:
            await self._garbage(steps)
        return self._collect

    def _give_order(self, fault: Fault) -> None:
        victims: Mapping[str, tuple[int, int]] = {
            "node": (0, signal.SIGKILL),
            # What PostgreSQL calls an immediate shutdown: all of it is gone at once.
            "database": (self._cluster.database.pid, signal.SIGQUIT),
            "store": (self._cluster.store.pid, signal.SIGKILL),
        }
        self._struck.unlink(missing_ok=True)
        pid, number = victims[fault.error]
        self._order.write_text(json.dumps({"at": fault.number, "pid": pid, "signal": number}))

    async def _bring_back(self, victim: str) -> None:
        """Start the victim again once it is dead; a node stays away for now."""
        await asyncio.to_thread(wait_until, lambda: not self._order.exists(), "the end of a step")
        if not self._struck.exists():
            return
        if victim == "database":
            await asyncio.to_thread(self._cluster.database.restart)
        elif victim == "store":
            await asyncio.to_thread(self._cluster.store.restart)

    async def _act(self, act: Callable[[Steps], Awaitable[None]], fault: Fault) -> str:
        """What went wrong for the client; nothing where all was acknowledged."""
        async with self._steps() as steps:
            try:
                await act(steps)
            except (InDoubt, NotSent, Refused) as error:
                self.result.refused += 1
                is_clear = isinstance(error, Refused) and error.status == 503 and error.says_when
                if fault.error != "node" and not is_clear:
                    self._complain(f"{fault}: not a clear refusal: {error}")
                return str(error)
        return ""

    async def _collect(self) -> str:
        """`entrepot collect`, a process that is a node of its own."""
        words = [*self._server.program, "collect", "--now", "--yes"]
        done = await asyncio.to_thread(
            subprocess.run,
            [*words, "--data", str(self._server.data)],
            env=self._server.variables,
            capture_output=True,
            check=False,
            start_new_session=True,
        )
        if b"Traceback" in done.stderr:
            self._complain(f"collect: {done.stderr.decode()[-2000:]}")
        return done.stderr.decode() if done.returncode else ""

    async def _check(self, name: str, fault: Fault) -> None:
        """All is there on the other node; then the first is back, and says the same."""
        for ports in (self._cluster.ports[1:], self._cluster.ports):
            if len(ports) > 1:
                await asyncio.to_thread(self._bring_node_back)
            else:
                await asyncio.to_thread(self._cluster.nodes[1].wait_ready)
            checker = Checker(ports, self._history, self._manifests.get)
            keys = sorted(self._history.take_touched() or self._last)
            self._last = keys
            self.result.checked += len(keys)
            await checker.everything(keys, [])
            await checker.again(self._history.take_doubts())
            await checker.everything(keys, [])
            for complaint in checker.complaints:
                self._complain(f"{name}, {fault}: {complaint}")

    def _bring_node_back(self) -> None:
        if not self._server.is_running():
            self._server.start()
        self._server.wait_ready()
