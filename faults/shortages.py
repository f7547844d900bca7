"""Takes away what a server needs (bytes, files, descriptors, leave to write), and gives it back.

Meanwhile every push is refused with a clear error or carried out, everything can be pulled, and
afterwards all goes on by itself.
"""

import asyncio
import random
import resource
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from faults.checks import Checker
from faults.clients import Connection, InDoubt, NotSent
from faults.contents import Contents, Manifest, digest_of
from faults.history import History, Key
from faults.servers import Server
from faults.small_disks import SmallDisk, mounted
from faults.steps import Refused, Steps, Weather
from faults.traces import CALLS, Fault, attached

REPOSITORY: Final = "short/of"
SIZE: Final = 300_000
TRIES: Final = 120
FEW: Final = 12
RESUMES_WITHIN: Final = 60
KINDS: Final = ("pushes", "bytes", "files", "read-only", "descriptors")
SUDDEN: Final = KINDS[1:]
ENVIRONMENT: Final = {
    "ENTREPOT_OPEN": "true",
    "ENTREPOT_GRACE": "PT2S",
    "ENTREPOT_COLLECT_EVERY": "PT2S",
}


@dataclass(slots=True)
class Shortfall:
    """What was found while something was short."""

    kind: str
    pushed: int = 0
    refused: dict[int, int] = field(default_factory=dict)
    pulled: int = 0
    resumed: int = 0
    complaints: list[str] = field(default_factory=list)


