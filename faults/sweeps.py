"""Lets each call of the system fail in turn, for each thing a client does, and reads back."""

import asyncio
import random
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from faults.checks import Checker
from faults.clients import Connection, InDoubt, NotSent
from faults.contents import Contents, Manifest, digest_of
from faults.history import History, Key
from faults.servers import Server
from faults.steps import Refused, Steps, Upload, Weather
from faults.traces import CALLS, Fault, Trace, attached, command

HOME: Final = "sweep/home"
OTHER: Final = "sweep/other"
ERRORS: Final = ("SIGKILL", "EIO", "ENOSPC")
REFUSALS: Final = (503, 507)
MOST: Final = 500
"""More calls of one kind than any operation makes; a sweep that gets here never ends."""
REPEATABLE: Final = {
    "ENTREPOT_OPEN": "true",
    "PYTHONPATH": str(Path(__file__).with_name("injection")),
    "TORTURE_MEDDLE": "one_thread,at_rest",
}
"""One thread and no periodic tasks, so that the n-th call is the same one in each run."""


@dataclass(slots=True)
class Swept:
    """What a sweep has found so far."""

    seed: int
    struck: dict[tuple[str, str, str], int] = field(default_factory=dict)
    refused: int = 0
    checked: int = 0
    complaints: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """How many faults came."""
        return sum(self.struck.values())


@dataclass(slots=True)
class Image:
    """An image that an operation works on, and its blobs."""

    manifest: Manifest
    data: Sequence[bytes]


