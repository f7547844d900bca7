"""What a client can do in one step; every change is written into the history as it ends."""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from faults.clients import Answer, Connection, InDoubt
from faults.contents import IMAGE, Manifest
from faults.history import Change, History, Key, Value


class Refused(Exception):
    """The server gave an answer that no rule allows here."""

    def __init__(self, text: str, status: int = 0, *, says_when: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.says_when = says_when


@dataclass(slots=True)
class Weather:
    """What the clients know about the fault of the moment, and what sets it off."""

    over: bool = False
    forgiven: frozenset[int] = frozenset()
    """Statuses that are no complaint: what was asked may have been done or not."""
    struck: bool = False
    dark: bool = False
    """The disk has no power: until the server is gone, its errors are no surprise."""
    fuse: int | None = None
    requests: int = 0
    lit: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self) -> None:
        """One more request is about to be sent; the fuse may end with it."""
        self.requests += 1
        if self.requests == self.fuse:
            self.lit.set()


@dataclass(slots=True)
class Upload:
    """An upload left open: what it shall become, and how much of it was acknowledged or sent."""

    location: str
    key: Key
    data: bytes
    acknowledged: int = 0
    sent: int = 0


class Steps:
    """The steps of one client over one connection."""

    def __init__(self, connection: Connection, history: History, weather: Weather) -> None:
        self._connection = connection
        self._history = history
        self._weather = weather

    async def apply(self, change: Change) -> Answer:
        """Send a change and note whether it was acknowledged or came into doubt."""
        self._weather.count()
        began = time.monotonic()
        try:
            answer = await self._connection.request(
                change.method, change.target, change.body, change.headers
            )
        except InDoubt:
            self._history.doubt(change, began)
            raise
        if answer.status not in change.wanted:
            told, is_forgiven = self._told(change, answer), answer.status in self._weather.forgiven
            if answer.status >= 500 or is_forgiven:
                # It may have been carried out all the same, as far as the client knows.
                self._history.doubt(change, began)
            says_when = "retry-after" in answer.headers
            refused = Refused(told, answer.status, says_when=says_when)
            raise InDoubt(told) if is_forgiven else refused
        self._history.acknowledge(change, began)
        return answer

    @staticmethod
    def _told(change: Change, answer: Answer) -> str:
        return f"{change}: {answer.status} {answer.body[:200]!r}"

    async def start(self, key: Key, data: bytes) -> Upload:
        """Open an upload for a blob."""
        target = f"/v2/{key.repository}/blobs/uploads/"
        answer = await self.apply(Change("POST", target, wanted=(202,), repeatable=False))
        return Upload(answer.headers["location"], key, data)

    async def append(self, upload: Upload, size: int) -> None:
        """Send the next so many bytes of an upload."""
        start = upload.acknowledged
        chunk = upload.data[start : start + size]
        upload.sent = start + len(chunk)
        headers = {"Content-Range": f"{start}-{upload.sent - 1}"}
        change = Change("PATCH", upload.location, chunk, headers, wanted=(202,), repeatable=False)
        await self.apply(change)
        upload.acknowledged = upload.sent

    async def finish(self, upload: Upload) -> None:
        """Close an upload with whatever has not been sent yet."""
        target = f"{upload.location}?digest={upload.key.name}"
        effects: dict[Key, Value] = {upload.key: upload.key.name}
        rest = upload.data[upload.acknowledged :]
        await self.apply(Change("PUT", target, rest, effects=effects, repeatable=False))

    async def post_whole(self, key: Key, data: bytes) -> None:
        """Push a blob in a single request."""
        target = f"/v2/{key.repository}/blobs/uploads/?digest={key.name}"
        await self.apply(Change("POST", target, data, effects={key: key.name}))

    async def put_whole(self, key: Key, data: bytes) -> None:
        """Push a blob in the request that closes its upload."""
        await self.finish(await self.start(key, data))

    async def in_chunks(self, key: Key, data: bytes, sizes: Sequence[int]) -> None:
        """Push a blob in chunks of these sizes, and the rest with the closing request."""
        upload = await self.start(key, data)
        for size in sizes:
            if upload.acknowledged < len(data):
                await self.append(upload, size)
        await self.finish(upload)

    async def mount(self, key: Key, source: str) -> None:
        """Take a blob over from another repository, which must work."""
        target = f"/v2/{key.repository}/blobs/uploads/?mount={key.name}&from={source}"
        await self.apply(Change("POST", target, effects={key: key.name}))

    async def put_manifest(self, repository: str, tag: str | None, manifest: Manifest) -> None:
        """Push a manifest to a tag, or to its digest when there is none."""
        effects: dict[Key, Value] = {
            Key("manifest", repository, manifest.digest): manifest.digest,
        }
        if tag is not None:
            effects[Key("tag", repository, tag)] = manifest.digest
        target = f"/v2/{repository}/manifests/{tag or manifest.digest}"
        headers = {"Content-Type": IMAGE}
        await self.apply(Change("PUT", target, manifest.body, headers, effects))

    async def delete(self, key: Key, also: Collection[Key] = ()) -> None:
        """Delete a thing, and with it whatever goes with it; it may be gone already."""
        place = "blobs" if key.kind == "blob" else "manifests"
        target = f"/v2/{key.repository}/{place}/{key.name}"
        effects: dict[Key, Value] = dict.fromkeys([key, *also], None)
        wanted = (202,) if self._history.surely(key) else (202, 404)
        await self.apply(Change("DELETE", target, effects=effects, wanted=wanted))