class Shortage:
    """One server on a small disk."""

    def __init__(self, server: Server, disk: SmallDisk, kind: str, *, seed: int) -> None:
        self._server = server
        self._disk = disk
        self._kind = kind
        self._rng = random.Random(seed)
        self._history = History()
        self._contents = Contents(self._rng, [b"{}"])
        self._manifests: dict[str, Manifest] = {}
        self._tags: list[str] = []
        self._until_freed = ExitStack()
        self.found = Shortfall(kind)

    async def run(self, patience: int) -> Shortfall:
        """Begin well, run short, look around, and come back."""
        self._server.start()
        await asyncio.to_thread(self._server.wait_ready)
        for _ in range(10):
            await self._push_until_it_works(1)
        await asyncio.to_thread(self._begin)
        if not await self._refuse_some():
            self._complain("no push was refused: nothing was short")
        await self._read_back()
        await self._read_metrics()
        await self._free()
        await self._push_until_it_works(patience)
        self.found.resumed += 1
        await self._read_back()
        self.found.complaints += await asyncio.to_thread(self._server.check)
        return self.found

    def _begin(self) -> None:
        if self._kind == "pushes":
            return
        if self._kind == "bytes":
            self._disk.fill_bytes()
        elif self._kind == "files":
            self._disk.fill_files()
        elif self._kind == "read-only":
            fault = Fault(",".join(CALLS), "EROFS", 1, onwards=True)
            pid = self._server.worker_pids()[0]
            self._until_freed.enter_context(
                attached(pid, fault, self._server.log.with_suffix(".trace"))
            )
        else:
            self._limit_descriptors(spare=1)

    async def _free(self) -> None:
        """What an operator does: where the disk is full of images, delete some."""
        if self._kind == "read-only":
            await asyncio.to_thread(self._until_freed.close)
        elif self._kind == "descriptors":
            self._limit_descriptors(spare=1000)
        else:
            if self._kind != "pushes":
                self._disk.make_room()
            await self._delete(self._tags[: len(self._tags) // 2])

    def _limit_descriptors(self, spare: int) -> None:
        for pid in self._server.worker_pids():
            there = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            _, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (there + spare, most))

    async def _refuse_some(self) -> bool:
        """Push a few times; whether one was refused, each of them clearly."""
        before = len(self.found.refused)
        for _ in range(FEW if self._is_sudden() else TRIES):
            if self._is_enough():
                break
            with suppress(Refused, InDoubt, NotSent):
                await self._push()
        return len(self.found.refused) > before

    def _is_sudden(self) -> bool:
        """Whether the next push is refused already."""
        return self._kind in SUDDEN

    def _is_enough(self) -> bool:
        """Whether enough pushes were refused."""
        return bool(self.found.refused) and not self._is_sudden()

    async def _push_until_it_works(self, seconds: int) -> None:
        for _ in range(seconds):
            try:
                await self._push()
            except (Refused, InDoubt, NotSent):
                await asyncio.sleep(1)
            else:
                return
        self._complain(f"pushes do not go on after {seconds} s")

    async def _push(self) -> None:
        data = [self._rng.randbytes(SIZE), self._rng.randbytes(200)]
        manifest = self._contents.manifest([(digest_of(each), len(each)) for each in data], None)
        self._manifests[manifest.digest] = manifest
        tag = f"v{len(self._manifests)}"
        async with Connection(self._server.port) as connection:
            steps = Steps(connection, self._history, Weather())
            try:
                for each in data:
                    await steps.put_whole(Key("blob", REPOSITORY, digest_of(each)), each)
                await steps.put_manifest(REPOSITORY, tag, manifest)
            except Refused as refused:
                self._look_at(refused)
                raise
            except (InDoubt, NotSent):
                if self._kind != "descriptors":
                    self._complain("a connection was cut")
                self.found.refused[0] = self.found.refused.get(0, 0) + 1
                raise
        self._tags.append(tag)
        self.found.pushed += 1

    async def _delete(self, tags: Sequence[str]) -> None:
        for tag in tags:
            digest = next(iter(self._history.may_hold(Key("tag", REPOSITORY, tag))))
            if digest is None:
                continue
            async with Connection(self._server.port) as connection:
                steps = Steps(connection, self._history, Weather())
                with suppress(Refused, InDoubt, NotSent):
                    await steps.delete(
                        Key("manifest", REPOSITORY, digest), [Key("tag", REPOSITORY, tag)]
                    )

    def _look_at(self, refused: Refused) -> None:
        status = refused.status
        self.found.refused[status] = self.found.refused.get(status, 0) + 1
        full = self._kind in ("pushes", "bytes", "files")
        # A blob that was pushed and never named may be collected before its manifest comes.
        allowed = (507, 404, 400) if full else (503, 500 if self._kind == "descriptors" else 507)
        if status not in allowed or '"code"' not in str(refused):
            self._complain(f"not a clear refusal: {refused}")

    async def _read_back(self) -> None:
        """Everything that was acknowledged and is named can be pulled."""
        if self._kind == "descriptors" and not self.found.resumed:
            return
        named = {
            digest
            for key in self._history.keys_in("manifest", REPOSITORY)
            if self._history.surely(key)
            for digest in self._manifests[key.name].blobs
        }
        known = self._history.keys()
        keys = [key for key in known if key.kind != "blob" or key.name in named]
        checker = Checker(self._server.port, self._history, self._manifests.get)
        await checker.everything(keys, [])
        self.found.pulled += len(keys)
        self.found.complaints += checker.complaints

    async def _read_metrics(self) -> None:
        """An operator looks at the numbers, which every worker then writes to its files."""
        if self._kind == "descriptors":
            return
        try:
            async with Connection(self._server.port) as connection:
                answer = await connection.request("GET", "/metrics")
        except (InDoubt, NotSent):
            self._complain("a connection was cut that asked for metrics")
            return
        if answer.status != 200:
            self._complain(f"/metrics is answered {answer.status}")

    def _complain(self, text: str) -> None:
        self.found.complaints.append(f"{self._kind}: {text}")


def meddled(bug: str | None) -> Mapping[str, str]:
    """What plants a bug into a server; nothing for none."""
    injection = str(Path(__file__).with_name("injection"))
    return {} if bug is None else {"PYTHONPATH": injection, "TORTURE_MEDDLE": bug}


def run(
    place: Path,
    kind: str,
    port: int,
    *,
    seed: int,
    bug: str | None = None,
    patience: int = RESUMES_WITHIN,
) -> Shortfall:
    """Run short of one thing."""
    environment = {**ENVIRONMENT, **meddled(bug)}
    with mounted(place / "disk", "size=40m", "nr_inodes=1500") as disk:
        server = Server(disk.path / "data", port, 1, environment=environment, log=place / "log")
        try:
            return asyncio.run(Shortage(server, disk, kind, seed=seed).run(patience))
        finally:
            server.stop()
