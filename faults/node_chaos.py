"""Clients push and read on all nodes while parts of the hub fail; then everything is read back."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from faults.checks import Checker
from faults.clients import Connection, InDoubt, NotSent
from faults.clusters import Cluster
from faults.contents import Manifest, common_blobs, digest_of
from faults.faults import NodeFault, strike
from faults.history import Change, History, Key
from faults.kills import Result
from faults.pushers import Pusher
from faults.servers import ServerFailed
from faults.steps import Refused, Steps, Upload, Weather

SAMPLE: Final = 150
LARGE: Final = 9 * 1024 * 1024
"""Bytes of a blob that is written to S3 part by part."""
HEAVY: Final = "faults/heavy"
LEASE: Final = 31.0
"""Seconds after which an upload of a killed node can go on; without them none is looked at."""
TOLD: Final = frozenset({503, 507})
LIES: Final[Mapping[str, frozenset[int]]] = {"absent": frozenset({404, 416})}
"""What a hub may answer as well while its store says that things are not there."""


class NodeChaos:
    """One run: a cluster, its clients, their history, and the faults."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        seed: int,
        clients: int,
        heavy: bool = False,
        lease: float = LEASE,
    ) -> None:
        self._cluster = cluster
        self._lease = lease
        self._rng = random.Random(seed)
        self._history = History()
        common = common_blobs(self._rng)
        self._pushers = [Pusher(n, seed, self._history, common) for n in range(clients)]
        self._heavy = heavy
        self._uploads: list[Upload] = []
        self.result = Result(seed)
        self.reads: Counter[int] = Counter()

    async def run(
        self, faults: Sequence[NodeFault], progress: Callable[[Result], None] = lambda _: None
    ) -> Result:
        """Go through the faults, stopping after the first one with a complaint."""
        for fault in faults:
            try:
                await self._live(fault)
                await self._check(whole=fault is faults[-1])
            except ServerFailed as failure:
                self.result.complaints.append(str(failure))
            self._tally(fault)
            progress(self.result)
            if self.result.complaints:
                break
        return self.result

    async def _live(self, fault: NodeFault) -> None:
        """Let the clients work, strike, and see that the hub comes back by itself."""
        weather = Weather()
        ports = self._cluster.ports
        work = [asyncio.create_task(each.run(ports, weather)) for each in self._pushers]
        work.append(asyncio.create_task(self._read(weather, fault)))
        if self._heavy:
            work.append(asyncio.create_task(self._push_large(weather)))
        await asyncio.sleep(fault.after)
        weather.struck = True
        weather.forgiven = TOLD | LIES.get(fault.kind, frozenset())
        await asyncio.to_thread(strike, self._cluster, fault)
        weather.over = True
        await asyncio.gather(*work)
        seconds = await asyncio.to_thread(self._cluster.wait_ready)
        self.result.slowest_start = max(self.result.slowest_start, seconds)
        self.result.requests += weather.requests

    async def _read(self, weather: Weather, fault: NodeFault) -> None:
        """Read under fire: whatever is served whole is right, and nothing is denied to be there."""
        async with Connection(self._cluster.ports) as connection:
            while not weather.over:
                if (key := self._any_blob()) is None:
                    await asyncio.sleep(0.05)
                    continue
                try:
                    target = f"/v2/{key.repository}/blobs/{key.name}"
                    answer = await connection.request("GET", target)
                except (InDoubt, NotSent):
                    await asyncio.sleep(0.05)
                    continue
                self.reads[answer.status] += 1
                if answer.status == 200 and digest_of(answer.body) != key.name:
                    self._complain(f"a lie: wrong bytes of {key} served as 200")
                is_there = self._history.surely(key) == key.name
                if answer.status == 404 and is_there and fault.kind != "absent":
                    self._complain(f"a lie: {key} is said not to be there")
                if answer.status == 503 and "retry-after" not in answer.headers:
                    self._complain("503 without Retry-After")
                if answer.status >= 500 and answer.status != 503:
                    self._complain(f"GET of {key}: {answer.status}")

    async def _push_large(self, weather: Weather) -> None:
        async with Connection(self._cluster.ports) as connection:
            while not weather.over:
                data = self._rng.randbytes(LARGE)
                try:
                    steps = Steps(connection, self._history, weather)
                    await steps.post_whole(Key("blob", HEAVY, digest_of(data)), data)
                except (InDoubt, NotSent) as error:
                    if not weather.struck:
                        self._complain(f"failed although nothing was killed: {error}")
                except Refused as refused:
                    self._complain(str(refused))
                await asyncio.sleep(1)

    async def _check(self, *, whole: bool) -> None:
        """Compare the hub with the history, let it check itself, and push once more."""
        for pusher in self._pushers:
            self._uploads += pusher.open_uploads
            pusher.open_uploads.clear()
        uploads: list[Upload] = []
        if whole and self._lease:
            await asyncio.sleep(self._lease)
            uploads = self._uploads
        checker = Checker(self._cluster.ports, self._history, self._find_manifest)
        keys = self._keys_to_check(whole=whole)
        self.result.checked += len(keys)
        await checker.everything(keys, uploads)
        await checker.again(_independent(self._history.take_doubts()))
        self.result.complaints += checker.complaints
        for pusher in self._pushers:
            await pusher.push_once(self._cluster.ports)
            self.result.complaints += pusher.complaints
            pusher.complaints.clear()
        if whole:
            self.result.complaints += await asyncio.to_thread(self._cluster.check)

    def _keys_to_check(self, *, whole: bool) -> Sequence[Key]:
        keys, touched = self._history.keys(), self._history.take_touched()
        if whole:
            return keys
        return sorted({*touched, *self._rng.sample(keys, min(SAMPLE, len(keys)))})

    def _any_blob(self) -> Key | None:
        repository = self._rng.choice(self._rng.choice(self._pushers).repositories)
        keys = self._history.keys_in("blob", repository)
        key = self._rng.choice(keys) if keys else None
        return key if key is not None and self._history.surely(key) else None

    def _find_manifest(self, digest: str) -> Manifest | None:
        found = (pusher.manifest(digest) for pusher in self._pushers)
        return next((manifest for manifest in found if manifest is not None), None)

    def _complain(self, text: str) -> None:
        self.result.complaints.append(text)

    def _tally(self, fault: NodeFault) -> None:
        self.result.moments = fault.number
        self.result.acknowledged = self._history.acknowledged
        self.result.in_doubt = self._history.in_doubt
        if self.result.complaints:
            self.result.complaints.append(f"at {fault}, {time.strftime('%H:%M:%S')}")


def _independent(doubts: Sequence[Change]) -> list[Change]:
    """Those to which nothing came in between: the newest push of each thing, and no mount."""
    taken: set[Key] = set()
    chosen = []
    for change in reversed(doubts):
        is_push = change.method in ("PUT", "POST") and "?mount=" not in change.target
        if is_push and taken.isdisjoint(change.effects):
            chosen.append(change)
        taken |= change.effects.keys()
    return chosen