class Sweep:
    """One server, and the operations that its disk fails under."""

    def __init__(self, server: Server, place: Path, *, seed: int) -> None:
        self._server = server
        self._place = place
        self._rng = random.Random(seed)
        self._history = History()
        self._contents = Contents(self._rng, [b"{}"])
        self._manifests: dict[str, Manifest] = {}
        self.result = Swept(seed)
        self.operations: Mapping[str, Callable[[], Awaitable[Callable[[Steps], Awaitable[None]]]]]
        self.operations = {
            "push": self._push,
            "push in chunks": self._chunks,
            "mount": self._mount,
            "move a tag": self._move_tag,
            "delete": self._delete,
        }

    async def run(
        self,
        operations: Sequence[str],
        errors: Sequence[str] = ERRORS,
        calls: Sequence[str] = CALLS,
        progress: Callable[[Swept, str], None] = lambda *_: None,
    ) -> Swept:
        """Let every call of each kind fail with each error, until a run ends unfaulted."""
        self._server.start()
        await asyncio.to_thread(self._server.wait_ready)
        for name in operations:
            for error in errors:
                for call in calls:
                    await self._each_number(name, error, call)
                    progress(self.result, name)
        self.result.complaints += await asyncio.to_thread(self._server.check)
        return self.result

    async def collect(self, errors: Sequence[str] = ERRORS, calls: Sequence[str] = CALLS) -> Swept:
        """The same for `entrepot collect`, which is a process of its own."""
        for error in errors:
            for call in calls:
                for number in range(1, MOST):
                    if not await self._collect_once(Fault(call, error, number)):
                        break
        return self.result

    async def _each_number(self, name: str, error: str, call: str) -> None:
        for number in range(1, MOST):
            fault = Fault(call, error, number)
            if not await self._once(name, fault) or self.result.complaints:
                return
        self.result.complaints.append(f"{name}: more than {MOST} calls of {call}")

    async def _once(self, name: str, fault: Fault) -> bool:
        """Do it once; whether the fault came."""
        act = await self.operations[name]()
        pid = self._server.worker_pids()[0]
        refusal = ""
        with attached(pid, fault, self._place / "strace.out") as trace:
            async with self._steps() as steps:
                try:
                    await act(steps)
                except (InDoubt, NotSent, Refused) as error:
                    refusal = str(error)
                    self._judge(name, fault, error)
        # What kills a process may leave strace without the time to tell.
        struck = trace.struck or (fault.kills and pid not in self._server.worker_pids())
        if struck:
            self._count(name, fault)
            self._look_at_answer(name, fault, trace, refusal)
        elif refusal:
            self._complain(f"{name} failed although nothing did: {refusal}")
        await self._check(name, fault)
        return struck

    def _judge(self, name: str, fault: Fault, error: Exception) -> None:
        self.result.refused += 1
        if fault.kills:
            return
        if not isinstance(error, Refused) or error.status not in REFUSALS:
            self._complain(f"{name}, {fault}: not a clear refusal: {error}")

    def _look_at_answer(self, name: str, fault: Fault, trace: Trace, refusal: str) -> None:
        """What the disk did not take must not have been acknowledged."""
        path = trace.path
        if fault.kills or path is None:
            return
        needed = path.parent.name == "uploads" or "blobs" in path.parts or "-wal" in path.name
        if needed and fault.call != "unlink" and not refusal:
            self._complain(f"{name}, {fault} of {path}: acknowledged all the same")

    async def _check(self, name: str, fault: Fault) -> None:
        """Whatever was acknowledged is there, and what was refused can be repeated."""
        if fault.kills:
            # The supervisor gives up on a worker that dies again and again.
            await asyncio.to_thread(self._server.kill)
            self._server.start()
        await asyncio.to_thread(self._server.wait_ready)
        checker = Checker(self._server.port, self._history, self._manifests.get)
        keys = sorted(self._history.take_touched())
        self.result.checked += len(keys)
        await checker.everything(keys, [])
        await checker.again(self._history.take_doubts())
        await checker.everything(keys, [])
        for complaint in checker.complaints:
            self._complain(f"{name}, {fault}: {complaint}")

    async def _collect_once(self, fault: Fault) -> bool:
        async with self._steps() as steps:
            await self._garbage(steps)
        output = self._place / "strace.out"
        output.unlink(missing_ok=True)
        words = [*self._server.program, "collect", "--now", "--yes"]
        words = [*command(fault, output), *words, "--data", str(self._server.data)]
        done = await asyncio.to_thread(
            subprocess.run, words, env=self._server.variables, capture_output=True, check=False
        )
        if b"Traceback" in done.stderr:
            self._complain(f"collect, {fault}: {done.stderr.decode()[-2000:]}")
        struck = Trace(output).struck
        if struck:
            self._count("collect", fault)
        elif done.returncode:
            self._complain(f"collect failed although nothing did: {done.stderr.decode()}")
        await self._check("collect", fault)
        return struck and not self.result.complaints

    def _count(self, name: str, fault: Fault) -> None:
        key = (name, fault.error, fault.call)
        self.result.struck[key] = self.result.struck.get(key, 0) + 1

    @asynccontextmanager
    async def _steps(self) -> AsyncIterator[Steps]:
        async with Connection(self._server.port) as connection:
            yield Steps(connection, self._history, Weather())

    # What clients do: each prepares what it needs, and returns what is done under fire.

    async def _push(self) -> Callable[[Steps], Awaitable[None]]:
        image = self._image()
        return lambda steps: _push_image(steps, HOME, image, "new")

    async def _chunks(self) -> Callable[[Steps], Awaitable[None]]:
        data = self._rng.randbytes(20_000)

        async def act(steps: Steps) -> None:
            upload = await steps.start(Key("blob", HOME, digest_of(data)), data)
            try:
                await steps.append(upload, 7_000)
                await steps.finish(upload)
            except Refused:
                await self._insist(steps, upload)
                raise

        return act

    async def _insist(self, steps: Steps, upload: Upload) -> None:
        """Finish as if nothing had happened: whoever lost the bytes may not say yes."""
        _lose_what_was_not_synced(Trace(self._place / "strace.out"))
        try:
            await steps.finish(upload)
        except Refused as refused:
            if refused.status >= 500:
                raise

    async def _mount(self) -> Callable[[Steps], Awaitable[None]]:
        data = self._rng.randbytes(3_000)
        async with self._steps() as steps:
            await steps.post_whole(Key("blob", HOME, digest_of(data)), data)
        return lambda steps: steps.mount(Key("blob", OTHER, digest_of(data)), HOME)

    async def _move_tag(self) -> Callable[[Steps], Awaitable[None]]:
        first, second = self._image(), self._image()
        async with self._steps() as steps:
            await _push_image(steps, HOME, second, None)
            await _push_image(steps, HOME, first, "moved")
        return lambda steps: steps.put_manifest(HOME, "moved", second.manifest)

    async def _delete(self) -> Callable[[Steps], Awaitable[None]]:
        image = self._image()
        lonely = self._rng.randbytes(500)
        async with self._steps() as steps:
            await _push_image(steps, HOME, image, "going")
            await _push_image(steps, HOME, image, "gone")
            await steps.post_whole(Key("blob", HOME, digest_of(lonely)), lonely)

        async def act(steps: Steps) -> None:
            await steps.delete(Key("tag", HOME, "going"))
            digest = image.manifest.digest
            await steps.delete(Key("manifest", HOME, digest), [Key("tag", HOME, "gone")])
            await steps.delete(Key("blob", HOME, digest_of(lonely)))

        return act

    async def _garbage(self, steps: Steps) -> None:
        """Blobs that nothing needs, of which some have bytes that another repository needs."""
        image = self._image()
        await _push_image(steps, HOME, image, "rubbish")
        await _push_image(steps, OTHER, image, "kept")
        alone = self._image()
        await _push_image(steps, HOME, alone, "rubbish")
        for each in (image, alone):
            tags = [Key("tag", HOME, "rubbish")] if each is alone else []
            await steps.delete(Key("manifest", HOME, each.manifest.digest), tags)
            for data in each.data:
                await steps.delete(Key("blob", HOME, digest_of(data)))

    def _image(self) -> Image:
        data = [self._rng.randbytes(self._rng.randrange(100, 9_000)) for _ in range(2)]
        manifest = self._contents.manifest([(digest_of(each), len(each)) for each in data], None)
        self._manifests[manifest.digest] = manifest
        return Image(manifest, data)

    def _complain(self, text: str) -> None:
        self.result.complaints.append(text)


async def _push_image(steps: Steps, repository: str, image: Image, tag: str | None) -> None:
    first, second = image.data
    await steps.post_whole(Key("blob", repository, digest_of(first)), first)
    await steps.put_whole(Key("blob", repository, digest_of(second)), second)
    await steps.put_manifest(repository, tag, image.manifest)


def _lose_what_was_not_synced(trace: Trace) -> None:
    """After a sync that failed the cache has the bytes still; the disk never had them."""
    path = trace.path
    if trace.call != "fdatasync" or path is None or path.parent.name != "uploads":
        return
    if path.exists():
        path.write_bytes(bytes(path.stat().st_size))
