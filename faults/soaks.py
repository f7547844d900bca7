"""Clients that push, skip, mount, delete and push again while all nodes collect every second."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from faults.clients import Answer, Connection, InDoubt, NotSent
from faults.contents import CONFIG, IMAGE, LAYER, digest_of

GRACE: Final = 20.0
SETTINGS: Final[Mapping[str, str]] = {
    "ENTREPOT_OPEN": "true",
    "ENTREPOT_GRACE": f"PT{GRACE:.0f}S",
    "ENTREPOT_COLLECT_EVERY": "PT1S",
    "ENTREPOT_LOG_FORMAT": "json",
}
KEPT: Final = 4
"""Manifests of one client that stay, so that blobs come and go."""
PROMISED: Final = 0.9
"""How much of the grace period is left at least to a client that was told that a blob is there."""
THINKS: Final = (0.0, 0.0, 0.0, 0.0, 0.05, 0.25, 0.6)
"""How much of the grace period lies between the last blob and the manifest: less than all of it."""
AGAIN: Final = 5
POOL_SIZE: Final = 120
GARBAGE: Final = 5
"""Blobs that nobody names, left to be collected."""


class Broken(Exception):
    """The hub did not keep what it promises to a client that keeps the protocol."""


@dataclass(slots=True)
class Soak:
    """What all clients know, and what they found."""

    seed: int
    pool: Mapping[str, bytes]
    grace: float = GRACE
    counts: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, seed: int, grace: float = GRACE) -> "Soak":
        """A soak with a pool of blobs that every client pushes again and again."""
        rng = random.Random(seed)
        blobs = (rng.randbytes(300 + 400 * number) for number in range(POOL_SIZE))
        return cls(seed, {digest_of(data): data for data in blobs}, grace)

    async def run(self, ports: Sequence[int], clients: int, seconds: float) -> None:
        """Let so many clients work for so long, then read back all that they hold."""
        deadline = time.monotonic() + seconds
        people = [Client(self, number, clients, ports) for number in range(clients)]
        await asyncio.gather(*(each.run(deadline) for each in people))
        # Whatever is garbage now has been collected; what is held must have stayed.
        await asyncio.sleep(min(self.grace + 5, seconds))
        await asyncio.gather(*(each.read_all() for each in people))
        await self._follow_tags(ports, clients)

    async def leave_garbage(self, ports: Sequence[int]) -> None:
        """Push blobs that nothing will ever name."""
        rng = random.Random(f"{self.seed}/garbage")
        async with Connection(ports) as connection:
            for _ in range(GARBAGE):
                data = rng.randbytes(1000)
                target = f"/v2/soak/garbage/blobs/uploads/?digest={digest_of(data)}"
                answer = await connection.request("POST", target, data)
                if answer.status != 201:
                    self.complaints.append(f"a blob at the end: {answer.status}")

    async def _follow_tags(self, ports: Sequence[int], clients: int) -> None:
        """Every tag leads to a manifest, and every manifest to its bytes."""
        names = ["soak/shared", *(f"soak/client-{number}" for number in range(clients))]
        async with Connection(ports) as connection:
            for name in names:
                listed = await connection.request("GET", f"/v2/{name}/tags/list")
                for tag in json.loads(listed.body).get("tags", []):
                    self.complaints += await _follow(connection, name, tag)
                    self.counts["tags followed"] += 1


async def _follow(connection: Connection, name: str, tag: str) -> list[str]:
    """What is wrong with a tag."""
    found = await connection.request("GET", f"/v2/{name}/manifests/{tag}")
    if found.status != 200:
        return [f"torn: {name}:{tag} leads to nothing: {found.status}"]
    manifest = json.loads(found.body)
    wrong = []
    for each in [manifest["config"], *manifest["layers"]]:
        blob = await connection.request("GET", f"/v2/{name}/blobs/{each['digest']}")
        if digest_of(blob.body) != each["digest"]:
            wrong.append(f"lost: {each['digest']} of {name}:{tag}: {blob.status}")
    return wrong


class Client:
    """One client, and what it knows to be there: the blobs of each manifest it pushed."""

    def __init__(self, soak: Soak, number: int, clients: int, ports: Sequence[int]) -> None:
        self._soak = soak
        self._number = number
        self._clients = clients
        self._rng = random.Random(f"{soak.seed}/{number}")
        self._connection = Connection(ports)
        self._held: dict[tuple[str, str], tuple[bytes, list[str]]] = {}

    async def run(self, deadline: float) -> None:
        """Work until the deadline; what goes wrong is a complaint."""
        while time.monotonic() < deadline:
            work = self._rng.choice((self._push, self._push, self._push, self._read))
            await self._attempt(work())
            while len(self._held) > KEPT:
                await self._attempt(self._delete())

    async def read_all(self) -> None:
        """Read everything that is held, then close."""
        for name, digest in sorted(self._held):
            await self._attempt(self._read_one(name, digest))
        self._connection.close()

    async def _attempt(self, work: Awaitable[None]) -> None:
        try:
            await work
        except (Broken, InDoubt, NotSent) as error:
            self._soak.complaints.append(f"client {self._number}: {error}")

    async def _push(self) -> None:
        """Push an image of blobs that others push too; think for a while before the end."""
        name = self._rng.choice((f"soak/client-{self._number}", "soak/shared"))
        digests = self._rng.sample(sorted(self._soak.pool), self._rng.randint(1, 4))
        began = time.monotonic()
        for digest in digests:
            await self._bring(name, digest)
        await asyncio.sleep(self._rng.choice(THINKS) * self._soak.grace)
        patience = began + self._soak.grace * PROMISED
        body = self._image(digests)
        reference = self._rng.choice(("latest", digest_of(body)))
        target = f"/v2/{name}/manifests/{reference}"
        try:
            await self._ask("PUT", target, (201,), body, {"Content-Type": IMAGE})
        except Broken:
            # A machine that is busy can make it too late on the way.
            if time.monotonic() < patience:
                raise
            self._soak.counts["given up"] += 1
            return
        self._soak.counts["pushed"] += 1
        self._held[name, digest_of(body)] = (body, digests)

    async def _bring(self, name: str, digest: str) -> None:
        """Have the blob in the repository: skip it, mount it, or push it."""
        way = self._rng.random()
        if way < 0.5:
            found = await self._ask("HEAD", f"/v2/{name}/blobs/{digest}", (200, 404))
            if found.status == 200:
                self._soak.counts["skipped"] += 1
                return
        uploads = f"/v2/{name}/blobs/uploads/"
        if way < 0.75:
            source = f"soak/client-{self._rng.randrange(self._clients)}"
            query = f"?mount={digest}&from={source}"
            if (await self._ask("POST", uploads + query, (201, 202))).status == 201:
                self._soak.counts["mounted"] += 1
                return
        await self._upload(uploads, digest)

    async def _upload(self, uploads: str, digest: str) -> None:
        data = self._soak.pool[digest]
        self._soak.counts["blobs"] += 1
        if self._rng.random() < 0.5:
            await self._ask("POST", f"{uploads}?digest={digest}", (201,), data)
            return
        begun = await self._ask("POST", uploads, (202,))
        location = begun.headers["location"]
        if self._rng.random() < 0.5:
            half = len(data) // 2
            await self._ask("PATCH", location, (202,), data[:half])
            data = data[half:]
        await self._ask("PUT", f"{location}?digest={digest}", (201,), data)

    async def _delete(self) -> None:
        name, digest = self._rng.choice(sorted(self._held))
        del self._held[name, digest]
        await self._ask("DELETE", f"/v2/{name}/manifests/{digest}", (202,))
        self._soak.counts["deleted"] += 1

    async def _read(self) -> None:
        if self._held:
            await self._read_one(*self._rng.choice(sorted(self._held)))

    async def _read_one(self, name: str, digest: str) -> None:
        """Every byte is there, and right."""
        body, digests = self._held[name, digest]
        found = await self._ask("GET", f"/v2/{name}/manifests/{digest}", (200,))
        wrong = [digest] if found.body != body else []
        for each in digests:
            blob = await self._ask("GET", f"/v2/{name}/blobs/{each}", (200,))
            wrong += [each] if blob.body != self._soak.pool[each] else []
        self._soak.counts["read"] += 1
        if wrong:
            raise Broken(f"wrong bytes in {name}: {wrong}")

    def _image(self, digests: Sequence[str]) -> bytes:
        config, *layers = (
            {"mediaType": LAYER, "digest": each, "size": len(self._soak.pool[each])}
            for each in digests
        )
        fields = {
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": config | {"mediaType": CONFIG},
            "layers": layers,
            "annotations": {"number": str(self._rng.getrandbits(64))},
        }
        return json.dumps(fields).encode()

    async def _ask(
        self,
        method: str,
        target: str,
        wanted: Sequence[int],
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request; a 503 that says when to come back is repeated, and counted."""
        for _ in range(AGAIN):
            answer = await self._connection.request(method, target, body, headers)
            if answer.status != 503 or "retry-after" not in answer.headers:
                break
            self._soak.counts["503"] += 1
            await asyncio.sleep(float(answer.headers["retry-after"]))
        self._soak.counts["requests"] += 1
        if answer.status not in wanted:
            raise Broken(f"{method} {target}: {answer.status} {answer.body[:300]!r}")
        return answer
