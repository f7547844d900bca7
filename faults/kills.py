"""Kills a server at random moments while clients push, and checks what is left each time."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from faults.checks import Checker
from faults.contents import Manifest, common_blobs
from faults.disks import Disk
from faults.history import History, Key
from faults.pushers import Pusher
from faults.servers import Server, ServerFailed
from faults.steps import Upload, Weather

Kind = Literal["all", "worker", "start", "term", "power"]
KINDS: dict[Kind, int] = {"all": 70, "worker": 15, "start": 10, "term": 5}
READY_WITHIN = 5.0
LONGEST = 2.0
SAMPLE = 200
AFTERMATH = 0.3


@dataclass(frozen=True, slots=True)
class Moment:
    """When a fault strikes, and what it is."""

    number: int
    kind: Kind
    seconds: float
    requests: int | None
    hesitation: float


@dataclass(slots=True)
class Result:
    """What a run has found so far."""

    seed: int
    moments: int = 0
    requests: int = 0
    acknowledged: int = 0
    in_doubt: int = 0
    checked: int = 0
    slowest_start: float = 0.0
    complaints: list[str] = field(default_factory=list)


def random_moments(seed: int, count: int) -> list[Moment]:
    """As many moments, half of them set off by a clock and half by a number of requests."""
    rng = random.Random(f"{seed}/moments")
    return [
        Moment(
            number,
            rng.choices(list(KINDS), list(KINDS.values()))[0],
            rng.uniform(0.05, LONGEST),
            rng.randint(1, 400) if rng.random() < 0.5 else None,
            rng.uniform(0, 0.005),
        )
        for number in range(1, count + 1)
    ]


class KillRun:
    """One run: a server, its clients, their history, and the faults."""

    def __init__(
        self,
        server: Server,
        *,
        seed: int,
        clients: int,
        meddle: Callable[[Path], None] | None = None,
        disk: Disk | None = None,
        ready_within: float = READY_WITHIN,
    ) -> None:
        self._server = server
        self._rng = random.Random(seed)
        self._history = History()
        common = common_blobs(self._rng)
        self._pushers = [Pusher(n, seed, self._history, common) for n in range(clients)]
        self._meddle = meddle
        self._disk = disk
        self._ready_within = ready_within
        self.result = Result(seed)

    async def run(
        self, moments: Sequence[Moment], progress: Callable[[Result], None] = lambda _: None
    ) -> Result:
        """Go through the moments, stopping after the first one with a complaint."""
        self._start()
        for moment in moments:
            try:
                await self._live(moment)
                await self._check(whole=moment is moments[-1])
            except ServerFailed as failure:
                self.result.complaints.append(str(failure))
            self._tally(moment)
            progress(self.result)
            if self.result.complaints:
                break
        return self.result

    async def _live(self, moment: Moment) -> None:
        """Let the clients work until the fault strikes, and bring the server back."""
        weather = Weather(fuse=moment.requests)
        if moment.kind == "start":
            await self._kill_while_starting(moment)
        work = [asyncio.create_task(p.run(self._server.port, weather)) for p in self._pushers]
        try:
            async with asyncio.timeout(moment.seconds):
                await weather.lit.wait()
                await asyncio.sleep(moment.hesitation)
        except TimeoutError:
            pass
        weather.struck = True
        await self._strike(moment, weather)
        await asyncio.gather(*work)
        self.result.requests += weather.requests

    async def _strike(self, moment: Moment, weather: Weather) -> None:
        if moment.kind == "worker":
            self._server.kill_worker(self._rng.choice)
            await asyncio.sleep(AFTERMATH)
            weather.over = True
            await self._ready()
            return
        weather.over = True
        weather.dark = moment.kind == "power"
        await asyncio.to_thread(self._end, moment)
        self._start()
        await self._ready()

    def _end(self, moment: Moment) -> None:
        if moment.kind == "term":
            self._server.stop()
        elif self._disk is not None:
            self._disk.cut()
            self._server.kill()
            self._disk.mount_again()
        else:
            self._server.kill()
        if self._meddle is not None:
            self._meddle(self._server.data)

    async def _kill_while_starting(self, moment: Moment) -> None:
        await asyncio.to_thread(self._server.kill)
        self._server.start()
        await asyncio.sleep(moment.seconds)
        await asyncio.to_thread(self._server.kill)
        self._start()
        await self._ready()

    def _start(self) -> None:
        self._server.start()
        self._note_start(self._server.wait_ready())

    async def _ready(self) -> None:
        self._note_start(await asyncio.to_thread(self._server.wait_ready))

    def _note_start(self, seconds: float) -> None:
        self.result.slowest_start = max(self.result.slowest_start, seconds)
        if seconds > self._ready_within:
            self.result.complaints.append(f"ready only after {seconds:.1f} s")

    async def _check(self, *, whole: bool) -> None:
        """Compare the server with the history, let it check itself, and push once more."""
        checker = Checker(self._server.port, self._history, self._find_manifest)
        keys = self._keys_to_check(whole=whole)
        self.result.checked += len(keys)
        await checker.everything(keys, self._take_uploads())
        await checker.again(self._history.take_doubts())
        self.result.complaints += checker.complaints
        self.result.complaints += await asyncio.to_thread(self._server.check)
        for pusher in self._pushers:
            await pusher.push_once(self._server.port)
            self.result.complaints += pusher.complaints
            pusher.complaints.clear()

    def _keys_to_check(self, *, whole: bool) -> Sequence[Key]:
        """What was touched since the last check and some of the rest, or simply everything."""
        keys, touched = self._history.keys(), self._history.take_touched()
        if whole:
            return keys
        return sorted({*touched, *self._rng.sample(keys, min(SAMPLE, len(keys)))})

    def _take_uploads(self) -> list[Upload]:
        uploads = [upload for pusher in self._pushers for upload in pusher.open_uploads]
        for pusher in self._pushers:
            pusher.open_uploads.clear()
        return uploads

    def _find_manifest(self, digest: str) -> Manifest | None:
        found = (pusher.manifest(digest) for pusher in self._pushers)
        return next((manifest for manifest in found if manifest is not None), None)

    def _tally(self, moment: Moment) -> None:
        self.result.moments = moment.number
        self.result.acknowledged = self._history.acknowledged
        self.result.in_doubt = self._history.in_doubt
        if self.result.complaints:
            self.result.complaints.append(f"at {moment}")
